"""Pillow in this process: how it is set up, and corrections of what it decodes wrongly."""

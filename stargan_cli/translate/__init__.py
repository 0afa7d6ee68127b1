"""Translating folders of pictures."""

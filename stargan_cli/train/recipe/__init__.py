"""The settings of a run: their fields, presets and files, and how a call's options override these."""

"""The settings of a run: what they are, where they start, and where they come from."""

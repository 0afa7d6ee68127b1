"""Translate labelled pictures with a generator, as `translate` does."""

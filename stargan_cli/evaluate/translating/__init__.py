"""Labelled pictures through the generator, as `translate` does it."""

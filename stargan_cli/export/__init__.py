"""Weights for other programs, and other programs' checkpoints as weights."""

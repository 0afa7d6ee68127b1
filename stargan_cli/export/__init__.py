"""Export weights for other programs, and import other programs' checkpoints as weights."""

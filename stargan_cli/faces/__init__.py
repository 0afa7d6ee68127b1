"""Finding and aligning faces."""

"""Numbers that say how good a model is: one number a file."""

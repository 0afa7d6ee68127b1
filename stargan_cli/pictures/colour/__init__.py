"""The colour space that a picture's file names, as an ICC profile."""

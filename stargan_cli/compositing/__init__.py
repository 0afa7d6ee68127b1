"""A change made in a small square -> the same change in the full-size picture."""

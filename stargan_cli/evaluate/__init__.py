"""Measuring weights on real pictures."""

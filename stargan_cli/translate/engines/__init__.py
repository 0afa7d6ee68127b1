"""Engines compute the generator."""

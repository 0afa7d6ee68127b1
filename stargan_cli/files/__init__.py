"""Locks, atomic replacement, safe opening."""

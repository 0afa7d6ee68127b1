"""Locks, atomic replacement, safe opening, reading ahead."""

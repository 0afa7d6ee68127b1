"""The weights file: its card, loading and saving, its places, and weights made from weights."""

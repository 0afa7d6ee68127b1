"""Labelled pictures for training and measuring."""

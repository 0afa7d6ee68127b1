"""Pictures, folders and data sets."""

"""`stargan train`."""

"""`stargan translate`."""

"""`stargan eval`, and what it says of weights in training."""

"""What an iteration computes: batches, targets, losses, and the steps of the networks. It knows nothing of runs."""

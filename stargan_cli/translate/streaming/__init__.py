"""Runs pictures through the networks in batches, by threads or worker processes, in order and in bounded memory."""

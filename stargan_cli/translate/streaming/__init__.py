"""Pictures in batches through the networks: threads or worker processes that own them, ordered and bounded."""

"""WhiteBIT spot, API v4."""

"""Gate spot, API v4."""

"""A Flare network in memory: its chain, its contracts, its voters, and nodes that fail on demand."""

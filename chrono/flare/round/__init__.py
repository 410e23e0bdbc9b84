"""A voting round, from the transactions of the chain to the root that is signed."""

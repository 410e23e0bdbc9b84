"""The duty, without I/O: when a round and a reward epoch ask for what, and what must be remembered of it."""

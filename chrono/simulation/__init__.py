"""A market that lives in memory, with faults on demand."""

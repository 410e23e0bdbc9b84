"""The door by which quotes come in."""

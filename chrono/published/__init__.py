"""Reward epochs as they were published: read from files in bounded memory, and computed again."""

"""Slow, obvious twins of fast code, for tests to compare with."""

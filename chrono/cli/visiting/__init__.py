"""Visiting venues from the command line: asking each once, within its limits, and telling what came of it."""

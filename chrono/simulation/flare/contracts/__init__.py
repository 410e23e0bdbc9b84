"""Flare's contracts as Python: what they demand, what they remember, what they tell. Source: fsp.md sections 2 to 6."""

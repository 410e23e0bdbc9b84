"""Flare's contracts as data: names, addresses, what their calldata and events look like."""

"""Learned anomaly models: made from history by a process of its own, and loaded for the pricing."""

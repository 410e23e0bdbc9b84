"""Bithumb, API of 2024 onward: it speaks Upbit's language."""

"""Deribit's spot pairs and its price indexes. Its futures, perpetuals, options and combos are not told."""

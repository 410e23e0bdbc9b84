"""Upbit: Korea's largest venue; won, bitcoin and tether markets."""

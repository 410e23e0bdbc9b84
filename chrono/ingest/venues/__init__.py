"""Venues read directly: one folder each, and the machinery that keeps a connection to every one of them."""

"""Crypto.com Exchange spot, API v1."""

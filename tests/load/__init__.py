"""Figures on loopback, one line each, beside the bare building block. Never assertions."""

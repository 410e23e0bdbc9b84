"""Chrono: a price oracle and FTSO data provider for the Flare networks, in one process."""

__version__ = "0.1.0"

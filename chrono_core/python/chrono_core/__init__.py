"""Robust price estimators; what this package offers is written in `__init__.pyi`."""

from ._core import (
    Column,
    Consensus,
    EstimateError,
    Outliers,
    Round,
    Source,
    __version__,
    consensus,
    consensus_many,
    mad,
    mean,
    median,
    outliers,
    std_dev,
    twap,
    vwap,
    weighted_median,
)

# `__version__` is read by itself; a star import should not carry it away.
__all__ = [
    "Column",
    "Consensus",
    "EstimateError",
    "Outliers",
    "Round",
    "Source",
    "consensus",
    "consensus_many",
    "mad",
    "mean",
    "median",
    "outliers",
    "std_dev",
    "twap",
    "vwap",
    "weighted_median",
]

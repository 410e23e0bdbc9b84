"""The one set of settings: read once, checked whole, handed to each room as its own part."""

from chrono.settings.model import (
    Api,
    Ingest,
    Logs,
    Pricing,
    Redis,
    Secret,
    Server,
    Settings,
    Store,
    Stream,
    Telemetry,
)

__all__ = [
    "Api",
    "Ingest",
    "Logs",
    "Pricing",
    "Redis",
    "Secret",
    "Server",
    "Settings",
    "Store",
    "Stream",
    "Telemetry",
]

"""The one set of settings: read once, checked whole, handed to each room as its own part."""

from chrono.settings.faults import Fault, SettingsError
from chrono.settings.kinds import Secret
from chrono.settings.load import Loaded, environment, load_settings
from chrono.settings.model import (
    Alerts,
    Api,
    Ingest,
    Logs,
    Pricing,
    Redis,
    Server,
    Settings,
    Store,
    Stream,
    Telemetry,
    Venues,
)

__all__ = [
    "Alerts",
    "Api",
    "Fault",
    "Ingest",
    "Loaded",
    "Logs",
    "Pricing",
    "Redis",
    "Secret",
    "Server",
    "Settings",
    "SettingsError",
    "Store",
    "Stream",
    "Telemetry",
    "Venues",
    "environment",
    "load_settings",
]

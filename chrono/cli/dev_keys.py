"""The throwaway API keys of `chrono dev`: made once, kept closed to others, found by the reading commands."""

import json
import os
import secrets
import stat
from pathlib import Path

import msgspec

from chrono.cli.whereabouts import KEYS_FILE
from chrono.settings import Secret, Settings

CLASSES = ("public", "internal", "admin")
_RANDOM_BYTES = 24


def with_dev_keys(settings: Settings, folder: Path) -> tuple[Settings, str | None]:
    """The settings with the dev keys in them, and the public one to be shown.

    Configured keys are left alone, and then none is shown: they are not ours to print.
    """
    api = settings.api
    if api.internal_keys or api.public_keys or api.paid_keys or api.admin_keys:
        return settings, None
    keys = _read(folder / KEYS_FILE) or _make(folder / KEYS_FILE)
    api = msgspec.structs.replace(
        api,
        public_keys=(Secret(keys["public"]),),
        internal_keys=(Secret(keys["internal"]),),
        admin_keys=(Secret(keys["admin"]),),
    )
    return msgspec.structs.replace(settings, api=api), keys["public"]


def _read(path: Path) -> dict[str, str] | None:
    """The keys made earlier; None when there are none, or when others could have read them."""
    try:
        if stat.S_IMODE(path.stat().st_mode) & 0o077:
            return None
        told = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
    whole = isinstance(told, dict) and all(
        isinstance(told.get(name), str) and told[name].startswith(f"chrono_{name}_") for name in CLASSES
    )
    return {name: told[name] for name in CLASSES} if whole else None


def _make(path: Path) -> dict[str, str]:
    """New keys, written whole or not at all, readable by this user only."""
    keys = {name: f"chrono_{name}_{secrets.token_hex(_RANDOM_BYTES)}" for name in CLASSES}
    unfinished = path.with_name(f"{path.name}.{os.getpid()}")
    handle = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    with os.fdopen(handle, "w") as file:
        os.fchmod(file.fileno(), 0o600)  # an older file of that name may have had another mode
        json.dump(keys, file, indent=2)
    unfinished.replace(path)
    return keys

"""Where the running Chrono is, and with which key it may be asked."""

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from chrono.cli.client import Client
from chrono.cli.ends import USAGE, Stop
from chrono.cli.frame import load
from chrono.settings import Loaded, Settings, environment
from chrono.settings.secrets import UnreadableSecret, resolve

SERVER_FILE = "server.json"
"""Written by the running server into its data folder: `url`, `stream_url`, `pid`."""
KEYS_FILE = "dev-keys.json"
"""The throwaway keys of `chrono dev`: `public`, `internal`, `admin`."""
DEV_FOLDER = "dev"
DEV_LIVE_FOLDER = "dev-live"
"""Below the default data folder: `chrono dev` must not mix its simulated prices with real ones."""


class Home(NamedTuple):
    """A data folder, with what the server and `chrono dev` wrote into it."""

    folder: Path
    server: Mapping[str, Any]
    keys: Mapping[str, Any]


def client_for(url: str | None, key: str | None) -> Client:
    """A client of the server: --url, else who wrote server.json, else the address in the settings.

    The key: --key, else the first of the settings that may read, else the public one of `chrono dev`.
    """
    if url is not None and key is not None:
        return Client(url, given_key(key))
    loaded = load()
    home = _running(loaded)
    where = url or _near(_text(home.server.get("url"))) or settings_url(loaded.settings)
    if key is not None:
        return Client(where, given_key(key))
    return Client(where, configured_key(loaded.settings) or _text(home.keys.get("public")))


def data_dir_of_dev(loaded: Loaded, *, live: bool) -> Path:
    """The data folder of `chrono dev`: the chosen one, else one of its own for what is real, or for what is not."""
    folder = Path(loaded.settings.data_dir)
    if loaded.origins["data_dir"] != "default":
        return folder
    return folder / (DEV_LIVE_FOLDER if live else DEV_FOLDER)


def read_home(folder: Path) -> Home:
    """What stands in a data folder; empty where nothing can be read."""
    return Home(folder, _json_file(folder / SERVER_FILE), _json_file(folder / KEYS_FILE))


def settings_url(settings: Settings) -> str:
    """The address that the settings give the server, as this machine reaches it."""
    host = settings.server.host
    near = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(host, host)  # noqa: S104 - read, not bound
    return f"http://{f'[{near}]' if ':' in near else near}:{settings.server.port or 3000}"


def configured_key(settings: Settings) -> str | None:
    """The first configured key that may read prices."""
    api = settings.api
    found = next(iter((*api.public_keys, *api.paid_keys, *api.admin_keys)), None)
    return str(found) if found is not None else None


def given_key(key: str) -> str:
    """The key that `--key` names. Raises: Stop when the reference leads nowhere."""
    try:
        return resolve(key, environment(), Path.cwd())
    except UnreadableSecret as unreadable:
        raise Stop(f"--key: {unreadable}", then="the same command with --key env:NAME", code=USAGE) from unreadable


def _running(loaded: Loaded) -> Home:
    """The home of the server that runs: the first with a server.json that no crash left, else the first with keys."""
    homes = [read_home(folder) for folder in _folders(loaded)]
    told = [home for home in homes if home.server]
    keyed = [home for home in homes if home.keys]
    return next(iter((*filter(_lives, told), *told, *keyed, *homes)))


def _lives(home: Home) -> bool:
    """Whether the process that wrote the server.json may still be there."""
    pid = home.server.get("pid")
    return not isinstance(pid, int) or process_lives(pid)


def process_lives(pid: int) -> bool:
    """Whether a process of this number exists."""
    try:
        os.kill(pid, 0)
    except PermissionError:
        return True
    except (OSError, OverflowError):
        return False
    return True


def _folders(loaded: Loaded) -> Iterator[Path]:
    own = Path(loaded.settings.data_dir)
    yield from dict.fromkeys((own, data_dir_of_dev(loaded, live=False), data_dir_of_dev(loaded, live=True)))


def _json_file(path: Path) -> Mapping[str, Any]:
    try:
        read = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    return read if isinstance(read, dict) else {}


def _near(url: str | None) -> str | None:
    """The server's own address as this machine reaches it: 0.0.0.0 is where it listens, not where it is."""
    return url.replace("://0.0.0.0:", "://127.0.0.1:", 1) if url else None


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None

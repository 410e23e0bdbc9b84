"""Secrets are given by reference, taken from where they lie, and never shown."""

import re
import stat
from collections.abc import Mapping
from pathlib import Path

PRIVATE_KEY = re.compile(
    r"(?<![0-9a-fA-F])(?<!chrono_public_)(?<!chrono_internal_)(?<!chrono_admin_)"
    r"(?:0[xX])?[0-9a-fA-F]{64}(?![0-9a-fA-F])"
)
"""A raw secp256k1 key as wallets print it: 32 bytes in hex, with or without 0x."""

MASK = "***"

_CREDENTIALS = re.compile(r"(?<=://)([^\s/?#:@]*):\S*@")
_PASSWORD = re.compile(r"((?:password|passwd|pwd|secret|token)=)[^\s&]*", re.IGNORECASE)
_API_KEY = re.compile(r"(chrono_(?:internal|public|admin)_)[^\s,\"']*")
_REFERENCE = re.compile(r"(env|file|keychain|keystore|ledger):(.*)", re.DOTALL)
_LARGEST_FILE = 65_536


class UnreadableSecret(Exception):  # noqa: N818 - it names what was found, as all our faults do
    """A reference leads to nothing that can be used. The text says what was expected; never the secret."""


def masked(text: str) -> str:
    """The text with private keys, passwords of addresses and API keys starred out."""
    text = PRIVATE_KEY.sub(MASK, text)
    text = _CREDENTIALS.sub(rf"\1:{MASK}@", text)
    text = _PASSWORD.sub(rf"\1{MASK}", text)
    return _API_KEY.sub(rf"\1{MASK}", text)


def masked_secret(text: str) -> str:
    """What may be shown of a secret: the address without its password, or the class of an API key."""
    if "://" in text or _API_KEY.match(text) or _REFERENCE.fullmatch(text):
        return masked(text)
    return MASK


def is_reference(text: str) -> bool:
    """Whether the text says where a secret lies and is not the secret itself."""
    return _REFERENCE.fullmatch(text) is not None


def resolve(text: str, environ: Mapping[str, str], folder: Path) -> str:
    """The secret that `text` refers to; `text` itself when it is no reference. Paths are relative to `folder`.

    Raises: UnreadableSecret when nothing usable is there.
    """
    found = _REFERENCE.fullmatch(text)
    if found is None:
        return text
    scheme, target = found.groups()
    if scheme == "env":
        return _from_environment(target, environ)
    if scheme == "file":
        return _from_file(target, folder)
    raise UnreadableSecret("expected env:NAME or file:PATH")


def _from_environment(name: str, environ: Mapping[str, str]) -> str:
    value = environ.get(name, "").strip()
    if not value:
        raise UnreadableSecret(f"expected a value in the environment name {name}, which is empty or not set")
    return value


def _from_file(target: str, folder: Path) -> str:
    path = folder / target
    try:
        path = folder / Path(target).expanduser()
        state = path.stat()
        if not stat.S_ISREG(state.st_mode) or state.st_size > _LARGEST_FILE:
            raise UnreadableSecret(f"expected a plain file of at most 64 KiB at {path}")
        if state.st_mode & 0o077:
            raise UnreadableSecret(f"others may read {path}; run `chmod 600 {path}`")
        value = path.read_text("utf-8").strip()
    except (OSError, ValueError, RuntimeError) as error:  # RuntimeError: `~name` of nobody
        raise UnreadableSecret(f"expected a readable file at {path} ({_why(error)})") from error
    if not value:
        raise UnreadableSecret(f"expected a secret in {path}, which is empty")
    return value


def _why(error: Exception) -> str:
    if isinstance(error, OSError):
        return error.strerror or "it cannot be read"
    return "no such home folder" if isinstance(error, RuntimeError) else "not UTF-8 text"

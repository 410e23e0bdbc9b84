"""Whom a key belongs to, and who may call what. Source: api.md, "Who may call what"."""

import hashlib
import hmac
import secrets
from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Final

from msgspec import Struct

from chrono.errors import BAD_SETTINGS, ChronoError
from chrono.settings import Api

MOST_KEY_LENGTH: Final = 256
"""A longer key is hashed no further than this, and is wrong."""

_FRONT: Final = 8


class KeyClass(StrEnum):
    """The classes of keys."""

    INTERNAL = "internal"
    FREE = "public"
    PAID = "paid"
    ADMIN = "admin"


class Callers(StrEnum):
    """Who may call a route. Every route declares one of these in its `opt["callers"]`; without it nobody may."""

    OPEN = "open"
    """Anybody, without a key."""
    PUBLIC = "public"
    """Public keys, free or paid, and admin."""
    INTERNAL = "internal"
    """Internal keys, and admin."""
    ADMIN = "admin"
    """Admin keys alone."""
    SEAM = "seam"
    """The networks of the settings, without a key; nobody else."""
    SCRAPER = "scraper"
    """The networks of the settings without a key, or an admin key from anywhere."""
    OWN = "own"
    """The route looks at keys itself, as streams do, which also take them elsewhere. The gate only limits."""


ALLOWED: Final[Mapping[Callers, frozenset[KeyClass]]] = {
    Callers.OPEN: frozenset(KeyClass),
    Callers.PUBLIC: frozenset({KeyClass.FREE, KeyClass.PAID, KeyClass.ADMIN}),
    Callers.INTERNAL: frozenset({KeyClass.INTERNAL, KeyClass.ADMIN}),
    Callers.ADMIN: frozenset({KeyClass.ADMIN}),
    Callers.SEAM: frozenset(),
    Callers.SCRAPER: frozenset({KeyClass.ADMIN}),
    Callers.OWN: frozenset(KeyClass),
}
"""The key classes that may call each kind of route."""


class Access(Struct, frozen=True):
    """What a right key gives. `key_id` may be logged and shared; `name` stands for a worker that named none."""

    key_id: str
    name: str
    key_class: KeyClass
    per_minute: int | None

    @property
    def may_stream(self) -> bool:
        """Whether keys of this class may read streams."""
        return self.key_class in ALLOWED[Callers.PUBLIC]


class KeyRing:
    """The keys of the settings, held as keyed hashes under a key that dies with the process."""

    def __init__(self, settings: Api) -> None:
        self._pepper = secrets.token_bytes(32)
        self._known: dict[bytes, tuple[bytes, Access | None]] = {}
        self._add(settings.internal_keys, KeyClass.INTERNAL, settings.rate_limit_internal)
        self._add(settings.public_keys, KeyClass.FREE, settings.rate_limit_public_free)
        self._add(settings.paid_keys, KeyClass.PAID, settings.rate_limit_public_paid)
        self._add(settings.admin_keys, KeyClass.ADMIN, None)

    def find(self, key: str) -> Access | None:
        """Whom `key` belongs to; None for a wrong one, which costs the same time."""
        digest = self._digest(key)
        # Found by the front of a hash that nobody outside can steer, which tells nothing; then compared whole.
        kept, access = self._known.get(digest[:_FRONT], (self._pepper, None))
        right = hmac.compare_digest(digest, kept)
        return access if right and len(key) <= MOST_KEY_LENGTH else None

    def _digest(self, key: str) -> bytes:
        return hmac.digest(self._pepper, key[:MOST_KEY_LENGTH].encode("utf-8", "surrogateescape"), "sha256")

    def _add(self, keys: Iterable[str], key_class: KeyClass, per_minute: int | None) -> None:
        for number, key in enumerate(keys, 1):
            digest = self._digest(str(key))
            other = self._known.get(digest[:_FRONT], (b"", None))[1]
            if other is not None and other.key_class is not key_class:
                raise ChronoError(BAD_SETTINGS, fault=f"one key stands under {other.key_class} and {key_class}")
            access = Access(_id_of(str(key)), f"{key_class}-{number}", key_class, per_minute)
            self._known[digest[:_FRONT]] = digest, access


def key_of(headers: Mapping[bytes, bytes]) -> str | None:
    """The key that a request shows, in `Authorization: Bearer` or `X-API-Key`; None when it shows none."""
    given = headers.get(b"authorization")
    if given is not None and given[:7].lower() == b"bearer ":
        return given[7:].strip().decode("latin-1")
    given = headers.get(b"x-api-key")
    return None if given is None else given.strip().decode("latin-1")


def _id_of(key: str) -> str:
    # The same on every instance that knows the key, for limits that they share. 48 bits of a hash of a random key.
    return hashlib.sha256(b"chrono key id\0" + key.encode()).hexdigest()[:12]

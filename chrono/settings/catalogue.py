"""Every setting by its key, with the names under which the environment may give it."""

from functools import cache
from typing import Annotated, Any, NamedTuple, get_args, get_origin

import msgspec

from chrono.settings.kinds import Secret
from chrono.settings.model import Settings

PREFIX = "CHRONO__"
"""In front of an environment name that means a setting: CHRONO__SECTION__KEY."""

FLAT_NAMES = {
    "DATABASE_URL": "store.database_url",
    "DATABASE_POOL_SIZE": "store.pool_size",
    "REDIS_URL": "redis.url",
    "REDIS_CACHE_TTL": "redis.cache_ttl_s",
    "PORT": "server.port",
    "INTERNAL_API_KEYS": "api.internal_keys",
    "PUBLIC_API_KEYS": "api.public_keys",
    "ADMIN_API_KEYS": "api.admin_keys",
    "RATE_LIMIT_INTERNAL": "api.rate_limit_internal",
    "RATE_LIMIT_PUBLIC_FREE": "api.rate_limit_public_free",
    "RATE_LIMIT_PUBLIC_PAID": "api.rate_limit_public_paid",
    "LOG_LEVEL": "logs.level",
    "METRICS_ENABLED": "telemetry.metrics_enabled",
    "WS_HEARTBEAT_INTERVAL": "stream.heartbeat_interval_s",
    "WS_MAX_CONNECTIONS": "stream.max_connections",
}
"""The short names that operators know, and the setting that each one is. CHRONO__SECTION__KEY wins over them."""


class Setting(NamedTuple):
    """One thing that can be set. `kind` is its annotated type; `section` is empty at the top level."""

    key: str
    section: str
    name: str
    kind: Any
    default: object
    description: str

    @property
    def env(self) -> str:
        """Its name in the environment."""
        return PREFIX + self.key.replace(".", "__").upper()

    @property
    def flat(self) -> str | None:
        """Its short name in the environment, if operators know one."""
        return next((name for name, key in FLAT_NAMES.items() if key == self.key), None)

    @property
    def secret(self) -> bool:
        """Whether its value must never be shown."""
        return holds_secret(self.kind)


class Section(NamedTuple):
    """One table of the file: the rooms of the house, by name."""

    name: str
    kind: type[msgspec.Struct]
    description: str


@cache
def sections() -> dict[str, Section]:
    """The tables of the file by name, in the order of the Structs."""
    found = {}
    for field in msgspec.structs.fields(Settings):
        if isinstance(field.type, type) and issubclass(field.type, msgspec.Struct):
            found[field.name] = Section(field.name, field.type, (field.type.__doc__ or "").strip())
    return found


@cache
def catalogue() -> dict[str, Setting]:
    """Every setting by its key, such as `server.port`, in the order of the Structs."""
    found = {}
    for field in msgspec.structs.fields(Settings):
        if field.name not in sections():
            found[field.name] = _setting("", field)
    for section in sections().values():
        for field in msgspec.structs.fields(section.kind):
            setting = _setting(section.name, field)
            found[setting.key] = setting
    return found


@cache
def by_environment() -> dict[str, Setting]:
    """Every setting by its CHRONO__ name."""
    return {setting.env: setting for setting in catalogue().values()}


def default_of(field: Any) -> object:
    """What a field holds when nobody sets it."""
    if field.default_factory is not msgspec.NODEFAULT:
        return field.default_factory()
    return field.default


def holds_secret(kind: object) -> bool:
    """Whether a type is a Secret, or holds one."""
    return kind is Secret or any(holds_secret(part) for part in get_args(kind))


def _setting(section: str, field: Any) -> Setting:
    key = f"{section}.{field.name}" if section else field.name
    return Setting(key, section, field.name, field.type, default_of(field), _description(field.type))


def _description(kind: object) -> str:
    if get_origin(kind) is not Annotated:
        return ""
    told = [part.description for part in get_args(kind)[1:] if isinstance(part, msgspec.Meta) and part.description]
    return told[0] if told else ""

"""What no single value can show: settings that contradict one another, or that would leave a door open."""

import ipaddress
import re
from collections.abc import Callable, Iterator
from typing import NamedTuple, get_args
from urllib.parse import SplitResult, urlsplit

from chrono.settings.kinds import Chain
from chrono.settings.model import Settings
from chrono.settings.secrets import masked_secret

SHORTEST_KEY = 8
"""Characters of an API key after its class prefix that are needed at least."""
STRONG_KEY = 20
"""Characters after the prefix below which a key draws advice (20 letters and digits are 119 bits)."""

_MARKET = re.compile(r"([A-Z0-9]{1,20})/([A-Z0-9]{1,20})", re.ASCII)
_WORKER = re.compile(r"[a-z0-9_-]{1,100}", re.ASCII)
_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?|[0-9A-Fa-f:]{2,45}", re.ASCII)
_KEY_TEXT = re.compile(r"[A-Za-z0-9._~-]+", re.ASCII)


class Finding(NamedTuple):
    """A contradiction or a danger at `key`. `advice` when Chrono starts all the same."""

    key: str
    value: object
    expected: str
    advice: bool = False


class Check(NamedTuple):
    """A rule over several settings; it is left out when one of `keys` is faulty by itself."""

    keys: tuple[str, ...]
    run: Callable[[Settings], Iterator[Finding]]


def is_loopback(host: str | None) -> bool:
    """Whether this host is the machine itself. A name other than localhost counts as foreign."""
    if host is None or host == "" or host == "localhost" or host.startswith("/"):
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _ports(settings: Settings) -> Iterator[Finding]:
    server = settings.server
    named = {
        "server.port": server.port,
        "server.stream_port": server.stream_port,
        "server.value_provider_port": server.value_provider_port or 0,
        "server.data_provider_port": server.data_provider_port or 0,
    }
    taken: dict[int, str] = {}
    for key, port in named.items():
        if port and port in taken:
            yield Finding(key, port, f"expected another port than that of {taken[port]}")
        taken.setdefault(port, key)


def _host(settings: Settings) -> Iterator[Finding]:
    if not _HOST.fullmatch(settings.server.host):
        yield Finding("server.host", settings.server.host, "expected an address or a host name, such as 127.0.0.1")
    domain = settings.server.domain
    if domain is not None and not _HOST.fullmatch(domain):
        yield Finding("server.domain", domain, "expected a domain, such as example.com")
    for name in settings.api.host_limits:
        if not _HOST.fullmatch(name):
            yield Finding("api.host_limits", name, "expected a host name, such as gateway.example.com")


def _networks(settings: Settings) -> Iterator[Finding]:
    named = {
        "server.trusted_proxies": settings.server.trusted_proxies,
        "server.seam_networks": settings.server.seam_networks,
    }
    for key, networks in named.items():
        for text in networks:
            try:
                network = ipaddress.ip_network(text, strict=False)
            except ValueError:
                yield Finding(key, text, "expected a network, such as 10.0.0.0/8 or ::1/128")
                continue
            if network.prefixlen == 0:
                yield _everybody(key, text)


def _everybody(key: str, text: str) -> Finding:
    if key == "server.trusted_proxies":
        return Finding(key, text, "this believes X-Forwarded-For from everybody; name the proxy's own network")
    return Finding(key, text, "this opens the Flare seams to everybody; name your own networks", advice=True)


def _origins(settings: Settings) -> Iterator[Finding]:
    named = {"server.cors_origins": settings.server.cors_origins, "stream.origins": settings.stream.origins}
    for key, origins in named.items():
        for origin in origins:
            if origin != "*" and not _is_origin(origin):
                yield Finding(key, origin, "expected * or an origin, such as https://app.example.com")


def _is_origin(text: str) -> bool:
    parts = parts_of(text)
    return (
        parts is not None
        and parts.scheme in {"http", "https"}
        and bool(parts.hostname)
        and text == f"{parts.scheme}://{parts.netloc}"
    )


def _keys(settings: Settings) -> Iterator[Finding]:
    classes = {
        "api.internal_keys": (settings.api.internal_keys, "chrono_internal_"),
        "api.public_keys": (settings.api.public_keys, "chrono_public_"),
        "api.paid_keys": (settings.api.paid_keys, "chrono_public_"),
        "api.admin_keys": (settings.api.admin_keys, "chrono_admin_"),
    }
    seen: set[str] = set()
    for key, (secrets, prefix) in classes.items():
        for number, secret in enumerate(secrets):
            plain = str(secret)
            yield from _one_key(f"{key}[{number}]", plain, prefix)
            if plain in seen:
                yield Finding(f"{key}[{number}]", masked_secret(plain), "this key is listed twice")
            seen.add(plain)


def _one_key(key: str, secret: str, prefix: str) -> Iterator[Finding]:
    shown = masked_secret(secret)
    rest = secret.removeprefix(prefix)
    if not secret.startswith(prefix):
        yield Finding(key, shown, f"expected a key that begins with {prefix}")
    elif not _KEY_TEXT.fullmatch(rest) or len(rest) < SHORTEST_KEY:
        told = f"expected at least {SHORTEST_KEY} letters, digits or - _ . ~ after {prefix}"
        yield Finding(key, shown, told)
    elif len(rest) < STRONG_KEY:
        told = f"a short key can be guessed; {STRONG_KEY} or more characters after {prefix} are better"
        yield Finding(key, shown, told, advice=True)


def _redis(settings: Settings) -> Iterator[Finding]:
    url = settings.redis.url
    if url is None:
        return
    parts = parts_of(str(url))
    if parts is None or parts.scheme not in {"redis", "rediss", "unix"}:
        yield Finding("redis.url", masked_secret(str(url)), "expected redis://, rediss:// or unix://")
        return
    remote = parts.scheme != "unix" and not is_loopback(parts.hostname)
    if remote and not parts.password:
        told = "Redis beyond this machine needs a password: redis://:PASSWORD@host:port"
        yield Finding("redis.url", masked_secret(str(url)), told)
    elif remote and parts.scheme == "redis":
        told = "the password crosses the network in clear; rediss:// is better"
        yield Finding("redis.url", masked_secret(str(url)), told, advice=True)


def _database(settings: Settings) -> Iterator[Finding]:
    url = settings.store.database_url
    if url is None:
        return
    plain = str(url)
    parts = parts_of(plain)
    if parts is None or parts.scheme not in {"postgresql", "postgres"}:
        yield Finding("store.database_url", masked_secret(plain), "expected postgresql://user:PASSWORD@host:port/name")
        return
    if not is_loopback(parts.hostname) and not re.search(r"(^|&)sslmode=verify-(full|ca)(&|$)", parts.query):
        told = "the server is beyond this machine and is not verified; add ?sslmode=verify-full"
        yield Finding("store.database_url", masked_secret(plain), told, advice=True)


def _edges(settings: Settings) -> Iterator[Finding]:
    seen: set[str] = set()
    for number, edge in enumerate(settings.pricing.edges):
        found = _MARKET.fullmatch(edge)
        if not found or found[1] == found[2]:
            told = "expected a market BASE/QUOTE in upper case, such as USDT/USD"
            yield Finding(f"pricing.edges[{number}]", edge, told)
        if edge in seen:
            yield Finding(f"pricing.edges[{number}]", edge, "this edge is listed twice")
        seen.add(edge)


def _workers(settings: Settings) -> Iterator[Finding]:
    for worker in settings.ingest.secrets:
        if not _WORKER.fullmatch(worker):
            yield Finding("ingest.secrets", worker, "expected a worker_id of a-z, 0-9, - and _")
    if settings.ingest.signing_required and not settings.ingest.secrets:
        told = "signing is required but no worker has a secret; every ingest would be refused"
        yield Finding("ingest.signing_required", settings.ingest.signing_required, told)


def _spans(settings: Settings) -> Iterator[Finding]:
    endpoint = settings.telemetry.otlp_endpoint
    parts = parts_of(endpoint) if endpoint is not None else None
    if endpoint is not None and not (parts and parts.scheme in {"http", "https"} and parts.hostname):
        yield Finding("telemetry.otlp_endpoint", endpoint, "expected http:// or https:// and a host")


def parts_of(text: str) -> SplitResult | None:
    """The parts of an address; None when it is none."""
    try:
        parts = urlsplit(text)
        _ = parts.port, parts.hostname  # these are read late and may raise
    except ValueError:
        return None
    return parts


def _chains(settings: Settings) -> Iterator[Finding]:
    for name in settings.flare.fip16_activation_reward_epoch:
        if name not in get_args(Chain):
            known = ", ".join(get_args(Chain))
            yield Finding("flare.fip16_activation_reward_epoch", name, f"expected a network, one of {known}")


CHECKS = (
    Check(
        ("server.port", "server.stream_port", "server.value_provider_port", "server.data_provider_port"),
        _ports,
    ),
    Check(("server.host", "server.domain", "api.host_limits"), _host),
    Check(("server.trusted_proxies", "server.seam_networks"), _networks),
    Check(("server.cors_origins", "stream.origins"), _origins),
    Check(("api.internal_keys", "api.public_keys", "api.paid_keys", "api.admin_keys"), _keys),
    Check(("redis.url",), _redis),
    Check(("store.database_url",), _database),
    Check(("pricing.edges",), _edges),
    Check(("ingest.secrets", "ingest.signing_required"), _workers),
    Check(("telemetry.otlp_endpoint",), _spans),
    Check(("flare.fip16_activation_reward_epoch",), _chains),
)

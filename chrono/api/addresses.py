"""Who is really calling: the address behind trusted proxies, and whether it lies in an allow-listed network."""

from collections.abc import Iterable, Mapping
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final

from msgspec import Struct

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

FORWARDED: Final = (b"x-forwarded-for", b"forwarded", b"x-real-ip", b"cf-connecting-ip", b"via")
"""Headers by which a proxy gives itself away."""

_UNKNOWN: Final = "unknown"
_MOST_HOPS: Final = 20
_SITE_BITS: Final = 64
"""An IPv6 site has a /64 of its own to spend addresses from, so it is one caller."""


class Caller(Struct, frozen=True):
    """`bucket` is what limits are counted under; `listed` says that the seams are open to it."""

    bucket: str
    listed: bool


class Addresses:
    """Tells callers apart. `proxies` are believed about X-Forwarded-For; `seams` may call without a key."""

    def __init__(self, proxies: Iterable[str], seams: Iterable[str]) -> None:
        self._proxies = tuple(ip_network(text, strict=False) for text in proxies)
        self._seams = tuple(ip_network(text, strict=False) for text in seams)
        self._direct = lru_cache(maxsize=4096)(self._caller)

    def caller(self, peer: str | None, headers: Mapping[bytes, bytes]) -> Caller:
        """The caller of a request that came in from `peer`."""
        if not any(name in headers for name in FORWARDED):
            return self._direct(peer or "")
        hop = _parse(peer or "")
        if hop is None or not _within(hop, self._proxies):
            # A proxy that we do not know stands between. Its own address says nothing about the caller: through a
            # reverse proxy on this machine everybody would look like loopback.
            return Caller(self._direct(peer or "").bucket, listed=False)
        return self._behind(hop, headers.get(b"x-forwarded-for", b"").decode("latin-1"))

    def is_proxy(self, peer: str) -> bool:
        """Whether `peer` is a trusted proxy."""
        address = _parse(peer)
        return address is not None and _within(address, self._proxies)

    def _behind(self, hop: Address, told: str) -> Caller:
        """From the nearest hop outwards: the first address that is not a trusted proxy's is the caller's."""
        for text in reversed(told.split(",")[-_MOST_HOPS:]):
            further = _parse(text.strip())
            if further is None:
                return Caller(_bucket(hop), listed=False)
            hop = further
            if not _within(hop, self._proxies):
                break
        return self._direct(str(hop))

    def _caller(self, text: str) -> Caller:
        address = _parse(text)
        if address is None:
            return Caller(_UNKNOWN, listed=False)
        return Caller(_bucket(address), listed=_within(address, self._seams))


def _parse(text: str) -> Address | None:
    try:
        address = ip_address(text)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def _within(address: Address, networks: Iterable[Network]) -> bool:
    return any(address in network for network in networks)


def _bucket(address: Address) -> str:
    if isinstance(address, IPv6Address):
        return str(IPv6Network((address, _SITE_BITS), strict=False).network_address)
    return str(address)

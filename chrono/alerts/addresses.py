"""Where a receiver may be: a name in the settings must not lead inside, whatever its DNS says today.

Only addresses that were looked at here are connected to, so a name that answers otherwise the second time gains
nothing. Source: failures.md row 77.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Final, TypeAlias

from chrono.errors import ALERT_ADDRESS, ALERT_UNDELIVERED, ChronoError

Ip: TypeAlias = IPv4Address | IPv6Address
Resolve: TypeAlias = Callable[[str, int], Awaitable[Sequence[str]]]

_NAT64: Final = ip_network("64:ff9b::/96")
_V4_BITS: Final = 0xFFFF_FFFF


async def resolve(host: str, port: int) -> Sequence[str]:
    """The addresses of a name, as the system knows them. Raises: OSError."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


def is_allowed(address: Ip, *, private: bool) -> bool:
    """Whether a receiver may be there: the open network, or (`private`) this machine and networks of its kind."""
    seen = _embedded(address)
    if seen.is_multicast or seen.is_unspecified or seen.is_link_local:
        return False
    return seen.is_global or (private and seen.is_private)


async def allowed_addresses(host: str, port: int, *, private: bool, resolve: Resolve = resolve) -> list[str]:
    """The addresses of `host`, all of them allowed.

    Raises: ChronoError(ALERT_ADDRESS) when one is not, ALERT_UNDELIVERED when there is none.
    """
    try:
        found = await resolve(host, port)
    except OSError as error:
        raise ChronoError(ALERT_UNDELIVERED, cause=f"the name is not known: {error.strerror}") from error
    if not found:
        raise ChronoError(ALERT_UNDELIVERED, cause="the name has no address")
    # A scope (fe80::1%eth0) is cut: such an address is not allowed anyhow.
    if not all(is_allowed(ip_address(each.partition("%")[0]), private=private) for each in found):
        raise ChronoError(ALERT_ADDRESS)
    return list(found)


def _embedded(address: Ip) -> Ip:
    """The address that is meant: some of IPv6 carry one of IPv4 inside."""
    if isinstance(address, IPv4Address):
        return address
    inner = address.ipv4_mapped or address.sixtofour or (address.teredo or (None, None))[1]
    if inner is None and address in _NAT64:
        inner = IPv4Address(int(address) & _V4_BITS)
    return address if inner is None else inner

"""A receiver's name must not lead inside, in whatever way its address is written."""

from collections.abc import Sequence
from ipaddress import ip_address

import pytest

from chrono.alerts.addresses import allowed_addresses, is_allowed
from chrono.errors import ALERT_ADDRESS, ALERT_UNDELIVERED, ChronoError

INSIDE = [
    "127.0.0.1",
    "127.9.9.9",
    "10.0.0.1",
    "172.16.0.1",
    "192.168.1.1",
    "100.64.0.1",
    "::1",
    "fc00::1",
    "fd12:3456::1",
    "::ffff:10.0.0.1",
    "2002:0a00:0001::",
    "64:ff9b::10.0.0.1",
    "192.0.2.1",
    "2001:db8::1",
]
NEVER = [
    "169.254.169.254",
    "fe80::1",
    "224.0.0.1",
    "ff02::1",
    "0.0.0.0",
    "::",
    "::ffff:169.254.169.254",
    "64:ff9b::169.254.169.254",
]
OUTSIDE = ["1.1.1.1", "8.8.8.8", "2606:4700:4700::1111", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8"]


@pytest.mark.parametrize("address", [*INSIDE, *NEVER])
def test_nothing_inside_is_allowed_unless_it_is_meant(address: str) -> None:
    assert not is_allowed(ip_address(address), private=False)


@pytest.mark.parametrize("address", OUTSIDE)
def test_the_open_network_is_allowed(address: str) -> None:
    assert is_allowed(ip_address(address), private=False)
    assert is_allowed(ip_address(address), private=True)


@pytest.mark.parametrize("address", ["127.0.0.1", "10.0.0.1", "192.168.1.1", "::1", "fd12::1", "::ffff:10.0.0.1"])
def test_a_private_network_is_allowed_when_it_is_meant(address: str) -> None:
    assert is_allowed(ip_address(address), private=True)


@pytest.mark.parametrize("address", NEVER)
def test_addresses_of_machines_themselves_are_never_allowed(address: str) -> None:
    assert not is_allowed(ip_address(address), private=True)


async def _resolving(*addresses: str) -> ChronoError | list[str]:
    async def resolve(host: str, port: int) -> Sequence[str]:
        assert (host, port) == ("alerts.example", 443)
        return addresses

    try:
        return await allowed_addresses("alerts.example", 443, private=False, resolve=resolve)
    except ChronoError as error:
        return error


async def test_one_address_inside_spoils_the_name() -> None:
    assert await _resolving("1.1.1.1", "8.8.8.8") == ["1.1.1.1", "8.8.8.8"]
    for addresses in (("1.1.1.1", "10.0.0.1"), ("fe80::1%eth0",)):
        refused = await _resolving(*addresses)
        assert isinstance(refused, ChronoError)
        assert refused.reason is ALERT_ADDRESS
        assert "10.0.0.1" not in str(refused)


async def test_a_name_without_an_address_is_tried_again_later() -> None:
    nothing = await _resolving()
    assert isinstance(nothing, ChronoError)
    assert nothing.reason is ALERT_UNDELIVERED

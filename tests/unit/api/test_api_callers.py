from itertools import combinations

import pytest

from chrono.api.access import ALLOWED, Callers, KeyClass, KeyRing, key_of
from chrono.api.addresses import Addresses
from chrono.errors import BAD_SETTINGS, ChronoError
from chrono.settings import Api, Secret
from tests.fakes.api_ports import ADMIN_KEY, INTERNAL_KEY, KEYS, PAID_KEY, PUBLIC_KEY, settings

LOOPBACK = ("127.0.0.0/8", "::1/128")


@pytest.mark.parametrize("name", KEYS)
def test_each_key_is_found_with_its_class_and_limit(name: str) -> None:
    access = KeyRing(settings(rate_limit_public_paid=10_000).api).find(KEYS[name])
    assert access is not None
    assert access.key_class == name
    assert access.per_minute == {"paid": 10_000, "admin": None}.get(name, 10**6)
    assert access.may_stream is (name != "internal")


@pytest.mark.parametrize(
    "key", ["", "x", PUBLIC_KEY[:-1], PUBLIC_KEY + "x", PUBLIC_KEY.upper(), PUBLIC_KEY * 100, "é" * 50, "\udcff"]
)
def test_a_key_that_is_not_exactly_right_is_wrong(key: str) -> None:
    assert KeyRing(settings().api).find(key) is None


def test_a_key_longer_than_is_hashed_cannot_pass_for_its_own_beginning() -> None:
    long = "chrono_public_" + "x" * 242
    ring = KeyRing(Api(public_keys=(Secret(long),)))
    assert ring.find(long) is not None
    assert ring.find(long + "y") is None


def test_nothing_in_the_ring_shows_a_key_or_its_plain_hash() -> None:
    first, second = KeyRing(settings().api), KeyRing(settings().api)
    assert PUBLIC_KEY not in repr(vars(first))
    assert set(first._known).isdisjoint(second._known)


def test_key_ids_are_the_same_on_every_instance_and_no_part_of_the_key() -> None:
    one, other = (KeyRing(settings().api).find(PUBLIC_KEY) for _ in range(2))
    assert one is not None
    assert other is not None
    assert one.key_id == other.key_id
    assert one.key_id not in PUBLIC_KEY


@pytest.mark.parametrize(
    ("first", "second"), list(combinations(["internal_keys", "public_keys", "paid_keys", "admin_keys"], 2))
)
def test_one_key_under_two_classes_is_refused_at_the_start(first: str, second: str) -> None:
    with pytest.raises(ChronoError) as refused:
        KeyRing(Api(**{first: (Secret("k"),), second: (Secret("k"),)}))
    assert refused.value.reason is BAD_SETTINGS
    assert "'k'" not in str(refused.value)


@pytest.mark.parametrize(
    ("headers", "key"),
    [
        ({b"authorization": b"Bearer abc"}, "abc"),
        ({b"authorization": b"bearer  abc "}, "abc"),
        ({b"x-api-key": b" abc"}, "abc"),
        ({b"authorization": b"Bearer abc", b"x-api-key": b"def"}, "abc"),
        ({b"authorization": b"Basic abc", b"x-api-key": b"def"}, "def"),
        ({b"authorization": b"Basic abc"}, None),
        ({}, None),
    ],
)
def test_a_key_is_taken_from_either_header(headers: dict[bytes, bytes], key: str | None) -> None:
    assert key_of(headers) == key


def test_public_keys_never_reach_what_is_internal_and_internal_keys_nothing_public() -> None:
    assert ALLOWED[Callers.INTERNAL] == {KeyClass.INTERNAL, KeyClass.ADMIN}
    assert KeyClass.INTERNAL not in ALLOWED[Callers.PUBLIC]
    assert ALLOWED[Callers.ADMIN] == {KeyClass.ADMIN}
    assert ALLOWED[Callers.SEAM] == set()
    assert {INTERNAL_KEY, PUBLIC_KEY, PAID_KEY, ADMIN_KEY} == set(KEYS.values())


@pytest.mark.parametrize(
    ("peer", "forwarded", "bucket", "listed"),
    [
        ("127.0.0.1", None, "127.0.0.1", True),
        ("::1", None, "::", True),
        ("::ffff:127.0.0.1", None, "127.0.0.1", True),
        ("10.0.0.9", None, "10.0.0.9", False),
        ("2001:db8::1", None, "2001:db8::", False),
        ("2001:db8::ffff:1", None, "2001:db8::", False),
        ("", None, "unknown", False),
        ("not an address", None, "unknown", False),
        # a proxy that is trusted
        ("10.1.1.1", "203.0.113.7", "203.0.113.7", False),
        ("10.1.1.1", "127.0.0.1, 203.0.113.7", "203.0.113.7", False),
        ("10.1.1.1", "203.0.113.7, 10.2.2.2", "203.0.113.7", False),
        ("10.1.1.1", "127.0.0.1", "127.0.0.1", True),
        ("10.1.1.1", "garbage", "10.1.1.1", False),
        ("10.1.1.1", "203.0.113.7, garbage", "10.1.1.1", False),
        ("10.1.1.1", "", "10.1.1.1", False),
        # one that is not
        ("198.51.100.1", "127.0.0.1", "198.51.100.1", False),
        ("127.0.0.1", "203.0.113.7", "127.0.0.1", False),
        ("127.0.0.1", "127.0.0.1", "127.0.0.1", False),
    ],
)
def test_forwarding_is_believed_from_trusted_proxies_only(
    peer: str, forwarded: str | None, bucket: str, listed: bool
) -> None:
    headers = {} if forwarded is None else {b"x-forwarded-for": forwarded.encode()}
    caller = Addresses(["10.1.0.0/16", "10.2.0.0/16"], LOOPBACK).caller(peer, headers)
    assert (caller.bucket, caller.listed) == (bucket, listed)


@pytest.mark.parametrize("header", [b"forwarded", b"x-real-ip", b"cf-connecting-ip", b"via"])
def test_whoever_came_through_an_unknown_proxy_on_this_machine_is_not_loopback(header: bytes) -> None:
    assert not Addresses([], LOOPBACK).caller("127.0.0.1", {header: b"203.0.113.7"}).listed


def test_a_chain_of_forwards_without_end_is_read_only_at_its_near_end() -> None:
    told = ", ".join(["10.1.9.9"] * 5000).encode()
    assert Addresses(["10.1.0.0/16"], LOOPBACK).caller("10.1.1.1", {b"x-forwarded-for": told}).bucket == "10.1.9.9"

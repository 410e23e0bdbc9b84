"""Every venue's parsers against mutations of what venues said: none raises, none is slow, no bad price comes out."""

import gzip
import json
import os
import random
import time

import pytest

from chrono.ingest.venues.roster import NAMES, spec_of
from tests.fakes.samples import samples
from tests.fakes.soundness import check_instruments, check_words

LONG = os.environ.get("CHRONO_FUZZ") == "long"
SEED = int(os.environ.get("CHRONO_FUZZ_SEED", "20251009"))
MUTATIONS = 40_000 if LONG else 2_000
SLOWEST_S = 1.0
"""For one message of at most some hundred kilobytes; a thousand times what it takes."""

pytestmark = pytest.mark.timeout(1800)

NUMBERS = [
    "NaN", "Infinity", "-Infinity", "-1", "0", "-0", "0.0", "1e400", "1e-400", "1e308", "1E+999999", "9" * 5000,
    "0." + "0" * 400 + "1", "1_000", "١٢٣", "$5", " 5", "5 ", "0x10", "", ".", "+1", "1.", "true", "null", "1,000",
]  # fmt: skip
VALUES = [
    None,
    True,
    False,
    0,
    -1,
    10**30,
    10**400,
    1.5,
    -0.0,
    "",
    "x",
    "\u0000",
    "😀" * 50,
    [],
    {},
    [[[]]],
    {"a": {"b": []}},
]


def mutated(raw: bytes, drawn: random.Random) -> bytes:
    """One of the ways in which a message may be other than it should."""
    way = drawn.randrange(10)
    if way < 5:
        try:
            value = json.loads(raw)
        except (ValueError, RecursionError):
            return broken(raw, drawn)
        return json.dumps(bent(value, drawn)).encode()
    if way == 5:
        return gzip.compress(raw) if drawn.random() < 0.5 else gzip.compress(raw)[: drawn.randrange(1, 40)]
    return broken(raw, drawn)


def bent(value: object, drawn: random.Random, depth: int = 0) -> object:
    """The same structure with one or more values replaced, dropped, repeated or renamed."""
    if isinstance(value, dict) and value and depth < 8:
        key = drawn.choice(list(value))
        match drawn.randrange(6):
            case 0:
                return {name: one for name, one in value.items() if name != key}
            case 1:
                return {**value, key: hostile(drawn)}
            case 2:
                return {**value, key[::-1]: value[key]}
            case _:
                return {**value, key: bent(value[key], drawn, depth + 1)}
    if isinstance(value, list) and value and depth < 8:
        at = drawn.randrange(len(value))
        match drawn.randrange(6):
            case 0:
                return value[:at] + value[at + 1 :]
            case 1:
                return [*value[:at], hostile(drawn), *value[at + 1 :]]
            case 2:
                return value * 3
            case _:
                return [*value[:at], bent(value[at], drawn, depth + 1), *value[at + 1 :]]
    return hostile(drawn)


def hostile(drawn: random.Random) -> object:
    return drawn.choice(NUMBERS) if drawn.random() < 0.6 else drawn.choice(VALUES)


def broken(raw: bytes, drawn: random.Random) -> bytes:
    """The same bytes with some of them changed, lost or repeated."""
    body = bytearray(raw)
    match drawn.randrange(7):
        case 0:
            return bytes(body[: drawn.randrange(len(body) + 1)])
        case 1:
            for _ in range(drawn.randrange(1, 8)):
                if body:
                    body[drawn.randrange(len(body))] = drawn.randrange(256)
            return bytes(body)
        case 2:
            at = drawn.randrange(len(body) + 1)
            return bytes(body[:at] + drawn.randbytes(drawn.randrange(1, 20)) + body[at:])
        case 3:
            at = drawn.randrange(len(body) + 1)
            return bytes(body[:at] + b"[" * drawn.randrange(1, 3000) + body[at:])
        case 4:
            return bytes(body + body)
        case 5:
            # A number where another stood: prices out of all range, in place.
            digits = [at for at, byte in enumerate(body) if 48 <= byte <= 57]
            at = drawn.choice(digits) if digits else 0
            return bytes(body[:at]) + drawn.choice(NUMBERS).encode() + bytes(body[at + 1 :])
        case _:
            return drawn.randbytes(drawn.randrange(200))


def read_all(name: str, raw: bytes) -> None:
    """Every parser of the venue, whatever the message was meant for."""
    spec = spec_of(name)
    began = time.process_time()
    if spec.stream is not None:
        check_words(spec.stream.parse(raw))
        if spec.stream.new_parser is not None:
            check_words(spec.stream.new_parser()(raw))
        if spec.stream.url_from_token is not None:
            try:
                url, _ = spec.stream.url_from_token(raw)
            except ValueError:
                url = "wss://"
            assert url.startswith("wss://"), url
    check_words(spec.rest.parse_tickers(raw))
    check_instruments(spec.rest.parse_instruments(raw))
    for status in (200, 429, 503):
        refused = spec.rest.refusal(status, {"Retry-After": raw[:20].decode("latin-1")}, raw)
        if refused is not None:
            check_words([refused])
    assert time.process_time() - began < SLOWEST_S, raw[:200]


@pytest.mark.parametrize("name", NAMES)
def test_no_mutation_of_a_venues_messages_raises_or_gives_a_bad_price(name):
    seeds = [raw for _, raw in samples(name)]
    assert seeds, "neither recorded nor written messages: write some into the venue's unit test"
    small = [raw for raw in seeds if len(raw) < 20_000] or seeds
    drawn = random.Random(f"{SEED} {name}")
    for _ in range(MUTATIONS):
        raw = mutated(drawn.choice(small), drawn)
        try:
            read_all(name, raw)
        except Exception as error:
            error.add_note(f"{name} was told {raw[:2000]!r}")
            raise


@pytest.mark.parametrize("name", NAMES)
def test_one_parser_of_a_connection_survives_all_of_it(name):
    spec = spec_of(name)
    if spec.stream is None or spec.stream.new_parser is None:
        return
    parse, drawn = spec.stream.new_parser(), random.Random(f"{SEED} {name} talk")
    seeds = [raw for _, raw in samples(name) if len(raw) < 20_000]
    for _ in range(MUTATIONS):
        raw = drawn.choice(seeds)
        raw = mutated(raw, drawn) if drawn.random() < 0.5 else raw
        try:
            check_words(parse(raw))
        except Exception as error:
            error.add_note(f"{name} was told {raw[:2000]!r}")
            raise

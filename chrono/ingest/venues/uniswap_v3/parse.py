"""What a node's answers say of the pools. A price is told only with its block's time and near the pool's own mean."""

import re
from collections.abc import Mapping
from typing import Final

from msgspec import Raw, Struct

from chrono.ingest.venues.reading import UNREADABLE, decoder, excerpt, http_refusal, ns_from, unread
from chrono.ingest.venues.telling import ticked
from chrono.ingest.venues.uniswap_v3.calls import BLOCK, MEAN_S
from chrono.ingest.venues.uniswap_v3.pools import POOLS, Pool
from chrono.ingest.venues.uniswap_v3.sums import is_tick_of, price_of, signed
from chrono.ingest.venues.words import Instrument, RefusalKind, Refused, Said

FARTHEST_TICKS: Final = 500
"""A price farther than this from the pool's mean of five minutes (5.1 %) is not told: one block can be bent."""

_WORDS: Final = re.compile(r"0x((?:[0-9a-fA-F]{64}){1,64})", re.ASCII).fullmatch
_QUANTITY: Final = re.compile(r"0x([0-9a-fA-F]{1,16})", re.ASCII).fullmatch
_RATE_CODES: Final = (-32005, 429)
_RATE_WORDS: Final = ("rate limit", "too many", "limit exceeded", "capacity", "quota")
_OUR_FAULT: Final = (-32600, -32601, -32602)


class Failure(Struct):
    """Why a call failed."""

    code: object = None
    message: str = ""


class Answer(Struct):
    """One answer of a batch, or a whole answer that refuses."""

    id: object = None
    result: Raw = Raw(b"null")
    error: Failure | None = None


class Block(Struct):
    """A block's head."""

    timestamp: str


_rows = decoder(list[Raw])
_answer = decoder(Answer)
_block = decoder(Block)
_text = decoder(str)


class UnfitError(ValueError):
    """An answer that gives no price; its text says why."""


def parse_tickers(body: bytes) -> list[Said]:
    """The price of each pool that a batch asked for, as of its newest block. Never raises."""
    try:
        answers, broken = _by_id(body)
        limited = next((one.error for one in answers.values() if one.error is not None and _is_limit(one.error)), None)
        if limited is not None:
            return [_refused(limited)]
        at_ns = _block_ns(answers.get(BLOCK))
    except UNREADABLE as why:
        return [unread(why, body)]
    told = [_priced(pool, answers, at_ns) for pool in POOLS.values() if f"{pool.address}:slot0" in answers]
    return told + [unread("an answer without form", row) for row in broken]


def parse_instruments(body: bytes) -> list[Instrument]:
    """The pools whose tokens are on the chain what they are here; the others are absent. Never raises."""
    try:
        answers, _ = _by_id(body)
    except UNREADABLE:
        return []
    found = []
    for pool in POOLS.values():
        try:
            tokens = [_words(answers.get(f"{pool.address}:{name}"))[0] for name in ("token0", "token1")]
            is_live = _words(answers.get(f"{pool.address}:slot0"))[0] > 0
        except UNREADABLE:
            continue
        if tokens == [int(pool.token0.address, 16), int(pool.token1.address, 16)]:
            found.append(Instrument(pool.address, pool.base.coin, pool.quote.coin, is_live))
    return found


def refusal(status: int, headers: Mapping[str, str], body: bytes) -> Refused | None:
    """What an answer refuses; None when it is good. 401 and 403 mean that the node wants another key."""
    known = http_refusal(status, headers, body)
    if status in (401, 403):
        return Refused(RefusalKind.BAD_REQUEST, f"HTTP {status}: {excerpt(body)}"[:200])
    try:
        failure = None if body.lstrip()[:1] == b"[" else _answer.decode(body).error
    except UNREADABLE:
        return known
    if failure is None or (known is not None and known.kind is RefusalKind.RATE_LIMITED):
        return known
    return _refused(failure)


def _by_id(body: bytes) -> tuple[dict[str, Answer], list[bytes]]:
    """The answers of a batch, and those that have no form or no id. Raises: what UNREADABLE names, for no batch."""
    found: dict[str, Answer] = {}
    broken: list[bytes] = []
    for row in _rows.decode(body):
        try:
            one = _answer.decode(row)
        except UNREADABLE:
            broken.append(bytes(row))
            continue
        if type(one.id) is str:
            found[one.id] = one
        else:
            broken.append(bytes(row))
    return found, broken


def _block_ns(answer: Answer | None) -> int:
    """When the newest block was made. Without it a node that fell behind could not be told from a good one."""
    found = None if answer is None or answer.error else _QUANTITY(_block.decode(answer.result).timestamp)
    at_ns = ns_from(int(found[1], 16), "s") if found else None
    if at_ns is None:
        raise UnfitError("no time of the block")
    return at_ns


def _priced(pool: Pool, answers: Mapping[str, Answer], at_ns: int) -> Said:
    try:
        root, tick = _state(_words(answers.get(f"{pool.address}:slot0")))
        mean = _mean_tick(_words(answers.get(f"{pool.address}:observe")))
        if abs(tick - mean) > FARTHEST_TICKS:
            raise UnfitError("a price far from its own mean")
        price = price_of(root, pool.token0.decimals, pool.token1.decimals, is_inverted=pool.is_inverted)
    except UNREADABLE as why:
        return unread(why if type(why) is UnfitError else "an answer that is no pool's", f"{pool.address} {why}")
    return ticked(pool.address, price, None, None, at_ns)


def _state(words: list[int]) -> tuple[int, int]:
    """Root and tick of slot0, which must belong to each other."""
    if len(words) < 7:
        raise UnfitError("no pool there")
    root, tick = words[0], signed(words[1], 24)
    if not 0 < root < 2**160 or not is_tick_of(tick, root):
        raise UnfitError("a price and a tick that do not belong together")
    return root, tick


def _mean_tick(words: list[int]) -> int:
    """The mean tick from observe's answer: two offsets, then the sums of ticks then and now."""
    if len(words) < 5 or words[0] != 64 or words[2] != 2:
        raise UnfitError("no mean of the pool")
    then, now = signed(words[3], 56), signed(words[4], 56)
    return (now - then) // MEAN_S


def _words(answer: Answer | None) -> list[int]:
    """The 32-byte words of a call's result."""
    if answer is None or answer.error is not None:
        raise UnfitError("the call failed")
    found = _WORDS(_text.decode(answer.result))
    if not found:
        raise UnfitError("no pool there")
    digits = found[1]
    return [int(digits[at : at + 64], 16) for at in range(0, len(digits), 64)]


def _code(failure: Failure) -> int:
    return failure.code if type(failure.code) is int and abs(failure.code) < 10**9 else 0


def _is_limit(failure: Failure) -> bool:
    words = failure.message.lower()
    return _code(failure) in _RATE_CODES or any(one in words for one in _RATE_WORDS)


def _refused(failure: Failure) -> Refused:
    kind = RefusalKind.BAD_REQUEST if _code(failure) in _OUR_FAULT else RefusalKind.FAULT
    if _is_limit(failure):
        kind = RefusalKind.RATE_LIMITED
    return Refused(kind, excerpt(f"{_code(failure)}: {failure.message}"))

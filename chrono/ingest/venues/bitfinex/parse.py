"""What Bitfinex's v2 messages say. A push names only the number of its channel, which a confirmation told before."""

from collections.abc import Mapping
from typing import Final, NamedTuple

from msgspec import Raw, Struct

from chrono.ingest.venues.reading import UNREADABLE, decoder, each, http_refusal, ns_from_ms, number, unread
from chrono.ingest.venues.telling import dealt, shown, ticked, whole
from chrono.ingest.venues.words import Beat, Instrument, RefusalKind, Refused, Resync, Said, Side, Subscribed

MOST_CHANNELS: Final = 256
"""Bitfinex allows some thirty to a connection."""

_TIMES_FROM: Final = 10**12
"""Sequence numbers count from one; anything so large is a time in milliseconds."""


class Event(Struct):
    """A message that is no push."""

    event: str = ""
    channel: str = ""
    chanId: int = 0  # noqa: N815 - the venue's name
    symbol: str = ""
    code: object = None
    msg: str = ""
    status: object = None
    platform: object = None


class Channel(NamedTuple):
    """What a number stands for."""

    kind: str
    symbol: str


class Verdict(Struct):
    """What a refusal by the gateway says."""

    error: str


_event = decoder(Event)
_push = decoder(list[object])
_rows = decoder(list[Raw])
_row = decoder(list[object])
_pairs = decoder(tuple[list[object]])
_verdict = decoder(Verdict)

_KINDS: Final = {
    10300: RefusalKind.UNKNOWN_SYMBOL,
    10302: RefusalKind.BAD_REQUEST,
    10305: RefusalKind.RATE_LIMITED,
    11010: RefusalKind.RATE_LIMITED,
    20060: RefusalKind.MAINTENANCE,
    10020: RefusalKind.BAD_REQUEST,
}
_STOPPING, _PAUSING, _RESUMING = 20051, 20060, 20061


class Conversation:
    """One connection: what its channel numbers stand for, and the number of its last push."""

    def __init__(self) -> None:
        self._channels: dict[int, Channel] = {}
        self._sequence: int | None = None

    def __call__(self, frame: bytes) -> list[Said]:
        """What one frame says. Never raises."""
        try:
            if frame[:1] == b"{":
                return [self._heard(_event.decode(frame), frame)]
            return self._pushed(_push.decode(frame), frame)
        except UNREADABLE as why:
            return [unread(why, frame)]

    def _heard(self, event: Event, frame: bytes) -> Said:
        if event.event == "subscribed":
            if len(self._channels) >= MOST_CHANNELS:
                return unread("too many channels on one connection", frame)
            self._channels[event.chanId] = Channel(event.channel, event.symbol)
            return Subscribed((event.symbol,) if event.symbol else ())
        if event.event == "unsubscribed":
            self._channels.pop(event.chanId, None)
            return Beat()
        if event.event in ("pong", "conf"):
            return Beat()
        if event.event == "info":
            return _informed(event)
        if event.event == "error":
            return _refused(event)
        return unread("an event that is not known", frame)

    def _pushed(self, push: list[object], frame: bytes) -> list[Said]:
        """A push: channel, then a beat, a row, or a word and a row; then our sequence number and the venue's time."""
        if len(push) < 2 or type(push[0]) is not int:
            return [unread("not a push", frame)]
        body, behind = push[1], push[2:]
        if type(body) is str and body != "hb":
            body, behind = (push[2], push[3:]) if len(push) > 2 else (None, [])
        gap = self._gap(behind)
        said = self._told(push[0], push[1], body, _time(behind), frame)
        return [*gap, said]

    def _told(self, number: int, word: object, body: object, at_ns: int | None, frame: bytes) -> Said:
        if word == "hb":
            return Beat()
        channel = self._channels.get(number)
        if channel is None:
            return unread("a channel that was not told before", frame)
        if not _is_spot(channel.symbol):
            return unread("not a spot channel", frame)
        if type(body) is not list or not body:
            return unread("a push without a row", frame)
        if channel.kind == "trades":
            # "tu" repeats what "te" told, and the list at the start is of the past.
            return _dealt(channel.symbol, body, frame) if word == "te" else Beat()
        if channel.kind == "ticker" and len(body) >= 8:
            return ticked(channel.symbol, body[6], body[0], body[2], at_ns, body[7])
        return unread("a channel that is not read", frame)

    def _gap(self, behind: list[object]) -> list[Said]:
        told = whole(behind[0]) if behind else None
        if told is None or told >= _TIMES_FROM:
            return []
        last, self._sequence = self._sequence, told
        if last is None or told == last + 1:
            return []
        return [Resync(f"sequence {told} after {last}", reconnect=True)]


def parse_message(frame: bytes) -> list[Said]:
    """What one frame says by itself: pushes of prices lean on a confirmation and are unread here. Never raises."""
    return Conversation()(frame)


def parse_tickers(body: bytes) -> list[Said]:
    """The bulk ticker; funding and derivatives in it are left out. It tells no times. Never raises."""
    try:
        return each(_rows.decode(body), _row, _summed)
    except UNREADABLE as why:
        return [unread(why, body)]


def parse_instruments(body: bytes) -> list[Instrument]:
    """The exchange pairs: ADAUSD, or AAVE:USD when a currency has more than three letters. Never raises."""
    try:
        pairs = _pairs.decode(body)[0]
    except UNREADABLE:
        return []
    return [found for pair in pairs if type(pair) is str and (found := _instrument(pair)) is not None]


def refusal(status: int, headers: Mapping[str, str], body: bytes) -> Refused | None:
    """What an answer refuses; None when it is good: `["error", code, text]` and `{"error": "ERR_RATE_LIMIT"}`."""
    general = http_refusal(status, headers, body)
    try:
        if body[:1] == b"{":
            said = _verdict.decode(body).error[:200]
            kind = RefusalKind.RATE_LIMITED if "RATE" in said.upper() else RefusalKind.BAD_REQUEST
            return Refused(kind, said, 60.0 if kind is RefusalKind.RATE_LIMITED else None)
        if not body.startswith(b'["error"'):
            return general
        row = _row.decode(body)
    except UNREADABLE:
        return general
    code, text = (row[1], row[2]) if len(row) > 2 else (None, "")
    return _error(code, text if type(text) is str else "", "")


def _summed(row: list[object]) -> Said | None:
    symbol = row[0] if row else None
    if type(symbol) is not str:
        raise ValueError("a row without a symbol")
    if not _is_spot(symbol):
        return None
    if len(row) < 9:
        raise ValueError("a short row")
    return ticked(symbol, row[7], row[1], row[3], None, row[8])


def _is_spot(symbol: str) -> bool:
    """TBTCUSD is spot; fUSD is funding; tBTCF0:USTF0 is a perpetual."""
    return symbol.startswith("t") and "F0" not in symbol


def _time(behind: list[object]) -> int | None:
    """The venue's time stands last, where it was asked for."""
    return next((at for value in behind[:2] if (at := ns_from_ms(value)) is not None), None)


def _dealt(symbol: str, row: list[object], frame: bytes) -> Said:
    """A trade: id, time in ms, amount (below zero when the taker sold), price."""
    size, at_ns = (number(row[2]), ns_from_ms(row[1])) if len(row) >= 4 else (None, None)
    if size is None or at_ns is None:
        return unread("not a trade", frame)
    taker: Side = "buy" if size > 0 else "sell"
    return dealt(symbol, row[3], abs(size), taker, at_ns, row[0])


def _informed(event: Event) -> Said:
    """News of the venue itself."""
    if event.code == _STOPPING:
        return Resync("the venue restarts", reconnect=True)
    if event.code == _RESUMING:
        return Resync("maintenance ended: subscribe anew", reconnect=True)
    down = type(event.platform) is dict and event.platform.get("status") == 0
    if event.code == _PAUSING or down:
        return Refused(RefusalKind.MAINTENANCE, event.msg[:200] or "maintenance")
    return Beat()


def _refused(event: Event) -> Refused:
    return _error(event.code, event.msg, event.symbol)


def _error(code: object, text: str, symbol: str) -> Refused:
    kind = _KINDS.get(code, RefusalKind.FAULT) if type(code) is int else RefusalKind.FAULT
    words = text.lower()
    if "symbol" in words or "pair" in words:
        kind = RefusalKind.UNKNOWN_SYMBOL
    elif "ratelimit" in words or "rate limit" in words:
        kind = RefusalKind.RATE_LIMITED
    return Refused(kind, f"{shown(code)}: {text}"[:200], None, (symbol,) if symbol else ())


def _instrument(pair: str) -> Instrument | None:
    base, colon, quote = pair.partition(":")
    if not colon and len(pair) == 6:
        base, quote = pair[:3], pair[3:]
    return Instrument(f"t{pair}", base, quote, active=True) if base and quote and _is_spot(f"t{pair}") else None

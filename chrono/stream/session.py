"""One reader's conversation, without I/O: messages in, decisions out. Both transports and SSE run this same one."""

from collections.abc import Iterable
from enum import StrEnum
from typing import Final

import msgspec
from msgspec import Struct, field

from chrono.clock import MS_NS, SECOND_NS, to_rfc3339
from chrono.errors import TOO_MANY_MARKETS, ChronoError
from chrono.market.names import Market, parse_market
from chrono.settings import Stream
from chrono.stream.frames import (
    Auth,
    Authenticated,
    Command,
    GoingAway,
    Heartbeat,
    Hello,
    Id,
    Limits,
    Ping,
    Pong,
    Subscribe,
    Subscribed,
    SymbolFault,
    Unsubscribe,
    Unsubscribed,
    encode,
)
from chrono.stream.ports import Access
from chrono.stream.refusals import FLOODED, KEYLESS, LATE_KEY, MISUNDERSTOOD, OTHER_CLASS, OVERSIZED, WRONG_KEY, Refusal

VERSION: Final = 1
MESSAGE_MAX: Final = 32 * 1024  # 200 symbols of the longest spelling are 9 KB
AUTH_WITHIN_NS: Final = 5 * SECOND_NS
EVERYTHING: Final = "*"


class Topic(StrEnum):
    """What a reader can be sent."""

    PRICES = "prices"
    QUOTES = "quotes"
    ROUNDS = "rounds"


Interest = tuple[Topic, Market | None]
"""A topic of one market; None stands for every market."""


class Decision(Struct):
    """What follows from a message. Carry it out in the order of the fields.

    `frames` are replies; `removed` and `added` change what is sent; `snapshot` names the markets whose present
    value follows (`*` for all); `key` is to be looked up and handed to `Session.judge`; `refusal` ends the
    connection when it has a close code.
    """

    frames: list[bytes] = field(default_factory=list)
    removed: list[Interest] = field(default_factory=list)
    added: list[Interest] = field(default_factory=list)
    snapshot: tuple[str, ...] = ()
    key: str | None = None
    key_frame: Id = None
    refusal: Refusal | None = None


class Session:
    """The state of one conversation. `seq` is the number of the last data frame."""

    __slots__ = ("_arrivals", "_markets_held", "_rules", "authorised", "id", "interests", "key_id", "seq")

    def __init__(self, session_id: str, rules: Stream) -> None:
        self.id = session_id
        self.seq = 0
        self.authorised = False
        self.key_id = ""
        self.interests: dict[Interest, None] = {}
        self._rules = rules
        self._arrivals: list[int] = []
        self._markets_held = 0

    def hello(self) -> bytes:
        """The first frame."""
        limits = Limits(self._rules.max_symbols, self._rules.messages_per_s)
        return encode(Hello(VERSION, self.id, int(self._rules.heartbeat_interval_s * 1000), limits))

    def heartbeat(self, now_ns: int) -> bytes:
        """A heartbeat with the last seq; `now_ns` is wall time."""
        return encode(Heartbeat(self.seq, to_rfc3339(now_ns)))

    def going_away(self, after_ns: int) -> bytes:
        """The announcement of a restart."""
        return encode(GoingAway(after_ns // MS_NS))

    def wants(self, topic: Topic, market: Market | None) -> bool:
        """Whether frames of this topic and market belong to this reader."""
        return (topic, market) in self.interests or (topic, None) in self.interests

    def judge(self, access: Access | None, frame_id: Id = None) -> Decision:
        """What becomes of the connection, now that its key was looked up."""
        if access is None:
            return self._refused(WRONG_KEY, frame_id)
        if not access.may_stream:
            return self._refused(OTHER_CLASS, frame_id)
        self.authorised, self.key_id = True, access.key_id
        return Decision(frames=[encode(Authenticated(frame_id))] if frame_id is not None else [])

    def too_late(self) -> Decision:
        """What becomes of a connection that showed no key in time."""
        return Decision() if self.authorised else self._refused(LATE_KEY)

    def too_large(self) -> Decision:
        """What becomes of a connection whose message, whole or not, is over the limit."""
        return self._refused(OVERSIZED, limit_bytes=MESSAGE_MAX)

    def arrived(self, at_ns: int) -> Decision | None:
        """Count a message, of whatever kind, at monotonic `at_ns`; a decision when it was one too many."""
        limit, arrivals = self._rules.messages_per_s, self._arrivals
        arrivals.append(at_ns)
        if len(arrivals) <= limit:
            return None
        first = arrivals.pop(0)
        return self._refused(FLOODED, limit_per_s=limit) if at_ns - first < SECOND_NS else None

    def receive(self, message: bytes | str, at_ns: int) -> Decision:
        """Take one whole message that came at monotonic `at_ns`."""
        if (flooded := self.arrived(at_ns)) is not None:
            return flooded
        if len(message) > MESSAGE_MAX:
            return self.too_large()
        try:
            command = _understand(message)
        except _NotUnderstoodError as error:
            return self._refused(MISUNDERSTOOD if self.authorised else KEYLESS, error.frame_id, fault=error.fault)
        if isinstance(command, Auth):
            return self._auth(command)
        if not self.authorised:
            return self._refused(KEYLESS, command.id)
        if isinstance(command, Ping):
            return Decision(frames=[encode(Pong(command.id))])
        return self._subscribe(command) if isinstance(command, Subscribe) else self._unsubscribe(command)

    def _auth(self, command: Auth) -> Decision:
        if self.authorised:
            return Decision(frames=[encode(Authenticated(command.id))] if command.id is not None else [])
        return Decision(key=command.key, key_frame=command.id)

    def _refused(self, refusal: Refusal, frame_id: Id = None, **details: object) -> Decision:
        return Decision(frames=[refusal.frame(self.id, frame_id, **details)], refusal=refusal)

    def _subscribe(self, command: Subscribe) -> Decision:
        asked, faults = _markets(command.symbols)
        if not asked and not faults and command.rounds is None:
            return self._refused(MISUNDERSTOOD, command.id, field="symbols", expected="at least one market, or *")
        decision, taken = Decision(), list[str]()
        for symbol in asked:
            if symbol != EVERYTHING and not self._room_for(Market(symbol)):
                faults.append(_fault(symbol, ChronoError(TOO_MANY_MARKETS, limit=self._rules.max_symbols)))
                continue
            taken.append(symbol)
            self._want(decision, symbol, command.sources)
        if command.rounds is not None:
            self._set(decision, (Topic.ROUNDS, None), wanted=command.rounds)
        decision.frames.append(encode(Subscribed(command.id, taken, faults)))
        decision.snapshot = tuple(taken)
        return decision

    def _want(self, decision: Decision, symbol: str, sources: bool | None) -> None:
        market = None if symbol == EVERYTHING else Market(symbol)
        self._set(decision, (Topic.PRICES, market), wanted=True)
        if sources is not None:
            self._set(decision, (Topic.QUOTES, market), wanted=sources)

    def _unsubscribe(self, command: Unsubscribe) -> Decision:
        asked, faults = _markets(command.symbols)
        decision = Decision()
        for symbol in asked:
            for topic in (Topic.PRICES, Topic.QUOTES):
                self._drop(decision, topic, symbol)
        if command.rounds:
            self._set(decision, (Topic.ROUNDS, None), wanted=False)
        decision.frames.append(encode(Unsubscribed(command.id, asked, faults)))
        return decision

    def _drop(self, decision: Decision, topic: Topic, symbol: str) -> None:
        if symbol != EVERYTHING:
            self._set(decision, (topic, Market(symbol)), wanted=False)
            return
        for interest in [held for held in self.interests if held[0] is topic]:
            self._set(decision, interest, wanted=False)

    def _set(self, decision: Decision, interest: Interest, *, wanted: bool) -> None:
        if wanted == (interest in self.interests):
            return
        counted = interest[0] is Topic.PRICES and interest[1] is not None
        if wanted:
            self.interests[interest] = None
            decision.added.append(interest)
            self._markets_held += counted
        else:
            del self.interests[interest]
            decision.removed.append(interest)
            self._markets_held -= counted

    def _room_for(self, market: Market) -> bool:
        return (Topic.PRICES, market) in self.interests or self._markets_held < self._rules.max_symbols


class _NotUnderstoodError(Exception):
    """The message is no frame: why, and the id it carried, when that much could be read."""

    def __init__(self, fault: str, frame_id: Id = None) -> None:
        super().__init__(fault)
        self.fault, self.frame_id = fault, frame_id


def _understand(message: bytes | str) -> Command:
    try:
        raw = msgspec.json.decode(message)
    except (msgspec.DecodeError, UnicodeError) as error:
        raise _NotUnderstoodError(str(error)) from error
    except RecursionError as error:
        raise _NotUnderstoodError("nested too deeply") from error
    if not isinstance(raw, dict):
        raise _NotUnderstoodError("expected a JSON object")
    if "action" not in raw and "type" in raw:
        raw["action"] = raw["type"]
    try:
        command: Command = msgspec.convert(raw, Command)
    except msgspec.ValidationError as error:
        raise _NotUnderstoodError(str(error), _id_of(raw)) from error
    return command


def _id_of(raw: dict[str, object]) -> Id:
    try:
        found: Id = msgspec.convert(raw.get("id"), Id)
    except msgspec.ValidationError:
        return None
    return found


def _markets(symbols: list[str] | str) -> tuple[list[str], list[SymbolFault]]:
    """The markets named, each once and in our spelling, and why the others are none."""
    asked: dict[str, None] = {}
    faults: list[SymbolFault] = []
    for symbol in _each(symbols):
        try:
            asked[symbol if symbol == EVERYTHING else parse_market(symbol)] = None
        except ChronoError as error:
            faults.append(_fault(symbol, error))
    return list(asked), faults


def _each(symbols: list[str] | str) -> Iterable[str]:
    return [symbols] if isinstance(symbols, str) else symbols


def _fault(symbol: str, error: ChronoError) -> SymbolFault:
    return SymbolFault(symbol[:60], "VALIDATION_ERROR", str(error))

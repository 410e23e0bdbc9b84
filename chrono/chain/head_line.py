"""What is said on the WebSocket of a node: which chain, a subscription, then a frame for each new block. No I/O.

Frames are read as strictly as answers over HTTP. A line that leaves blocks out, speaks of another chain, floods or
says nothing is over, with a reason; nobody waits for it.
"""

from collections import deque
from typing import Final

import msgspec
from msgspec import Struct

from chrono.chain import answers
from chrono.chain.answers import Head, NotAnAnswer
from chrono.clock import MS_NS, SECOND_NS
from chrono.errors import NODE_GARBLED, NODE_REFUSED, NODE_SILENT, NODE_WRONG_CHAIN, ChronoError

_CHAIN_ID: Final = 1
_SUBSCRIBE: Final = 2
_SAID: Final = 300


class HeadRules(Struct, frozen=True, kw_only=True):
    """When a line is over. A dead one is noticed within five seconds."""

    silent_ns: int = 4 * SECOND_NS
    """Longest without any frame, or without an answer to the subscription; pings are answered between blocks."""
    ping_ns: int = SECOND_NS
    behind_ns: int = 2500 * MS_NS
    """Longest that a block may be known by asking, and not told."""
    most_frames: int = 64
    """In a second: no chain of ours makes so many blocks."""
    beat_s: float = 0.5
    """How often all this is looked at."""
    first_wait_s: float = 0.5
    """Before it is tried again; twice as long each time,"""
    longest_wait_s: float = 60.0
    """up to this, which a line of another chain waits at once."""


class _Params(Struct):
    subscription: str
    result: msgspec.Raw


class _Frame(Struct):
    id: int | None = None
    method: str = ""
    result: msgspec.Raw = msgspec.Raw()
    params: _Params | None = None
    error: msgspec.Raw = msgspec.Raw()


_FRAME: Final = msgspec.json.Decoder(_Frame)
_TEXT: Final = msgspec.json.Decoder(str)


class HeadLine:
    """One connection's talk, from the first frame. `opened_ns` and all `now_ns` are monotonic."""

    def __init__(self, node: str, chain_id: int, opened_ns: int, rules: HeadRules | None = None) -> None:
        self._node = node
        self._chain_id = chain_id
        self._rules = rules or HeadRules()
        self._opened_ns = self._heard_ns = opened_ns
        self._frames: deque[int] = deque(maxlen=self._rules.most_frames)
        self._subscription: str | None = None
        self._newest: int | None = None
        self._behind_since_ns: int | None = None

    @property
    def is_live(self) -> bool:
        """Whether the node promised to tell its blocks."""
        return self._subscription is not None

    def opening(self) -> bytes:
        """The first thing to send."""
        return _request(_CHAIN_ID, "eth_chainId")

    def alive(self, now_ns: int) -> None:
        """Something came that is no message: a ping, or the answer to ours."""
        self._heard_ns = now_ns

    def heard(self, frame: bytes, now_ns: int) -> Head | bytes | None:
        """A message came: a new head, or what is to be sent next, or nothing for us.

        Raises: ChronoError(NODE_GARBLED, NODE_REFUSED, NODE_WRONG_CHAIN): the line is over.
        """
        self._heard_ns = now_ns
        self._count(now_ns)
        try:
            return self._read(_FRAME.decode(frame))
        except (msgspec.DecodeError, NotAnAnswer, RecursionError, UnicodeDecodeError) as error:
            raise ChronoError(NODE_GARBLED, node=self._node, cause=str(error)[:_SAID]) from error

    def check(self, known: Head | None, now_ns: int) -> None:
        """See that it still speaks. `known` is the newest block that the node is known to have.

        Raises: ChronoError(NODE_SILENT) when it says nothing, or not what it should.
        """
        if now_ns - self._heard_ns > self._rules.silent_ns:
            raise ChronoError(NODE_SILENT, node=self._node, what="the socket")
        if not self.is_live:
            if now_ns - self._opened_ns > self._rules.silent_ns:
                raise ChronoError(NODE_SILENT, node=self._node, what="the subscription")
            return
        if known is None:
            return
        if self._newest is None:
            self._newest = known.number  # what was before the subscription is not told
        if known.number <= self._newest:
            self._behind_since_ns = None
        elif self._behind_since_ns is None:
            self._behind_since_ns = now_ns
        elif now_ns - self._behind_since_ns > self._rules.behind_ns:
            raise ChronoError(NODE_SILENT, node=self._node, what="the subscription")

    def _count(self, now_ns: int) -> None:
        full = len(self._frames) == self._rules.most_frames
        if full and now_ns - self._frames[0] < SECOND_NS:
            raise ChronoError(NODE_GARBLED, node=self._node, cause=f"{len(self._frames)} frames in a second")
        self._frames.append(now_ns)

    def _read(self, frame: _Frame) -> Head | bytes | None:
        if frame.method == "eth_subscription" and frame.params is not None:
            return self._head(frame.params)
        if frame.error:
            said = bytes(frame.error)[:_SAID].decode("utf-8", "replace")
            raise ChronoError(NODE_REFUSED, node=self._node, what="the subscription", said=said)
        if frame.id == _CHAIN_ID:
            return self._checked(answers.read_number(bytes(frame.result)))
        if frame.id == _SUBSCRIBE and self._subscription is None:
            self._subscription = _TEXT.decode(bytes(frame.result))
        return None

    def _checked(self, chain_id: int) -> bytes:
        if chain_id != self._chain_id:
            raise ChronoError(NODE_WRONG_CHAIN, node=self._node, chain_id=chain_id, expected=self._chain_id)
        return _request(_SUBSCRIBE, "eth_subscribe", "newHeads")

    def _head(self, params: _Params) -> Head | None:
        if self._subscription is None or params.subscription != self._subscription:
            return None
        head = answers.read_head(bytes(params.result))
        if head is None:
            raise NotAnAnswer("a new block that is none")
        self._newest = head.number if self._newest is None else max(head.number, self._newest)
        return head


def _request(number: int, method: str, *params: str) -> bytes:
    return msgspec.json.encode({"jsonrpc": "2.0", "id": number, "method": method, "params": params})

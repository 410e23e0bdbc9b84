"""Hostile WebSocket conversations, each made from a seed and its number alone: handshakes and frames as raw bytes.

RFC 6455, section 5.2, is the grammar that is broken here; the frames of `/schema/asyncapi.json` are the words.
"""

import json
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from tests.fakes.house import INTERNAL_KEY, PUBLIC_KEY
from tests.fuzz.corpus import HOSTILE_TEXT
from tests.fuzz.openings import handshake, openings

TEXT, BINARY, CONTINUATION, CLOSE, PING, PONG = 1, 2, 0, 8, 9, 10
MOST_BYTES = 32 * 1024


class End(Enum):
    """What must become of a conversation."""

    ANSWERED = "answered"
    """The last ping is answered: nothing that was said before costs the connection."""
    CLOSED = "closed"
    """The server ends it."""
    EITHER = "either"
    """One of the two; never silence."""
    LEFT = "left"
    """The client hangs up in the middle; nobody waits for anything."""


@dataclass(frozen=True)
class Talk:
    """One conversation: the handshake, what is sent behind it, and its end. `codes` are the close codes allowed."""

    kind: str
    handshake: bytes
    sent: list[bytes] = field(default_factory=list)
    end: End = End.EITHER
    codes: frozenset[int] | None = None


def frame(
    opcode: int,
    payload: bytes = b"",
    *,
    fin: bool = True,
    rsv: int = 0,
    masked: bool = True,
    declared: int | None = None,
) -> bytes:
    """One frame as a client sends it; `declared` is a length that may not be true."""
    size = len(payload) if declared is None else declared
    head = bytes([(0x80 if fin else 0) | rsv << 4 | opcode])
    mark = 0x80 if masked else 0
    if size < 126:
        head += bytes([mark | size])
    elif size < 65536:
        head += bytes([mark | 126]) + size.to_bytes(2)
    else:
        head += bytes([mark | 127]) + (size % 2**64).to_bytes(8)
    if not masked:
        return head + payload
    mask = b"\x5a\x00\xff\x81"
    whole = (mask * (len(payload) // 4 + 1))[: len(payload)]
    return head + mask + (int.from_bytes(payload) ^ int.from_bytes(whole)).to_bytes(len(payload))


def words(command: Any) -> bytes:
    """A text frame of JSON; lone surrogates go as escapes."""
    return frame(TEXT, command if isinstance(command, bytes) else json.dumps(command).encode())


WRONG: list[Any] = [
    None, True, False, 0, -1, 1.5, 2**53 + 1, 2**64, 10**400, "", "x", "BTC", "*", [], {}, [[]], [None], [1], [{}], {"a": 1},
    ["BTC/USD"] * 300, "x" * 200, *HOSTILE_TEXT,
]  # fmt: skip
FIELDS: dict[str, tuple[str, ...]] = {
    "subscribe": ("symbols", "sources", "rounds", "id", "action", "type", "client_id", "extra"),
    "unsubscribe": ("symbols", "rounds", "id", "action", "type"),
    "auth": ("key", "id", "action", "type"),
    "ping": ("id", "action", "type"),
}


class FrameGun:
    """Makes conversation `number` of a seed, always the same."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        weighted: list[tuple[Callable[[random.Random], Talk], int]] = [
            (self.wrong_types, 30), (self.odd_json, 14), (self.flipped, 16), (self.opcodes, 6), (self.reserved, 4), (self.unmasked, 3),
            (self.control, 6), (self.closes, 8), (self.fragments, 8), (self.lengths, 5), (self.oversize, 3), (self.cut_off, 6),
            (self.keyless, 6), (self.openings, 16), (self.sound, 4), (self.floods, 2),
        ]  # fmt: skip
        self._kinds = [kind for kind, weight in weighted for _ in range(weight)]

    def talk(self, number: int) -> Talk:
        """The conversation of that number."""
        drawn = random.Random(f"{self._seed}:{number}")
        return drawn.choice(self._kinds)(drawn)

    def sound(self, drawn: random.Random) -> Talk:
        """Nothing wrong with it, in pieces or not."""
        said = words({"action": "subscribe", "symbols": ["FUZZ/USD"], "id": 1}) + frame(
            PING, b"p" * drawn.randrange(126)
        )
        whole = json.dumps({"type": "unsubscribe", "symbols": "FUZZ/USD"}).encode()
        cut = drawn.randrange(len(whole))
        parts = frame(TEXT, whole[:cut], fin=False) + frame(PING, b"between") + frame(CONTINUATION, whole[cut:])
        return Talk("sound", handshake(), [said, parts], End.ANSWERED)

    def wrong_types(self, drawn: random.Random) -> Talk:
        """Every field of every command with a value of another type: told, and the connection lives."""
        said = []
        for _ in range(drawn.choice((1, 1, 2, 3, 10))):
            action = drawn.choice(list(FIELDS))
            command: dict[str, Any] = {"action": action, "id": 1}
            if action == "auth":
                command["key"] = drawn.choice((PUBLIC_KEY, "chrono_public_wrong", INTERNAL_KEY))
            elif action != "ping":
                command["symbols"] = ["BTC", "FUZZ/USD"]
            for name in drawn.sample(FIELDS[action], drawn.choice((1, 1, 2))):
                command[name] = drawn.choice(WRONG)
            said.append(words(command))
        return Talk("wrong_types", handshake(), said, End.ANSWERED)

    def odd_json(self, drawn: random.Random) -> Talk:
        """Text that is no command: deep, cut, no UTF-8, no JSON at all."""
        deep = drawn.choice((500, 1000, 2000, 5000))
        texts = [
            b"", b" ", b"null", b"[]", b"{}", b"1", b'"x"', b"{", b"[" * deep, b"[" * deep + b"]" * deep, b'{"a":' * deep + b"1" + b"}" * deep,
            b'{"action":"subscribe","symbols":' + b"[" * deep + b"]" * deep + b"}", b'{"action":"ping","id":' + b"9" * 5000 + b"}",
            b'{"action":"ping","id":1e999999999}', b'{"action":"ping","id":NaN}', b'{"action":"ping","action":"auth","key":"x"}',
            b'{"action":"ping"}{"action":"ping"}', b"\xff\xfe{\x00}\x00", b"\xef\xbb\xbf{}", b'{"action":"\xed\xa0\x80"}', b'{"action":"\xc0\xaf"}',
            b'{"action":"\\ud800"}', b'{"\\u0000":1}', b"\x00" * 100, b"{" + b",".join(b'"k%d":1' % n for n in range(2000)) + b"}",
            b'{"action":"subscribe","symbols":["' + b"A" * 30_000 + b'"]}', b"\xf0\x9f", b"\x80", b'{"action":"ping","id":"\xf4\x90\x80\x80"}',
        ]  # fmt: skip
        chosen = drawn.choice(texts)
        try:
            chosen.decode()
        except UnicodeDecodeError:
            # RFC 6455, 8.1, wants bad UTF-8 to end a connection; being told and living on is no harm.
            return Talk("bad_utf8", handshake(), [frame(TEXT, chosen)], End.EITHER)
        return Talk("odd_json", handshake(), [frame(drawn.choice((TEXT, TEXT, BINARY)), chosen)], End.ANSWERED)

    def flipped(self, drawn: random.Random) -> Talk:
        """A sound conversation with bits turned over, cut out or doubled, anywhere in its frames."""
        raw = bytearray(words({"action": "subscribe", "symbols": ["FUZZ/USD", "BTC"], "sources": True, "id": 7}) * 2)
        for _ in range(drawn.choice((1, 1, 2, 5))):
            at = drawn.randrange(len(raw))
            how = drawn.randrange(4)
            if how <= 1:
                raw[at] ^= 1 << drawn.randrange(8)
            elif how == 2:
                del raw[at : at + drawn.choice((1, 2, 8))]
            else:
                raw[at:at] = raw[at : at + drawn.choice((1, 4, 20))]
        return Talk("flipped", handshake(), [bytes(raw)], End.LEFT if drawn.random() < 0.3 else End.EITHER)

    def opcodes(self, drawn: random.Random) -> Talk:
        """Opcodes that are none."""
        opcode = drawn.choice((3, 4, 5, 6, 7, 11, 12, 13, 14, 15))
        return Talk("opcodes", handshake(), [frame(opcode, b"x" * drawn.choice((0, 1, 125, 1000)))], End.CLOSED)

    def reserved(self, drawn: random.Random) -> Talk:
        """Reserved bits, with no extension agreed on."""
        opcode = drawn.choice((TEXT, BINARY, PING, PONG, CLOSE))
        return Talk("reserved", handshake(), [frame(opcode, b"{}", rsv=drawn.randrange(1, 8))], End.CLOSED)

    def unmasked(self, drawn: random.Random) -> Talk:
        """A client that does not mask must be closed on (RFC 6455, 5.1)."""
        opcode = drawn.choice((TEXT, BINARY, PING))
        return Talk("unmasked", handshake(), [frame(opcode, b'{"action":"ping"}', masked=False)], End.CLOSED)

    def control(self, drawn: random.Random) -> Talk:
        """Control frames that are too long, or in parts."""
        opcode = drawn.choice((PING, PONG, CLOSE))
        if drawn.random() < 0.5:
            return Talk("control", handshake(), [frame(opcode, b"c" * drawn.choice((126, 200, 70_000)))], End.CLOSED)
        return Talk("control", handshake(), [frame(opcode, b"\x03\xe8", fin=False)], End.CLOSED)

    def closes(self, drawn: random.Random) -> Talk:
        """Goodbyes with every code, sane or not, and reasons that are no text."""
        code = drawn.choice((0, 1, 999, 1000, 1001, 1002, 1003, 1004, 1005, 1006, 1007, 1011, 1012, 1013, 1015, 1016, 2999, 3000, 4401,
                             4999, 5000, 65535, drawn.randrange(65536)))  # fmt: skip
        reason = drawn.choice((b"", b"bye", b"\xff\xfe", b"x" * 123, b"\x00", "\u202e".encode()))
        payload = drawn.choice((b"", b"\x03", code.to_bytes(2), code.to_bytes(2) + reason))
        more = [words({"action": "ping"})] if drawn.random() < 0.3 else []
        return Talk("closes", handshake(), [frame(CLOSE, payload), *more], End.CLOSED)

    def fragments(self, drawn: random.Random) -> Talk:
        """Messages in parts: orphans, a new one within one, without end, of nothing."""
        begin = frame(TEXT, b'{"action":', fin=False)
        how = drawn.randrange(6)
        if how == 0:
            return Talk("orphan", handshake(), [frame(CONTINUATION, b"{}")], End.CLOSED)
        if how == 1:
            return Talk("nested", handshake(), [begin, words({"action": "ping"})], End.CLOSED)
        if how == 2:
            size = drawn.choice((64, 1000, 8192))
            endless = [frame(CONTINUATION, b" " * size, fin=False)] * (2 * MOST_BYTES // size)
            return Talk("endless", handshake(), [begin, *endless], End.CLOSED)
        if how == 3:
            return Talk("empty_parts", handshake(), [begin, *[frame(CONTINUATION, fin=False)] * 2000], End.CLOSED)
        if how == 4:
            return Talk("unfinished", handshake(), [begin], End.LEFT)
        parts = [frame(CONTINUATION, bytes([byte]), fin=False) for byte in b'"ping","id":5']
        return Talk("crumbs", handshake(), [begin, *parts, frame(CONTINUATION, b"}")], End.ANSWERED)

    def lengths(self, drawn: random.Random) -> Talk:
        """Lengths that are announced and do not come, or come in a longer spelling than is allowed."""
        if drawn.random() < 0.3:
            short = b'{"action":"ping"}'
            spelt = bytes([0x81, 0x80 | 126]) + len(short).to_bytes(2) + bytes(4) + short
            wide = bytes([0x81, 0x80 | 127]) + len(short).to_bytes(8) + bytes(4) + short
            return Talk("long_spelling", handshake(), [drawn.choice((spelt, wide))], End.EITHER)
        declared = drawn.choice((MOST_BYTES + 1, 2**20, 2**24, 2**31, 2**32, 2**40, 2**62, 2**63, 2**64 - 1))
        return Talk(
            "lengths", handshake(), [frame(drawn.choice((TEXT, BINARY)), b"x" * 100, declared=declared)], End.LEFT
        )

    def oversize(self, drawn: random.Random) -> Talk:
        """Whole messages over the limit: 1009, or the transport's own refusal."""
        size = drawn.choice((MOST_BYTES + 1, 40_000, 100_000, 1_000_000))
        return Talk("oversize", handshake(), [frame(drawn.choice((TEXT, BINARY)), b"1" * size)], End.CLOSED)

    def cut_off(self, drawn: random.Random) -> Talk:
        """The client is gone somewhere within the handshake or a frame."""
        opening = handshake()
        said = words({"action": "subscribe", "symbols": ["*"], "sources": True})
        if drawn.random() < 0.4:
            return Talk("cut_off", opening[: drawn.randrange(1, len(opening))], [], End.LEFT)
        return Talk("cut_off", opening, [said, said[: drawn.randrange(1, len(said))]], End.LEFT)

    def keyless(self, drawn: random.Random) -> Talk:
        """Anything but a right key as the first message: 4401, whatever it is."""
        first = drawn.choice((
            words({"action": "ping"}), words({"action": "subscribe", "symbols": ["BTC"]}), words({"action": "auth", "key": "x" * 3000}),
            words({"action": "auth", "key": INTERNAL_KEY}), words({"action": "auth", "key": "\ud800"}), words({"action": "auth", "key": 1}),
            words(b"["), words(b"[" * 5000), words({"action": "auth"}), words({"action": "auth", "key": ""}), words(b""),
        ))  # fmt: skip
        return Talk("keyless", handshake(key=None), [first], End.CLOSED, frozenset({4401}))

    def floods(self, drawn: random.Random) -> Talk:
        """More than the limit a second, of any kind of message."""
        one = drawn.choice((words({"action": "ping"}), frame(PING, b"p" * 125), words(b"{"), frame(BINARY, b"")))
        return Talk("floods", handshake(), [one * 3000], End.EITHER)

    def openings(self, drawn: random.Random) -> Talk:
        """Handshakes that are not quite, or not at all."""
        return Talk("openings", drawn.choice(list(openings(drawn))), [], End.EITHER)

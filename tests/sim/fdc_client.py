"""A data connector's client, as our provider calls it: in each round and for each function it has another mood.

It is what stands behind the real HttpSubProtocol, so what it answers is bytes on a wire: late ones, none, or nonsense.
It outlives our processes, and remembers what it ever said.
"""

import asyncio
import json
from dataclasses import dataclass
from enum import StrEnum
from random import Random
from typing import NamedTuple

import httpx

from chrono.flare.frames import FDC, FTSO, Frame, encode_frames
from chrono.flare.protocol_message import ProtocolMessage
from chrono.provider.sub_protocols import HttpSubProtocol
from chrono.simulation.flare.attestations import Attestations
from chrono.simulation.virtual_time import VirtualClock

FUNCTIONS = ("submit1", "submit2", "submitSignatures")
FOR_EVER_S = 1e9
_US = "the provider under test"


class Way(StrEnum):
    """What it does when it is asked."""

    TELLS = "tells"
    EMPTY = "empty"
    RETRY = "retry"
    DOWN = "down"
    BUSY = "busy"
    HANGING = "hanging"
    GARBAGE = "garbage"
    FOREIGN = "foreign"
    """A whole answer, about something else: another round, another protocol, two frames."""
    FICKLE = "fickle"
    """It tells, and each time something else."""


@dataclass(frozen=True)
class Mood:
    """How it is with one function of one round. Seconds are counted from when it was first asked."""

    way: Way = Way.TELLS
    takes_s: float = 0.02
    ready_after_s: float = 0.0
    before: Way = Way.RETRY
    """What it does until it is ready."""


class Said(NamedTuple):
    """What it told: the frame's payload, or the message with what travels beside its signature."""

    at_ns: int
    data: bytes
    additional: bytes


class FdcClient(httpx.AsyncBaseTransport):
    """Moods by round and function. From `calm_from` on it is in the best one."""

    def __init__(self, clock: VirtualClock, attestations: Attestations, seed: int, *, calm: bool = False) -> None:
        self.calm_from = 0 if calm else 2**32
        self.moods: dict[tuple[int, str], Mood] = {}
        """Moods that are not drawn but given."""
        self.said: dict[tuple[int, str], list[Said]] = {}
        self.asked_ns: dict[tuple[int, str], int] = {}
        """When it was first asked."""
        self.counted: dict[str, int] = {}
        """How often each mood was met."""
        self._clock = clock
        self._attestations = attestations
        self._seed = seed

    def protocol(self) -> HttpSubProtocol:
        """What a process of ours asks it through."""
        return HttpSubProtocol(FDC, "http://fdc/fsp", transport=self)

    def mood(self, round_id: int, function: str) -> Mood:
        """How it is, asked for a function of a round."""
        given = self.moods.get((round_id, function))
        if given is not None or round_id >= self.calm_from:
            return given or Mood()
        return _drawn(Random(f"fdc {self._seed} {round_id} {function}"))

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Answer, or do not."""
        *_, function, number, _ = request.url.path.split("/")
        round_id, now_ns = int(number), self._clock.now_ns()
        mood, since_ns = self.mood(round_id, function), self.asked_ns.setdefault((round_id, function), now_ns)
        ready = now_ns - since_ns >= mood.ready_after_s * 1e9
        way = mood.way if ready else mood.before
        name = f"fdc {way}" if ready else "fdc late"
        self.counted[name] = self.counted.get(name, 0) + 1
        await asyncio.sleep(FOR_EVER_S if way is Way.HANGING else mood.takes_s)
        status, body = self._answer(way, round_id, function)
        return httpx.Response(status, stream=httpx.ByteStream(body))

    def _answer(self, way: Way, round_id: int, function: str) -> tuple[int, bytes]:
        chance = Random(f"fdc {self._seed} {round_id} {function} {self._clock.now_ns()}")
        match way:
            case Way.DOWN:
                raise httpx.ConnectError("refused")
            case Way.BUSY:
                return 503, b"busy"
            case Way.EMPTY | Way.RETRY:
                return 200, json.dumps({"status": way.value.upper()}).encode()
            case Way.GARBAGE:
                return 200, chance.choice(_GARBAGE)
            case Way.FOREIGN:
                return 200, _wire(chance.choice(self._foreign(round_id, function)), b"")
        told = self._told(round_id, function, chance.randbytes(2) if way is Way.FICKLE else b"")
        self.said.setdefault((round_id, function), []).append(told)
        data = told.data if function == "submitSignatures" else bytes(Frame(FDC, round_id, told.data))
        return 200, _wire(data, told.additional)

    def _told(self, round_id: int, function: str, otherwise: bytes) -> Said:
        now_ns, attested = self._clock.now_ns(), self._attestations
        others = self.said.get((round_id, function)) and otherwise
        if function == "submit1":
            return Said(now_ns, others or b"", b"")
        if function == "submit2":
            return Said(now_ns, attested.bit_vote(round_id, _US) + (others or b""), b"")
        message = attested.message(round_id)
        if others:
            message = ProtocolMessage(FDC, round_id, False, (others * 16)[:32])
        return Said(now_ns, message.encode(), attested.consensus(round_id))

    def _foreign(self, round_id: int, function: str) -> list[bytes]:
        if function == "submitSignatures":
            root = self._attestations.message(round_id).merkle_root
            message = ProtocolMessage(FDC, round_id, False, root).encode()
            wrong = (ProtocolMessage(FTSO, round_id, False, root), ProtocolMessage(FDC, round_id + 1, False, root))
            return [*(each.encode() for each in wrong), message[:-1], message + b"\0"]
        own, payload = Frame(FDC, round_id, b"\x01"), b"\x02" * 32
        wrong_frames = ([Frame(FTSO, round_id, payload)], [Frame(FDC, round_id - 1, payload)], [own, own])
        return [*map(encode_frames, wrong_frames), bytes(own)[:-1], bytes(Frame(FDC, round_id, bytes(4000)))]


_GARBAGE = (b"", b"<html>", b"null", b"[]", b'{"status":"OK","data":"0x1"}', b'{"status":1}', b"\xff", b"[" * 70_000)
_MEANWHILE = (Way.RETRY, Way.RETRY, Way.DOWN, Way.BUSY, Way.HANGING, Way.GARBAGE, Way.FOREIGN)
_OFTEN = {Way.TELLS: 12, Way.EMPTY: 2, Way.FICKLE: 3}


def _drawn(chance: Random) -> Mood:
    way = chance.choices(list(Way), [_OFTEN.get(each, 1) for each in Way])[0]
    takes_s = chance.choice([0.005, 0.02, 0.1, 0.4, 1.2, 1.8])
    late_s = chance.choice([0.0, 0.0, 0.0, 1.0, 4.0, 9.0, 17.0])
    return Mood(way, takes_s, late_s, chance.choice(_MEANWHILE))


def _wire(data: bytes, additional: bytes) -> bytes:
    return json.dumps({"status": "OK", "data": f"0x{data.hex()}", "additionalData": f"0x{additional.hex()}"}).encode()

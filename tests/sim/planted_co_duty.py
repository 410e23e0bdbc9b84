"""Mistakes with a data connector beside us, or with FIP.16 midway, and for each a round in which it shows."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any
from unittest.mock import patch

from msgspec import structs

from chrono.clock import SECOND_NS
from chrono.flare.abi import Malformed
from chrono.flare.frames import FDC, FTSO, SubmissionFunction, decode_frames
from chrono.flare.round.electorate import Electorate
from chrono.voting.actions import Fetched, FetchFrame
from chrono.voting.co_duties import CoDuties
from chrono.voting.courses import course_of
from chrono.voting.joining import Course, Joining
from chrono.voting.journal import Journal
from chrono.voting.plan import RoundPlan
from tests.sim.fdc_client import Mood, Way
from tests.sim.features import MIDWAY, Features
from tests.sim.house import House
from tests.sim.planted import Planted, Plot, a_calm_round, second_random

WITH_FDC = Features(attesting=(0, 1, 2), calm_connector=True)
WITH_FIP16 = Features(fip16_from=MIDWAY)

# What happens


def in_a_mood(function: str, mood: Mood, plot: Plot = a_calm_round) -> Plot:
    """The client is in this mood in the next round."""

    async def moody(house: House) -> int:
        assert house.fdc is not None
        house.fdc.moods[house.round.id + 1, function] = mood
        return await plot(house)

    return moody


def killed(after_s: float, away_s: float) -> Plot:
    """Killed so long after the reveal window began, and away for so long."""

    async def plot(house: House) -> int:
        round_id = house.round.id + 1
        await house.until(round_id + 1, after_s)
        house.kill(power=False)
        await asyncio.sleep(away_s)
        house.start()
        await house.until(round_id + 2)
        return round_id

    return plot


async def an_epoch_with_fip16(house: House) -> int:
    """The reward epoch begins from which FIP.16 is active."""
    timing = house.flare.network.timing
    turn = (house.round.id // timing.rounds_per_reward_epoch + 1) * timing.rounds_per_reward_epoch
    await house.until(turn + 3)
    return turn + 1


# What is planted


@contextmanager
def patience() -> Iterator[None]:
    """The reveal waits for a sub-protocol until it is all but too late, whether that is alive or not."""

    def patient(function: SubmissionFunction, plan: RoundPlan) -> Course:
        course = course_of(function, plan)
        return structs.replace(course, join_by_ns=course.expires_ns - 4 * SECOND_NS)

    with patch("chrono.voting.rounds.course_of", patient), patch.object(CoDuties, "_is_alive", lambda *_: True):
        yield


def forgotten_promise() -> AbstractContextManager[Any]:
    """That a bit vote left is not remembered: its signature is one that may be given up."""
    left = Journal.left

    def forgetful(self: Journal, round_id: int, function: SubmissionFunction, protocol_id: int) -> bool:
        return protocol_id == FTSO and left(self, round_id, function, protocol_id)

    return patch.object(Journal, "left", forgetful)


@contextmanager
def credulity() -> Iterator[None]:
    """Whatever a sub-protocol answers is taken for its own."""

    def believed(_: FetchFrame, fetched: Fetched) -> bytes | None:
        try:
            return decode_frames(fetched.data or b"")[-1].payload
        except (Malformed, IndexError):
            return fetched.data

    with (
        patch("chrono.voting.sub_protocols.check", lambda *_: None),
        patch("chrono.voting.co_duties.payload_of", believed),
    ):
        yield


def only_joined() -> AbstractContextManager[Any]:
    """What comes too late for our call goes in none."""
    keep: Callable[..., Any] = Joining._keep

    def joined(self: Joining, intent_id: str, *rest: Any, **named: Any) -> Any:
        return None if intent_id.endswith(f"/{FDC}") else keep(self, intent_id, *rest, **named)

    return patch.object(Joining, "_keep", joined)


def never_joined() -> AbstractContextManager[Any]:
    """Each protocol goes in a call of its own, and pays for it."""
    return patch.object(Joining, "_fitting", lambda self, protocols: [FTSO])


def old_weights() -> AbstractContextManager[Any]:
    """FIP.16 is overlooked."""
    return patch("chrono.voting.electorates.Electorate", lambda **named: Electorate(**named | {"fip16": False}))


CO_DUTY = (
    Planted("patience", patience, in_a_mood("submit2", Mood(Way.HANGING)), "the reveal left at", WITH_FDC),
    Planted(
        "forgotten promise",
        forgotten_promise,
        in_a_mood("submitSignatures", Mood(ready_after_s=17.0), killed(56.0, 0.1)),
        "submitSignatures of protocol 200",
        WITH_FDC,
    ),
    Planted(
        "second bit vote",
        second_random,
        in_a_mood("submit2", Mood(Way.FICKLE), killed(17.5, 0.1)),
        "different payloads of 9d00c9fd, protocol 200",
        WITH_FDC,
    ),
    Planted(
        "second attestation",
        second_random,
        in_a_mood("submitSignatures", Mood(Way.FICKLE), killed(51.0, 0.1)),
        "different payloads of 57eed580, protocol 200",
        WITH_FDC,
    ),
    Planted("credulity", credulity, in_a_mood("submit2", Mood(Way.FOREIGN)), "what its client never told", WITH_FDC),
    Planted(
        "only joined",
        only_joined,
        in_a_mood("submit2", Mood(ready_after_s=6.0)),
        "submit2 of protocol 200 was told",
        WITH_FDC,
    ),
    Planted("never joined", never_joined, a_calm_round, "is not one transaction", WITH_FDC),
    Planted("old weights", old_weights, an_epoch_with_fip16, "no signature in time", WITH_FIP16),
)

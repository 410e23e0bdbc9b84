"""The end of a process that votes: nothing new is begun, and what is owed is done before anything is closed."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import structlog

from chrono.provider.voter import Voter
from chrono.voting.judging import Owed

OWED_S: Final = 145.0
"""From a commit to its signature: the rest of an epoch, the reveal window, and some seconds to be mined in."""

log = structlog.get_logger()


class Stopping:
    """Asked once, the process ends when nothing is owed any more; asked twice, it ends at once."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.asked_twice = asyncio.Event()

    def ask(self) -> None:
        """A signal came, or a part without which there is no going on fell."""
        (self.asked_twice if self.asked.is_set() else self.asked).set()


async def drain(voter: Voter | None, stopping: Stopping) -> None:
    """Return when the voter owes nothing any more, after OWED_S, or when somebody is in a hurry; say what is lost."""
    if voter is None:
        return
    owed = await voter.owed()
    log.info("draining", owed=_told(owed), at_most_s=OWED_S)
    draining = asyncio.create_task(voter.drain(OWED_S))
    hurried = asyncio.create_task(stopping.asked_twice.wait())
    await asyncio.wait((draining, hurried), return_when=asyncio.FIRST_COMPLETED)
    lost = draining.result() if draining.done() else await voter.owed()
    for task in (draining, hurried):
        task.cancel()
    if lost:
        log.error("left_undone", owed=_told(lost), remedy="start Chrono again before their deadlines")


@asynccontextmanager
async def owing(voter: Voter | None, stopping: Stopping) -> AsyncIterator[None]:
    """Whatever else of the process fails in here, it does not end before the voter has done what it owes."""
    try:
        yield
    except Exception:
        await drain(voter, stopping)
        raise


def _told(owed: list[Owed]) -> list[str]:
    return [f"round {each.round_id}: {each.function.name.lower()} of protocol {each.protocol_id}" for each in owed]

"""Counts the rounds in which the FDC rewarded anyone, and us, as their windows end.

Only what is read for the votes is looked at: the transactions of the last rounds. So a start counts some twenty rounds
back, and takes what lies before from what was kept. One round is looked at after another, with a rest between them,
since the rounds that run live in the same loop.
"""

from collections.abc import Iterator
from typing import Final

import structlog

from chrono.chain.ledger import KEPT_ROUNDS
from chrono.clock import SECOND_NS
from chrono.errors import STEP_FAILED
from chrono.flare.address import Address
from chrono.flare.epochs import VotingRound
from chrono.flare.frames import FDC
from chrono.provider.chain_side import ChainSide
from chrono.provider.fdc_file import FdcFile
from chrono.voting.budget import HitTally
from chrono.voting.budget_fdc_rounds import RoundTraffic, fdc_rewards

LOOK_S: Final = 15.0
REST_S: Final = 0.2

log = structlog.get_logger()


class FdcCounting:
    """Tells a tally. `run` is a supervised part."""

    def __init__(self, chain: ChainSide, identity: Address, tally: HitTally, kept: FdcFile | None = None) -> None:
        """`kept` is where the counts outlive the process."""
        self._chain = chain
        self._identity = identity
        self._tally = tally
        self._kept = kept
        self._left_out: set[int] = set()
        """Rounds that cannot be counted for a fault of ours."""

    async def run(self) -> None:
        """Count rounds as they end, for ever."""
        self._remember()
        while True:
            counted = False
            for voting_round in list(self._due()):
                try:
                    counted = self.count(voting_round) or counted
                except LookupError as error:
                    log.debug("fdc_round_uncounted", round=voting_round.id, cause=str(error))
                except Exception:  # what is only counted may stop nothing: this round stays uncounted
                    self._left_out.add(voting_round.id)
                    log.exception("fdc_round_uncounted", round=voting_round.id, reason=STEP_FAILED.code)
                await self._chain.clock.sleep(REST_S)
            if counted and self._kept is not None:
                self._kept.save(self._tally.rounds(FDC))
            await self._chain.clock.sleep(min(LOOK_S, self._chain.network.timing.epoch_s / 3))

    def count(self, voting_round: VotingRound) -> bool:
        """Count one round, if it is ours; whether it is. Raises: LookupError: its reward epoch is not known enough."""
        book, contracts = self._chain.book, self._chain.contracts
        facts = book.of_round(voting_round.id)
        if facts is None or facts.membership(self._identity) is None:
            return False
        rewards = fdc_rewards(
            RoundTraffic(
                round=voting_round,
                transactions=self._chain.indexer.ledger.transactions,
                submission=self._chain.submission,
                relays=frozenset(contracts.addresses(("Relay",))),
                finalised=book.finalised(FDC, voting_round.id),
            ),
            facts,
        )
        self._tally.count(
            facts.reward_epoch_id,
            voting_round.id,
            hits=int(rewards.rewards(self._identity)),
            values=int(bool(rewards.paid)),
            protocol_id=FDC,
        )
        return True

    def _remember(self) -> None:
        """Take what was counted before the process began; what it counted itself holds."""
        for each in () if self._kept is None else self._kept.load():
            if not self._tally.holds(each.reward_epoch_id, each.round_id, FDC):
                self._tally.count(
                    each.reward_epoch_id, each.round_id, hits=each.hits, values=each.values, protocol_id=FDC
                )

    def _due(self) -> Iterator[VotingRound]:
        """Rounds of ours that are over and read, and not counted yet, the oldest first."""
        chain = self._chain
        if not chain.indexer.ready:
            return
        timing = chain.network.timing
        now = timing.round_at(chain.clock.now_ns()).id
        for round_id in range(max(now - KEPT_ROUNDS, 0), now - 1):
            voting_round = VotingRound(round_id, timing)
            epoch = chain.book.reward_epoch_of(round_id)
            if epoch is None or round_id in self._left_out or self._tally.holds(epoch, round_id, FDC):
                continue
            began_s = voting_round.commit_window.end_ns // SECOND_NS
            ended_s = voting_round.signature_window.end_ns // SECOND_NS
            if chain.indexer.reads_from(began_s) and chain.indexer.covers(ended_s):
                yield voting_round

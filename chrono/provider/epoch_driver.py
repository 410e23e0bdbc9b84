"""Drives the duties of the reward epochs: each as a task of its own, so that a slow one holds up no other.

Restartable: what is done stands on the chain, and the attempts of the lanes outlive a crash, so a duty that was under
way goes on with the same transaction.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Protocol

import structlog
from msgspec import Struct

from chrono.chain.entities import Tried
from chrono.chain.fees import FeeCaps
from chrono.chain.intents import Ending, Intent
from chrono.chain.pool import Pool
from chrono.chain.registry import Contracts
from chrono.clock import Clock
from chrono.errors import REWARD_DATA_ABSENT, STEP_FAILED, TRANSACTION_REVERTED, ChronoError
from chrono.flare.address import Address
from chrono.flare.networks import Network
from chrono.flare.reverts import revert_of
from chrono.provider.epoch_steps import GAS, EpochSteps, PolicySigner, Prepared
from chrono.provider.reward_data import RewardSource
from chrono.published.signing import Bounds, rewards_to_sign
from chrono.voting.epoch_duties import EpochDuties
from chrono.voting.epoch_words import (
    Action,
    Answer,
    Ask,
    DutyReport,
    DutyRules,
    EpochDuty,
    Failed,
    Fetch,
    Fetched,
    Included,
    Reverted,
    Send,
)
from chrono.voting.epochs import EpochBook

log = structlog.get_logger()


class PolicySender(Protocol):
    """The transactions of one policy key. Fits: chain.sender.Sender."""

    def submit(self, intent: Intent) -> "asyncio.Future[Ending]":
        """Bring the intent into a block; the answer comes when it ended."""
        ...


class PolicyKey(Struct, frozen=True):
    """A signing-policy key: what signs with it, and what sends from its account."""

    signer: PolicySigner
    sender: PolicySender


class EpochDriver:
    """The duties of one entity. `keys` are its policy keys, the newest first: old ones serve for their epochs.

    `book` is told elsewhere: call `wake` when it changed. Everything is called from one loop.
    """

    def __init__(
        self,
        *,
        network: Network,
        identity: Address,
        keys: Sequence[PolicyKey],
        book: EpochBook,
        pool: Pool,
        contracts: Callable[[], Contracts],
        clock: Clock,
        caps: FeeCaps,
        rewards: RewardSource | None = None,
        bounds: Bounds | None = None,
        rules: DutyRules | None = None,
    ) -> None:
        self._network = network
        self._identity = identity
        self._senders = {key.signer.address: key.sender for key in keys}
        self._book = book
        self._clock = clock
        self._caps = caps
        self._rewards = rewards
        self._bounds = bounds
        self._rules = rules or DutyRules.of(network.timing)
        self._steps = EpochSteps(
            network=network,
            identity=identity,
            signers=[key.signer for key in keys],
            pool=pool,
            contracts=contracts,
        )
        self._wake = asyncio.Event()
        self._duties = self._fresh()

    def wake(self) -> None:
        """The book changed: look again."""
        self._wake.set()

    def reports(self) -> tuple[DutyReport, ...]:
        """How each duty stands."""
        return self._duties.reports()

    async def run(self) -> None:
        """Do what is due, for ever. Begin when the history has been read."""
        self._duties = self._fresh()
        async with asyncio.TaskGroup() as group:
            while True:
                self._wake.clear()
                for action in self._duties.due(self._clock.now_ns()):
                    group.create_task(self._do(action))
                await self._rest(self._duties.next_ns(self._clock.now_ns()))

    def _fresh(self) -> EpochDuties:
        return EpochDuties(self._identity, self._book, self._rules, signs_rewards=self._rewards is not None)

    async def _do(self, action: Action) -> None:
        try:
            answer = await self._answer(action)
        except ChronoError as error:
            answer = Failed(error.reason, {name: str(value) for name, value in error.facts.items()})
        except Exception:  # a fault of ours in one duty may cost no other one, least of all a registration
            log.exception("step_failed", step=f"{type(action).__name__} {action.duty}", reason=STEP_FAILED.code)
            answer = Failed(STEP_FAILED)
        self._duties.answered(action, answer, self._clock.now_ns())
        self._wake.set()

    async def _answer(self, action: Action) -> Answer:
        match action:
            case Ask(duty):
                return await self._steps.ask(duty)
            case Fetch(duty):
                return await self._fetch(duty)
            case Send():
                return await self._send(action)

    async def _fetch(self, duty: EpochDuty) -> Answer:
        if self._rewards is None:
            raise ChronoError(REWARD_DATA_ABSENT, reward_epoch=duty.reward_epoch_id)
        epoch = await self._rewards.fetch(duty.reward_epoch_id)
        found = rewards_to_sign(
            epoch,
            network=self._network,
            reward_epoch_id=duty.reward_epoch_id,
            identity=self._identity,
            bounds=self._bounds,
        )
        return Fetched(found)

    async def _send(self, send: Send) -> Answer:
        prepared = await self._steps.prepare(send)
        if prepared.tried.said is not None and prepared.tried.confirmed:
            return _refusal(prepared.tried, in_block=False)
        log.info("epoch_duty_sent", duty=send.duty.kind.value, reward_epoch=send.duty.reward_epoch_id)
        # Shielded: the lane goes on with the transaction when this task ends.
        ending = await asyncio.shield(self._senders[prepared.signer].submit(self._intent(send, prepared)))
        if ending.reason is None:
            return Included()
        if ending.reason is TRANSACTION_REVERTED:
            return _refusal(await self._steps.again(prepared), in_block=True)
        return Failed(ending.reason)

    def _intent(self, send: Send, prepared: Prepared) -> Intent:
        now_ns = self._clock.now_ns()
        return Intent(
            id=send.duty.intent_id(self._network.name, send.number),
            role=send.duty.kind.value,
            to=prepared.to,
            data=prepared.data,
            gas=GAS[send.duty.kind],
            caps=self._caps,
            send_until_ns=now_ns + self._rules.send_for_ns,
            expires_ns=now_ns + self._rules.send_for_ns + self._rules.retry_ns,
        )

    async def _rest(self, until_ns: int | None) -> None:
        """Until then, or until something changed."""
        waiting: list[asyncio.Task[object]] = [asyncio.create_task(self._wake.wait())]
        if until_ns is not None:
            waiting.append(asyncio.create_task(self._clock.sleep_until(until_ns)))
        try:
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in waiting:
                task.cancel()


def _refusal(found: Tried, *, in_block: bool) -> Reverted:
    said = found.said or "it gave no reason, and would go through now"
    return Reverted(said, revert_of(said), in_block)

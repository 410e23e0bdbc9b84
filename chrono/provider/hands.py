"""Does what a round asks for, and answers: takes values, asks protocols, signs, and brings transactions into blocks.

Whatever goes wrong is an answer with its reason; the round decides what to make of it.
"""

import asyncio
from collections.abc import Mapping
from typing import Final

import structlog

from chrono.chain.answers import Receipt
from chrono.chain.intents import Intent
from chrono.chain.ports import NodePort
from chrono.errors import (
    DRY_RUN,
    EPOCH_UNKNOWN,
    HISTORY_BEHIND,
    NODE_REFUSED,
    SIGNER_CONFLICT,
    STEP_FAILED,
    ChronoError,
    Reason,
)
from chrono.flare.epochs import VotingRound
from chrono.flare.feed_values import feed_values
from chrono.flare.frames import SubmissionFunction
from chrono.provider.chain_side import ChainSide
from chrono.provider.senders import Senders
from chrono.provider.setup import ProviderSetup, gas_for
from chrono.provider.telling import Teller
from chrono.voting.actions import (
    Action,
    Answer,
    End,
    Fetched,
    FetchFrame,
    Finalise,
    Inclusion,
    Settle,
    Settled,
    Signed,
    SignResult,
    Submit,
    Submitted,
    TakeValues,
    Values,
)
from chrono.voting.membership import Membership
from chrono.voting.reports import SentPhase

PHASES: Final[Mapping[SubmissionFunction, SentPhase]] = {
    SubmissionFunction.SUBMIT1: SentPhase.SUBMIT1,
    SubmissionFunction.SUBMIT2: SentPhase.SUBMIT2,
    SubmissionFunction.SUBMIT_SIGNATURES: SentPhase.SUBMIT_SIGNATURES,
}

log = structlog.get_logger()


class Hands:
    """What a round has done for it. `senders` is None in a dry run: nothing is signed, nothing leaves."""

    def __init__(
        self,
        setup: ProviderSetup,
        chain: ChainSide,
        senders: Senders | None,
        teller: Teller,
    ) -> None:
        self._setup = setup
        self._chain = chain
        self._senders = senders
        self._protocols = {each.protocol_id: each for each in setup.protocols}
        self._teller = teller
        self._failing: dict[str, Reason] = {}
        self.conflicts = 0
        """How often a second, different result of a round was refused."""

    async def do(self, action: Action, membership: Membership | None) -> Answer | None:
        """Do it, and say how it went; None for what has no answer. Never raises but when it is cancelled."""
        try:
            answer = await self._do(action, membership)
        except ChronoError as error:
            self.conflicts += error.reason is SIGNER_CONFLICT
            self._tell(type(action).__name__, error)
            return _failed(action, error)
        except Exception:  # a fault of ours in one step may not stop the others, least of all a reveal
            log.exception("step_failed", step=type(action).__name__, reason=STEP_FAILED.code)
            return _failed(action, ChronoError(STEP_FAILED))
        self._failing.pop(type(action).__name__, None)
        return answer

    def _tell(self, step: str, error: ChronoError) -> None:
        """A step that is tried each second in vain is told once."""
        told = log.debug if self._failing.get(step) is error.reason else log.warning
        self._failing[step] = error.reason
        told("step_failed", step=step, reason=error.reason.code, cause=str(error))

    async def _do(self, action: Action, membership: Membership | None) -> Answer | None:
        match action:
            case TakeValues():
                return self.take(action)
            case FetchFrame():
                return await self._fetch(action)
            case Submit():
                return await self._bring(action, PHASES[action.function])
            case Finalise():
                return await self._bring(action, SentPhase.RELAY)
            case Settle(round_id):
                return self._settle(VotingRound(round_id, self._chain.network.timing))
            case SignResult():
                return self._sign(action, membership)
            case End():
                return None

    def take(self, action: TakeValues) -> Values:
        """Our value of each feed, as the market stands now."""
        prices = self._setup.values([feed.id for feed in action.feeds])
        values = feed_values(prices, [feed.decimals for feed in action.feeds])
        return Values(tuple(values), at_ns=self._chain.clock.now_ns())

    async def _fetch(self, action: FetchFrame) -> Fetched:
        return await self._protocols[action.protocol_id].fetch(action.function, action.round_id, action.sender)

    def _settle(self, voting_round: VotingRound) -> Settled:
        if not self._chain.reveals_read(voting_round):
            return Settled(reason=HISTORY_BEHIND)
        try:
            return Settled(self._chain.outcome(voting_round))
        except LookupError:
            return Settled(reason=EPOCH_UNKNOWN)

    def _sign(self, action: SignResult, membership: Membership | None) -> Signed:
        if self._senders is None:
            return Signed(reason=DRY_RUN)
        if membership is None:
            return Signed(reason=EPOCH_UNKNOWN)
        return Signed(self._senders.signer(membership.signing_policy).sign_digest(action.message))

    async def _bring(self, action: Submit | Finalise, phase: SentPhase) -> Submitted:
        """Have a transaction mined. In a dry run nothing leaves, and everything else is as it would be."""
        self._teller.wanted(action, phase)
        if self._senders is None:
            return Submitted(reason=DRY_RUN)
        sender = self._senders.sender(action.sender)
        intent = self._intent(action, phase)
        if isinstance(action, Finalise) and action.dry_run and not await self._rehearsed(intent, action):
            return Submitted(reason=NODE_REFUSED)
        # Shielded: the lane goes on with the transaction when this task ends.
        ending = await asyncio.shield(sender.submit(intent))
        block_time_s = await self._block_time(ending.receipt)
        self._teller.ended(action.intent_id, ending, block_time_s)
        if ending.receipt is None or block_time_s is None:
            return Submitted(reason=ending.reason)
        found = Inclusion(ending.receipt.hash, ending.receipt.block_number, block_time_s)
        return Submitted(found, ending.reason)

    def _intent(self, action: Submit | Finalise, phase: SentPhase) -> Intent:
        contract = "Relay" if isinstance(action, Finalise) else "Submission"
        return Intent(
            id=action.intent_id,
            role=phase.value,
            to=self._chain.contracts.address(contract),
            data=action.data,
            gas=gas_for(phase, len(action.data)),
            caps=self._setup.rules.spending.caps(phase),
            send_until_ns=action.send_until_ns,
            expires_ns=action.expires_ns,
            owed=isinstance(action, Submit) and action.owed,
        )

    async def _rehearsed(self, intent: Intent, action: Finalise) -> bool:
        """Whether the call would succeed. Mostly somebody else was faster, and it would not."""

        async def call(node: NodePort) -> bytes:
            return await node.call(intent.to, intent.data, action.sender)

        try:
            await self._chain.pool.ask(call)
        except ChronoError as error:
            if error.reason is not NODE_REFUSED:
                raise
            log.info("not_relayed", round=action.message.voting_round_id, said=str(error.facts.get("said", ""))[:80])
            return False
        return True

    async def _block_time(self, receipt: Receipt | None) -> int | None:
        """The time of the block that holds it, as two nodes say; asked until they do, for the round depends on it."""
        if receipt is None:
            return None

        while True:
            try:
                head = await self._chain.pool.agreed(lambda node: node.header(receipt.block_number))
            except ChronoError as error:
                log.warning("block_time_unknown", block=receipt.block_number, cause=error.reason.code)
                await self._chain.clock.sleep(self._setup.rules.look_s)
                continue
            return head.time_s


def _failed(action: Action, error: ChronoError) -> Answer | None:
    reason = error.reason
    match action:
        case TakeValues():
            return Values((), reason=reason)
        case FetchFrame():
            return Fetched(ready=False, reason=reason)
        case Settle():
            return Settled(reason=reason)
        case SignResult():
            return Signed(reason=reason)
        case Submit() | Finalise():
            return Submitted(reason=reason)
        case End():
            return None

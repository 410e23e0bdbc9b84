"""Drives one lane: asks the nodes, has transactions signed and kept, sends them, and says how each intent ended."""

import asyncio
from typing import Final

import structlog

from chrono.chain.fees import FeeRules, HourlyBudget
from chrono.chain.intents import Ending, Intent, Keep, LaneRules, Look, Rest, Send, Sign, View
from chrono.chain.lanes import Lane
from chrono.chain.pool import Pool
from chrono.chain.ports import AttemptLog, Signer
from chrono.chain.verdicts import best_of
from chrono.clock import SECOND_NS, Clock
from chrono.errors import ChronoError, Reason
from chrono.flare.address import Address
from chrono.telemetry import TX_ATTEMPTS, TX_FEE, TX_INCLUSION, TX_NONCE_GAP

IN_BLOCK: Final = "in_block"

log = structlog.get_logger()


class Sender:
    """The transactions of one key. `run` is a supervised part; after a crash it goes on with what it has.

    `role` names the key in metrics. Everything is called from one loop.
    """

    def __init__(
        self,
        role: str,
        chain_id: int,
        *,
        pool: Pool,
        signer: Signer,
        attempts: AttemptLog,
        clock: Clock,
        budget: HourlyBudget,
        fees: FeeRules | None = None,
        rules: LaneRules | None = None,
    ) -> None:
        self._role = role
        self._pool = pool
        self._signer = signer
        self._attempts = attempts
        self._clock = clock
        self._wake = asyncio.Event()
        self._awaited: dict[str, asyncio.Future[Ending]] = {}
        self._first_sent_ns: dict[str, int] = {}
        self._unknown: Reason | None = None
        """Why the next nonce was not told when it was asked for last."""
        self._lane = Lane(
            signer.address,
            chain_id,
            rules=rules or LaneRules(),
            fees=fees or FeeRules(),
            budget=budget,
            kept=attempts.kept(signer.address, chain_id),
            expected=attempts.next_nonce(signer.address, chain_id),
        )

    @property
    def address(self) -> Address:
        """The account that it sends from."""
        return self._signer.address

    @property
    def taken(self) -> int:
        """How many nonces somebody else used: more than none means that the key is used elsewhere."""
        return self._lane.taken

    @property
    def settled_below(self) -> int | None:
        """All lower nonces are used, and it is known by what: their attempts may be forgotten. None: not known yet."""
        return self._lane.settled_below

    def submit(self, intent: Intent) -> "asyncio.Future[Ending]":
        """Bring the intent into a block; the answer comes when it ended. The same intent again has the same answer.

        Raises: ChronoError(INTENT_CHANGED) for another payload of the same duty.
        """
        self._lane.want(intent)
        if intent.id not in self._awaited:
            self._awaited[intent.id] = asyncio.get_running_loop().create_future()
        self._wake.set()
        return self._awaited[intent.id]

    async def run(self) -> None:
        """Do what the lane says, for ever."""
        while True:
            await self._once()

    async def _once(self) -> None:
        now_ns = self._clock.now_ns()
        self._wake.clear()
        step = self._lane.step(now_ns)
        self._tell()  # what expired: the rest that follows may be long
        match step:
            case Look(hashes):
                view = await self._view(hashes)
                self._lane.looked(view, self._clock.now_ns())
                TX_NONCE_GAP.labels(self._role).set(self._lane.gap)
            case Sign():
                self._sign(step)
            case Keep():
                await self._keep(step)
            case Send():
                await self._send(step)
            case Rest(until_ns):
                await self._rest(until_ns)
        self._tell()

    async def _view(self, hashes: tuple[bytes, ...]) -> View:
        account = self._signer.address
        (nonce, base_fees, balances), fates = await asyncio.gather(
            asyncio.gather(
                self._nonce(account),
                self._pool.answers(lambda node: node.base_fee(), self._pool.witnesses),
                self._pool.answers(lambda node: node.balance(account), self._pool.witnesses),
            ),
            asyncio.gather(*(self._pool.fate(each) for each in hashes)),
        )
        fees = sorted(fee for fee in base_fees.values() if fee is not None)
        return View(
            nonce=nonce,
            head_number=self._pool.head.number if self._pool.head else None,
            base_fee_wei=fees[len(fees) // 2] if fees else None,  # a single liar is never in the middle of three
            balance_wei=max(balances.values(), default=None),  # one that says too little must not stop us
            receipts={each.receipt.hash: each.receipt for each in fates if each.receipt is not None},
            absent=frozenset(each for each, fate in zip(hashes, fates, strict=True) if fate.absent),
        )

    async def _nonce(self, account: Address) -> int | None:
        before, self._unknown = self._unknown, None
        try:
            return await self._pool.nonce(account)
        except ChronoError as error:
            self._unknown = error.reason
            if error.reason is not before:  # once for each cause: it is asked again each second
                log.warning("nonce_unknown", role=self._role, cause=error.reason.code)
            return None

    def _sign(self, step: Sign) -> None:
        try:
            signed = self._signer.sign(step.transaction)
        except ChronoError as error:
            log.error("not_signed", role=self._role, intent=step.intent.id, cause=str(error))  # noqa: TRY400
            self._count(step.intent, error.reason.code)
            self._lane.not_signed(error.reason)
            return
        self._lane.signed(signed, self._clock.now_ns())

    async def _keep(self, step: Keep) -> None:
        try:
            await self._attempts.keep(step.attempt)
        except ChronoError as error:
            self._lane.not_kept(error.reason, self._clock.now_ns())
            return
        self._lane.kept(self._clock.now_ns())

    async def _send(self, step: Send) -> None:
        self._first_sent_ns.setdefault(step.intent.id, self._clock.monotonic_ns())
        verdicts = await self._pool.broadcast(step.attempt.signed.raw)
        self._count(step.intent, best_of(verdicts.values()).value)
        self._lane.sent(verdicts, self._clock.now_ns())

    async def _rest(self, until_ns: int | None) -> None:
        """Until then, or until something new is wanted."""
        waiting: list[asyncio.Task[object]] = [asyncio.create_task(self._wake.wait())]
        if until_ns is not None:
            left_s = max(until_ns - self._clock.now_ns(), 0) / SECOND_NS
            waiting.append(asyncio.create_task(self._clock.sleep_until(until_ns)))
            waiting.append(asyncio.create_task(self._clock.sleep(left_s)))  # no longer, if time is set back meanwhile
        try:
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in waiting:
                task.cancel()

    def _tell(self) -> None:
        for ending in self._lane.endings():
            self._measure(ending)
            awaited = self._awaited.pop(ending.intent.id, None)
            if awaited is not None and not awaited.done():
                awaited.set_result(ending)

    def _measure(self, ending: Ending) -> None:
        self._count(ending.intent, IN_BLOCK if ending.reason is None else ending.reason.code)
        first_ns = self._first_sent_ns.pop(ending.intent.id, None)
        if ending.receipt is not None:
            TX_FEE.labels(ending.intent.role).inc(ending.receipt.cost_wei)
        if ending.reason is None and first_ns is not None:
            TX_INCLUSION.observe((self._clock.monotonic_ns() - first_ns) / SECOND_NS)
        told = log.info if ending.reason is None else log.warning
        told(
            "transaction_ended",
            intent=ending.intent.id,
            reason=None if ending.reason is None else ending.reason.code,
            attempts=ending.attempts,
            block=None if ending.receipt is None else ending.receipt.block_number,
        )

    def _count(self, intent: Intent, outcome: str) -> None:
        TX_ATTEMPTS.labels(intent.role, outcome).inc()

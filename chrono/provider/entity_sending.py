"""Sends the calls that give an entity its addresses: by hand, once, and not before the accounts can pay for them."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from typing import Final

import structlog
from msgspec import Struct
from msgspec.structs import replace

from chrono.chain.entities import tried
from chrono.chain.fees import Fee, FeeCaps, HourlyBudget, fee_for
from chrono.chain.intents import Ending, Intent, LaneRules
from chrono.chain.pool import Pool
from chrono.chain.ports import Signer
from chrono.chain.sender import Sender
from chrono.clock import SECOND_NS, Clock
from chrono.errors import TRANSACTION_REVERTED, ChronoError
from chrono.flare.address import Address
from chrono.flare.networks import Network
from chrono.provider.attempts import MemoryAttempts
from chrono.provider.entity_setup import USED, EntityCall
from chrono.provider.setup import ProviderRules

log = structlog.get_logger()

PATIENCE_NS: Final = 90 * SECOND_NS
"""How long a transaction is pursued."""

PRESS_NS: Final = 240 * SECOND_NS
"""How long somebody may take to press."""


class Cost(Struct, frozen=True):
    """What a call costs, in wei: about, and at most at the fee that it begins with."""

    about_wei: int
    most_wei: int


class Offer(Struct, frozen=True):
    """What is asked for gas now, and what the senders hold. A balance is None where too few nodes tell it."""

    base_fee_wei: int | None
    fee: Fee
    balances: Mapping[Address, int | None]

    def cost(self, call: EntityCall) -> Cost:
        """What a call comes to."""
        tip, most = self.fee.max_priority_fee_wei, self.fee.max_fee_wei
        price_wei = min((self.base_fee_wei or most) + tip, most)
        return Cost(USED[call.act] * price_wei, call.gas * most)

    def missing(self, calls: Sequence[EntityCall]) -> dict[Address, int]:
        """What each sender lacks to pay for all its calls at most."""
        needed: dict[Address, int] = {}
        for call in calls:
            needed[call.sender] = needed.get(call.sender, 0) + self.cost(call).most_wei
        found = {sender: wei - (self.balances.get(sender) or 0) for sender, wei in needed.items()}
        known = {sender for sender in needed if self.balances.get(sender) is not None}
        return {sender: wei for sender, wei in found.items() if wei > 0 and sender in known}


class Sent(Struct, frozen=True, kw_only=True):
    """How a call ended. `ending` is None when it was not sent, since one before it was not."""

    call: EntityCall
    ending: Ending | None
    said: str | None = None
    """The contract's words, where it was reverted."""


class Hand:
    """Sends on one chain."""

    def __init__(self, network: Network, pool: Pool, clock: Clock, rules: ProviderRules) -> None:
        self._network = network
        self._pool = pool
        self._clock = clock
        self._rules = rules

    async def offer(self, calls: Sequence[EntityCall]) -> Offer:
        """What the calls cost now, and what there is to pay them with."""
        told = await self._pool.answers(lambda node: node.base_fee(), self._pool.witnesses)
        fees = sorted(fee for fee in told.values() if fee is not None)
        base_fee_wei = fees[len(fees) // 2] if fees else None
        balances = {sender: await self._balance(sender) for sender in dict.fromkeys(call.sender for call in calls)}
        return Offer(base_fee_wei, fee_for(base_fee_wei, 0, self._rules.fees), balances)

    async def send(
        self, calls: Sequence[EntityCall], signers: Mapping[Address, Signer], pressed: Collection[Address] = ()
    ) -> list[Sent]:
        """Bring the calls into blocks, and say how each ended.

        The accounts that are `pressed` for come last, call by call: a person signs these, and the loop waits.
        Raises: KeyError for a sender without a signer.
        """
        by_sender: dict[Address, list[EntityCall]] = {}
        for call in calls:
            by_sender.setdefault(call.sender, []).append(call)
        found: dict[EntityCall, Sent] = {}
        async with asyncio.TaskGroup() as group:
            watching = group.create_task(self._pool.run())
            at_once = [each for sender, each in by_sender.items() if sender not in pressed]
            sent = await asyncio.gather(*(self._at_once(signers[each[0].sender], each) for each in at_once))
            for sender in by_sender.keys() & set(pressed):
                sent.append(await self._one_by_one(signers[sender], by_sender[sender]))
            watching.cancel()
        for each in sent:
            found |= {one.call: one for one in each}
        return [found[call] for call in calls]

    async def _at_once(self, signer: Signer, calls: Sequence[EntityCall]) -> list[Sent]:
        sender = self._sender(signer, self._rules.lanes)
        async with asyncio.TaskGroup() as group:
            running = group.create_task(sender.run())
            endings = await asyncio.gather(*(sender.submit(self._intent(call, PATIENCE_NS)) for call in calls))
            running.cancel()
        return [await self._told(call, ending) for call, ending in zip(calls, endings, strict=True)]

    async def _one_by_one(self, signer: Signer, calls: Sequence[EntityCall]) -> list[Sent]:
        """Whoever declines one is not asked for the next."""
        # Each raise of a fee asks for another press: so there is none.
        sender = self._sender(signer, replace(self._rules.lanes, bump_ns=PATIENCE_NS))
        found: list[Sent] = []
        async with asyncio.TaskGroup() as group:
            running = group.create_task(sender.run())
            for call in calls:
                failed = found and (found[-1].ending is None or found[-1].ending.reason is not None)
                ending = None if failed else await sender.submit(self._intent(call, PATIENCE_NS + PRESS_NS))
                found.append(Sent(call=call, ending=None) if ending is None else await self._told(call, ending))
            running.cancel()
        return found

    async def _told(self, call: EntityCall, ending: Ending) -> Sent:
        said = await self._said(call) if ending.reason is TRANSACTION_REVERTED else None
        return Sent(call=call, ending=ending, said=said)

    async def _said(self, call: EntityCall) -> str | None:
        """Why the contract refuses the call now; None where no node tells it."""
        try:
            return (await tried(self._pool, call.to, call.data, call.sender)).said
        except ChronoError as error:
            log.warning("refusal_unknown", function=call.function, cause=error.reason.code)
            return None

    def _sender(self, signer: Signer, lanes: LaneRules) -> Sender:
        return Sender(
            "entity",
            self._network.chain_id,
            pool=self._pool,
            signer=signer,
            attempts=MemoryAttempts(),
            clock=self._clock,
            budget=HourlyBudget(self._rules.spending.hour_wei),
            fees=self._rules.fees,
            rules=lanes,
        )

    def _intent(self, call: EntityCall, patience_ns: int) -> Intent:
        now_ns, most_wei = self._clock.now_ns(), self._rules.spending.relay_wei
        return Intent(
            id=call.intent_id(self._network.name),
            role=call.function,
            to=call.to,
            data=call.data,
            gas=call.gas,
            # Half the gas more, when a transaction ran out of it, must still fit.
            caps=FeeCaps(most_fee_wei=most_wei, most_cost_wei=most_wei * call.gas * 3 // 2),
            send_until_ns=now_ns + patience_ns * 2 // 3,
            expires_ns=now_ns + patience_ns,
        )

    async def _balance(self, account: Address) -> int | None:
        told = await self._pool.answers(lambda node: node.balance(account), self._pool.witnesses)
        return sorted(told.values())[(len(told) - 1) // 2] if len(told) >= self._pool.witnesses else None

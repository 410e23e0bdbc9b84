"""Registration by hand: what could be sent now for the next reward epoch, what it would come to, and sending it once.

The running provider does all this by itself; this is for the first time, and for the hour in which something is wrong.
"""

import asyncio
from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from chrono.chain.fees import HourlyBudget
from chrono.chain.intents import Ending, Intent
from chrono.chain.pool import Pool
from chrono.chain.registry import Contracts
from chrono.chain.sender import Sender
from chrono.clock import SECOND_NS, Clock
from chrono.flare.address import Address
from chrono.flare.networks import Network
from chrono.keys.guards import Place, signing_policy_policy
from chrono.keys.policy import Policy
from chrono.keys.secret_key import SecretKey
from chrono.keys.signer import Signer
from chrono.provider.attempts import MemoryAttempts
from chrono.provider.entity import EntityFacts
from chrono.provider.epoch_steps import GAS, EpochSteps, Prepared
from chrono.provider.setup import ProviderRules
from chrono.voting.epoch_words import DutyKind, EpochDuty, Send
from chrono.voting.reports import SentPhase

PATIENCE_NS: Final = 180 * SECOND_NS
"""How long the transaction is pursued."""


class Plan(Struct, frozen=True):
    """What could be sent now. `why` says in words what is done already, or why nothing can be sent."""

    duty: EpochDuty | None
    why: str
    signer_block: int | None = None

    @property
    def send(self) -> Send | None:
        """What is asked of whoever prepares it; None when there is nothing to send."""
        return None if self.duty is None else Send(self.duty, 1, signer_block=self.signer_block)


def plan_of(facts: EntityFacts) -> Plan:
    """What of a registration for the next reward epoch can be done now."""
    epoch, phase = facts.reward_epoch_id + 1, facts.phase
    if facts.registered_next:
        return Plan(None, f"the entity is registered for reward epoch {epoch}")
    if phase.closed:
        return Plan(None, f"registration for reward epoch {epoch} is over: its signing policy is initialised")
    if phase.selected is not False:
        return Plan(EpochDuty(epoch, DutyKind.REGISTER), f"registration for {epoch} is open", phase.random_block)
    if facts.preregistered:
        return Plan(None, f"the entity is pre-registered for reward epoch {epoch}; the contract registers it by itself")
    if facts.registered is False:
        opens = "it opens with the vote power block, about two hours before the reward epoch"
        return Plan(None, f"only voters of reward epoch {epoch - 1} pre-register; to register for {epoch}: {opens}")
    return Plan(EpochDuty(epoch, DutyKind.PREREGISTER), f"pre-registration for {epoch} is open")


class Registrar:
    """The policy keys, open, on one chain, for this one purpose. Close it: that wipes them."""

    def __init__(
        self,
        *,
        network: Network,
        identity: Address,
        keys: Sequence[tuple[Address, SecretKey]],
        pool: Pool,
        contracts: Contracts,
        clock: Clock,
    ) -> None:
        self._network = network
        self._pool = pool
        self._clock = clock
        place = Place(chain_id=network.chain_id, contracts=_Resolved(contracts), monotonic_ns=clock.monotonic_ns)
        self._signers = {address: Signer(key, _policy(place, address, identity)) for address, key in keys}
        self._steps = EpochSteps(
            network=network,
            identity=identity,
            signers=list(self._signers.values()),
            pool=pool,
            contracts=lambda: contracts,
        )

    async def prepare(self, send: Send) -> Prepared:
        """The call, signed and tried. Raises: ChronoError(POLICY_KEY_ABSENT), and of the nodes."""
        return await self._steps.prepare(send)

    async def registered(self, duty: EpochDuty) -> bool | None:
        """What the registries say of the duty now."""
        return (await self._steps.ask(duty)).done

    async def send(self, prepared: Prepared, rules: ProviderRules) -> Ending:
        """Bring it into a block, and say how that ended."""
        signer, now_ns = self._signers[prepared.signer], self._clock.now_ns()
        sender = Sender(
            signer.role.value,
            self._network.chain_id,
            pool=self._pool,
            signer=signer,
            attempts=MemoryAttempts(),
            clock=self._clock,
            budget=HourlyBudget(rules.spending.hour_wei),
            fees=rules.fees,
            rules=rules.lanes,
        )
        intent = Intent(
            id=prepared.duty.intent_id(self._network.name),
            role=prepared.duty.kind.value,
            to=prepared.to,
            data=prepared.data,
            gas=GAS[prepared.duty.kind],
            caps=rules.spending.caps(SentPhase.RELAY),
            send_until_ns=now_ns + PATIENCE_NS * 2 // 3,
            expires_ns=now_ns + PATIENCE_NS,
        )
        running = [asyncio.create_task(run()) for run in (self._pool.run, sender.run)]
        try:
            return await sender.submit(intent)
        finally:
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)

    def close(self) -> None:
        """Wipe the keys."""
        for signer in self._signers.values():
            signer.close()


class _Resolved:
    """The addresses that the registry told."""

    def __init__(self, contracts: Contracts) -> None:
        self._contracts = contracts

    def addresses(self, name: str) -> Sequence[Address]:
        return self._contracts.addresses((name,))


class _Nothing:
    """Knows no policy and binds no result: with it, a key can do nothing but register."""

    def policy_hash(self, reward_epoch_id: int) -> bytes | None:  # noqa: ARG002 - as the port has it
        return None

    def bind(self, protocol_id: int, voting_round_id: int, message_hash: bytes) -> bytes:  # noqa: ARG002
        return b""

    def bound(self, protocol_id: int, voting_round_id: int) -> bytes | None:  # noqa: ARG002
        return None


def _policy(place: Place, address: Address, identity: Address) -> Policy:
    nothing = _Nothing()
    return signing_policy_policy(place, address=address, identity=identity, record=nothing, policies=nothing)

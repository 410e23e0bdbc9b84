"""How a duty of a reward epoch is carried to the chain: who signs, to which contract, and what it would come to.

Every call is tried before it is sent, so a refusal costs no gas and has its words; where the nodes do not agree on one,
it is sent. Both generations of a redeployed contract are known, and found out where an address is not.
Source: fsp.md sections 0.2 and 6; FlareSystemsManager.sol and VoterRegistry.sol for whose key counts.
"""

from collections.abc import Callable, Sequence
from typing import Final, Protocol

import structlog
from msgspec import Struct

from chrono.chain.entities import Tried, is_preregistered, is_registered, tried, voter_addresses
from chrono.chain.pool import Pool
from chrono.chain.registry import Contracts
from chrono.errors import POLICY_KEY_ABSENT, ChronoError
from chrono.flare.address import Address, checksummed
from chrono.flare.contracts.addresses import Generation
from chrono.flare.contracts.functions import FUNCTION_BY_NAME
from chrono.flare.networks import Network
from chrono.flare.reverts import revert_of
from chrono.flare.signatures import Signature
from chrono.flare.system_messages import UPTIME_VOTE_HASH
from chrono.keys.statements import NewPolicy, RewardsVote, Statement, UptimeVote, VoterRegistration
from chrono.voting.epoch_words import DutyKind, EpochDuty, Send, Told

FUNCTIONS: Final = {
    DutyKind.PREREGISTER: "preRegisterVoter",
    DutyKind.REGISTER: "registerVoter",
    DutyKind.POLICY: "signNewSigningPolicy",
    DutyKind.UPTIME: "signUptimeVote",
    DutyKind.REWARDS: "signRewards",
}

GAS: Final = {
    DutyKind.PREREGISTER: 500_000,
    DutyKind.REGISTER: 3_000_000,
    DutyKind.POLICY: 700_000,
    DutyKind.UPTIME: 500_000,
    DutyKind.REWARDS: 700_000,
}
"""Limits, several times what the contracts take with a hundred voters; the lane raises one that ran out."""

_OTHER_WAY: Final = frozenset({"invalid signature", "registration not available yet"})
"""Refusals after which another generation, or an older contract, is tried."""

log = structlog.get_logger()


class PolicySigner(Protocol):
    """A signing-policy key behind its policy. Fits: keys.signer.Signer."""

    @property
    def address(self) -> Address:
        """The account that it signs for."""
        ...

    def sign_digest(self, statement: Statement) -> Signature:
        """The signature of a statement. Raises: ChronoError when the policy does not allow it."""
        ...


class Prepared(Struct, frozen=True, kw_only=True):
    """A call that is ready to be sent."""

    duty: EpochDuty
    signer: Address
    contract: str
    to: Address
    data: bytes
    generation: Generation | None
    """Of a registration's message; None for the other duties, which have one."""
    tried: Tried


class EpochSteps:
    """Asks, signs and tries. `signers` are our policy keys, the newest first; `contracts` where the contracts are."""

    def __init__(
        self,
        *,
        network: Network,
        identity: Address,
        signers: Sequence[PolicySigner],
        pool: Pool,
        contracts: Callable[[], Contracts],
    ) -> None:
        self._network = network
        self._identity = identity
        self._signers = signers
        self._pool = pool
        self._contracts = contracts

    async def ask(self, duty: EpochDuty) -> Told:
        """Whether the registries say that the duty is done. Raises: ChronoError when no node answers."""
        question = is_preregistered if duty.kind is DutyKind.PREREGISTER else is_registered
        return Told(await question(self._pool, self._contracts(), self._identity, duty.reward_epoch_id))

    async def prepare(self, send: Send) -> Prepared:
        """The call of a duty, signed and tried.

        Raises: ChronoError(POLICY_KEY_ABSENT), and what signing and asking raise.
        """
        signer = await self._signer(send)
        if send.duty.kind in (DutyKind.PREREGISTER, DutyKind.REGISTER):
            return await self._registration(send.duty, signer)
        statement, arguments = self._vote(send)
        signature = signer.sign_digest(statement)
        to = self._contracts().address("FlareSystemsManager")
        return await self._try(send.duty, signer.address, "FlareSystemsManager", to, arguments, signature)

    async def again(self, prepared: Prepared) -> Tried:
        """What the call would come to now. Raises: ChronoError when no node answers."""
        return await tried(self._pool, prepared.to, prepared.data, prepared.signer)

    async def _signer(self, send: Send) -> PolicySigner:
        """The key that the chain expects."""
        wanted = send.signer
        if wanted is None:
            told = await voter_addresses(self._pool, self._contracts(), self._identity, send.signer_block)
            wanted = None if told is None else told.signing_policy
        if wanted in (None, self._identity):
            # Nobody knows it, or none is set: the contract says so better than we can.
            return self._signers[0]
        for signer in self._signers:
            if signer.address == wanted:
                return signer
        raise ChronoError(POLICY_KEY_ABSENT, address=checksummed(wanted), reward_epoch=send.duty.reward_epoch_id)

    async def _registration(self, duty: EpochDuty, signer: PolicySigner) -> Prepared:
        """By the first way that the contract takes; else by the one that should have been right."""
        contract = "VoterPreRegistry" if duty.kind is DutyKind.PREREGISTER else "VoterRegistry"
        refused: list[Prepared] = []
        for to, generation in self._ways(contract):
            statement = VoterRegistration(generation, self._network.chain_id, duty.reward_epoch_id, self._identity)
            signature = signer.sign_digest(statement)
            found = await self._try(duty, signer.address, contract, to, (self._identity,), signature, generation)
            if not _goes_on(found.tried):
                return found
            refused.append(found)
        return refused[0]  # there is a way, or `address` raised

    def _ways(self, contract: str) -> list[tuple[Address, Generation]]:
        """Contract and generation, the likeliest first."""
        contracts = self._contracts()
        now = contracts.address(contract)
        known = {each.address: each.generation for each in self._network.contracts.get(contract, ())}
        ways = []
        for to in dict.fromkeys((now, *reversed(contracts.addresses((contract,))))):
            likely = known.get(to, Generation.SECOND)
            other = Generation.FIRST if likely is Generation.SECOND else Generation.SECOND
            ways += [(to, likely), (to, other)]
        return ways

    def _vote(self, send: Send) -> tuple[Statement, tuple[object, ...]]:
        """What is said, and the arguments that stand before its signature."""
        epoch = send.duty.reward_epoch_id
        if send.duty.kind is DutyKind.UPTIME:
            return UptimeVote(epoch), (epoch, UPTIME_VOTE_HASH)
        if send.duty.kind is DutyKind.POLICY and send.policy_hash is not None:
            return NewPolicy(epoch, send.policy_hash), (epoch, send.policy_hash)
        if send.rewards is None:
            raise ValueError(f"{send.duty} has nothing to say")
        claims, rewards_hash = send.rewards.claims, send.rewards.rewards_hash
        counts = [(each.reward_manager_id, each.count) for each in claims]
        return RewardsVote(epoch, claims, rewards_hash), (epoch, counts, rewards_hash)

    async def _try(
        self,
        duty: EpochDuty,
        signer: Address,
        contract: str,
        to: Address,
        arguments: tuple[object, ...],
        signature: Signature,
        generation: Generation | None = None,
    ) -> Prepared:
        """The call, whose last argument is the signature, and what it would come to."""
        data = FUNCTION_BY_NAME[FUNCTIONS[duty.kind]].encode(*arguments, (signature.v, signature.r, signature.s))
        return Prepared(
            duty=duty,
            signer=signer,
            contract=contract,
            to=to,
            data=data,
            generation=generation,
            tried=await tried(self._pool, to, data, signer),
        )


def _goes_on(found: Tried) -> bool:
    """Whether another way may do what this one does not."""
    if found.said is None:
        return False
    revert = revert_of(found.said)
    return revert is None or revert.reason in _OTHER_WAY

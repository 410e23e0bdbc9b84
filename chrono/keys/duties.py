"""What may stand in the calls of an epoch's duties: relays, registrations, votes on policy, uptime and rewards, claims.

A call is read, judged, and written again: bytes that say more than was read are refused.
Source: fsp.md sections 4, 6 and 7.
"""

from collections import deque
from collections.abc import Collection
from typing import Any, Final

from chrono.flare.abi import Malformed
from chrono.flare.address import Address
from chrono.flare.contracts.functions import FUNCTION_BY_NAME
from chrono.flare.protocol_message import ProtocolMessage
from chrono.flare.relay import Relay
from chrono.flare.relay_verdict import is_rewarded_form
from chrono.flare.signatures import Signature, recover
from chrono.flare.system_messages import WeightBasedClaims
from chrono.keys.ports import Policies
from chrono.keys.refusal import Why, require
from chrono.keys.statements import NewPolicy, RewardsVote, Statement, UptimeVote, VoterRegistration, digest_of
from chrono.keys.submissions import PROTOCOLS, require_signer

_SELECTOR_BYTES: Final = 4
_REMEMBERED: Final = 16


class WholeRelays:
    """Calls of relay: a result under a known policy, with enough signatures, all of them right."""

    def __init__(self, policies: Policies, protocols: Collection[int] = PROTOCOLS) -> None:
        self._policies = policies
        self._protocols = protocols

    def __call__(self, data: bytes) -> None:
        """Raises: Refused, Malformed."""
        relay = Relay.decode(data[_SELECTOR_BYTES:])
        subject = relay.subject
        if not isinstance(subject, ProtocolMessage):
            raise Malformed("a new policy is not relayed on Flare's own chains")
        require(subject.protocol_id in self._protocols, Why.PROTOCOL, f"protocol {subject.protocol_id} is not ours")
        known = self._policies.policy_hash(relay.policy.reward_epoch_id)
        require(
            known == relay.policy.hash(), Why.POLICY, f"reward epoch {relay.policy.reward_epoch_id} has another one"
        )
        require(is_rewarded_form(relay), Why.WEIGHT, "a signature is wrong, or they are not above the threshold")


class SignedVotes:
    """Calls that carry our policy key's signature to the system contracts.

    The registration's reward epoch does not stand in its call, so the registrations that this process signed are
    remembered: sign the statement first, then the transaction (after a restart too; it gives the same signature).
    """

    def __init__(self, address: Address, identity: Address, policies: Policies) -> None:
        self._address = address
        self._identity = identity
        self._policies = policies
        self._registrations: deque[bytes] = deque(maxlen=_REMEMBERED)

    def remember(self, statement: Statement) -> None:
        """A statement was signed."""
        if isinstance(statement, VoterRegistration):
            self._registrations.append(digest_of(statement))

    def registration(self, data: bytes) -> None:
        """RegisterVoter and preRegisterVoter. Raises: Refused, Malformed."""
        call = _read(data)
        require(call["voter"] == self._identity, Why.IDENTITY, "the voter is not our identity")
        signature = Signature(*call["signature"])
        signed = any(recover(digest, signature) == self._address for digest in self._registrations)
        require(signed and signature.is_low_s, Why.SIGNATURE, "no registration of ours has this signature")

    def policy(self, data: bytes) -> None:
        """SignNewSigningPolicy. Raises: Refused, Malformed."""
        call = _read(data)
        epoch, policy_hash = call["rewardEpochId"], call["newSigningPolicyHash"]
        require(self._policies.policy_hash(epoch) == policy_hash, Why.POLICY, f"reward epoch {epoch} has another one")
        self._check(NewPolicy(epoch, policy_hash), call)

    def uptime(self, data: bytes) -> None:
        """SignUptimeVote. Raises: Refused, Malformed."""
        call = _read(data)
        self._check(UptimeVote(call["rewardEpochId"], call["uptimeVoteHash"]), call)

    def rewards(self, data: bytes) -> None:
        """SignRewards. Raises: Refused, Malformed."""
        call = _read(data)
        claims = tuple(WeightBasedClaims(*each) for each in call["noOfWeightBasedClaims"])
        self._check(RewardsVote(call["rewardEpochId"], claims, call["rewardsHash"]), call)

    def _check(self, statement: Statement, call: dict[str, Any]) -> None:
        require_signer(digest_of(statement), Signature(*call["signature"]), (self._address,), "these arguments")


class OwnClaims:
    """Calls of claim and autoClaim: for owners of ours only, and to recipients of ours only."""

    def __init__(self, owners: Collection[Address], recipients: Collection[Address]) -> None:
        self._owners = frozenset(owners)
        self._recipients = frozenset(recipients)

    def claim(self, data: bytes) -> None:
        """Raises: Refused, Malformed."""
        call = _read(data)
        require(call["rewardOwner"] in self._owners, Why.OWNER, "the owner is none of ours")
        require(call["recipient"] in self._recipients, Why.OWNER, "the recipient is none of ours")

    def auto_claim(self, data: bytes) -> None:
        """Raises: Refused, Malformed."""
        owners = _read(data)["rewardOwners"]
        require(bool(owners) and self._owners.issuperset(owners), Why.OWNER, "an owner is none of ours")


def _read(data: bytes) -> dict[str, Any]:
    """The arguments of a call, which its bytes say and nothing else. Raises: Refused, Malformed."""
    shape = next(shape for shape in FUNCTION_BY_NAME.values() if shape.selector == data[:_SELECTOR_BYTES])
    arguments = shape.decode(data)
    require(shape.encode(*arguments.values()) == data, Why.SHAPE, "the bytes are not those of the arguments")
    return arguments

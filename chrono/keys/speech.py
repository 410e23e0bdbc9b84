"""Which statements the signing-policy key makes: results through the signing record, votes about what the chain told.

A result is bound in the record, on disk, before it is signed; another result of the same round is refused for ever.
Source: fsp.md section 7.8 (a double signature is punished thirtyfold), sections 6 and 8.
"""

from collections.abc import Collection
from typing import Final

from chrono.flare.address import Address
from chrono.flare.contracts.addresses import Generation
from chrono.flare.fast_updates.sortition import VIRTUAL_PROVIDERS
from chrono.flare.fast_updates.submission import FastUpdate
from chrono.flare.frames import MOST_ROUND
from chrono.flare.protocol_message import ProtocolMessage
from chrono.flare.system_messages import UPTIME_VOTE_HASH
from chrono.keys.ports import Policies, SigningRecord
from chrono.keys.refusal import Refused, Why, require
from chrono.keys.statements import NewPolicy, RewardsVote, Statement, UptimeVote, VoterRegistration
from chrono.keys.submissions import PROTOCOLS

_HASH_BYTES: Final = 32
_MOST_DELTAS: Final = 256
"""Bytes: four feeds each, more than any chain has."""


class Conflict(Refused):
    """Another result of the round is signed already."""


class Speech:
    """Judges the statements of one signing-policy key."""

    def __init__(
        self,
        *,
        chain_id: int,
        identity: Address,
        record: SigningRecord,
        policies: Policies,
        protocols: Collection[int] = PROTOCOLS,
    ) -> None:
        self._chain_id = chain_id
        self._identity = identity
        self._record = record
        self._policies = policies
        self._protocols = protocols

    def judge(self, statement: Statement) -> None:
        """See that it may be said; a result is bound to its round with this. Raises: Refused, Conflict."""
        match statement:
            case ProtocolMessage():
                self._result(statement)
            case FastUpdate():
                drawn = 0 <= statement.credential.replicate < VIRTUAL_PROVIDERS
                require(drawn and 0 < len(statement.deltas) <= _MOST_DELTAS, Why.STATEMENT, "no update of ours")
            case VoterRegistration():
                own = statement.identity == self._identity and statement.chain_id == self._chain_id
                require(own and isinstance(statement.generation, Generation), Why.IDENTITY, "no registration of ours")
                _require_epoch(statement.reward_epoch_id)
            case NewPolicy():
                known = self._policies.policy_hash(statement.reward_epoch_id)
                told = f"reward epoch {statement.reward_epoch_id} has another policy, or none yet"
                require(known == statement.policy_hash and known is not None, Why.POLICY, told)
            case UptimeVote():
                require(statement.vote_hash == UPTIME_VOTE_HASH, Why.STATEMENT, "the uptime vote is a constant")
                _require_epoch(statement.reward_epoch_id)
            case RewardsVote():
                self._rewards(statement)
            case _:
                raise Refused(Why.STATEMENT, f"a {type(statement).__name__} is not signed")

    def _result(self, message: ProtocolMessage) -> None:
        require(message.protocol_id in self._protocols, Why.PROTOCOL, f"protocol {message.protocol_id} is not ours")
        shaped = 0 <= message.voting_round_id <= MOST_ROUND and len(message.merkle_root) == _HASH_BYTES
        require(shaped and type(message.is_secure_random) is bool, Why.SHAPE, "no result of a round")
        bound = self._record.bind(message.protocol_id, message.voting_round_id, message.hash())
        if bound != message.hash():
            told = f"protocol {message.protocol_id}, round {message.voting_round_id}"
            raise Conflict(Why.STATEMENT, f"{told}: 0x{bound.hex()} is signed, not 0x{message.hash().hex()}")

    def _rewards(self, vote: RewardsVote) -> None:
        _require_epoch(vote.reward_epoch_id)
        ours = all(each.reward_manager_id == self._chain_id and each.count >= 0 for each in vote.claims)
        require(ours and len(vote.claims) == 1, Why.CHAIN, "the claims are of another chain")
        require(len(vote.rewards_hash) == _HASH_BYTES and any(vote.rewards_hash), Why.STATEMENT, "no root of claims")


def _require_epoch(reward_epoch_id: int) -> None:
    require(0 <= reward_epoch_id < 1 << 24, Why.STATEMENT, f"{reward_epoch_id} is no reward epoch")

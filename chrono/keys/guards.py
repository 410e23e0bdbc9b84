"""The policies of the hot roles, as Chrono puts them in front of the keys. The table of what each key may do.

Caps are in the network's own coin. They bound what a fault or an intruder can burn, and leave a spike of a hundred
times the usual price room: a commit may cost less than a reveal, because a missed commit costs a round and a missed
reveal thirty. Source: fsp.md sections 2, 6 and 8 (gas and prices), failures.md 2A.
"""

from collections.abc import Callable, Collection, Iterable
from typing import Final

from msgspec import Struct

from chrono.flare.address import Address
from chrono.flare.contracts.functions import FUNCTION_BY_NAME
from chrono.keys.duties import OwnClaims, SignedVotes, WholeRelays
from chrono.keys.meter import Meter, Rate, Spent
from chrono.keys.policy import Check, Grant, Policy
from chrono.keys.ports import Contracts, Journalled, Policies, SigningRecord
from chrono.keys.roles import Role
from chrono.keys.speech import Speech
from chrono.keys.submissions import PROTOCOLS, JournalledFrames, RecordedSignatures, SignedUpdates

COIN: Final = 10**18
COMMIT_SHARE: Final = 2
"""A commit may use one half of what a reveal may, so a reserve for reveals is always left."""


class Caps(Struct, frozen=True, kw_only=True):
    """The most of one key: gas and wei of a transaction, wei of an hour, and how often."""

    gas: int
    fee_wei: int
    hour_wei: int
    rate: Rate


CAPS: Final = {
    Role.SUBMIT: Caps(gas=1_500_000, fee_wei=20 * COIN, hour_wei=300 * COIN, rate=Rate(transactions=600, attempts=40)),
    Role.SUBMIT_SIGNATURES: Caps(
        gas=1_500_000, fee_wei=20 * COIN, hour_wei=200 * COIN, rate=Rate(transactions=400, attempts=40)
    ),
    Role.SIGNING_POLICY: Caps(
        gas=5_000_000, fee_wei=50 * COIN, hour_wei=500 * COIN, rate=Rate(transactions=400, attempts=16, statements=2000)
    ),
    Role.FAST_UPDATE: Caps(
        gas=3_000_000, fee_wei=20 * COIN, hour_wei=300 * COIN, rate=Rate(transactions=1200, attempts=8)
    ),
    Role.EXECUTOR: Caps(gas=8_000_000, fee_wei=50 * COIN, hour_wei=200 * COIN, rate=Rate(transactions=60, attempts=8)),
}


class Place(Struct, frozen=True, kw_only=True):
    """Where a key is used: the chain, its contracts, the monotonic clock; other caps, and what the hour has seen."""

    chain_id: int
    contracts: Contracts
    monotonic_ns: Callable[[], int]
    caps: Caps | None = None
    earlier: tuple[Spent, ...] = ()


def submit_policy(
    place: Place, *, address: Address, journal: Journalled, protocols: Collection[int] = PROTOCOLS
) -> Policy:
    """Commits and reveals that the journal holds, to the Submission contract, and nothing else."""
    caps = place.caps or CAPS[Role.SUBMIT]
    check = JournalledFrames(journal, address, protocols)
    commit = Caps(
        gas=caps.gas, fee_wei=caps.fee_wei // COMMIT_SHARE, hour_wei=caps.hour_wei // COMMIT_SHARE, rate=caps.rate
    )
    grants = [_grant("submit1", check, commit), _grant("submit2", check, caps), _grant("submit3", check, commit)]
    return _policy(Role.SUBMIT, place, grants)


def signatures_policy(
    place: Place,
    *,
    signing_policies: Collection[Address],
    record: SigningRecord,
    protocols: Collection[int] = PROTOCOLS,
) -> Policy:
    """The signatures that the record knows, to the Submission contract, and nothing else."""
    caps = place.caps or CAPS[Role.SUBMIT_SIGNATURES]
    check = RecordedSignatures(record, signing_policies, protocols)
    return _policy(Role.SUBMIT_SIGNATURES, place, [_grant("submitSignatures", check, caps)])


def signing_policy_policy(
    place: Place,
    *,
    address: Address,
    identity: Address,
    record: SigningRecord,
    policies: Policies,
    protocols: Collection[int] = PROTOCOLS,
) -> Policy:
    """Statements, and the calls that carry them to the system contracts; relays with enough right signatures."""
    caps = place.caps or CAPS[Role.SIGNING_POLICY]
    votes = SignedVotes(address, identity, policies)
    grants = [
        _grant("relay", WholeRelays(policies, protocols), caps),
        _grant("registerVoter", votes.registration, caps),
        _grant("preRegisterVoter", votes.registration, caps),
        _grant("signNewSigningPolicy", votes.policy, caps),
        _grant("signUptimeVote", votes.uptime, caps),
        _grant("signRewards", votes.rewards, caps),
    ]
    speech = Speech(chain_id=place.chain_id, identity=identity, record=record, policies=policies, protocols=protocols)
    return _policy(Role.SIGNING_POLICY, place, grants, speech, votes)


def fast_update_policy(place: Place, *, signing_policy: Address) -> Policy:
    """Fast updates that our policy key signed."""
    caps = place.caps or CAPS[Role.FAST_UPDATE]
    return _policy(Role.FAST_UPDATE, place, [_grant("submitAndPass", SignedUpdates(signing_policy), caps)])


def executor_policy(place: Place, *, owners: Collection[Address], recipients: Collection[Address]) -> Policy:
    """Claims for these owners; `claim` also only to these recipients."""
    caps = place.caps or CAPS[Role.EXECUTOR]
    claims = OwnClaims(owners, recipients)
    grants = [_grant("claim", claims.claim, caps), _grant("autoClaim", claims.auto_claim, caps)]
    return _policy(Role.EXECUTOR, place, grants)


def _policy(
    role: Role, place: Place, grants: Iterable[Grant], speech: Speech | None = None, votes: SignedVotes | None = None
) -> Policy:
    rate = (place.caps or CAPS[role]).rate
    return Policy(
        role=role,
        chain_id=place.chain_id,
        contracts=place.contracts,
        grants=grants,
        meter=Meter(place.monotonic_ns, rate, place.earlier),
        speech=speech,
        votes=votes,
    )


def _grant(function: str, check: Check, caps: Caps) -> Grant:
    shape = FUNCTION_BY_NAME[function]
    return Grant(
        contract=shape.contract,
        selector=shape.selector,
        check=check,
        gas=caps.gas,
        fee_wei=caps.fee_wei,
        hour_wei=caps.hour_wei,
    )

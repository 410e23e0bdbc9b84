"""Requests to signers: for every hot role good ones, and the house around them as far as policies look at it."""

from collections.abc import Callable
from typing import NamedTuple

from chrono.clock import ManualClock
from chrono.flare.address import Address
from chrono.flare.commit import commit_hash
from chrono.flare.contracts.addresses import Generation
from chrono.flare.contracts.functions import FUNCTION_BY_NAME
from chrono.flare.fast_updates.sortition import Credential
from chrono.flare.fast_updates.submission import FastUpdate
from chrono.flare.frames import FTSO, Frame, SubmissionFunction, calldata
from chrono.flare.networks import COSTON2
from chrono.flare.signature_payload import SignaturePayload
from chrono.flare.signatures import Signature, address_of
from chrono.flare.system_messages import UPTIME_VOTE_HASH, WeightBasedClaims
from chrono.flare.transaction import Transaction
from chrono.keys.guards import (
    Place,
    executor_policy,
    fast_update_policy,
    signatures_policy,
    signing_policy_policy,
    submit_policy,
)
from chrono.keys.known import KnownContracts
from chrono.keys.policy import Policy
from chrono.keys.roles import Role
from chrono.keys.secret_key import SecretKey
from chrono.keys.signer import Signer
from chrono.keys.statements import NewPolicy, RewardsVote, UptimeVote, VoterRegistration
from chrono_core import keccak256
from tests.fakes.signers import key_of, message_of, policy_of, relay_by

CHAIN_ID = COSTON2.chain_id
CONTRACTS = KnownContracts(COSTON2)
GWEI = 10**9
IDENTITY = Address(b"\x1d" * 20)
OWNER, RECIPIENT = IDENTITY, Address(b"\x2e" * 20)
MESSAGE = message_of()
ROUND = MESSAGE.voting_round_id
BIT_VOTE = bytes.fromhex("0001f0")
RANDOM, VALUES = keccak256(b"random"), bytes.fromhex("800249f0800000c8")
NEXT_EPOCH = 6
ROOT = keccak256(b"root of claims")
CLAIM = ((b"\x01" * 32,), (5, OWNER, 10**18, 1))
UPDATE = FastUpdate(4321, Credential(7, (1, 2), 3, 4), b"\x40")


def secret_of(role: Role) -> bytes:
    """A key that nobody uses elsewhere."""
    return key_of(0) if role is Role.SIGNING_POLICY else keccak256(f"chrono key of {role}".encode())


SUBMIT = address_of(secret_of(Role.SUBMIT))
SIGNING_POLICY = address_of(secret_of(Role.SIGNING_POLICY))
POLICY = policy_of((40, 30, 30), epoch=5)
NEXT_POLICY = policy_of((50, 30, 20), epoch=NEXT_EPOCH)


class MemoryJournal(dict[tuple[SubmissionFunction, int, int], bytes]):
    """Payloads by function, protocol and round."""

    def payload(self, function: SubmissionFunction, protocol_id: int, voting_round_id: int) -> bytes | None:
        return self.get((function, protocol_id, voting_round_id))


class MemoryRecord(dict[tuple[int, int], bytes]):
    """The first hash of each round stays."""

    def bind(self, protocol_id: int, voting_round_id: int, message_hash: bytes) -> bytes:
        return self.setdefault((protocol_id, voting_round_id), message_hash)

    def bound(self, protocol_id: int, voting_round_id: int) -> bytes | None:
        return self.get((protocol_id, voting_round_id))


class MemoryPolicies(dict[int, bytes]):
    """Policy hashes by reward epoch."""

    def policy_hash(self, reward_epoch_id: int) -> bytes | None:
        return self.get(reward_epoch_id)


class House(NamedTuple):
    """What the policies look at; all of it can be changed by a test."""

    clock: ManualClock
    journal: MemoryJournal
    record: MemoryRecord
    policies: MemoryPolicies


def house() -> House:
    """A round with its commit and its reveal in the journal, a result in the record, two policies known."""
    journal = MemoryJournal()
    for protocol, commit, reveal in (
        (FTSO, commit_hash(SUBMIT, ROUND, RANDOM, VALUES), RANDOM + VALUES),
        (200, b"", BIT_VOTE),
    ):
        journal[SubmissionFunction.SUBMIT1, protocol, ROUND] = commit
        journal[SubmissionFunction.SUBMIT2, protocol, ROUND] = reveal
    record = MemoryRecord({(FTSO, ROUND): MESSAGE.hash(), (200, ROUND): message_of(ROUND, 200).hash()})
    policies = MemoryPolicies({5: POLICY.hash(), NEXT_EPOCH: NEXT_POLICY.hash()})
    return House(ManualClock(10**15), journal, record, policies)


def policy_for(role: Role, around: House) -> Policy:
    """The policy that Chrono puts in front of a key of this role."""
    place = Place(chain_id=CHAIN_ID, contracts=CONTRACTS, monotonic_ns=around.clock.monotonic_ns)
    made: dict[Role, Callable[[], Policy]] = {
        Role.SUBMIT: lambda: submit_policy(place, address=SUBMIT, journal=around.journal),
        Role.SUBMIT_SIGNATURES: lambda: signatures_policy(
            place, signing_policies=(SIGNING_POLICY,), record=around.record
        ),
        Role.SIGNING_POLICY: lambda: signing_policy_policy(
            place, address=SIGNING_POLICY, identity=IDENTITY, record=around.record, policies=around.policies
        ),
        Role.FAST_UPDATE: lambda: fast_update_policy(place, signing_policy=SIGNING_POLICY),
        Role.EXECUTOR: lambda: executor_policy(place, owners=[OWNER], recipients=[RECIPIENT]),
    }
    return made[role]()


def signer_for(role: Role, around: House | None = None) -> Signer:
    """A signer with the role's key and policy. One for the signing policy has said its registration."""
    signer = Signer(SecretKey(secret_of(role)), policy_for(role, around or house()))
    if role is Role.SIGNING_POLICY:
        signer.sign_digest(REGISTRATION)
    return signer


REGISTRATION = VoterRegistration(Generation.SECOND, CHAIN_ID, NEXT_EPOCH, IDENTITY)


def transaction_of(contract: str, data: bytes, **changed: object) -> Transaction:
    """A transaction as the chain's door makes them, in front of every cap."""
    fields = {
        "chain_id": CHAIN_ID,
        "nonce": 7,
        "to": CONTRACTS.addresses(contract)[0],
        "value_wei": 0,
        "data": data,
        "gas": 400_000,
        "max_fee_wei": 200 * GWEI,
        "max_priority_fee_wei": 100 * GWEI,
    }
    return Transaction(**{**fields, **changed})  # type: ignore[arg-type]


def _said(statement: object) -> tuple[int, bytes, bytes]:
    signature: Signature = signer_for(Role.SIGNING_POLICY).sign_digest(statement)  # type: ignore[arg-type]
    return signature.v, signature.r, signature.s


def _signed_frame(protocol_id: int, unsigned: bytes) -> Frame:
    signature = signer_for(Role.SIGNING_POLICY).sign_digest(message_of(ROUND, protocol_id))
    return Frame(protocol_id, ROUND, SignaturePayload(signature, unsigned).encode())


def good_requests() -> dict[tuple[Role, str], Transaction]:
    """For each role and function the transaction that must be signed."""
    submit1, submit2 = SubmissionFunction.SUBMIT1, SubmissionFunction.SUBMIT2
    around = house()
    call = {name: shape.encode for name, shape in FUNCTION_BY_NAME.items()}
    counts = ((CHAIN_ID, 3),)
    made = {
        (Role.SUBMIT, "submit1"): ("Submission", calldata(submit1, [_kept(around, submit1, FTSO)])),
        (Role.SUBMIT, "submit2"): (
            "Submission",
            calldata(submit2, [_kept(around, submit2, FTSO), _kept(around, submit2, 200)]),
        ),
        (Role.SUBMIT_SIGNATURES, "submitSignatures"): (
            "Submission",
            calldata(SubmissionFunction.SUBMIT_SIGNATURES, [_signed_frame(FTSO, b""), _signed_frame(200, BIT_VOTE)]),
        ),
        (Role.SIGNING_POLICY, "relay"): ("Relay", relay_by(POLICY, MESSAGE, [0, 2]).calldata()),
        (Role.SIGNING_POLICY, "registerVoter"): (
            "VoterRegistry",
            call["registerVoter"](IDENTITY, _said(REGISTRATION)),
        ),
        (Role.SIGNING_POLICY, "preRegisterVoter"): (
            "VoterPreRegistry",
            call["preRegisterVoter"](IDENTITY, _said(REGISTRATION)),
        ),
        (Role.SIGNING_POLICY, "signNewSigningPolicy"): (
            "FlareSystemsManager",
            call["signNewSigningPolicy"](
                NEXT_EPOCH, NEXT_POLICY.hash(), _said(NewPolicy(NEXT_EPOCH, NEXT_POLICY.hash()))
            ),
        ),
        (Role.SIGNING_POLICY, "signUptimeVote"): (
            "FlareSystemsManager",
            call["signUptimeVote"](5, UPTIME_VOTE_HASH, _said(UptimeVote(5))),
        ),
        (Role.SIGNING_POLICY, "signRewards"): (
            "FlareSystemsManager",
            call["signRewards"](5, counts, ROOT, _said(RewardsVote(5, (WeightBasedClaims(CHAIN_ID, 3),), ROOT))),
        ),
        (Role.FAST_UPDATE, "submitAndPass"): (
            "Submission",
            UPDATE.calldata(signer_for(Role.SIGNING_POLICY).sign_digest(UPDATE)),
        ),
        (Role.EXECUTOR, "claim"): ("RewardManager", call["claim"](OWNER, RECIPIENT, 5, True, [CLAIM])),
        (Role.EXECUTOR, "autoClaim"): ("RewardManager", call["autoClaim"]([OWNER], 5, [CLAIM])),
    }
    return {key: transaction_of(contract, data) for key, (contract, data) in made.items()}


def _kept(around: House, function: SubmissionFunction, protocol_id: int) -> Frame:
    return Frame(protocol_id, ROUND, around.journal[function, protocol_id, ROUND])

"""A round of ours without a chain: voters with real keys, a journal in memory that can crash, and a view to bend."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from msgspec.structs import replace

from chrono.clock import SECOND_NS
from chrono.errors import JOURNAL_BROKEN, ChronoError
from chrono.flare.address import Address
from chrono.flare.commit import Reveal
from chrono.flare.epochs import Timing, VotingRound
from chrono.flare.feed_values import encode_values
from chrono.flare.feeds import Feed, FeedId
from chrono.flare.frames import Frame, SubmissionFunction, calldata
from chrono.flare.protocol_message import ProtocolMessage
from chrono.flare.round.electorate import Electorate, Voter
from chrono.flare.round.outcome import Outcome, conclude
from chrono.flare.round.submissions import ReadReveal, Submissions
from chrono.flare.round.transactions import Transaction
from chrono.flare.signature_payload import SignaturePayload
from chrono.flare.signatures import Signature, address_of, sign
from chrono.flare.signing_policy import Ruling, SigningPolicy
from chrono.store.journal_frames import frame, scan
from chrono.voting.actions import ChainView
from chrono.voting.journal import Journal
from chrono.voting.membership import Finalised, Membership, RegisteredVoter, RewardEpochFacts
from chrono.voting.plan import RoundPlan
from chrono.voting.records import Attempt, Call, Commit

TIMING = Timing(first_start_s=1_000_000, rounds_per_reward_epoch=240)
ROUND = VotingRound(1000, TIMING)
PLAN = RoundPlan.of(ROUND)
EPOCH_S = ROUND.epoch.start_s
NETWORK = "coston2"
CHAIN_ID = 114
FEEDS = (Feed(FeedId(1, "BTC/USD"), 2), Feed(FeedId(1, "ETH/USD"), 3), Feed(FeedId(1, "FLR/USD"), 7))
VALUES = (6_723_456, None, 165_500)
SUBMIT1, SUBMIT2 = SubmissionFunction.SUBMIT1, SubmissionFunction.SUBMIT2
SIGNATURES = SubmissionFunction.SUBMIT_SIGNATURES
FDC = 200


def key(number: int, role: int) -> bytes:
    return (1 + 10 * number + role).to_bytes(32, "big")


def account(number: int, role: int) -> Address:
    """Roles: 0 identity, 1 submit, 2 submitSignatures, 3 signing policy."""
    return address_of(key(number, role))


IDENTITY = account(0, 0)


def facts(
    *, reward_epoch_id: int = 4, weights: Sequence[int] = (3000, 3000, 3000, 3000), feeds: Sequence[Feed] = FEEDS
) -> RewardEpochFacts:
    """Voters 0 (we), 1, 2 …; the threshold is half of the weight."""
    numbers = range(len(weights))
    policy = SigningPolicy(
        reward_epoch_id=reward_epoch_id,
        start_voting_round_id=900,
        threshold=sum(weights) // 2,
        seed=77,
        voters=tuple(account(number, 3) for number in numbers),
        weights=tuple(weights),
    )
    voters = tuple(
        RegisteredVoter(
            reward_epoch_id=reward_epoch_id,
            identity=account(number, 0),
            submit=account(number, 1),
            submit_signatures=account(number, 2),
            signing_policy=account(number, 3),
            registration_weight=weights[number],
        )
        for number in numbers
    )
    electorate = Electorate(
        reward_epoch_id, tuple(Voter(account(n, 1), 100, weights[n]) for n in numbers), tuple(feeds), fip16=False
    )
    return RewardEpochFacts(reward_epoch_id=reward_epoch_id, policy=policy, electorate=electorate, voters=voters)


FACTS = facts()
MEMBER = FACTS.membership(IDENTITY)
assert MEMBER is not None
US: Membership = MEMBER


class KnownEpochs:
    """One reward epoch for all rounds, and what the Relay holds."""

    def __init__(self, known: RewardEpochFacts | None = FACTS) -> None:
        self.known = known
        self.last_initialised: int | None = None if known is None else known.reward_epoch_id
        self.relayed: dict[tuple[int, int], Finalised] = {}
        self.threshold: int | None = None

    def of_round(self, round_id: int) -> RewardEpochFacts | None:
        return self.known

    def ruling(self, voting_round: VotingRound) -> Ruling | None:
        if self.known is None:
            return None
        policy = self.known.policy
        return Ruling(policy, policy.threshold if self.threshold is None else self.threshold)

    def finalised(self, protocol_id: int, voting_round_id: int) -> Finalised | None:
        return self.relayed.get((protocol_id, voting_round_id))

    def relay(self, message: ProtocolMessage, at_s: int = EPOCH_S + 137) -> None:
        self.relayed[message.protocol_id, message.voting_round_id] = Finalised(message, at_s, 1)


class CrashingLog:
    """A file's bytes in memory: what was appended, and how much of it a crash leaves."""

    def __init__(self, data: bytes = b"") -> None:
        scanned = scan(data)
        self.data = data[: scanned.sound_bytes]
        self.damaged = scanned.damaged
        self.sound = True
        self.full = False
        self.appends = 0

    def records(self) -> list[bytes]:
        return list(scan(self.data).records)

    def append(self, record: bytes) -> None:
        self.sound = self.sound and not self.full
        if not self.sound:
            raise ChronoError(JOURNAL_BROKEN)
        self.appends += 1
        self.data += frame(record)

    def replace(self, records: Iterable[bytes]) -> None:
        if self.full:
            raise ChronoError(JOURNAL_BROKEN)
        self.data, self.sound = b"".join(map(frame, records)), True


def journal_on(log: CrashingLog, identity: Address = IDENTITY) -> Journal:
    return Journal(log, network=NETWORK, chain_id=CHAIN_ID, identity=identity)


def at(after_s: float, voting_round: VotingRound = ROUND) -> int:
    """So many seconds after the start of the round."""
    return voting_round.commit_window.start_ns + round(after_s * SECOND_NS)


def healthy(now_ns: int, **others: Any) -> ChainView:
    """The chain as it should be."""
    told = {
        "head_time_ns": now_ns // SECOND_NS * SECOND_NS,
        "skew_ns": 0,
        "late_ns": -SECOND_NS,
        "initialised": FACTS.reward_epoch_id,
        "scanned": True,
        "reveals_read": now_ns >= PLAN.reveal_deadline_ns + SECOND_NS,
    }
    return ChainView(**{**told, **others})


def counting_random() -> Callable[[], bytes]:
    """Randoms that tell each other apart: 1, 2, 3 …"""
    numbers = iter(range(1, 1 << 30))
    return lambda: next(numbers).to_bytes(32, "big")


def commit_of(round_id: int = ROUND.id, random: int = 1, values: Sequence[int | None] = VALUES) -> Commit:
    """What a commit record holds."""
    reveal = Reveal(random.to_bytes(32, "big"), encode_values(values))
    return Commit(
        round_id=round_id,
        reward_epoch_id=FACTS.reward_epoch_id,
        submit=US.submit,
        random=reveal.random,
        encoded_values=reveal.encoded_values,
        feed_count=len(values),
        commit_hash=reveal.commit_hash(US.submit, round_id),
        reveal_deadline_ns=VotingRound(round_id, TIMING).reveal_window.end_ns,
        at_ns=VotingRound(round_id, TIMING).commit_window.start_ns,
    )


def call_of(
    function: SubmissionFunction, frames: dict[int, bytes], round_id: int = ROUND.id, *, suffix: str = ""
) -> Call:
    """A call of ours as the journal keeps it."""
    name = {SUBMIT1: "submit1", SUBMIT2: "submit2", SIGNATURES: "submitSignatures"}[function]
    intent = f"{NETWORK}/{round_id}/{name}{suffix}"
    return Call(intent, round_id, function.value, tuple(frames.items()), US.submit, 0, 0)


def attempt_of(intent_id: str, nonce: int = 0, number: int = 0, account_: bytes = US.submit) -> Attempt:
    """An attempt whose hash says which it is."""
    tag = f"{intent_id}:{nonce}:{number}".encode()
    return Attempt(intent_id, number, CHAIN_ID, account_, nonce, tag, tag.rjust(32, b"\0")[-32:], 0)


def outcome_of(revealers: dict[int, Reveal], offenders: Iterable[int] = (), known: RewardEpochFacts = FACTS) -> Outcome:
    """What becomes of a round in which these voters revealed, and those did not."""
    count = len(known.electorate.feeds)
    reveals = {account(number, 1): ReadReveal(reveal, reveal.values(count)) for number, reveal in revealers.items()}
    commits = {sender: read.reveal.commit_hash(sender, ROUND.id) for sender, read in reveals.items()}
    commits |= {account(number, 1): bytes(32) for number in offenders}
    return conclude(Submissions(ROUND.id, commits, reveals), frozenset(), known.electorate)


def others_reveals(*numbers: int) -> dict[int, Reveal]:
    return {number: Reveal(bytes([number]) * 32, encode_values((100 + number, 5, 7))) for number in numbers}


def signature_of(number: int, message: ProtocolMessage) -> Signature:
    return sign(message.digest(), key(number, 3))


def signatures_transaction(
    number: int, message: ProtocolMessage, *, after_s: int = 137, block: int = 500, **others: Any
) -> Transaction:
    """Voter `number` deposits its signature of a result."""
    payload = SignaturePayload(signature_of(number, message)).encode()
    frames = [Frame(message.protocol_id, message.voting_round_id, payload)]
    told = Transaction(
        sender=account(number, 2),
        to=Address(bytes(19) + b"\xff"),
        calldata=calldata(SIGNATURES, frames),
        block_number=block,
        index=number,
        block_time_s=EPOCH_S + after_s,
    )
    return replace(told, **others)


def frame_bytes(protocol_id: int, payload: bytes, round_id: int = ROUND.id) -> bytes:
    return bytes(Frame(protocol_id, round_id, payload))


def fdc_message(root: bytes = b"\x0d" * 32, round_id: int = ROUND.id) -> ProtocolMessage:
    return ProtocolMessage(FDC, round_id, False, root)

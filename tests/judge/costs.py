"""What voting cost, how long transactions waited, and how much time was left before each deadline."""

import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from tests.judge.chain import Calendar, Chain, Transaction
from tests.judge.epochs import Epochs
from tests.judge.frames import FTSO, SUBMIT1, SUBMIT2, SUBMIT_SIGNATURES, frames
from tests.judge.words import selector

RELAY = selector("relay()")
KINDS = {SUBMIT1: "commit", SUBMIT2: "reveal", SUBMIT_SIGNATURES: "signature", RELAY: "finalisation"}
SUBSIDISED_GAS = 21_000
SUBSIDISED_PRICE_WEI = 25 * 10**9
MOST_SUBSIDISED_BYTES = 4500
WEI = 10**18


@dataclass(frozen=True)
class Act:
    """One transaction of a voter for a round."""

    identity: bytes
    kind: str
    round_id: int
    transaction: Transaction
    is_first: bool
    """Of its kind and round: the one that Flare's node pays back."""

    @property
    def paid_wei(self) -> int:
        return self.transaction.gas_used * self.transaction.gas_price_wei

    @property
    def subsidised_wei(self) -> int:
        """What it would have cost on Flare: the first good call of each kind but finalisation is refunded."""
        sent = self.transaction
        refunded = self.is_first and sent.good and self.kind != "finalisation"
        if refunded and len(sent.data) <= MOST_SUBSIDISED_BYTES:
            return min(self.paid_wei, SUBSIDISED_GAS * SUBSIDISED_PRICE_WEI)
        return self.paid_wei


@dataclass(frozen=True)
class Spread:
    """Of many figures: how many, the middle, the 95th of a hundred, the least and the most."""

    count: int
    median: float
    p95: float
    least: float
    most: float


def spread(figures: Iterable[float]) -> Spread | None:
    """None of none."""
    row = sorted(figures)
    if not row:
        return None
    return Spread(len(row), statistics.median(row), row[min(len(row) - 1, len(row) * 95 // 100)], row[0], row[-1])


def acts(chain: Chain, epochs: Epochs) -> list[Act]:
    """Every transaction of a voter that speaks of a round in which it votes, in order."""
    found: list[Act] = []
    seen: set[tuple[bytes, str, int]] = set()
    for sent in sorted(chain.sent_to("Submission") + chain.sent_to("Relay"), key=lambda each: each.place):
        kind = KINDS.get(sent.data[:4])
        round_id = None if kind is None else _round_of(sent)
        identity = None if round_id is None else _who(epochs, round_id, sent.sender)
        if kind is None or round_id is None or identity is None:
            continue
        key = (identity, kind, round_id)
        found.append(Act(identity, kind, round_id, sent, key not in seen))
        seen.add(key)
    return found


def margin_s(act: Act, calendar: Calendar) -> int:
    """Seconds from the block to the deadline that it had to meet; a block in the last second has 1."""
    deadline: Callable[[int], int] = {
        "commit": calendar.commit_deadline,
        "reveal": calendar.reveal_deadline,
    }.get(act.kind, calendar.over)
    return deadline(act.round_id) - act.transaction.time_s


def waited_s(chain: Chain, told: Sequence[Act]) -> list[float]:
    """From the moment a transaction was seen waiting to that when its block was."""
    seen = [chain.seen[act.transaction.hash] for act in told if act.transaction.hash in chain.seen]
    return [(each.mined_ns - each.waiting_ns) / 1e9 for each in seen if each.mined_ns is not None]


def _round_of(sent: Transaction) -> int | None:
    if sent.data[:4] == RELAY:
        voters = int.from_bytes(sent.data[4:6], "big")
        message = sent.data[4 + 43 + 22 * voters :][:38]
        return int.from_bytes(message[1:5], "big") if message[:1] == bytes([FTSO]) else None
    told = [frame.round_id for frame in frames(sent.data[4:]) if frame.protocol == FTSO]
    return told[0] if told else None


def _who(epochs: Epochs, round_id: int, sender: bytes) -> bytes | None:
    electorate = epochs.electorate_of(round_id)
    for voter in electorate.voters if electorate else ():
        if sender in {voter.submit, voter.submit_signatures, voter.signing_policy}:
            return voter.identity
    return None

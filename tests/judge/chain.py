"""What the judge looks at: the transactions and logs of a chain, and how it counts time."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Calendar:
    """Whole seconds since 1970. The reveal window is not said by the chain: half of an epoch, as on Flare."""

    first_start_s: int
    epoch_s: int
    reveal_s: int
    rounds_per_reward_epoch: int
    first_reward_epoch_round: int = 0

    def round_at(self, time_s: int) -> int:
        return (time_s - self.first_start_s) // self.epoch_s

    def start(self, round_id: int) -> int:
        return self.first_start_s + round_id * self.epoch_s

    def commit_deadline(self, round_id: int) -> int:
        """The first second that is too late."""
        return self.start(round_id + 1)

    def reveal_deadline(self, round_id: int) -> int:
        """The first second that is too late; from it on signatures count."""
        return self.start(round_id + 1) + self.reveal_s

    def over(self, round_id: int) -> int:
        """When signatures and finalisation of the round no longer count."""
        return self.start(round_id + 2)

    def expected_reward_epoch(self, round_id: int) -> int:
        return (round_id - self.first_reward_epoch_round) // self.rounds_per_reward_epoch


@dataclass(frozen=True)
class Transaction:
    """One that was mined, whatever its receipt says."""

    place: tuple[int, int]
    """Block number, then index."""
    time_s: int
    sender: bytes
    to: bytes
    data: bytes
    hash: bytes
    good: bool = True
    gas_used: int = 0
    gas_price_wei: int = 0


@dataclass(frozen=True)
class Log:
    """One event; `place` is its block and its index in the block."""

    place: tuple[int, int]
    time_s: int
    address: bytes
    topics: tuple[bytes, ...]
    data: bytes


@dataclass(frozen=True)
class Seen:
    """When somebody who watched the node first saw a transaction waiting, and when its block."""

    waiting_ns: int
    mined_ns: int | None = None


@dataclass
class Chain:
    chain_id: int
    calendar: Calendar
    contracts: dict[str, frozenset[bytes]]
    head_number: int
    head_time_s: int
    transactions: list[Transaction]
    logs: list[Log]
    seen: dict[bytes, Seen] = field(default_factory=dict)

    def sent_to(self, contract: str) -> list[Transaction]:
        places = self.contracts[contract]
        return sorted((each for each in self.transactions if each.to in places), key=lambda each: each.place)

    def told_by(self, contract: str) -> list[Log]:
        places = self.contracts.get(contract, frozenset())
        return sorted((each for each in self.logs if each.address in places), key=lambda each: each.place)

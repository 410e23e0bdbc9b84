"""Voting rounds and the provider on the wire. Source: api.md, "Rounds and the provider".

Feed values are decimals as strings, amounts of coins strings of wei; what is not known is null.
"""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from chrono.api.schemas import Count, DecimalText, Latency, TimeText

Hash = Annotated[str, Meta(pattern="^0x[0-9a-f]{64}$")]
AddressText = Annotated[str, Meta(pattern="^0x[0-9a-fA-F]{40}$", description="with the checksum of EIP-55")]
WeiText = Annotated[str, Meta(pattern="^-?[0-9]+$", description="wei, 10**-18 of a coin")]
Bytes = Annotated[str, Meta(pattern="^0x([0-9a-f]{2})*$")]
FeedIdText = Annotated[str, Meta(pattern="^0x[0-9a-f]{42}$")]
PhaseName = Literal["submit1", "submit2", "submitSignatures", "relay"]
ModeName = Literal["live", "dry-run"]
RoundPhaseName = Annotated[
    Literal["commit", "committed", "revealed", "signed", "finalized", "over"],
    Meta(description="how far the round is; over: its time has passed and no finalisation is known"),
]


class ReasonRow(Struct, frozen=True):
    """Why something was missed, and what helps; the same code stands in log, metric and runbook."""

    code: str
    message: str
    remedy: str


class Window(Struct, frozen=True, rename={"since": "from", "until": "to"}):
    """Block times from `from` on, before `to`."""

    since: TimeText
    until: TimeText


class Windows(Struct, frozen=True):
    """When commits, reveals and signatures of a round count."""

    commit: Window
    reveal: Window
    sign: Window


class RoundTransaction(Struct, frozen=True):
    """One duty's transaction. `margin_ms` is what was left to its deadline, negative when it came too late."""

    phase: PhaseName
    status: Literal["pending", "confirmed", "failed", "reverted"]
    tx_hash: Hash
    block: Count | None
    gas_used: Count | None
    fee_wei: WeiText | None
    margin_ms: int | None
    attempts: Count
    submitted_at: TimeText
    confirmed_at: TimeText | None
    reason: ReasonRow | None


class RoundPayload(Struct, frozen=True):
    """The very bytes of one duty, with their selector: what was sent, or would be in a dry run."""

    phase: PhaseName
    sender: AddressText
    calldata: Bytes
    made_at: TimeText


class RoundFeed(Struct, frozen=True):
    """Our value of a feed beside the network's. `hit` is within 0.5 % of the median, as the anchor condition counts."""

    symbol: str
    feed_id: FeedIdText
    decimals: int
    ours: DecimalText | None
    median: DecimalText | None
    q1: DecimalText | None
    q3: DecimalText | None
    turnout_bips: Count | None
    in_iqr: bool | None
    in_band: bool | None
    hit: bool | None
    deviation_bps: DecimalText | None


class RoundDetail(Struct, frozen=True):
    """One voting round. `fee_wei` is what its transactions cost so far; payloads are shown when they may be seen."""

    network: str
    round: Count
    reward_epoch: Count | None
    phase: RoundPhaseName
    mode: ModeName
    windows: Windows
    secure_random: bool | None
    random: Hash | None
    merkle_root: Hash | None
    transactions: list[RoundTransaction]
    fee_wei: WeiText
    reason: ReasonRow | None
    feeds: list[RoundFeed]
    payloads: list[RoundPayload]
    latency_ms: Latency


class RoundRow(Struct, frozen=True):
    """One voting round with its feeds counted; what needs a result is null without one."""

    network: str
    round: Count
    reward_epoch: Count | None
    phase: RoundPhaseName
    mode: ModeName
    windows: Windows
    secure_random: bool | None
    random: Hash | None
    merkle_root: Hash | None
    transactions: list[RoundTransaction]
    fee_wei: WeiText
    reason: ReasonRow | None
    feeds: Count
    omitted: Count
    in_iqr: Count | None
    in_band: Count | None
    hits: Count | None


class RoundPage(Struct, frozen=True):
    """Rounds, the newest first. `next` goes into `before` for those before them; null when there are no more."""

    data: list[RoundRow]
    count: Count
    next: Count | None
    latency_ms: Latency


class RegisteredRow(Struct, frozen=True):
    """Whether the provider votes in this reward epoch and in the next; null where that is not decided."""

    current: bool | None
    next: bool | None


class UpdatesRow(Struct, frozen=True):
    """Fast updates of the first `rounds` rounds of the reward epoch; `enough` is 80 % of what the weight expects."""

    rounds: Count
    rounds_in_epoch: Count
    made: Count
    by_all: Count
    expected: Count
    enough: Count
    spared: bool


class FdcRow(Struct, frozen=True):
    """Of the rounds counted here: those in which the FDC rewarded anyone, and us without an offence."""

    rounds: Count
    rounds_over: Count
    rounds_in_epoch: Count
    rewarding: Count
    rewarded: Count


class BudgetRow(Struct, frozen=True):
    """How many misses the reward epoch still forgives; null for what is not known: `unknown` has why, by name.

    Of fast updates and FDC rounds nobody knows how many the epoch brings: the rest is taken to go as the part counted.
    """

    anchor_misses_left: int | None
    fast_updates_left: int | None
    fdc_rounds_left: int | None
    fast_updates: UpdatesRow | None
    fdc: FdcRow | None
    unknown: dict[str, ReasonRow]


class BalanceRow(Struct, frozen=True):
    """What a role's account holds, and for how long that lasts."""

    role: str
    address: AddressText
    wei: WeiText
    runway_hours: Count | None


class OwedRow(Struct, frozen=True):
    """A reveal that is owed, and its deadline."""

    round: Count
    until: TimeText


class NodeRow(Struct, frozen=True):
    """A node by its name, how it stands (`alive`, `out_of_sync`, `unreachable`, `garbled`, `wrong_chain`), and why."""

    name: str
    state: str
    why: str | None


class AwaitingRow(Struct, frozen=True):
    """What the duty waits for, until when, and what is wrong when the wait is not as it should be."""

    what: str
    until: TimeText | None
    reason: ReasonRow | None


class Provider(Struct, frozen=True):
    """The provider as it stands; `phase` is that of the round whose voting epoch runs."""

    network: str
    mode: ModeName
    identity: AddressText | None
    told_at: TimeText
    round: Count | None
    phase: RoundPhaseName | None
    reward_epoch: Count | None
    addresses: dict[str, AddressText]
    registered: RegisteredRow
    weight_bips: Count | None
    passes: Count | None
    budget: BudgetRow
    balances: list[BalanceRow]
    accuracy_rank: Count | None
    owed_reveals: list[OwedRow]
    awaiting: AwaitingRow | None
    nodes: list[NodeRow]


class RewardRow(Struct, frozen=True):
    """What one reward epoch gives of one claim type; null for what is not known.

    `claimable` is false before the network signed the rewards, and once they were paid or have expired; of what
    delegators and stakers share it is null as soon as the rewards are signed.
    """

    reward_epoch: Count
    claim_type: str
    amount_wei: WeiText
    claimable: bool | None
    expires_at: TimeText | None


class RewardLookRow(Struct, frozen=True):
    """A reward epoch whose publication was looked for: verified, or the reason why nothing of it is known."""

    reward_epoch: Count
    verified: bool
    reason: ReasonRow | None


class RewardList(Struct, frozen=True):
    """The provider's rewards in the reward epochs that `looked` has as verified; of the others nothing is known."""

    data: list[RewardRow]
    looked: list[RewardLookRow]

"""What the duty tells the world about itself: every recent round and the provider as it stands, for whoever looks.

The duty writes from its own thread, the API and the streams read from theirs; what is handed over are frozen values.
A round is told whole each time something of it changes, so a reader never sees half of a change. Nothing that must stay
secret before its time is served from here before `shown_from_ns` of its payload.
"""

from collections.abc import Callable
from enum import StrEnum
from threading import Lock
from typing import Final

import structlog
from msgspec import Struct, structs

from chrono.errors import Reason
from chrono.flare.address import Address
from chrono.flare.epochs import VotingRound
from chrono.flare.feeds import Feed
from chrono.flare.median import Median
from chrono.flare.results import RoundResult
from chrono.flare.round.electorate import Electorate
from chrono.flare.round.outcome import Outcome
from chrono.telemetry import REPORTS_UNHEARD
from chrono.voting.provider_report import Mode, ProviderReport, RewardsTold

ROUNDS_KEPT: Final = 32
"""Rounds in memory, some 250 kB each with everybody's values; older ones are read from the store."""

log = structlog.get_logger()

OnSent = Callable[["RoundReport", "Sent"], None]
OnRound = Callable[["RoundReport"], None]


class RoundPhase(StrEnum):
    """How far a round is. A round that we missed goes on without us: its `reason` says why."""

    COMMIT = "commit"
    """Its voting epoch runs, and no commit of ours is in a block."""
    COMMITTED = "committed"
    """Our commit is in a block; the reveal is owed."""
    REVEALED = "revealed"
    """Our reveal is in a block; the result is awaited."""
    SIGNED = "signed"
    """Our signature of the result is in a block; its finalisation is awaited."""
    FINALISED = "finalized"
    """The result stands on chain, whoever brought it there."""
    OVER = "over"
    """Its time has passed, and no finalisation is known."""


class SentPhase(StrEnum):
    """What a transaction does, by the name of its function."""

    SUBMIT1 = "submit1"
    SUBMIT2 = "submit2"
    SUBMIT_SIGNATURES = "submitSignatures"
    RELAY = "relay"


class SentStatus(StrEnum):
    """How a transaction does. A failed one is in no block and never will be; a reverted one is in a block."""

    PENDING = "pending"
    CONFIRMED = "confirmed"
    FAILED = "failed"
    REVERTED = "reverted"


class Sent(Struct, frozen=True, kw_only=True):
    """One duty's transaction: its newest attempt, and the mined one as soon as there is one. `intent_id` names it."""

    intent_id: str
    phase: SentPhase
    status: SentStatus
    tx_hash: bytes
    """32 bytes; of a failed duty, its last attempt's."""
    attempts: int = 1
    submitted_at_ns: int
    """When the first attempt left, chain time."""
    confirmed_at_ns: int | None = None
    """The time of its block."""
    block_number: int | None = None
    gas_used: int | None = None
    fee_wei: int | None = None
    margin_ms: int | None = None
    """From its block to the deadline of its phase; negative when it came too late."""
    reason: Reason | None = None


class Payload(Struct, frozen=True, kw_only=True):
    """The very bytes of one duty: what is sent, or what would be in a dry run."""

    phase: SentPhase
    sender: Address
    calldata: bytes
    """With its selector."""
    made_at_ns: int
    shown_from_ns: int
    """Before it, chain time, the bytes stay here: a reveal must not be seen before its window. 0: at once."""


class FeedOutcome(Struct, frozen=True, kw_only=True):
    """One feed of a round: our value beside what the network found. Values are integers of 10**-decimals."""

    feed: Feed
    ours: int | None
    """None: we had no value to vote with."""
    median: Median | None = None
    """None while there is no result, or when nobody voted."""
    turnout_bips: int | None = None
    """None while there is no result."""
    secondary_band_ppm: int | None = None
    """The width of the secondary band by the epoch's offers; None where it is not known."""


class RoundReport(Struct, frozen=True, kw_only=True):
    """One round as we know it now."""

    network: str
    round: VotingRound
    phase: RoundPhase
    mode: Mode = Mode.LIVE
    reward_epoch_id: int | None = None
    submit: Address | None = None
    """Our submit address of the round's reward epoch: it decides values that lie on a quartile."""
    reason: Reason | None = None
    """Why we missed something of this round; None when nothing was missed."""
    result: RoundResult | None = None
    """What the network found, with its tree; only complete data gives one."""
    outcome: Outcome | None = None
    """Everybody's reveals; only in memory."""
    electorate: Electorate | None = None
    """Who votes on what in this round; only in memory."""
    transactions: tuple[Sent, ...] = ()
    payloads: tuple[Payload, ...] = ()
    feeds: tuple[FeedOutcome, ...] = ()
    """In the canonical order of the round's reward epoch; empty until our values are taken or a result is there."""

    @property
    def id(self) -> int:
        """The number of the round."""
        return self.round.id

    def with_sent(self, sent: Sent) -> "RoundReport":
        """The same with this transaction in the place of what was told of the same duty before."""
        others = tuple(other for other in self.transactions if other.intent_id != sent.intent_id)
        return structs.replace(self, transactions=(*others, sent))


class Reports:
    """The book. Every method may be called from any thread; callbacks run on the thread that told the news.

    A callback that raises is logged and counted: telling never fails.
    """

    def __init__(self, keep: int = ROUNDS_KEPT) -> None:
        self._lock = Lock()
        self._keep = keep
        self._rounds: dict[int, RoundReport] = {}
        self._provider: ProviderReport | None = None
        self._rewards: RewardsTold | None = None
        self._on_round: list[OnRound] = []
        self._on_sent: list[OnSent] = []

    # What the duty tells

    def tell_round(self, report: RoundReport) -> None:
        """A round as it is now, whole. Transactions of it that were not told before are announced."""
        with self._lock:
            before = self._rounds.get(report.id)
            self._rounds[report.id] = report
            while len(self._rounds) > self._keep:
                del self._rounds[min(self._rounds)]
        self._announce(report, () if before is None else before.transactions)

    def tell_sent(self, round_id: int, sent: Sent) -> None:
        """A transaction of a round that was told already. Nothing happens when the round is no longer kept."""
        with self._lock:
            before = self._rounds.get(round_id)
            if before is None:
                return
            report = self._rounds[round_id] = before.with_sent(sent)
        self._announce(report, before.transactions)

    def tell_provider(self, report: ProviderReport) -> None:
        """The provider as it stands now."""
        self._provider = report

    def tell_rewards(self, rewards: RewardsTold) -> None:
        """Everything that is known of our rewards."""
        self._rewards = rewards

    def on_round(self, callback: OnRound) -> Callable[[], None]:
        """Call back with every round that changed, until what is returned is called."""
        self._on_round.append(callback)
        return lambda: self._on_round.remove(callback)

    def on_sent(self, callback: OnSent) -> None:
        """Call back with every transaction that changed, and its round."""
        self._on_sent.append(callback)

    # What is read

    def round(self, round_id: int) -> RoundReport | None:
        """A round; None when it is not kept, or not known yet."""
        with self._lock:
            return self._rounds.get(round_id)

    def rounds(self, limit: int, before: int | None = None) -> list[RoundReport]:
        """At most `limit` rounds, the newest first; only those before round `before`, if given."""
        with self._lock:
            ids = sorted((each for each in self._rounds if before is None or each < before), reverse=True)
            return [self._rounds[each] for each in ids[:limit]]

    @property
    def provider(self) -> ProviderReport | None:
        """The provider as it was told last; None before that."""
        return self._provider

    @property
    def rewards(self) -> RewardsTold | None:
        """What is known of our rewards; None while nobody has looked."""
        return self._rewards

    def _announce(self, report: RoundReport, told: tuple[Sent, ...]) -> None:
        for on_round in tuple(self._on_round):
            _call(on_round, report)
        for sent in report.transactions:
            if sent not in told:
                for on_sent in self._on_sent:
                    _call(on_sent, report, sent)


def _call(callback: Callable[..., None], *news: object) -> None:
    """Whoever listens must not stop the duty, whatever becomes of the listener."""
    try:
        callback(*news)
    except Exception:
        REPORTS_UNHEARD.inc()
        log.exception("report_unheard")

"""What a voter is made of: given whole, so that the same voter runs on real nodes, on a local chain, and simulated."""

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from enum import StrEnum
from typing import TypeAlias

from msgspec import Struct, field

from chrono.chain.contracts_file import ContractsFile
from chrono.chain.fees import FeeCaps, FeeRules
from chrono.chain.gas import relay_gas, submission_gas
from chrono.chain.history import HistoryFile
from chrono.chain.indexer import IndexRules
from chrono.chain.intents import LaneRules
from chrono.chain.ports import NodePort
from chrono.chain.standing import PoolRules
from chrono.chain.time import TimeRules
from chrono.clock import Clock
from chrono.flare.address import Address
from chrono.flare.commit import new_random
from chrono.flare.feeds import FeedId
from chrono.flare.frames import FTSO
from chrono.flare.networks import Network
from chrono.flare.units import COIN_WEI, GWEI
from chrono.keys.funding import DUTIES
from chrono.keys.roles import Role
from chrono.provider.fdc_file import FdcFile
from chrono.provider.hot_keys import HotKeys
from chrono.provider.sub_protocols import SubProtocol
from chrono.settings import Secret
from chrono.supervisor import Run
from chrono.voting.budget import HitTally
from chrono.voting.margins import Margins
from chrono.voting.ports import ByteLog
from chrono.voting.provider_report import Mode
from chrono.voting.reports import Reports, SentPhase

ValuesOf: TypeAlias = Callable[[Sequence[FeedId]], Sequence[Decimal | None]]
"""Our value of each feed now, in the order asked; None where there is none. Fits: snapshots.Snapshots.values."""

OWED_SHARE = 2
"""One half of what a key may spend in an hour is for what is owed."""


class Seat(StrEnum):
    """Who sends our transactions. One of them holds for a network, never both."""

    SUBMITTER = "submitter"
    """We do."""
    DATA_PROVIDER = "data-provider"
    """Flare's own system client, which asks us what to send."""


class Spending(Struct, frozen=True, kw_only=True):
    """What each kind of transaction may offer for a unit of gas, and a key spend in an hour. In wei."""

    commit_wei: int = 2000 * GWEI
    reveal_wei: int = 15_000 * GWEI
    signature_wei: int = 5000 * GWEI
    relay_wei: int = 5000 * GWEI
    hour_wei: int = 100 * COIN_WEI

    def caps(self, phase: SentPhase) -> FeeCaps:
        """The caps of one kind."""
        most_wei = {
            SentPhase.SUBMIT1: self.commit_wei,
            SentPhase.SUBMIT2: self.reveal_wei,
            SentPhase.SUBMIT_SIGNATURES: self.signature_wei,
            SentPhase.RELAY: self.relay_wei,
        }[phase]
        # Half the gas more, when a transaction ran out of it, must still fit.
        return FeeCaps(most_fee_wei=most_wei, most_cost_wei=most_wei * gas_of(phase) * 3 // 2)

    def reserve_wei(self, role: Role) -> int:
        """What an account must hold beside a commit: two reveals at their caps. Other roles owe nothing like it."""
        return 2 * self.reveal_wei * gas_of(SentPhase.SUBMIT2) if role is Role.SUBMIT else 0


def gas_of(phase: SentPhase) -> int:
    """The gas limit of the largest transaction of one kind: for caps and reserves."""
    role = {
        SentPhase.SUBMIT1: Role.SUBMIT,
        SentPhase.SUBMIT2: Role.SUBMIT,
        SentPhase.SUBMIT_SIGNATURES: Role.SUBMIT_SIGNATURES,
        SentPhase.RELAY: Role.SIGNING_POLICY,
    }[phase]
    return DUTIES[role].gas


def gas_for(phase: SentPhase, calldata_bytes: int) -> int:
    """The gas limit of one transaction: explicit and small, since it is due upfront at the fee cap."""
    limit = relay_gas(calldata_bytes) if phase is SentPhase.RELAY else submission_gas(calldata_bytes)
    return min(limit, gas_of(phase))


class ProviderRules(Struct, frozen=True, kw_only=True):
    """How patient every part is. The defaults are those of real chains."""

    spending: Spending = Spending()
    fees: FeeRules = field(default_factory=FeeRules)
    lanes: LaneRules = LaneRules()
    pool: PoolRules = PoolRules()
    index: IndexRules = IndexRules()
    time: TimeRules = TimeRules()
    margins: Margins | None = None
    """None: by the calendar."""
    look_s: float = 1.0
    """How often the rounds are looked at when nothing happens."""


class ProviderSetup(Struct, frozen=True, kw_only=True):
    """Everything a voter needs from outside."""

    network: Network
    identity: Address
    registry: Address
    known: Mapping[str, tuple[Address, ...]] = field(default_factory=dict)
    """Addresses of contracts that other sources name, to hold the registry against."""
    nodes: Sequence[NodePort]
    sockets: Mapping[str, Secret] = field(default_factory=dict)
    """By node: where it tells its blocks by itself."""
    clock: Clock
    """The machine's: chain time is found from it and the blocks."""
    log: ByteLog
    """Where the journal lies."""
    history: HistoryFile | None = None
    """Where the events that were read are kept, so that a start reads only what is new."""
    contracts: ContractsFile | None = None
    """Where it is kept where the contracts were, so that a start that meets one node alone sends what is owed."""
    fdc_rounds: FdcFile | None = None
    """Where the FDC's rounds that were counted are kept, so that a restart costs the budget nothing."""
    values: ValuesOf
    random: Callable[[], bytes] = new_random
    """32 bytes that nobody can guess, for a commit; a simulation gives its own, so that it can be run again."""
    keys: HotKeys | None = None
    """None: nothing can be signed, so a submitter's mode is dry-run."""
    seat: Seat = Seat.SUBMITTER
    mode: Mode = Mode.DRY_RUN
    protocols: Sequence[SubProtocol] = ()
    reports: Reports = field(default_factory=Reports)
    tally: HitTally = field(default_factory=HitTally)
    """What was counted of the reward epoch; outlives the provider, and may be told what is recorded."""
    reward_data: str | None = None
    """A folder or an address with the published rewards; None: they are not signed."""
    besides: Sequence[tuple[str, Run]] = ()
    """Parts of others that are to run in the duty's loop, such as a simulated chain."""
    rules: ProviderRules = field(default_factory=ProviderRules)

    @property
    def protocols_sent(self) -> tuple[int, ...]:
        """The protocols whose frames our addresses send by this journal alone: any other one is a stranger's.

        None in a dry run, beside which another program may send them all; in the data provider's seat only ours.
        """
        if self.mode is Mode.DRY_RUN:
            return ()
        beside = self.protocols if self.seat is Seat.SUBMITTER else ()
        return (FTSO, *(each.protocol_id for each in beside))

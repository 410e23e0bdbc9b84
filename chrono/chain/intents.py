"""What a lane is asked to bring into a block, what it must know for that, and how it ends. Values only.

An intent is a duty with one payload for ever; its attempts differ in nonce and fee alone. Times are nanoseconds of the
clock that the lane is driven by.
"""

from collections.abc import Mapping
from typing import TypeAlias

from msgspec import Struct, field

from chrono.chain.answers import Receipt
from chrono.chain.fees import FeeCaps
from chrono.chain.ports import Attempt
from chrono.chain.verdicts import Verdict
from chrono.clock import MS_NS, SECOND_NS
from chrono.errors import Reason
from chrono.flare.address import Address
from chrono.flare.transaction import Transaction


class Intent(Struct, frozen=True, kw_only=True):
    """A payload that is to stand in a block. `id` says which duty it is: the same id is always the same payload."""

    id: str
    role: str
    """For metrics: submit1, submit2, signatures, …"""
    to: Address
    data: bytes
    gas: int
    """The limit; never estimated, for an estimate may fail."""
    caps: FeeCaps
    send_until_ns: int
    """After it nothing is sent for the first time, and no fee is raised."""
    expires_ns: int
    """After it nothing is sent any more: the intent ends, soon when it left, at once when it did not."""
    owed: bool = False
    """Not doing it costs more than any fee within its caps: a reveal."""
    value_wei: int = 0

    def matches(self, transaction: Transaction) -> bool:
        """Whether a transaction carries this payload."""
        return (transaction.to, transaction.data, transaction.value_wei) == (self.to, self.data, self.value_wei)


class LaneRules(Struct, frozen=True, kw_only=True):
    """How patient a lane is, and when it believes the nodes."""

    look_ns: int = SECOND_NS
    """How often the nodes are asked while something is under way."""
    resend_ns: int = 3 * SECOND_NS
    """How often the same transaction is sent again; thrice as often when no node is known to hold it."""
    bump_ns: int = 5 * SECOND_NS
    """How long the lowest nonce may wait before it offers more."""
    outbid_ns: int = 250 * MS_NS
    """How soon it does so when a node said that it offers too little."""
    missing_ns: int = 3 * SECOND_NS
    """How long a used nonce of ours may be without a receipt before it counts as somebody else's."""
    settle_ns: int = 5 * SECOND_NS
    """How long past its end an intent that left is still looked for: the last block is heard of after it."""
    confirmations: int = 0
    """Blocks above the one that holds a transaction before it counts: 0 on Flare, where accepted blocks stay."""
    regress_looks: int = 3
    """So many looks in a row must see a nonce that goes back: until then a node lags."""
    reserve_wei: int = 0
    """What only owed intents may put up."""


class Ending(Struct, frozen=True):
    """How an intent ended. `reason` is None when it stands in a block, succeeded, and enough nodes confirm it."""

    intent: Intent
    reason: Reason | None
    receipt: Receipt | None
    left: bool
    """Whether any attempt may have left the process."""
    attempts: int


class View(Struct, frozen=True, kw_only=True):
    """What the nodes say of the account now. None where too few say it."""

    nonce: int | None = None
    """Its next nonce."""
    head_number: int | None = None
    base_fee_wei: int | None = None
    balance_wei: int | None = None
    receipts: Mapping[bytes, Receipt] = field(default_factory=dict)
    """Of those transactions that were asked about, on which enough nodes agree."""
    absent: frozenset[bytes] = frozenset()
    """Those of them of which enough nodes say that they stand in no block."""


class Look(Struct, frozen=True):
    """Ask the nodes for a View, with the receipts of these transactions. Answer with `looked`."""

    hashes: tuple[bytes, ...]


class Sign(Struct, frozen=True):
    """Have this signed. Answer with `signed` or `not_signed`."""

    intent: Intent
    transaction: Transaction


class Keep(Struct, frozen=True):
    """Write this to disk. Answer with `kept` or `not_kept`."""

    intent: Intent
    attempt: Attempt


class Send(Struct, frozen=True):
    """Send this to every node. Answer with `sent`."""

    intent: Intent
    attempt: Attempt


class Rest(Struct, frozen=True):
    """Nothing is to be done until this time, or until something new is wanted; None: until then only."""

    until_ns: int | None


Step: TypeAlias = Look | Sign | Keep | Send | Rest
Verdicts: TypeAlias = Mapping[str, Verdict]

"""What a round asks to have done, what it is told about the chain, and what came of it. Values only.

An action is given once; it is given again only after it was answered with a failure that may pass, or after a restart.
Doing it twice must do no harm: the same intent is always the same payload, the same message always the same signature.
"""

from typing import TypeAlias

from msgspec import Struct

from chrono.errors import Reason
from chrono.flare.address import Address
from chrono.flare.feeds import Feed
from chrono.flare.frames import SubmissionFunction
from chrono.flare.protocol_message import ProtocolMessage
from chrono.flare.round.outcome import Outcome
from chrono.flare.signatures import Signature


class ChainView(Struct, frozen=True, kw_only=True):
    """What is known of the chain now. Times are the chain's. Unknown is None, and forbids what depends on it."""

    head_time_ns: int | None = None
    """The time of the newest block."""
    skew_ns: int | None = None
    """How far the machine's clock is from the chain's, either way; None while it is not known."""
    late_ns: int | None = None
    """How far the newest blocks are ahead of our time, which then is late; None while too few nodes name any."""
    initialised: int | None = None
    """The last reward epoch with a signing policy, as two nodes say it just now; None when they do not agree."""
    scanned: bool = False
    """Whether our own transactions of the last two rounds have been looked at: see `strangers`."""
    silent_through: int | None = None
    """The last round in which we say nothing, for somebody else uses our keys: `strangers.Strangers`."""
    reveals_read: bool = False
    """Whether every block is here from the rounds whose offenders are benched up to this round's reveal deadline."""
    stopping: bool = False
    """Whether the process is to end: what is owed is done, nothing new is begun."""


class TakeValues(Struct, frozen=True):
    """Take our value of each feed, now. Answer: Values."""

    round_id: int
    reward_epoch_id: int
    feeds: tuple[Feed, ...]
    """In the canonical order of the round's reward epoch."""


class FetchFrame(Struct, frozen=True):
    """Ask a sub-protocol for its part of a function. Answer: Fetched."""

    protocol_id: int
    function: SubmissionFunction
    round_id: int
    sender: Address
    """Our submit address, or for signatures our submitSignatures address."""


class Submit(Struct, frozen=True, kw_only=True):
    """Bring this into a block. Answer: Submitted."""

    intent_id: str
    function: SubmissionFunction
    protocols: tuple[int, ...]
    """Whose frames it carries."""
    sender: Address
    data: bytes
    """The calldata."""
    owed: bool
    send_until_ns: int
    """After it nothing is sent for the first time, and no fee is raised."""
    expires_ns: int


class Settle(Struct, frozen=True):
    """Compute the outcome of the round from the transactions of everybody. Answer: Settled."""

    round_id: int


class SignResult(Struct, frozen=True):
    """Have the signing-policy key sign this result; its record binds it first, on disk. Answer: Signed."""

    message: ProtocolMessage


class Finalise(Struct, frozen=True, kw_only=True):
    """Bring the relay into a block. Answer: Submitted."""

    intent_id: str
    message: ProtocolMessage
    sender: Address
    """Our signing-policy address."""
    data: bytes
    """The calldata of the relay."""
    dry_run: bool
    """Whether a call must succeed before it is sent. The selected send at once: who loses the race is rewarded too."""
    send_until_ns: int
    expires_ns: int


class End(Struct, frozen=True):
    """The round is over for us. `reason` is the gravest of what was missed; None when nothing was. No answer."""

    round_id: int
    reason: Reason | None


class Values(Struct, frozen=True):
    """Our value of each feed in units of 10**-decimals, None where there is none; or why there are none at all."""

    values: tuple[int | None, ...]
    at_ns: int = 0
    """Of which instant they are."""
    reason: Reason | None = None


class Fetched(Struct, frozen=True):
    """What a sub-protocol answered. `reason` is set when it did not answer; `ready` is False for RETRY and the like."""

    data: bytes | None = None
    """submit1, submit2: its frames; submitSignatures: the bare 38-byte message. None: nothing to send (EMPTY)."""
    additional: bytes = b""
    ready: bool = True
    reason: Reason | None = None


class Inclusion(Struct, frozen=True):
    """In which block a transaction stands for good, confirmed by as many nodes as it takes; succeeded or not."""

    tx_hash: bytes
    block_number: int
    block_time_s: int


class Submitted(Struct, frozen=True):
    """How an intent ended. `inclusion` is set when it stands in a block, even if it failed there."""

    inclusion: Inclusion | None = None
    reason: Reason | None = None


class Settled(Struct, frozen=True):
    """The outcome of the round, or why it cannot be known yet."""

    outcome: Outcome | None = None
    reason: Reason | None = None


class Signed(Struct, frozen=True):
    """The signature, or why there is none."""

    signature: Signature | None = None
    reason: Reason | None = None


Action: TypeAlias = TakeValues | FetchFrame | Submit | Settle | SignResult | Finalise | End
Answer: TypeAlias = Values | Fetched | Submitted | Settled | Signed

"""Which duties of an epoch are open, done, or not needed any more, as the chain's events tell it. No I/O.

Nothing is remembered here: after a restart the events say the same. Source: fsp.md section 6.
"""

from collections.abc import Callable
from typing import Final

from msgspec import Struct

from chrono.flare.address import Address
from chrono.voting.epoch_events import Signed
from chrono.voting.epoch_words import DutyKind, DutyState, EpochDuty
from chrono.voting.epochs import EpochBook

_NOTHING: Final = Signed()


class Opening(Struct, frozen=True, kw_only=True):
    """A duty that is open, and what it is done with."""

    since_s: int
    """The block time of the event that opened it."""
    signer: Address | None = None
    """The policy address that the chain expects; None: the EntityManager knows it."""
    signer_block: int | None = None
    """The block at which the EntityManager is asked for it; None: now."""
    policy_hash: bytes | None = None
    registered: bool = False
    """Whether the events say that we are registered, which is then verified."""
    closing: bool = False
    """Whether the policy is initialised: nothing can be sent any more, only verified."""


Standing = Opening | DutyState
"""How a duty of ours stands: open, or DONE, MOOT, MISSED."""


def standing_of(duty: EpochDuty, book: EpochBook, identity: Address) -> Standing | None:
    """How a duty stands; None for one that is not ours, or not yet."""
    return _STANDINGS[duty.kind](book, identity, duty.reward_epoch_id)


def known_duties(book: EpochBook) -> list[EpochDuty]:
    """Every duty that the events may have opened, the oldest first."""
    events = book.events
    told = {*events.policies, *events.vote_power, *events.uptime_enabled}
    told |= {epoch + 1 for epoch in events.started}
    return [EpochDuty(epoch, kind) for epoch in sorted(told) for kind in DutyKind]


def registered_for(book: EpochBook, identity: Address, reward_epoch_id: int) -> bool | None:
    """Whether the entity votes in a reward epoch; None while the chain has not decided it, or told it."""
    events = book.events
    if reward_epoch_id not in events.vote_power:
        return True if (reward_epoch_id, identity) in events.registered else None
    return (reward_epoch_id, identity) in events.registered


def _preregister(book: EpochBook, identity: Address, epoch: int) -> Standing | None:
    events = book.events
    started = events.started.get(epoch - 1)
    if started is None or book.registration(identity, epoch - 1) is None:
        return None
    if (epoch, identity) in events.registered:
        return DutyState.DONE
    newest = max(events.started)
    if epoch in events.vote_power or epoch in events.policies or epoch <= newest:
        return DutyState.MOOT
    return Opening(since_s=started.timestamp_s)


def _register(book: EpochBook, identity: Address, epoch: int) -> Standing | None:
    events = book.events
    selected, policy = events.vote_power.get(epoch), events.policies.get(epoch)
    if selected is None:
        return None
    registered = book.registration(identity, epoch)
    if policy is None or epoch not in events.started:
        return Opening(
            since_s=selected.timestamp_s,
            signer_block=events.random_blocks.get(epoch),
            registered=registered is not None,
            closing=policy is not None,
        )
    votes = registered is not None and registered.signing_policy in policy.policy.voters
    return DutyState.DONE if votes else DutyState.MISSED


def _policy(book: EpochBook, identity: Address, epoch: int) -> Standing | None:
    told, ours = book.events.policies.get(epoch), book.registration(identity, epoch - 1)
    if told is None or ours is None:
        return None
    signed = book.events.policy_signed.get(epoch, _NOTHING)
    over = epoch != book.last_initialised
    return _signing(signed, identity, over) or Opening(
        since_s=told.timestamp_s, signer=ours.signing_policy, policy_hash=book.policy_hash(epoch)
    )


def _uptime(book: EpochBook, identity: Address, epoch: int) -> Standing | None:
    enabled, ours = book.events.uptime_enabled.get(epoch), book.registration(identity, epoch)
    if enabled is None or ours is None:
        return None
    signed = book.events.uptime_signed.get(epoch, _NOTHING)
    return _signing(signed, identity) or Opening(since_s=enabled.timestamp_s, signer=ours.signing_policy)


def _rewards(book: EpochBook, identity: Address, epoch: int) -> Standing | None:
    events, ours = book.events, book.registration(identity, epoch)
    opened_s = events.uptime_signed.get(epoch, _NOTHING).threshold_reached_s
    if opened_s is None or ours is None:
        return None
    signed = events.rewards_signed.get(epoch, _NOTHING)
    return _signing(signed, identity) or Opening(since_s=opened_s, signer=ours.signing_policy)


def _signing(signed: Signed, identity: Address, over: bool = False) -> DutyState | None:
    """What a vote is that somebody signed; None while ours is still wanted."""
    if identity in signed.voters:
        return DutyState.DONE
    return DutyState.MOOT if over or signed.threshold_reached_s is not None else None


_STANDINGS: Final[dict[DutyKind, Callable[[EpochBook, Address, int], Standing | None]]] = {
    DutyKind.PREREGISTER: _preregister,
    DutyKind.REGISTER: _register,
    DutyKind.POLICY: _policy,
    DutyKind.UPTIME: _uptime,
    DutyKind.REWARDS: _rewards,
}

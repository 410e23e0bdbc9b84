"""An entity's minimal conditions in a past reward epoch, read from the `minimal-conditions.json` that is published.

Source: FTSO-Scaling minimal-conditions.ts and its published files; fsp.md section 7, "Minimal conditions".
"""

from typing import Annotated, Final

import msgspec
from msgspec import Meta, Struct

from chrono.errors import BAD_REWARDS, ChronoError
from chrono.flare.address import Address
from chrono.flare.rewards.minimal_conditions import NodeStake
from chrono.voting.conditions import PublishedConditions

NAME: Final = "minimal-conditions.json"

_Amount = Annotated[str, Meta(pattern="^[0-9]{1,40}$")]
_Count = Annotated[int, Meta(ge=0, le=2**53)]


class _Head(Struct, rename="camel"):
    """What finds the entity; the rest of an entry is read only when it is ours."""

    voter_address: str


class _Anchor(Struct, rename="camel"):
    condition_met: bool
    total_hits: _Count
    all_possible_hits: _Count


class _FastUpdates(Struct, rename="camel"):
    condition_met: bool
    updates: _Count
    expected_updates: _Amount | _Count
    too_low_weight: bool = False


class _Node(Struct, rename="camel"):
    uptime_ok: bool
    self_bond: _Amount | _Count
    total_stake_amount: _Amount | _Count


class _Staking(Struct, rename="camel"):
    condition_met: bool
    node_conditions: list[_Node] = []


class _Fdc(Struct, rename="camel"):
    condition_met: bool
    total_rewarded_voting_rounds: _Count
    rewarded_voting_rounds: _Count


class _Entry(Struct, rename="camel"):
    reward_epoch_id: _Count
    passes_held: _Count
    new_number_of_passes: _Count
    strikes: _Count
    eligible_for_reward: bool
    ftso_scaling: _Anchor
    fast_updates: _FastUpdates | None = None
    staking: _Staking | None = None
    fdc: _Fdc | None = None


def conditions_of(body: bytes, source: str, identity: Address) -> PublishedConditions | None:
    """The entity's entry; None when it was no voter of that epoch. Raises: ChronoError(BAD_REWARDS)."""
    spelled = "0x" + identity.hex()
    try:
        for raw in msgspec.json.decode(body, type=list[msgspec.Raw]):
            if msgspec.json.decode(raw, type=_Head).voter_address.lower() == spelled:
                return _read(msgspec.json.decode(raw, type=_Entry))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ChronoError(BAD_REWARDS, file=source, why=str(error)[:200]) from error
    return None


def _read(entry: _Entry) -> PublishedConditions:
    fast, staking, fdc = entry.fast_updates, entry.staking, entry.fdc
    nodes = () if staking is None else tuple(_node(each) for each in staking.node_conditions)
    return PublishedConditions(
        reward_epoch_id=entry.reward_epoch_id,
        passes_held=entry.passes_held,
        passes=entry.new_number_of_passes,
        strikes=entry.strikes,
        eligible=entry.eligible_for_reward,
        anchor_met=entry.ftso_scaling.condition_met,
        hits=entry.ftso_scaling.total_hits,
        possible=entry.ftso_scaling.all_possible_hits,
        fast_updates_met=None if fast is None else fast.condition_met,
        updates=None if fast is None else fast.updates,
        updates_expected=None if fast is None else int(fast.expected_updates),
        spared=None if fast is None else fast.too_low_weight,
        staking_met=None if staking is None else staking.condition_met,
        nodes=nodes,
        fdc_met=None if fdc is None else fdc.condition_met,
        fdc_rounds=None if fdc is None else fdc.rewarded_voting_rounds,
        fdc_rounds_possible=None if fdc is None else fdc.total_rewarded_voting_rounds,
    )


def _node(node: _Node) -> NodeStake:
    return NodeStake(node.uptime_ok, int(node.self_bond), int(node.total_stake_amount))

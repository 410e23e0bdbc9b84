"""The Flare networks, and every number in which they differ. Sources: fsp.md sections 0.1, 1, 2, 6 to 9.

This is the one table of what can change without a release: a network's contracts, those that were redeployed with all
their addresses, and the reward epoch from which FIP.16 counts, which settings may give (`network_of`). Replace any
other field with `msgspec.structs.replace`, or build a network of your own with `local_network`.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from chrono.flare.contracts.addresses import Contracts, known_contracts
from chrono.flare.epochs import Timing
from chrono.flare.units import GWEI

DAY_S = 86_400
_NEVER: Final[Mapping[str, int]] = MappingProxyType({})


class UnknownNetworkError(ValueError):
    """No network has this name or chain id."""


class AtLeast(Struct, frozen=True):
    """A phase that lasts until both its seconds and its blocks have passed."""

    seconds: int
    blocks: int


class Subsidy(Struct, frozen=True):
    """What the node refunds of the first call of a round to each Submission function. Source: fsp.md section 2."""

    gas: int
    """Down to this much gas is left to pay."""
    gas_price_wei: int
    most_calldata_bytes: int
    most_gas_limit: int | None
    """None: any gas limit is refunded."""


class Cycle(Struct, frozen=True):
    """The phases of a reward epoch's duties. Source: fsp.md section 9, "Chain parameters"."""

    registration: AtLeast
    uptime_vote: AtLeast
    random_acquisition_most: AtLeast
    policy_signing_unpunished: AtLeast
    policy_signing_unrewarded_blocks: int
    fewest_voters: int
    most_voters: int = 100


class Network(Struct, frozen=True):
    """One chain on which the protocol runs."""

    name: str
    chain_id: int
    timing: Timing
    first_reward_epoch: int
    """The first reward epoch of the protocol; there was none before."""
    subsidy: Subsidy
    cycle: Cycle
    finalisation_reward_epochs: int
    """A round may be relayed this many reward epochs back."""
    fast_update_incentive_blocks: int
    """An incentive offer widens the range for this many blocks."""
    anchor_feeds: int
    """As deployed when fsp.md was written; the list of a reward epoch is what its offers say."""
    fast_update_feeds: int
    most_nodes: int
    """Staking nodes of one entity; 0 where there is no staking."""
    fee_delay_reward_epochs: int
    """A changed delegation fee holds from this many reward epochs later."""
    claim_expiry_s: int
    contracts: Contracts
    """Where its contracts are by official sources: a cross-check, the registry on chain decides."""
    fip16_activation_reward_epoch: int | None = None
    """The first reward epoch that votes with signing weights; None: not decided, never."""
    fast_update_window_blocks: int = 10
    benching_rounds: int = 20
    """Whoever did not reveal is left out of the random for this many rounds."""
    penalty_factor: int = 30
    min_rewarded_turnout_bips: int = 5000
    primary_band_share_ppm: int = 400_000
    default_fee_bips: int = 2000

    def fip16_active(self, reward_epoch_id: int) -> bool:
        """Whether a reward epoch votes by the rules of FIP.16."""
        activation = self.fip16_activation_reward_epoch
        return activation is not None and reward_epoch_id >= activation


def network_of(which: str | int, fip16_from: Mapping[str, int] = _NEVER) -> Network:
    """The network of a name (flare, songbird, coston, coston2) or a chain id.

    `fip16_from` is the setting flare.fip16_activation_reward_epoch: first reward epochs of FIP.16 by network name.
    Raises: UnknownNetworkError.
    """
    for network in NETWORKS:
        if which in (network.name, network.chain_id):
            activation = fip16_from.get(network.name)
            return network if activation is None else replace(network, fip16_activation_reward_epoch=activation)
    known = ", ".join(f"{network.name} ({network.chain_id})" for network in NETWORKS)
    raise UnknownNetworkError(f"no network is called {which!r}; there are {known}")


def local_network(
    timing: Timing, *, chain_id: int = 31_337, name: str = "local", like: "Network | None" = None
) -> Network:
    """A network of one's own, for a chain on this machine: `like` (else Coston2) with another calendar and chain id.

    Contracts, FIP.16 and the rest can be set on the answer with `msgspec.structs.replace`.
    """
    return replace(like or COSTON2, name=name, chain_id=chain_id, timing=timing, first_reward_epoch=0, contracts={})


def _cycle(registration: int, uptime: int, random_s: int, random_blocks: int, policy: int, fewest_voters: int) -> Cycle:
    return Cycle(
        registration=AtLeast(1800, registration),
        uptime_vote=AtLeast(600, uptime),
        random_acquisition_most=AtLeast(random_s, random_blocks),
        policy_signing_unpunished=AtLeast(1200, policy),
        policy_signing_unrewarded_blocks=policy,
        fewest_voters=fewest_voters,
    )


FLARE = Network(
    name="flare",
    chain_id=14,
    timing=Timing.of("flare"),
    first_reward_epoch=223,
    subsidy=Subsidy(gas=21_000, gas_price_wei=25 * GWEI, most_calldata_bytes=4500, most_gas_limit=3_000_000),
    cycle=_cycle(900, 300, 28_800, 14_400, 600, 10),
    finalisation_reward_epochs=10,
    fast_update_incentive_blocks=17,
    anchor_feeds=63,
    fast_update_feeds=62,
    most_nodes=4,
    fee_delay_reward_epochs=3,
    claim_expiry_s=90 * DAY_S,
    contracts=known_contracts("flare"),
)

SONGBIRD = replace(
    FLARE,
    name="songbird",
    chain_id=19,
    timing=Timing.of("songbird"),
    first_reward_epoch=183,
    subsidy=Subsidy(gas=21_000, gas_price_wei=225 * GWEI, most_calldata_bytes=4500, most_gas_limit=None),
    cycle=_cycle(1800, 600, 28_800, 28_800, 1200, 10),
    fast_update_incentive_blocks=30,
    most_nodes=0,
    contracts=known_contracts("songbird"),
)

COSTON = replace(
    SONGBIRD,
    name="coston",
    chain_id=16,
    timing=Timing.of("coston"),
    first_reward_epoch=2466,
    cycle=_cycle(240, 80, 14_400, 1920, 160, 3),
    finalisation_reward_epochs=30,
    anchor_feeds=63 + 18,
    fast_update_feeds=80,
    fee_delay_reward_epochs=2,
    claim_expiry_s=7 * DAY_S,
    contracts=known_contracts("coston"),
)

COSTON2 = replace(
    FLARE,
    name="coston2",
    chain_id=114,
    timing=Timing.of("coston2"),
    # The reference's own number; other official sources say 3106. Source: fsp.md section 1.
    first_reward_epoch=3110,
    cycle=_cycle(180, 60, 14_400, 1440, 120, 3),
    finalisation_reward_epochs=30,
    fee_delay_reward_epochs=2,
    claim_expiry_s=7 * DAY_S,
    contracts=known_contracts("coston2"),
)

NETWORKS = (FLARE, SONGBIRD, COSTON, COSTON2)

"""How long the phases of a simulated reward epoch last."""

from typing import Final

from msgspec import Struct

from chrono.flare.networks import AtLeast, Network

REAL_INITIALISATION_S: Final = 7200
"""A new signing policy is begun so long before the reward epoch ends. Source: fsp.md section 6."""
_SHORTEST_REAL_EPOCH_S: Final = 6 * 3600


class SimulationRules(Struct, frozen=True, kw_only=True):
    """The phases of a reward epoch, and how blocks come. Durations in seconds."""

    initialisation_s: int
    registration: AtLeast
    uptime_vote: AtLeast
    random_most: AtLeast
    fewest_voters: int = 3
    most_voters: int = 100
    block_s: int = 1
    """A block comes at most so often, and only with transactions; the daemon's traffic keeps one coming at least"""
    traffic_s: int = 4
    """so often: transactions of others, which nobody here reads."""

    @classmethod
    def of(cls, network: Network) -> "SimulationRules":
        """Those of the network; where its reward epochs are shortened, the phases are shortened with them."""
        length_s = network.timing.rounds_per_reward_epoch * network.timing.epoch_s
        cycle = network.cycle
        if length_s >= _SHORTEST_REAL_EPOCH_S:
            return cls(
                initialisation_s=REAL_INITIALISATION_S,
                registration=cycle.registration,
                uptime_vote=cycle.uptime_vote,
                random_most=cycle.random_acquisition_most,
                fewest_voters=cycle.fewest_voters,
                most_voters=cycle.most_voters,
            )
        return cls(
            initialisation_s=length_s // 2,
            registration=AtLeast(length_s // 12, 1),
            uptime_vote=AtLeast(length_s // 12, 1),
            random_most=AtLeast(length_s // 6, 1),
            most_voters=cycle.most_voters,
        )

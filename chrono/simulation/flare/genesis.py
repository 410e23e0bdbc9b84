"""The beginning of a simulated chain: reward epoch 0 passes in a few blocks, and whoever joined votes in epoch 1."""

from collections.abc import Iterable
from typing import Final

from msgspec.structs import replace

from chrono.clock import SECOND_NS
from chrono.flare.address import Address
from chrono.flare.epochs import RewardEpoch, Timing, VotingEpoch
from chrono.flare.networks import AtLeast, Network, local_network
from chrono.simulation.flare.calls import Call
from chrono.simulation.flare.contracts.registrations import UNSIGNED
from chrono.simulation.flare.deployment import Deployment

ROUNDS: Final = 20
"""Rounds of a simulated reward epoch, where nobody says otherwise: half an hour."""
FIRST_ROUND: Final = 2
"""The round of reward epoch 1 in which a simulation begins."""
_AT_ONCE: Final = AtLeast(0, 0)


def network_at(now_ns: int, rounds: int = ROUNDS, epoch_s: int = 90, reveal_s: int = 45) -> Network:
    """A network whose calendar has reached the first rounds of reward epoch 1 now."""
    begun_s = now_ns // SECOND_NS // epoch_s * epoch_s
    first_start_s = begun_s - (rounds + FIRST_ROUND) * epoch_s
    return local_network(Timing(first_start_s, rounds, epoch_s=epoch_s, reveal_s=reveal_s), name="simulated")


def begin(deployment: Deployment, voters: Iterable[Address], now_ns: int) -> None:
    """Let reward epoch 0 pass, with these identities as the voters of reward epoch 1."""
    chain, manager, timing = deployment.chain, deployment.manager, deployment.network.timing
    rules = deployment.world.rules
    deployment.world.rules = replace(
        rules, registration=_AT_ONCE, random_most=_AT_ONCE, uptime_vote=_AT_ONCE, fewest_voters=1
    )
    first_s, turn_s = (VotingEpoch(RewardEpoch(e, timing).expected_start_round, timing).start_s for e in (0, 1))
    daemon, chain.after_block = chain.after_block, manager.begin
    chain.mine(first_s)
    chain.after_block = daemon
    early_s = turn_s - rules.initialisation_s
    chain.mine(early_s)
    for _ in range(2):
        chain.mine(chain.head.time_s + 1)
    _register(deployment, voters)
    for time_s in (chain.head.time_s + 1, chain.head.time_s + 2, turn_s, now_ns // SECOND_NS):
        chain.mine(time_s)
    deployment.world.rules = rules


def _register(deployment: Deployment, voters: Iterable[Address]) -> None:
    """Enter them without signatures, with the logs of the next block."""
    head = deployment.chain.head
    call = Call(Address(bytes(20)), b"", head.number + 1, head.time_s)
    for voter in voters:
        deployment.registrations.register(call, voter, UNSIGNED)
    for told in call.logs:
        deployment.chain.emit(told.address, told.topics, told.data)

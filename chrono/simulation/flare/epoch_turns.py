"""What simulated voters do once per reward epoch: register, sign the policy, the uptime, rewards. Source: fsp.md 6."""

from collections.abc import Callable, Sequence
from functools import partial
from random import Random

from chrono.clock import SECOND_NS
from chrono.flare.contracts.event_table import decode_event
from chrono.flare.contracts.events import (
    Event,
    RewardEpochStarted,
    SigningPolicyInitialized,
    SignUptimeVoteEnabled,
    UptimeVoteSigned,
    VotePowerBlockSelected,
)
from chrono.flare.system_messages import UPTIME_VOTE_HASH, WeightBasedClaims, rewards_message, uptime_message
from chrono.simulation.flare.agenda import Agenda
from chrono.simulation.flare.calls import Emitted
from chrono.simulation.flare.contracts.ballots import rewards_root
from chrono.simulation.flare.deployment import Deployment
from chrono.simulation.flare.voter import SimulatedVoter, send

_DELAY_S = (1.0, 6.0)


class EpochTurns:
    """Hears what a new block tells, and lets every voter do its duty a few seconds later."""

    def __init__(self, deployment: Deployment, agenda: Agenda, voters: Sequence[SimulatedVoter], seed: int) -> None:
        self._deployment = deployment
        self._agenda = agenda
        self._voters = voters
        self._chance = Random(f"{seed} turns")

    def heard(self, logs: Sequence[Emitted], at_ns: int) -> None:
        """A block told these."""
        for each in logs:
            event = decode_event(each.topics, each.data)
            act = None if event is None else self._duty(event)
            if act is not None:
                for voter in self._voters:
                    delay_ns = int(self._chance.uniform(*_DELAY_S) * SECOND_NS)
                    self._agenda.at(at_ns + delay_ns, partial(act, voter))

    def _duty(self, event: Event) -> Callable[[SimulatedVoter, int], None] | None:
        match event:
            case RewardEpochStarted(reward_epoch_id=epoch):
                return partial(self._preregister, epoch + 1)
            case VotePowerBlockSelected(reward_epoch_id=epoch):
                return partial(self._register, epoch)
            case SigningPolicyInitialized():
                return partial(self._sign_policy, event)
            case SignUptimeVoteEnabled(reward_epoch_id=epoch):
                return partial(self._sign_uptime, epoch)
            case UptimeVoteSigned(reward_epoch_id=epoch, threshold_reached=True):
                return partial(self._sign_rewards, epoch)
            case _:
                return None

    def _preregister(self, epoch: int, voter: SimulatedVoter, _: int) -> None:
        registrations = self._deployment.registrations
        identity = voter.entity.identity
        if identity in registrations.voters(epoch - 1):
            message = registrations.message(epoch, identity)
            self._send(voter, "VoterPreRegistry", voter.call("preRegisterVoter", identity, message_hash=message))

    def _register(self, epoch: int, voter: SimulatedVoter, _: int) -> None:
        registrations = self._deployment.registrations
        identity = voter.entity.identity
        if identity not in registrations.voters(epoch) and registrations.power(identity).wnat_wei:
            message = registrations.message(epoch, identity)
            self._send(voter, "VoterRegistry", voter.call("registerVoter", identity, message_hash=message))

    def _sign_policy(self, told: SigningPolicyInitialized, voter: SimulatedVoter, _: int) -> None:
        epoch = told.policy.reward_epoch_id
        if self._votes_in(voter, epoch - 1) and not self._deployment.manager.state(epoch).policy_signed:
            policy_hash = told.policy.hash()
            data = voter.call("signNewSigningPolicy", epoch, policy_hash, message_hash=policy_hash)
            self._send(voter, "FlareSystemsManager", data)

    def _sign_uptime(self, epoch: int, voter: SimulatedVoter, _: int) -> None:
        if self._votes_in(voter, epoch):
            message = uptime_message(epoch)
            data = voter.call("signUptimeVote", epoch, UPTIME_VOTE_HASH, message_hash=message)
            self._send(voter, "FlareSystemsManager", data)

    def _sign_rewards(self, epoch: int, voter: SimulatedVoter, _: int) -> None:
        if self._votes_in(voter, epoch):
            claims = WeightBasedClaims(self._deployment.network.chain_id, 0)
            root = rewards_root(epoch)
            message = rewards_message(epoch, [claims], root)
            counts = [(claims.reward_manager_id, claims.count)]
            data = voter.call("signRewards", epoch, counts, root, message_hash=message)
            self._send(voter, "FlareSystemsManager", data)

    def _votes_in(self, voter: SimulatedVoter, epoch: int) -> bool:
        snapshot = self._deployment.manager.snapshot(epoch)
        return snapshot is not None and voter.entity.signing_policy in snapshot.signers

    def _send(self, voter: SimulatedVoter, contract: str, data: bytes) -> None:
        deployment, key = self._deployment, voter.keys.signing_policy
        send(deployment.chain, key, voter.entity.signing_policy, deployment.world.address(contract), data)

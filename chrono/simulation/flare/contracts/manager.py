"""FlareSystemsManager: turns the reward epochs, as the chain's daemon does after every block. Source: fsp.md 6."""

from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from chrono.flare.epochs import POLICY_DELAY_ROUNDS, RewardEpoch, VotingEpoch
from chrono.flare.networks import AtLeast
from chrono.flare.signing_policy import SigningPolicy
from chrono.flare.weights import threshold
from chrono.simulation.flare.calls import Call, answer, emit, event, require
from chrono.simulation.flare.contracts.offers import Offers
from chrono.simulation.flare.contracts.preregistry import Preregistrations
from chrono.simulation.flare.contracts.registrations import Registrations, Snapshot
from chrono.simulation.flare.contracts.relays import Relays
from chrono.simulation.flare.contracts.submission import Submission
from chrono.simulation.flare.world import SystemContract, World


class EpochState(Struct, frozen=True, kw_only=True):
    """How far a reward epoch is. Each moment is a block's time and number; None before it came."""

    random_from: tuple[int, int] | None = None
    random_until: tuple[int, int] | None = None
    policy_at: tuple[int, int] | None = None
    policy_signed: bool = False
    started: tuple[int, int] | None = None
    uptime_from: tuple[int, int] | None = None
    seed: int = 0
    vote_power_block: int = 0
    start_round: int = 0
    threshold: int = 0


class Manager(SystemContract):
    """The daemon and what can be read of it; what voters sign here is in `ballots`."""

    def __init__(
        self,
        world: World,
        *,
        relays: Relays,
        submission: Submission,
        registrations: Registrations,
        preregistrations: Preregistrations,
        offers: Offers,
    ) -> None:
        super().__init__(
            "FlareSystemsManager",
            world,
            {
                "getSeed": self._seed,
                "getCurrentRewardEpochId": lambda _: answer("uint24", self.current),
                "getCurrentVotingEpochId()": lambda call: answer("uint32", world.voting_epoch(call.time_s)),
                "getStartVotingRoundId(uint256 rewardEpochId)": self._start_round,
                "getVotePowerBlock(uint256 rewardEpochId)": self._vote_power_block,
                "getVoterRegistrationData(uint256 rewardEpochId)": self._registration,
                "isVoterRegistrationEnabled()": self._enabled,
                "getRandomAcquisitionInfo(uint24 rewardEpochId)": self._acquisition,
                "getRewardEpochStartInfo(uint24 rewardEpochId)": self._start_info,
                "currentRewardEpochExpectedEndTs()": lambda _: answer("uint64", self.expected_end_s),
            },
        )
        self._relays = relays
        self._submission = submission
        self._registrations = registrations
        self._preregistrations = preregistrations
        self._offers = offers
        registrations.manager = preregistrations.manager = self

    @property
    def current(self) -> int:
        """The reward epoch that has started last."""
        found: int = self.get("current", default=0)
        return found

    @property
    def expected_end_s(self) -> int:
        """When the current reward epoch should end by the calendar."""
        timing = self.world.network.timing
        return VotingEpoch(RewardEpoch(self.current + 1, timing).expected_start_round, timing).start_s

    def state(self, reward_epoch_id: int) -> EpochState:
        """How far a reward epoch is."""
        found: EpochState = self.get("state", reward_epoch_id, default=EpochState())
        return found

    def change(self, reward_epoch_id: int, **changes: Any) -> None:
        """Note how far it came."""
        self.put("state", reward_epoch_id, replace(self.state(reward_epoch_id), **changes))

    def hold_policy(self, until_round: int) -> None:
        """Let no policy be initialised before this voting round: the delay of a chain that stood still."""
        self.put("held_until", until_round)

    def acquired(self, reward_epoch_id: int) -> bool:
        """Whether its vote power block is selected."""
        return self.state(reward_epoch_id).random_until is not None

    def registration(self, reward_epoch_id: int) -> tuple[int, bool]:
        """Its vote power block, 0 before it is selected, and whether one may register."""
        state = self.state(reward_epoch_id)
        return state.vote_power_block, state.random_until is not None and state.policy_at is None

    def snapshot(self, reward_epoch_id: int) -> Snapshot | None:
        """The voters of a reward epoch's policy; None before it is made."""
        found: Snapshot | None = self.get("snapshot", reward_epoch_id)
        return found

    def begin(self, call: Call) -> None:
        """Reward epoch 0 begins: it has no voters, and makes the offers of the first that has."""
        self._start(call, 0)

    def daemonize(self, call: Call) -> None:
        """What the chain does by itself after every block."""
        before = self.current
        rules = self.world.rules
        if call.time_s >= self.expected_end_s - rules.initialisation_s:
            if self._relays.policy(before + 1) is None:
                self._prepare(call, before + 1)
            if self._is_time_for(call, before + 1):
                self._start(call, before + 1)
        self._begin_round(call, before)
        self._enable_uptime_vote(call)

    def _prepare(self, call: Call, epoch: int) -> None:
        state, now = self.state(epoch), (call.time_s, call.block_number)
        if state.random_from is None:
            self.change(epoch, random_from=now)
            self._registrations.begin(epoch, call.block_number)
            emit(call, self.address, event(self.contract, "RandomAcquisitionStarted"), epoch, call.time_s)
        elif state.random_until is None:
            self._acquire(call, epoch, state.random_from)
        elif not self._stays_open(call, epoch, state.random_until):
            self.change(epoch, policy_at=now)
            self._initialise(call, epoch)

    def _acquire(self, call: Call, epoch: int, begun: tuple[int, int]) -> None:
        """Select the vote power block once a secure random came, or with the last one after the longest wait."""
        value, is_secure, at_s = self._relays.random
        if not (is_secure and at_s > begun[0]):
            if not _passed(call, begun, self.world.rules.random_most):
                return
            earlier = self.state(epoch - 1)
            value = earlier.seed if earlier.vote_power_block else value
        block_number = self._vote_power(value, epoch, begun)
        self.change(epoch, random_until=(call.time_s, call.block_number), seed=value, vote_power_block=block_number)
        shape = event(self.contract, "VotePowerBlockSelected")
        emit(call, self.address, shape, epoch, block_number, call.time_s)
        self._preregistrations.trigger(call, epoch)

    def _vote_power(self, value: int, epoch: int, begun: tuple[int, int]) -> int:
        before = self.state(epoch - 1).random_from
        span = begun[1] - before[1] if before is not None else begun[1]
        return max(begun[1] - value % max(span, 1), 1)

    def _stays_open(self, call: Call, epoch: int, selected: tuple[int, int]) -> bool:
        if self.world.voting_epoch(call.time_s) < self.get("held_until", default=0):
            return True
        enough = len(self._registrations.voters(epoch)) >= self.world.rules.fewest_voters
        return not (enough and _passed(call, selected, self.world.rules.registration))

    def _initialise(self, call: Call, epoch: int) -> None:
        timing = self.world.network.timing
        earliest = self.world.voting_epoch(call.time_s) + POLICY_DELAY_ROUNDS + 1
        start = max(RewardEpoch(epoch, timing).expected_start_round, earliest)
        snapshot = self._registrations.snapshot(epoch)
        limit = threshold(sum(snapshot.weights))
        policy = SigningPolicy(epoch, start, limit, self.state(epoch).seed, snapshot.signers, snapshot.weights)
        self.change(epoch, start_round=start, threshold=limit)
        self.put("snapshot", epoch, snapshot)
        self._relays.set_policy(call, policy)

    def _is_time_for(self, call: Call, epoch: int) -> bool:
        policy = self._relays.policy(epoch)
        return policy is not None and self.world.voting_epoch(call.time_s) >= policy.start_voting_round_id

    def _start(self, call: Call, epoch: int) -> None:
        self.put("current", epoch)
        self.change(epoch, started=(call.time_s, call.block_number))
        shape = event(self.contract, "RewardEpochStarted")
        emit(call, self.address, shape, epoch, self.state(epoch).start_round, call.time_s)
        self._offers.offer_inflation(call, epoch + 1)

    def _begin_round(self, call: Call, epoch_before: int) -> None:
        round_id = self.world.voting_epoch(call.time_s)
        if round_id <= self.get("round", default=-1):
            return
        self.put("round", round_id)
        revealing = self._registrations.addresses(epoch_before, "Submit")
        committing = self._registrations.addresses(self.current, "Submit")
        signing = self._registrations.addresses(epoch_before, "SubmitSignatures")
        self._submission.begin_round(
            {"submit1": committing, "submit2": revealing, "submit3": committing, "submitSignatures": signing}
        )

    def _enable_uptime_vote(self, call: Call) -> None:
        epoch = self.get("uptime_enabled", default=0) + 1
        started = self.state(epoch + 1).started
        if self.current <= epoch or started is None or self.state(epoch).uptime_from is not None:
            return
        if _passed(call, started, self.world.rules.uptime_vote):
            self.put("uptime_enabled", epoch)
            self.change(epoch, uptime_from=(call.time_s, call.block_number))
            emit(call, self.address, event(self.contract, "SignUptimeVoteEnabled"), epoch, call.time_s)

    def _seed(self, _: Call, epoch: int) -> bytes:
        require(self.state(epoch).vote_power_block, "seed not initialized yet")
        return answer("uint256", self.state(epoch).seed)

    def _start_round(self, _: Call, epoch: int) -> bytes:
        require(self.state(epoch).threshold, "reward epoch not initialized yet")
        return answer("uint32", self.state(epoch).start_round)

    def _vote_power_block(self, _: Call, epoch: int) -> bytes:
        require(self.state(epoch).vote_power_block, "vote power block not initialized yet")
        return answer("uint64", self.state(epoch).vote_power_block)

    def _registration(self, _: Call, epoch: int) -> bytes:
        return answer("uint256,bool", *self.registration(epoch))

    def _enabled(self, _: Call) -> bytes:
        return answer("bool", self.registration(self.current + 1)[1])

    def _acquisition(self, _: Call, epoch: int) -> bytes:
        state = self.state(epoch)
        told = (*(state.random_from or (0, 0)), *(state.random_until or (0, 0)))
        return answer("uint64,uint64,uint64,uint64", *told)

    def _start_info(self, _: Call, epoch: int) -> bytes:
        return answer("uint64,uint64", *(self.state(epoch).started or (0, 0)))


def _passed(call: Call, since: tuple[int, int], least: AtLeast) -> bool:
    return call.time_s > since[0] + least.seconds and call.block_number > since[1] + least.blocks

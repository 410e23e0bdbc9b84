"""Events of reward epochs, told as a chain tells them: in blocks of a few seconds, by both generations of contracts."""

from collections.abc import Iterable, Sequence
from typing import Any

from msgspec import Struct

from chrono.chain.ledger import Told
from chrono.flare.address import Address
from chrono.flare.contracts import events as to
from chrono.flare.contracts.addresses import Generation
from chrono.flare.contracts.events import Event
from chrono.flare.epochs import POLICY_DELAY_ROUNDS, PolicyStart, RewardEpoch, Timing, VotingEpoch
from chrono.flare.feed_order import CommunityOffer, InflationOffer
from chrono.flare.feeds import Feed, FeedId
from chrono.flare.networks import Network, local_network
from chrono.flare.signatures import Signature
from chrono.flare.signing_policy import SigningPolicy
from chrono.flare.system_messages import UPTIME_VOTE_HASH
from chrono.flare.weights import normalised, threshold
from chrono_core import keccak256

TIMING = Timing(first_start_s=1_000_000, rounds_per_reward_epoch=20, epoch_s=90, reveal_s=45)
NETWORK = local_network(TIMING)
BLOCK_S = 3


def address_of(*words: object) -> Address:
    """An address of that name; the same words give the same one."""
    return Address(keccak256(" ".join(map(str, words)).encode())[12:])


def feed_of(name: str, decimals: int = 5) -> Feed:
    return Feed(FeedId(1, name), decimals)


BTC, ETH, FLR, XRP = (feed_of(f"{name}/USD") for name in ("BTC", "ETH", "FLR", "XRP"))


class Member(Struct, frozen=True):
    """An entity, with the addresses of one generation of its keys."""

    name: str
    weight: int = 100
    keys: int = 0
    """Another number, other hot addresses."""

    @property
    def identity(self) -> Address:
        return address_of(self.name, "identity")

    def hot(self, role: str) -> Address:
        return address_of(self.name, role, self.keys)

    @property
    def signer(self) -> Address:
        return self.hot("signing_policy")


class Story:
    """One chain's events so far. Every call is a block of its own, `BLOCK_S` after the one before, unless `at` says."""

    def __init__(self, network: Network = NETWORK, first_epoch: int = 1) -> None:
        self.network = network
        self.told: list[Told] = []
        self.starts: dict[int, int] = {}
        self.block = 100
        self.time_s = RewardEpoch(first_epoch, network.timing).expected_span.start_ns // 10**9

    def at_round(self, round_id: int, within_s: int = 0) -> "Story":
        """Go on to a moment of a voting epoch; never back."""
        start_s = VotingEpoch(round_id, self.network.timing).start_s + within_s
        self.time_s = max(self.time_s, start_s)
        return self

    def tell(self, *events: Event, contract: str = "FlareSystemsManager", at_s: int | None = None) -> "Story":
        """One block with these events."""
        self.block += 1
        self.time_s = max(self.time_s + BLOCK_S, at_s or 0)
        known = len(self.told)
        self.told += [
            Told(event, address_of(contract), self.block, index + known % 7, self.time_s)
            for index, event in enumerate(events)
        ]
        return self

    # What the contracts do

    def started(self, epoch: int, round_id: int | None = None, inflation: Sequence[Feed] = (BTC, ETH)) -> "Story":
        """RewardEpochStarted, with the inflation offers of the epoch after it in the same block."""
        start = self.starts.get(epoch, 0) if round_id is None else round_id
        self.starts[epoch] = start
        self.at_round(start)
        when_s = self.time_s + BLOCK_S
        offer = InflationOffer(epoch + 1, tuple(inflation), (0,) * len(inflation))
        return self.tell(offer, to.RewardEpochStarted(epoch, start, when_s))

    def offered(self, epoch: int, feed: Feed, wei: int = 10) -> "Story":
        return self.tell(CommunityOffer(epoch, feed, wei), contract="FtsoRewardOffersManager")

    def random(self, epoch: int) -> "Story":
        return self.tell(to.RandomAcquisitionStarted(epoch, self.time_s + BLOCK_S))

    def selected(self, epoch: int, preregistered: Iterable[Member] = ()) -> "Story":
        """VotePowerBlockSelected, and the registrations that were made in the same transaction."""
        selected = to.VotePowerBlockSelected(epoch, self.block - 1, self.time_s + BLOCK_S)
        return self.tell(selected, *(event for member in preregistered for event in registration(epoch, member)))

    def registered(self, epoch: int, *members: Member, generation: Generation = Generation.SECOND) -> "Story":
        for member in members:
            self.tell(*registration(epoch, member, generation), contract="VoterRegistry")
        return self

    def removed(self, epoch: int, member: Member) -> "Story":
        return self.tell(to.VoterRemoved(member.identity, epoch), contract="VoterRegistry")

    def initialised(self, epoch: int, members: Sequence[Member], start: int | None = None) -> "Story":
        """SigningPolicyInitialized now; it starts as the contract says."""
        now_round = self.network.timing.epoch_at((self.time_s + BLOCK_S) * 10**9).id
        expected = RewardEpoch(epoch, self.network.timing).expected_start_round
        start = max(expected, now_round + POLICY_DELAY_ROUNDS + 1) if start is None else start
        self.starts[epoch] = start
        policy = policy_of(epoch, start, members)
        told = to.SigningPolicyInitialized(policy, policy.encode(), self.time_s + BLOCK_S)
        return self.tell(told, contract="Relay")

    def policy_signed(self, epoch: int, member: Member, reached: bool = False) -> "Story":
        return self.tell(to.SigningPolicySigned(epoch, member.signer, member.identity, self.time_s + BLOCK_S, reached))

    def uptime_enabled(self, epoch: int) -> "Story":
        return self.tell(to.SignUptimeVoteEnabled(epoch, self.time_s + BLOCK_S))

    def uptime_signed(self, epoch: int, member: Member, reached: bool = False) -> "Story":
        when_s = self.time_s + BLOCK_S
        return self.tell(to.UptimeVoteSigned(epoch, member.signer, member.identity, UPTIME_VOTE_HASH, when_s, reached))

    def rewards_signed(self, epoch: int, member: Member, reached: bool = False) -> "Story":
        when_s = self.time_s + BLOCK_S
        return self.tell(
            to.RewardsSigned(epoch, member.signer, member.identity, keccak256(b"rewards"), (), when_s, reached)
        )

    def relayed(self, round_id: int, root: bytes = b"", protocol_id: int = 100) -> "Story":
        told = to.ProtocolMessageRelayed(protocol_id, round_id, True, root or keccak256(str(round_id).encode()))
        return self.tell(told, contract="Relay")

    def turn(
        self,
        epoch: int,
        members: Sequence[Member],
        *,
        late_rounds: int = 0,
        inflation: Sequence[Feed] = (BTC, ETH),
        community: Iterable[tuple[Feed, int]] = (),
        generation: Generation = Generation.SECOND,
    ) -> "Story":
        """Everything from the offers of `epoch` to its start, in order; `started(epoch - 1)` came before."""
        for feed, wei in community:
            self.offered(epoch, feed, wei)
        first = RewardEpoch(epoch, self.network.timing).expected_start_round
        self.at_round(first - 5).random(epoch).selected(epoch).registered(epoch, *members, generation=generation)
        self.at_round(first - POLICY_DELAY_ROUNDS - 1 + late_rounds)
        return self.initialised(epoch, members).started(epoch, inflation=inflation)


def registration(epoch: int, member: Member, generation: Generation = Generation.SECOND) -> list[Event]:
    """What the calculator and the registry tell of a registration."""
    info = to.VoterRegistrationInfo(
        member.identity,
        epoch,
        member.hot("delegation"),
        1500,
        member.weight * 10,
        member.weight,
        (),
        (),
        generation,
    )
    signature = Signature(27, bytes(32), bytes(32)) if generation is Generation.SECOND else None
    registered = to.VoterRegistered(
        member.identity,
        epoch,
        member.signer,
        member.hot("submit"),
        member.hot("submit_signatures"),
        (bytes(32), bytes(32)),
        member.weight,
        signature,
        generation,
    )
    return [info, registered]


def policy_of(epoch: int, start: int, members: Sequence[Member]) -> SigningPolicy:
    weights = normalised([member.weight for member in members])
    return SigningPolicy(
        epoch, start, threshold(sum(weights)), epoch * 17, tuple(m.signer for m in members), tuple(weights)
    )


def starts_of(story: Story) -> list[PolicyStart]:
    return [PolicyStart(epoch, start) for epoch, start in sorted(story.starts.items())]


def replaced(told: Told, **changes: Any) -> Told:
    """The same event elsewhere."""
    return Told(**({name: getattr(told, name) for name in Told.__struct_fields__} | changes))

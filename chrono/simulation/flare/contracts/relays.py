"""Relay: keeps the signing policies, and what became final. Source: fsp.md section 4."""

from collections.abc import Collection, Iterator, Mapping

from chrono.flare.abi import Malformed
from chrono.flare.contracts.shapes import SELECTOR_BYTES
from chrono.flare.frames import FTSO
from chrono.flare.protocol_message import ProtocolMessage
from chrono.flare.relay import SELECTOR, Relay
from chrono.flare.relay_verdict import RelayState, verdict
from chrono.flare.signing_policy import RAISED_THRESHOLD_BIPS, SigningPolicy
from chrono.simulation.flare.calls import Call, Reverted, answer, emit, event
from chrono.simulation.flare.world import SystemContract, World
from chrono_core import keccak256

RELAY_GAS = 120_000
_STATE = "uint8,uint32,uint8,uint32,uint16,uint16,uint32,bool,uint32,bool,uint32"


class _ByEpoch(Mapping[int, bytes]):
    """What was put under a name, by reward epoch."""

    def __init__(self, relays: "Relays", name: str) -> None:
        self._relays = relays
        self._name = name

    def __getitem__(self, reward_epoch_id: int) -> bytes:
        found = self._relays.get(self._name, reward_epoch_id)
        if found is None:
            raise KeyError(reward_epoch_id)
        kept: bytes = found
        return kept

    def __iter__(self) -> Iterator[int]:
        return iter(range(self._relays.newest + 1))

    def __len__(self) -> int:
        return self._relays.newest + 1


class _Relayed(Collection[tuple[int, int]]):
    """Which rounds of which protocols are final."""

    def __init__(self, relays: "Relays") -> None:
        self._relays = relays

    def __contains__(self, key: object) -> bool:
        return self._relays.get("relayed", key) is not None

    def __iter__(self) -> Iterator[tuple[int, int]]:
        return iter(())

    def __len__(self) -> int:
        return 0


class Relays(SystemContract):
    """Verifies every signature as the real one does."""

    gas = RELAY_GAS

    def __init__(self, world: World) -> None:
        super().__init__(
            "Relay",
            world,
            {
                "isFinalized": self._is_finalised,
                "getRandomNumber": self._random,
                "stateData": self._state,
                "toSigningPolicyHash": self._policy_hash,
                "startingVotingRoundIds": self._start,
                "merkleRoots(uint256 protocolId, uint256 votingRoundId)": self._root,
                "lastInitializedRewardEpochData()": self._last,
            },
        )

    @property
    def newest(self) -> int:
        """The newest reward epoch that has a policy."""
        found: int = self.get("newest", default=-1)
        return found

    @property
    def random(self) -> tuple[int, bool, int]:
        """The random of the latest final round, whether it is secure, and the time that it is of, in seconds."""
        final: ProtocolMessage | None = self.get("latest")
        if final is None:
            return 0, False, 0
        value = int.from_bytes(keccak256(final.merkle_root), "big")
        return value, final.is_secure_random, self.world.start_of(final.voting_round_id + 1)

    def policy(self, reward_epoch_id: int) -> SigningPolicy | None:
        """A policy; None before it is initialised."""
        found: SigningPolicy | None = self.get("policy", reward_epoch_id)
        return found

    def final(self, protocol_id: int, round_id: int) -> ProtocolMessage | None:
        """What was relayed for a round."""
        found: ProtocolMessage | None = self.get("relayed", (protocol_id, round_id))
        return found

    def set_policy(self, call: Call, policy: SigningPolicy) -> None:
        """Take the policy of the next reward epoch."""
        self.put("policy", policy.reward_epoch_id, policy)
        self.put("hash", policy.reward_epoch_id, policy.hash())
        self.put("start", policy.reward_epoch_id, policy.start_voting_round_id)
        self.put("newest", policy.reward_epoch_id)
        told = (policy.reward_epoch_id, policy.start_voting_round_id, policy.threshold, policy.seed)
        members = (policy.voters, policy.weights, policy.encode(), call.time_s)
        emit(call, self.address, event("Relay", "SigningPolicyInitialized"), *told, *members)

    def run(self, call: Call) -> bytes:
        """What stands behind the selector of `relay` is no ABI."""
        if call.data[:SELECTOR_BYTES] == SELECTOR:
            return self._relay(call)
        return super().run(call)

    def verdict_state(self) -> RelayState:
        """What decides whether a relay is taken now."""
        return RelayState(
            policy_hashes=_ByEpoch(self, "hash"),
            start_rounds=_ByEpoch(self, "start"),  # type: ignore[arg-type]
            newest_epoch=self.newest,
            relayed=_Relayed(self),
            timing=self.world.network.timing,
            window_epochs=self.world.network.finalisation_reward_epochs,
        )

    def _relay(self, call: Call) -> bytes:
        try:
            relay = Relay.decode(call.data[SELECTOR_BYTES:])
        except Malformed as fault:
            raise Reverted(str(fault)) from fault
        refusal = verdict(relay, self.verdict_state())
        if refusal is not None:
            raise Reverted(refusal.value)
        message = relay.subject
        if not isinstance(message, ProtocolMessage):
            raise Reverted("Sign policy relay disabled")
        self._keep(call, message)
        return b""

    def _keep(self, call: Call, message: ProtocolMessage) -> None:
        self.put("relayed", (message.protocol_id, message.voting_round_id), message)
        latest: ProtocolMessage | None = self.get("latest")
        newer = latest is None or latest.voting_round_id < message.voting_round_id
        if message.protocol_id == FTSO and newer:
            self.put("latest", message)
        told = (message.protocol_id, message.voting_round_id, message.is_secure_random, message.merkle_root)
        emit(call, self.address, event("Relay", "ProtocolMessageRelayed"), *told)

    def _is_finalised(self, _: Call, protocol_id: int, round_id: int) -> bytes:
        return answer("bool", self.final(protocol_id, round_id) is not None)

    def _random(self, _: Call) -> bytes:
        return answer("uint256,bool,uint256", *self.random)

    def _state(self, _: Call) -> bytes:
        timing, network = self.world.network.timing, self.world.network
        latest: ProtocolMessage | None = self.get("latest")
        secure = latest is not None and latest.is_secure_random
        calendar = (timing.first_start_s, timing.epoch_s, timing.first_reward_epoch_round)
        rest = (timing.rounds_per_reward_epoch, RAISED_THRESHOLD_BIPS)
        newest = (0 if latest is None else latest.voting_round_id, secure, max(self.newest, 0))
        return answer(_STATE, FTSO, *calendar, *rest, *newest, False, network.finalisation_reward_epochs)

    def _policy_hash(self, _: Call, reward_epoch_id: int) -> bytes:
        return answer("bytes32", self.get("hash", reward_epoch_id, default=bytes(32)))

    def _start(self, _: Call, reward_epoch_id: int) -> bytes:
        return answer("uint256", self.get("start", reward_epoch_id, default=0))

    def _root(self, _: Call, protocol_id: int, round_id: int) -> bytes:
        final = self.final(protocol_id, round_id)
        return answer("bytes32", bytes(32) if final is None else final.merkle_root)

    def _last(self, _: Call) -> bytes:
        newest = max(self.newest, 0)
        return answer("uint32,uint32", newest, self.get("start", newest, default=0))

"""Puts the contracts on a chain, and says where they are: deploy.json, contract names to addresses.

Everything else finds them through the registry. Constructors are called by the shape of tests/contracts; a folder of
foreign contracts with the same names and constructors takes their place, or brings a program `deploy` of its own.
"""

import json
import subprocess
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from eth_abi import encode
from eth_hash.auto import keccak

from tests.chain.account import Account
from tests.chain.anvil import Anvil
from tests.chain.building import OURS, Artifact, compiled
from tests.chain.contract import Contract, type_of
from tests.chain.rpc import Rpc

DEPLOY_GAS = 6_000_000
OWNER_GAS = 1_000_000
RANDOM_PROTOCOL = 100
DELEGATION_CAP_PPM = 250_000
"""Ten times Flare's 25,000: among five voters everybody would be capped there, and all weights the same."""


@dataclass(frozen=True)
class Durations:
    """As the FlareSystemsManager takes them, in its order."""

    random_acquisition_most_s: int = 1
    random_acquisition_most_blocks: int = 1
    policy_ahead_s: int = 60
    policy_delay_rounds: int = 1
    registration_s: int = 3
    registration_blocks: int = 3
    uptime_after_s: int = 10
    uptime_after_blocks: int = 10
    threshold_ppm: int = 500_000
    fewest_voters: int = 5


@dataclass(frozen=True)
class Plan:
    """What a chain is like. All durations are given to the contracts at deployment."""

    first_start_s: int
    epoch_s: int = 10
    reveal_s: int = 5
    rounds_per_reward_epoch: int = 12
    durations: Durations = field(default_factory=Durations)
    most_voters: int = 5
    threshold_increase_bips: int = 12_000
    finalisation_reward_epochs: int = 30
    feeds: tuple[tuple[str, int], ...] = (("BTC/USD", 2), ("ETH/USD", 3), ("FLR/USD", 6), ("XRP/USD", 5))

    def calendar(self) -> tuple[int, int, int, int]:
        return (self.first_start_s, self.epoch_s, 0, self.rounds_per_reward_epoch)

    def reveal_end_s(self, round_id: int) -> int:
        """The first second that is too late for a reveal."""
        return self.first_start_s + (round_id + 1) * self.epoch_s + self.reveal_s


def feed_id(name: str) -> bytes:
    """A crypto feed's 21 bytes."""
    return b"\x01" + name.encode().ljust(20, b"\0")


class Deployment:
    """The contracts of one chain, by name."""

    def __init__(self, rpc: Rpc, places: Mapping[str, str], artifacts: Mapping[str, Artifact]) -> None:
        self.places = dict(places)
        self._contracts = {
            name: Contract(rpc, name, place, artifacts[name].abi) for name, place in places.items() if name in artifacts
        }

    def __getitem__(self, name: str) -> Contract:
        return self._contracts[name]

    def write(self, path: Path) -> None:
        path.write_text(json.dumps(self.places, indent=1) + "\n")


def deploy(anvil: Anvil, owner: Account, daemon: Account, plan: Plan, folder: Path = OURS) -> Deployment:
    """Ours, or those of another folder."""
    program = folder / "deploy"
    if program.exists():
        return _deployed_by(program, anvil, owner, daemon, plan)
    artifacts = compiled(folder)
    places: dict[str, str] = {}
    for name, values in _constructors(daemon, plan):
        if name == "FlareContractRegistry":
            places[name] = _create(anvil, owner, artifacts[name], ())
        else:
            places[name] = _create(anvil, owner, artifacts[name], (places["FlareContractRegistry"], *values))
    found = Deployment(anvil.rpc, places, artifacts)
    for name, place in places.items():
        tell(anvil.rpc, owner, found["FlareContractRegistry"], "set", name, place)
    for name, decimals in plan.feeds:
        tell(anvil.rpc, owner, found["FtsoRewardOffersManager"], "addFeed", feed_id(name), decimals)
    anvil.mine()
    return found


def tell(rpc: Rpc, sender: Account, contract: Contract, function: str, *values: Any, gas: int = OWNER_GAS) -> str:
    """Sends a call off; gives the transaction's hash."""
    return sender.send(rpc, contract.address, contract.data(function, *values), gas)


def require_good(rpc: Rpc, sent: str) -> None:
    """Raises: RuntimeError when a mined transaction was reverted, or is not mined."""
    receipt = rpc.ask("eth_getTransactionReceipt", sent)
    if receipt is None or int(receipt["status"], 16) != 1:
        raise RuntimeError(f"{sent} was not done: {receipt}")


def _constructors(daemon: Account, plan: Plan) -> list[tuple[str, tuple[Any, ...]]]:
    durations = tuple(asdict(plan.durations).values())
    before_all = keccak(b"the policy of the initial reward epoch, under which nobody signs")
    relay = (
        plan.calendar(),
        RANDOM_PROTOCOL,
        plan.threshold_increase_bips,
        plan.finalisation_reward_epochs,
        0,
        0,
        before_all,
        True,
    )
    return [
        ("FlareContractRegistry", ()),
        ("Submission", ()),
        ("WNat", ()),
        ("EntityManager", ()),
        ("FlareSystemsCalculator", (DELEGATION_CAP_PPM, 2000)),
        ("VoterRegistry", (plan.most_voters,)),
        ("VoterPreRegistry", ()),
        ("FtsoRewardOffersManager", (10**18,)),
        ("Relay", relay),
        ("FlareSystemsManager", (daemon.address, plan.calendar(), durations, 0, 0)),
    ]


def _create(anvil: Anvil, owner: Account, artifact: Artifact, values: tuple[Any, ...]) -> str:
    constructor: dict[str, Any] = next((each for each in artifact.abi if each["type"] == "constructor"), {"inputs": []})
    data = artifact.bytecode + encode([type_of(each) for each in constructor["inputs"]], values)
    sent = owner.send(anvil.rpc, None, data, DEPLOY_GAS)
    anvil.mine()
    require_good(anvil.rpc, sent)
    place: str = anvil.rpc.ask("eth_getTransactionReceipt", sent)["contractAddress"]
    return place


def _deployed_by(program: Path, anvil: Anvil, owner: Account, daemon: Account, plan: Plan) -> Deployment:
    """`deploy` is given a JSON document on its input and answers with contract names to addresses on its output."""
    told = asdict(plan) | {"node": anvil.rpc.url, "owner_key": "0x" + owner.key.hex(), "daemon": daemon.address}
    anvil.mine_by_the_clock()
    answer = subprocess.run([program], input=json.dumps(told), capture_output=True, text=True, check=True)
    return Deployment(anvil.rpc, json.loads(answer.stdout), compiled(OURS))

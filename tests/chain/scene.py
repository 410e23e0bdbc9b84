"""A whole local chain: node, contracts, daemon, entities with vote power, and the twins that vote on it."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

from tests.chain.account import Account
from tests.chain.anvil import Anvil
from tests.chain.building import OURS
from tests.chain.daemon import Daemon
from tests.chain.deployment import Durations, Plan, deploy, feed_id, require_good, tell
from tests.chain.entity import Entity
from tests.chain.rpc import Rpc

ROOT = Path(__file__).parent.parent.parent
MILLION = 10**6 * 10**18
SETTING_UP_S = 2
FIRST_EPOCH_LEAD_S = 14
"""How long before the end of the initial reward epoch its successor is prepared: nobody votes in it."""
LOOK_S = 0.1
T = TypeVar("T")


@dataclass(frozen=True)
class Provider:
    """One entity of a scene. Those that are not twins are run by somebody else."""

    name: str
    power: int
    """In millions of WNat."""
    is_twin: bool = True
    mischief: Mapping[str, Sequence[int]] | None = None


FIVE = tuple(
    Provider(name, power) for name, power in zip(("ada", "bob", "cyd", "dot", "eve"), (12, 9, 8, 7, 6), strict=True)
)


class Scene:
    """Runs while it is entered. `later` are entities with addresses and funds that do not register by themselves."""

    def __init__(
        self,
        folder: Path,
        providers: Sequence[Provider] = FIVE,
        plan: Plan | None = None,
        later: Durations | None = None,
        fip16: int | None = None,
        contracts: Path = OURS,
    ) -> None:
        self.folder = folder
        self.providers = list(providers)
        self.fip16 = fip16
        self.anvil = Anvil(folder)
        self.owner, self.keeper = Account.of("owner"), Account.of("daemon")
        self.entities = {each.name: Entity.of(each.name) for each in providers}
        self._wanted = plan or Plan(0)
        self._later = later or replace(
            self._wanted.durations, random_acquisition_most_s=600, random_acquisition_most_blocks=600
        )
        self.feeds = {name for name, _ in self._wanted.feeds}
        """Every feed that there is, was or will be: what the market knows of."""
        self._contracts = contracts
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def __enter__(self) -> "Scene":
        self.anvil.__enter__()
        try:
            self._set_up()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for name in list(self._running):
            self.stop(name)
        if hasattr(self, "daemon"):
            self.daemon.__exit__()
        self.anvil.__exit__(kind, error, trace)

    @property
    def rpc(self) -> Rpc:
        return self.anvil.rpc

    @property
    def registry(self) -> str:
        return self.deployment.places["FlareContractRegistry"]

    def run_twins(self) -> None:
        """One process for all of them."""
        told = {
            "node": self.rpc.url,
            "places": self.deployment.places,
            "reveal_s": self.plan.reveal_s,
            "fip16": self.fip16,
            "twins": [
                {"name": each.name, "mischief": {what: list(rounds) for what, rounds in (each.mischief or {}).items()}}
                for each in self.providers
                if each.is_twin
            ],
        }
        path = self.folder / "twins.json"
        path.write_text(json.dumps(told))
        self.run("twins", sys.executable, "-m", "tests.chain.twins", path)

    def watch(self) -> Path:
        """A process of the judge's that notes when transactions are first seen; the file is there at the end."""
        path = self.folder / "seen.json"
        self.run("watch", sys.executable, "-m", "tests.judge.watch", "--node", self.rpc.url, "--to", path)
        return path

    def run(self, name: str, *command: object) -> None:
        """A process that ends with the scene; what it says is in the folder."""
        with (self.folder / f"{name}.log").open("ab") as log:
            self._running[name] = subprocess.Popen(
                list(map(str, command)), cwd=ROOT, stdout=log, stderr=subprocess.STDOUT
            )

    def stop(self, name: str) -> None:
        process = self._running.pop(name)
        process.send_signal(signal.SIGTERM)
        process.wait(20)

    def tell(self, contract: str, function: str, *values: Any) -> None:
        """The owner says something, and it is done."""
        sent = tell(self.rpc, self.owner, self.deployment[contract], function, *values)
        self.until(lambda: self.rpc.ask("eth_getTransactionReceipt", sent), 30, f"{function} is mined")
        require_good(self.rpc, sent)

    def set_durations(self, **changes: int) -> None:
        self._later = replace(self._later, **changes)
        self.tell("FlareSystemsManager", "updateSettings", tuple(asdict(self._later).values()))

    def set_power(self, name: str, millions: int) -> None:
        self.tell("WNat", "setVotePower", self.entities[name].delegation.address, millions * MILLION)

    def add_feed(self, name: str, decimals: int) -> None:
        self.feeds.add(name)
        self.tell("FtsoRewardOffersManager", "addFeed", feed_id(name), decimals)

    def remove_feed(self, name: str) -> None:
        self.tell("FtsoRewardOffersManager", "removeFeed", feed_id(name))

    def round(self) -> int:
        """By the newest block."""
        return (self.rpc.head()[1] - self.plan.first_start_s) // self.plan.epoch_s

    def reward_epoch(self) -> int:
        told: int = self.deployment["FlareSystemsManager"].ask("getCurrentRewardEpochId")
        return told

    def until_round(self, round_id: int) -> None:
        """Until a block of this voting epoch is there."""
        self.until(lambda: self.round() >= round_id, (round_id - self.round() + 2) * self.plan.epoch_s, "the round")

    def until(self, asked: Callable[[], T], most_s: float, what: str) -> T:
        """Waits for the chain's clock, which nobody can hurry. Raises: TimeoutError."""
        end = time.monotonic() + most_s
        while not (told := asked()):
            if time.monotonic() > end:
                raise TimeoutError(f"{what} did not come within {most_s:.0f} s")
            if self.daemon.fault is not None:
                raise self.daemon.fault
            time.sleep(LOOK_S)
        return told

    def judge(self, *options: object, seen: Path | None = None) -> "subprocess.CompletedProcess[str]":
        """The judge as a process of its own."""
        names = {"0x" + each.identity.raw.hex(): name for name, each in self.entities.items()}
        path = self.folder / "names.json"
        path.write_text(json.dumps(names))
        command = [sys.executable, "-m", "tests.judge", "--node", self.rpc.url, "--registry", self.registry]
        command += ["--reveal-s", str(self.plan.reveal_s), "--names", str(path), *map(str, options)]
        command += ["--fip16", str(self.fip16)] if self.fip16 is not None else []
        command += ["--seen", str(seen)] if seen is not None else []
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    def _set_up(self) -> None:
        self.plan = self._plan()
        for account in (self.owner, self.keeper):
            self.anvil.give(account.address, 10**24)
        self.deployment = deploy(self.anvil, self.owner, self.keeper, self.plan, self._contracts)
        self.deployment.write(self.folder / "deploy.json")
        for entity in self.entities.values():
            entity.fund(self.rpc)
            entity.propose(self.rpc, self.deployment["EntityManager"])
        self.anvil.mine()
        for provider in self.providers:
            self.entities[provider.name].confirm(self.rpc, self.deployment["EntityManager"])
            place = self.entities[provider.name].delegation.address
            tell(self.rpc, self.owner, self.deployment["WNat"], "setVotePower", place, provider.power * MILLION)
        begun = tell(self.rpc, self.owner, self.deployment["FlareSystemsManager"], "begin")
        self.anvil.mine(2)
        require_good(self.rpc, begun)
        self.anvil.mine_by_the_clock()
        self.daemon = Daemon(self.anvil, self.keeper, self.deployment["FlareSystemsManager"])
        self.daemon.__enter__()

    def _plan(self) -> Plan:
        """The initial reward epoch ends soon: rounds are counted from that far back."""
        wanted = self._wanted
        ends_s = int(time.time()) + SETTING_UP_S + FIRST_EPOCH_LEAD_S
        start_s = ends_s - wanted.rounds_per_reward_epoch * wanted.epoch_s
        durations = replace(wanted.durations, policy_ahead_s=FIRST_EPOCH_LEAD_S)
        return replace(wanted, first_start_s=start_s, durations=durations)

    def until_first_policy(self) -> None:
        """Then the durations become those of all later reward epochs."""
        relay = self.deployment["Relay"]
        self.until(lambda: any(relay.ask("toSigningPolicyHash", 1)), 60, "the first signing policy")
        self.set_durations()

    def first_round(self) -> int:
        told: int = self.deployment["Relay"].ask("startingVotingRoundIds", 1)
        return told

"""Runs twins against a node until it is told to stop: `python -m tests.chain.twins PLAN.json`.

The plan: {"node": url, "places": contract names to addresses, "reveal_s": …, "fip16": reward epoch or null,
"twins": [{"name": "ada", "mischief": {"silent": [3]}}]}. Mischief is by rounds counted from a twin's first:
`absent` no commit, `silent` no reveal, `double` a second commit, `conflicting` a second signature.
"""

import json
import signal
import sys
import time
from pathlib import Path
from typing import Any

from tests.chain.building import compiled
from tests.chain.contract import Contract
from tests.chain.entity import Entity
from tests.chain.rpc import Rpc
from tests.chain.twin import Twin
from tests.chain.twin_epochs import EpochDuties
from tests.chain.twin_ledger import Ledger
from tests.judge.node import Node, calendar_of

LOOK_S = 0.05
THRESHOLD_INCREASE = 5
"""The place of the threshold's increase in the Relay's state."""


class Twins:
    def __init__(self, plan: dict[str, Any]) -> None:
        rpc = Rpc(plan["node"])
        artifacts = compiled()
        self._contracts = {
            name: Contract(rpc, name, place, artifacts[name].abi) for name, place in plan["places"].items()
        }
        places = {name: bytes.fromhex(place[2:]) for name, place in plan["places"].items()}
        calendar = calendar_of(Node(plan["node"]), places["Relay"], plan["reveal_s"])
        self.ledger = Ledger(rpc, places, calendar, plan["fip16"])
        increase = self._contracts["Relay"].ask("stateData")[THRESHOLD_INCREASE]
        self.twins, self.duties = [], []
        for told in plan["twins"]:
            entity = Entity.of(told["name"])
            self.twins.append(Twin(rpc, self.ledger, entity, increase, told.get("mischief", {})))
            self.duties.append(EpochDuties(rpc, self.ledger.chain.chain_id, self._contracts, entity))

    def step(self) -> None:
        is_new = self.ledger.follow()
        for twin in self.twins:
            twin.step()
        if is_new:
            for duties in self.duties:
                duties.step()


def main() -> None:
    twins = Twins(json.loads(Path(sys.argv[1]).read_bytes()))
    over: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _frame: over.append(number))
    print("voting", flush=True)
    while not over:
        twins.step()
        time.sleep(LOOK_S)


if __name__ == "__main__":
    main()

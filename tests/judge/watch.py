"""Watches a node: when each transaction was first seen waiting, and when its block was. Ends with SIGTERM.

python -m tests.judge.watch --node URL --to FILE
"""

import argparse
import json
import signal
import time
from pathlib import Path
from types import FrameType

from tests.judge.node import Node

EVERY_S = 0.02


class Watch:
    def __init__(self, node: Node) -> None:
        self._node = node
        self._waiting = node.ask("eth_newPendingTransactionFilter")
        self._head = node.head()
        self.seen: dict[str, dict[str, int]] = {}
        self.is_over = False

    def look(self) -> None:
        now = time.time_ns()
        for sent in self._node.ask("eth_getFilterChanges", self._waiting):
            self.seen.setdefault(sent, {"waiting_ns": now})
        head = self._node.head()
        for block in range(self._head + 1, head + 1):
            now = time.time_ns()
            for sent in self._node.ask("eth_getBlockByNumber", hex(block), False)["transactions"]:
                if sent in self.seen:
                    self.seen[sent]["mined_ns"] = now
        self._head = head

    def stop(self, _signal: int, _frame: FrameType | None) -> None:
        self.is_over = True


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--node", required=True)
    parser.add_argument("--to", type=Path, required=True)
    chosen = parser.parse_args()
    watch = Watch(Node(chosen.node))
    signal.signal(signal.SIGTERM, watch.stop)
    signal.signal(signal.SIGINT, watch.stop)
    print("watching", flush=True)
    while not watch.is_over:
        watch.look()
        time.sleep(EVERY_S)
    chosen.to.write_text(json.dumps(watch.seen))


if __name__ == "__main__":
    main()

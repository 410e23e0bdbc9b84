"""A chain as one JSON document: what a simulated chain gives to the judge instead of a node.

```
{"chain_id": 31337,
 "calendar": {"first_start_s": …, "epoch_s": …, "reveal_s": …, "rounds_per_reward_epoch": …,
              "first_reward_epoch_round": 0},
 "contracts": {"Submission": ["0x…"], "Relay": ["0x…"], …},            every address of each
 "head": {"number": …, "time_s": …},                                   the newest block, empty or not
 "transactions": [{"hash": "0x…", "block": 7, "index": 0, "time_s": …, "from": "0x…", "to": "0x…",
                   "input": "0x…", "status": true, "gas_used": 30000, "gas_price_wei": 25000000000}],
 "logs": [{"block": 7, "index": 0, "time_s": …, "address": "0x…", "topics": ["0x…"], "data": "0x…"}],
 "seen": {"0x…": {"waiting_ns": …, "mined_ns": …}}}                    optional: who watched, when
```
Only what is on the chain at its end: no transactions of blocks that were taken back. `status`, `gas_used` and
`gas_price_wei` may be left out. Transactions to Submission and Relay are enough.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.judge.chain import Calendar, Chain, Log, Seen, Transaction


def read_dump(path: Path) -> Chain:
    return chain_of(json.loads(path.read_bytes()))


def write_dump(chain: Chain, path: Path) -> None:
    path.write_text(json.dumps(document_of(chain)))


def chain_of(document: Mapping[str, Any]) -> Chain:
    contracts = {name: frozenset(map(_bytes, places)) for name, places in document["contracts"].items()}
    return Chain(
        document["chain_id"],
        Calendar(**document["calendar"]),
        contracts,
        document["head"]["number"],
        document["head"]["time_s"],
        [_transaction(each) for each in document["transactions"]],
        [_log(each) for each in document["logs"]],
        seen_of(document.get("seen", {})),
    )


def seen_of(document: Mapping[str, Any]) -> dict[bytes, Seen]:
    return {_bytes(sent): Seen(told["waiting_ns"], told.get("mined_ns")) for sent, told in document.items()}


def document_of(chain: Chain) -> dict[str, Any]:
    return {
        "chain_id": chain.chain_id,
        "calendar": vars(chain.calendar),
        "contracts": {name: sorted(map(_hex, places)) for name, places in chain.contracts.items()},
        "head": {"number": chain.head_number, "time_s": chain.head_time_s},
        "transactions": [_of_transaction(each) for each in chain.transactions],
        "logs": [_of_log(each) for each in chain.logs],
        "seen": {_hex(sent): vars(seen) for sent, seen in chain.seen.items()},
    }


def _transaction(told: Mapping[str, Any]) -> Transaction:
    return Transaction(
        (told["block"], told["index"]),
        told["time_s"],
        _bytes(told["from"]),
        _bytes(told["to"]),
        _bytes(told["input"]),
        _bytes(told["hash"]),
        told.get("status", True),
        told.get("gas_used", 0),
        told.get("gas_price_wei", 0),
    )


def _of_transaction(sent: Transaction) -> dict[str, Any]:
    return {
        "hash": _hex(sent.hash),
        "block": sent.place[0],
        "index": sent.place[1],
        "time_s": sent.time_s,
        "from": _hex(sent.sender),
        "to": _hex(sent.to),
        "input": _hex(sent.data),
        "status": sent.good,
        "gas_used": sent.gas_used,
        "gas_price_wei": sent.gas_price_wei,
    }


def _log(told: Mapping[str, Any]) -> Log:
    topics = tuple(map(_bytes, told["topics"]))
    return Log((told["block"], told["index"]), told["time_s"], _bytes(told["address"]), topics, _bytes(told["data"]))


def _of_log(log: Log) -> dict[str, Any]:
    return {
        "block": log.place[0],
        "index": log.place[1],
        "time_s": log.time_s,
        "address": _hex(log.address),
        "topics": [_hex(topic) for topic in log.topics],
        "data": _hex(log.data),
    }


def _bytes(text: str) -> bytes:
    return bytes.fromhex(text[2:])


def _hex(data: bytes) -> str:
    return "0x" + data.hex()

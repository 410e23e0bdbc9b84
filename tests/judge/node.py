"""Reading a chain from a node's JSON-RPC: whole blocks, their receipts, and where the contracts are."""

import http.client
import json
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlsplit

from tests.judge.chain import Calendar, Chain, Log, Transaction
from tests.judge.words import Words, number, selector

CONTRACTS = (
    "Submission",
    "Relay",
    "FlareSystemsManager",
    "VoterRegistry",
    "FlareSystemsCalculator",
    "FtsoRewardOffersManager",
)
_ASK_ADDRESS = selector("getContractAddressByName(string)")
_ASK_STATE = selector("stateData()")


class NodeError(RuntimeError):
    """The node said no, or nothing that can be read."""


class Node:
    """One connection; asks one thing at a time."""

    def __init__(self, url: str, timeout_s: float = 30) -> None:
        parts = urlsplit(url)
        self._path = parts.path or "/"
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        self._connection = kind(parts.netloc, timeout=timeout_s)

    def ask(self, method: str, *arguments: Any) -> Any:
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": arguments})
        try:
            self._connection.request("POST", self._path, body, {"content-type": "application/json"})
            told = json.loads(self._connection.getresponse().read())
        except (OSError, http.client.HTTPException) as error:
            self._connection.close()
            raise NodeError(f"{method}: {error}") from error
        if "error" in told:
            raise NodeError(f"{method}: {told['error']}")
        return told["result"]

    def call(self, to: bytes, data: bytes) -> bytes:
        return _bytes(self.ask("eth_call", {"to": _hex(to), "data": _hex(data)}, "latest"))

    def head(self) -> int:
        return int(self.ask("eth_blockNumber"), 16)


def contracts_of(
    node: Node, registry: bytes | None, deployed: Mapping[str, bytes], named: Iterable[str] = CONTRACTS
) -> dict[str, frozenset[bytes]]:
    """Every address of each contract: where the registry says that it is, and where it was deployed."""
    found = {name: {deployed[name]} if name in deployed else set() for name in named}
    for name, places in found.items():
        if registry is not None:
            text = name.encode()
            asked = _ASK_ADDRESS + number(32) + number(len(text)) + text.ljust(-(-len(text) // 32) * 32, b"\0")
            told = node.call(registry, asked)[-20:]
            places |= {told} if any(told) else set()
    missing = [name for name, places in found.items() if not places]
    if missing:
        raise NodeError(f"no address of {', '.join(missing)}")
    return {name: frozenset(places) for name, places in found.items()}


def calendar_of(node: Node, relay: bytes, reveal_s: int | None) -> Calendar:
    """As the Relay counts; the reveal window is half an epoch unless somebody says otherwise."""
    words = Words(node.call(relay, _ASK_STATE))
    epoch_s = words.uint(2)
    return Calendar(words.uint(1), epoch_s, reveal_s or epoch_s // 2, words.uint(4), words.uint(3))


def read_chain(
    node: Node,
    registry: bytes | None = None,
    deployed: Mapping[str, bytes] | None = None,
    reveal_s: int | None = None,
    first_block: int = 0,
    last_block: int | None = None,
) -> Chain:
    """Blocks up to the head, or to one before it."""
    contracts = contracts_of(node, registry, deployed or {})
    calendar = calendar_of(node, max(contracts["Relay"]), reveal_s)
    last = node.head() if last_block is None else last_block
    chain = Chain(int(node.ask("eth_chainId"), 16), calendar, contracts, last, 0, [], [])
    for block in range(first_block, last + 1):
        chain.head_time_s = _read_block(node, chain, block)
    return chain


def _read_block(node: Node, chain: Chain, block: int) -> int:
    """Appends the block's transactions and logs; gives its time."""
    told = node.ask("eth_getBlockByNumber", hex(block), True)
    time_s = int(told["timestamp"], 16)
    if told["transactions"]:
        receipts = {each["transactionHash"]: each for each in node.ask("eth_getBlockReceipts", hex(block))}
        for sent in told["transactions"]:
            receipt = receipts[sent["hash"]]
            chain.transactions.append(_transaction(sent, receipt, block, time_s))
            chain.logs += [_log(log, block, time_s) for log in receipt["logs"]]
    return time_s


def _transaction(sent: Mapping[str, Any], receipt: Mapping[str, Any], block: int, time_s: int) -> Transaction:
    return Transaction(
        (block, int(sent["transactionIndex"], 16)),
        time_s,
        _bytes(sent["from"]),
        _bytes(sent["to"] or "0x"),
        _bytes(sent["input"]),
        _bytes(sent["hash"]),
        int(receipt["status"], 16) == 1,
        int(receipt["gasUsed"], 16),
        int(receipt["effectiveGasPrice"], 16),
    )


def _log(log: Mapping[str, Any], block: int, time_s: int) -> Log:
    place = (block, int(log["logIndex"], 16))
    return Log(place, time_s, _bytes(log["address"]), tuple(map(_bytes, log["topics"])), _bytes(log["data"]))


def _bytes(text: str) -> bytes:
    return bytes.fromhex(text[2:])


def _hex(data: bytes) -> str:
    return "0x" + data.hex()

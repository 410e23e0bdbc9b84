"""A JSON-RPC node over HTTP on loopback, on a chain in memory, that fails in every way on demand.

`FakeNode` answers requests, `serving` puts it behind a socket. Faults are attributes: set one, and the node behaves so
from the next request on. A lying node lies of what it says, never of what it takes.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

from chrono.chain.answers import Head, Receipt
from chrono.flare.address import Address
from chrono_core import keccak256
from tests.fakes.evm_chain import FakeBlock, FakeChain, Refusal


class FakeNode:
    """One node's view of a chain, and its faults."""

    def __init__(self, chain: FakeChain) -> None:
        self.chain = chain
        self.asked: list[str] = []
        self.log_queries: list[tuple[int, int]] = []  # first and last block, both included
        # What it knows
        self.lag = 0  # blocks behind
        self.stuck_at: int | None = None  # knows no block after this one
        self.oldest = 0  # knows no block before this one
        # What it says
        self.chain_id: int | None = None
        self.ahead = 0  # claims blocks that nobody has
        self.lies = False  # every head, nonce and receipt is made up
        self.hides: set[bytes] = set()  # transactions left out of its blocks
        self.backdates_s = 0  # dates every block but its newest so many seconds back
        self.most_log_blocks = 1_000_000
        self.most_logs = 1_000_000
        self.refuses_beyond = False  # as coreth: no logs of blocks that it has not accepted yet
        self.dies_after_logs: int | None = None  # answers so many log queries, and then nothing
        self.busy = 0  # answers so many requests with 429
        self.most_at_once: int | None = None  # answers what comes while so many are under way with 429
        self.under_way = 0
        self.knows_base_fee = True
        # What it does
        self.swallows = False  # says that it took a transaction, and drops it
        self.latency_s = 0.0  # before each answer
        self.wire = ""  # hang, garbage, html, huge, nan_fee, deep, reset, other_id, no_result, html_502
        self.resets_after_accept = False

    @property
    def block(self) -> FakeBlock:
        """The newest block that it knows."""
        last = max(len(self.chain.blocks) - 1 - self.lag, 0)
        return self.chain.blocks[last if self.stuck_at is None else min(last, self.stuck_at)]

    def answer(self, method: str, params: list[Any]) -> Any:
        """The result of a request. Raises: Refusal."""
        self.asked.append(method)
        handler = getattr(self, f"_{method}", None)
        if handler is None:
            raise Refusal(f"the method {method} does not exist/is not available", -32601)
        return handler(*params)

    def _eth_chainId(self) -> str:  # noqa: N802
        return hex(self.chain_id or self.chain.chain_id)

    def _eth_baseFee(self) -> str:  # noqa: N802
        if not self.knows_base_fee:
            raise Refusal("the method eth_baseFee does not exist/is not available", -32601)
        return "0xNaN" if self.wire == "nan_fee" else hex(self.chain.base_fee_wei)

    def _eth_getBlockByNumber(self, which: str, full: bool) -> Any:  # noqa: N802
        block = self.block
        if which == "latest":
            if self.ahead or self.lies:
                number = block.head.number + (self.ahead or 500_000)
                return self._header(Head(number, _made_up(number), _made_up(number - 1), block.head.time_s, 7))
        elif not self.oldest <= int(which, 16) <= block.head.number:
            return None
        else:
            block = self.chain.blocks[int(which, 16)]
        shown = self._header(block.head)
        if self.lies:
            shown["hash"] = "0x" + _made_up(block.head.number).hex()
        if which != "latest":
            shown["timestamp"] = hex(max(block.head.time_s - self.backdates_s, 0))
        mined = [each for each in enumerate(block.mined) if each[1][0].hash not in self.hides]
        shown["transactions"] = [
            self._transaction(i, *each) if full else "0x" + each[0].hash.hex() for i, each in mined
        ]
        return shown

    def _eth_getLogs(self, query: dict[str, Any]) -> Any:  # noqa: N802
        first, last = int(query["fromBlock"], 16), int(query["toBlock"], 16)
        self.log_queries.append((first, last))
        if self.dies_after_logs is not None and len(self.log_queries) > self.dies_after_logs:
            self.wire = "reset"
            raise Refusal("shutting down", -32000)
        if last - first + 1 > self.most_log_blocks:
            raise Refusal(f"requested too many blocks from {first} to {last}, maximum is set to {self.most_log_blocks}")
        if self.refuses_beyond and last > self.block.head.number:
            raise Refusal(f"requested to block {last} after last accepted block {self.block.head.number}", -32000)
        found = []
        for block in self.chain.blocks[first : min(last, self.block.head.number) + 1]:
            for place, log in enumerate(block.logs):
                topics = ["0x" + topic.hex() for topic in log.topics]
                if "0x" + log.address.hex() in query["address"] and topics[0] in query["topics"][0]:
                    found.append(_log(block, place, log.address, topics, log.data))
        if len(found) > self.most_logs:
            raise Refusal("query returned more than 10000 results", -32005)
        return found

    def _eth_getTransactionReceipt(self, text: str) -> Any:  # noqa: N802
        wanted = bytes.fromhex(text[2:])
        if self.lies:
            head = self.block.head
            return _receipt(Receipt(wanted, head.number, _made_up(head.number), True, 1, 1))
        found = self.chain.receipt(wanted, self.block.head.number)
        return None if found is None else _receipt(found)

    def _eth_getTransactionCount(self, account: str, _: str) -> str:  # noqa: N802
        told = self.block.nonces.get(_address(account), 0)
        return hex(told + 1000 if self.lies else told)

    def _eth_getBalance(self, account: str, _: str) -> str:  # noqa: N802
        return hex(0 if self.lies else self.block.balances.get(_address(account), 0))

    def _eth_call(self, asked: dict[str, str], _: str) -> str:
        if self.lies:
            return "0x" + bytes(32).hex()
        return "0x" + self.chain.call(_address(asked["to"]), bytes.fromhex(asked["data"][2:])).hex()

    def _eth_sendRawTransaction(self, raw: str) -> str:  # noqa: N802
        data = bytes.fromhex(raw[2:])
        return "0x" + (keccak256(data) if self.swallows else self.chain.send(data)).hex()

    def _header(self, head: Head) -> dict[str, Any]:
        return {
            "number": hex(head.number),
            "hash": "0x" + head.hash.hex(),
            "parentHash": "0x" + head.parent_hash.hex(),
            "timestamp": hex(head.time_s),
            "baseFeePerGas": hex(head.base_fee_wei or 0),
            "transactions": [],
        }

    def _transaction(self, index: int, signed: Any, sender: Address, _: Receipt) -> dict[str, Any]:
        return {
            "hash": "0x" + signed.hash.hex(),
            "from": "0x" + sender.hex(),
            "to": "0x" + signed.transaction.to.hex(),
            "input": "0x" + signed.transaction.data.hex(),
            "transactionIndex": hex(index),
        }


def _log(block: FakeBlock, place: int, address: Address, topics: list[str], data: bytes) -> dict[str, Any]:
    return {
        "address": "0x" + address.hex(),
        "topics": topics,
        "data": "0x" + data.hex(),
        "blockNumber": hex(block.head.number),
        "blockHash": "0x" + block.head.hash.hex(),
        "logIndex": hex(place),
    }


def _receipt(receipt: Receipt) -> dict[str, Any]:
    return {
        "transactionHash": "0x" + receipt.hash.hex(),
        "blockNumber": hex(receipt.block_number),
        "blockHash": "0x" + receipt.block_hash.hex(),
        "status": hex(receipt.succeeded),
        "gasUsed": hex(receipt.gas_used),
        "effectiveGasPrice": hex(receipt.gas_price_wei),
    }


def _made_up(number: int) -> bytes:
    return keccak256(f"a block that nobody mined: {number}".encode())


def _address(text: str) -> Address:
    return Address(bytes.fromhex(text[2:]))


@asynccontextmanager
async def serving(node: FakeNode, port: int = 0) -> AsyncIterator[str]:
    """The node behind HTTP on loopback; its URL. Leaving cuts every connection."""
    writers: set[asyncio.StreamWriter] = set()

    async def client(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.add(writer)
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            while await _exchange(node, reader, writer):
                pass
        writers.discard(writer)
        writer.close()

    server = await asyncio.start_server(client, "127.0.0.1", port)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/ext/bc/C/rpc"
    finally:
        server.close()
        for writer in list(writers):
            writer.transport.abort()
        await asyncio.sleep(0)


async def _exchange(node: FakeNode, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
    """One request and its answer. False: the connection is over."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = next(
        int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")
    )
    request = json.loads(await reader.readexactly(length))
    if node.wire == "reset":
        writer.transport.abort()
        return False
    if node.wire == "hang":
        node.asked.append(request["method"])
        await reader.read()  # until the caller gives up
        return False
    status, body = await _answered(node, request)
    if node.resets_after_accept and request["method"] == "eth_sendRawTransaction":
        writer.transport.abort()
        return False
    writer.write(f"HTTP/1.1 {status} -\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
    await writer.drain()
    return True


async def _answered(node: FakeNode, request: dict[str, Any]) -> tuple[int, bytes]:
    if node.most_at_once is not None and node.under_way >= node.most_at_once:
        return 429, b"slow down"
    node.under_way += 1
    try:
        if node.latency_s:
            await asyncio.sleep(node.latency_s)
        return _body(node, request)
    finally:
        node.under_way -= 1


def _body(node: FakeNode, request: dict[str, Any]) -> tuple[int, bytes]:
    if node.busy:
        node.busy -= 1
        return 429, b"slow down"
    told: dict[str, Any] = {"jsonrpc": "2.0", "id": request["id"]}
    try:
        told["result"] = node.answer(request["method"], request["params"])
    except Refusal as refusal:
        told["error"] = {"code": refusal.code, "message": refusal.message}
    if node.wire == "other_id":
        told["id"] += 1
    if node.wire == "no_result":
        del told["result"]
    return _spoilt(node.wire) or (200, json.dumps(told).encode())


def _spoilt(wire: str) -> tuple[int, bytes] | None:
    if wire == "huge":
        return 200, b'{"result":"' + b"0" * 50_000_000 + b'"}'
    if wire == "deep":
        return 200, b'{"result":' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    small = {
        "garbage": (200, b"\x00\xff\xfe{{{"),
        "html": (200, b"<html><body>Welcome</body></html>"),
        "html_502": (502, b"<html><body>Bad gateway</body></html>"),
    }
    return small.get(wire)

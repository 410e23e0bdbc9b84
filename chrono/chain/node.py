"""One JSON-RPC node over HTTP: each call within two seconds and a size, its answer read strictly, its chain known.

The chain id is asked before anything else, and again after every connection that broke: behind the same address
another node may have come up. Nothing of the address (it may hold a key) reaches a log, a metric or an error.
"""

import asyncio
from collections.abc import Callable, Container
from typing import Any, Final, TypeVar

import httpx
import msgspec

from chrono.chain import answers
from chrono.chain.answers import Block, Head, Log, NotAnAnswer, Receipt
from chrono.chain.ports import LogQuery
from chrono.clock import SECOND_NS, Clock
from chrono.errors import (
    NODE_BUSY,
    NODE_GARBLED,
    NODE_REFUSED,
    NODE_SILENT,
    NODE_UNREACHABLE,
    NODE_WRONG_CHAIN,
    ChronoError,
)
from chrono.flare.address import Address
from chrono.settings import Secret
from chrono.telemetry import RPC_REQUESTS, RPC_SECONDS

DEADLINE_S: Final = 2.0
"""Longest that a call may take, the question for the chain id included."""

MOST_BYTES: Final = 16 * 2**20
"""Largest answer that is read: a full block, or the logs of a thousand."""

_SMALL_BYTES: Final = 2**20
_LARGE: Final = frozenset({"eth_getLogs", "eth_getBlockByNumber"})
_BUSY_CODES: Final = frozenset({-32005, 429})
_SAID: Final = 300

_Read = TypeVar("_Read")


class _Fault(msgspec.Struct):
    code: int = 0
    message: str = ""
    data: Any = None


class _Answer(msgspec.Struct):
    id: int | str | None = None
    result: msgspec.Raw = msgspec.Raw()
    error: _Fault | None = None


_ANSWER: Final = msgspec.json.Decoder(_Answer)


class Node:
    """A node of one chain. `name` is what logs call it; `transport` is httpx's, for tests."""

    def __init__(
        self,
        name: str,
        url: Secret,
        chain_id: int,
        clock: Clock,
        *,
        deadline_s: float = DEADLINE_S,
        most_bytes: int = MOST_BYTES,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self.name = name
        self._url = url.reveal()
        self._chain_id = chain_id
        self._clock = clock
        self._deadline_s = deadline_s
        self._most_bytes = most_bytes
        # Not compressed: a few kilobytes on the wire could become gigabytes here.
        headers = {"content-type": "application/json", "accept-encoding": "identity"}
        self._client = httpx.AsyncClient(headers=headers, timeout=deadline_s, trust_env=False, transport=transport)
        self._known = False
        self._last_id = 0

    async def close(self) -> None:
        """Close all connections."""
        await self._client.aclose()

    async def check_chain(self) -> None:
        """Ask again which chain it serves. Raises: ChronoError(NODE_WRONG_CHAIN), and as every call."""
        self._known = False
        async with self._within("eth_chainId"):
            await self._know_chain()

    async def head(self) -> Head:
        """Its newest block."""
        found = await self._ask("eth_getBlockByNumber", ["latest", False], answers.read_head)
        return self._there(found)

    async def header(self, block_number: int) -> Head | None:
        """A header; None for a block that it does not have."""
        found = await self._ask("eth_getBlockByNumber", [hex(block_number), False], answers.read_head)
        return found if found is None else self._numbered(found, found, block_number)

    async def block(self, block_number: int, wanted: Container[Address]) -> Block | None:
        """A block, with its transactions to the `wanted` contracts in full."""
        found = await self._ask(
            "eth_getBlockByNumber", [hex(block_number), True], lambda result: answers.read_block(result, wanted)
        )
        return found if found is None else self._numbered(found, found.head, block_number)

    async def hashes(self, block_number: int) -> Block | None:
        """A block with nothing but the hashes of its transactions."""
        found = await self._ask("eth_getBlockByNumber", [hex(block_number), False], answers.read_hashes)
        return found if found is None else self._numbered(found, found.head, block_number)

    async def logs(self, query: LogQuery) -> list[Log]:
        """The logs, in the order of the chain. One that was not asked for makes the answer garbage."""
        asked = {
            "fromBlock": hex(query.first_block),
            "toBlock": hex(query.last_block),
            "address": ["0x" + address.hex() for address in query.addresses],
            "topics": [["0x" + topic.hex() for topic in query.topics]],
        }
        found = await self._ask("eth_getLogs", [asked], answers.read_logs)
        if not all(_asked_for(log, query) for log in found):
            raise ChronoError(NODE_GARBLED, node=self.name, cause="logs that were not asked for")
        return found

    async def receipt(self, transaction_hash: bytes) -> Receipt | None:
        """How a transaction ended; None while it is in no block."""
        found = await self._ask("eth_getTransactionReceipt", [_hex(transaction_hash)], answers.read_receipt)
        if found is not None and found.hash != transaction_hash:
            raise ChronoError(NODE_GARBLED, node=self.name, cause="the receipt of another transaction")
        return found

    async def nonce(self, account: Address) -> int:
        """The account's next nonce, by the transactions that are in blocks."""
        return await self._ask("eth_getTransactionCount", [_hex(account), "latest"], answers.read_number)

    async def balance(self, account: Address) -> int:
        """What the account holds, in wei."""
        return await self._ask("eth_getBalance", [_hex(account), "latest"], answers.read_number)

    async def base_fee(self) -> int | None:
        """The base fee in wei: `eth_baseFee`, else that of the newest block; None where there is none."""
        try:
            return await self._ask("eth_baseFee", [], answers.read_number)
        except ChronoError as error:
            if error.reason is not NODE_REFUSED:
                raise
        return (await self.head()).base_fee_wei  # only Avalanche's kin knows eth_baseFee

    async def call(self, to: Address, data: bytes, sender: Address | None = None) -> bytes:
        """What a contract would answer at the newest block."""
        asked = {"to": _hex(to), "data": _hex(data)} | ({} if sender is None else {"from": _hex(sender)})
        return await self._ask("eth_call", [asked, "latest"], answers.read_data)

    async def send(self, raw: bytes) -> None:
        """Hand in a signed transaction. Raises also: ChronoError(NODE_REFUSED) with what the node said."""
        await self._ask("eth_sendRawTransaction", [_hex(raw)], lambda result: answers.read_data(result, 32))

    async def _ask(self, method: str, params: list[Any], read: Callable[[bytes], _Read]) -> _Read:
        began_ns = self._clock.monotonic_ns()
        outcome = "ok"
        try:
            async with self._within(method):
                if not self._known:
                    await self._know_chain()
                return await self._exchange(method, params, read)
        except ChronoError as error:
            outcome = error.reason.code
            raise
        finally:
            RPC_REQUESTS.labels(self.name, method, outcome).inc()
            RPC_SECONDS.labels(self.name).observe((self._clock.monotonic_ns() - began_ns) / SECOND_NS)

    async def _know_chain(self) -> None:
        told = await self._exchange("eth_chainId", [], answers.read_number)
        if told != self._chain_id:
            raise ChronoError(NODE_WRONG_CHAIN, node=self.name, chain_id=told, expected=self._chain_id)
        self._known = True

    async def _exchange(self, method: str, params: list[Any], read: Callable[[bytes], _Read]) -> _Read:
        self._last_id += 1
        number = self._last_id
        request = msgspec.json.encode({"jsonrpc": "2.0", "id": number, "method": method, "params": params})
        status, body = await self._post(request, self._most_bytes if method in _LARGE else _SMALL_BYTES)
        if status == httpx.codes.TOO_MANY_REQUESTS:
            raise ChronoError(NODE_BUSY, node=self.name, method=method)
        try:
            answer = _ANSWER.decode(body)
            if answer.error is not None:
                raise self._refusal(method, answer.error)
            return read(_result(answer, number))
        except (msgspec.DecodeError, NotAnAnswer, RecursionError, UnicodeDecodeError) as error:
            raise self._garbled(method, status, error) from error

    async def _post(self, request: bytes, most: int) -> tuple[int, bytes]:
        """Status and body. What breaks the connection makes the chain id unknown again."""
        try:
            async with self._client.stream("POST", self._url, content=request) as response:
                body = bytearray()
                async for part in response.aiter_raw():
                    body += part
                    if len(body) > most:
                        raise ChronoError(NODE_GARBLED, node=self.name, cause=f"an answer of more than {most} bytes")
                return response.status_code, bytes(body)
        except httpx.TimeoutException as error:
            raise self._silent() from error
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError) as error:
            self._known = False
            raise ChronoError(NODE_UNREACHABLE, node=self.name, cause=type(error).__name__) from error

    def _within(self, method: str) -> "_Deadline":
        return _Deadline(self, method, self._deadline_s)

    def _silent(self, method: str = "") -> ChronoError:
        self._known = False
        return ChronoError(NODE_SILENT, node=self.name, method=method, within_s=self._deadline_s)

    def _refusal(self, method: str, fault: _Fault) -> ChronoError:
        said = fault.message[:_SAID]
        if isinstance(fault.data, str):
            said = f"{said} {fault.data}"[:_SAID]
        reason = NODE_BUSY if fault.code in _BUSY_CODES and method != "eth_getLogs" else NODE_REFUSED
        return ChronoError(reason, node=self.name, method=method, code=fault.code, said=said)

    def _garbled(self, method: str, status: int, error: Exception) -> ChronoError:
        if status >= httpx.codes.INTERNAL_SERVER_ERROR:
            # A proxy that says in HTML that the node behind it is away.
            self._known = False
            return ChronoError(NODE_UNREACHABLE, node=self.name, method=method, status=status)
        return ChronoError(NODE_GARBLED, node=self.name, method=method, status=status, cause=str(error)[:_SAID])

    def _there(self, head: Head | None) -> Head:
        if head is None:
            raise ChronoError(NODE_GARBLED, node=self.name, cause="a node without a newest block")
        return head

    def _numbered(self, found: _Read, head: Head, block_number: int) -> _Read:
        if head.number != block_number:
            raise ChronoError(NODE_GARBLED, node=self.name, cause="another block than the one asked for")
        return found


class _Deadline:
    """`asyncio.timeout` that speaks of the node."""

    def __init__(self, node: Node, method: str, seconds: float) -> None:
        self._node = node
        self._method = method
        self._timeout = asyncio.timeout(seconds)

    async def __aenter__(self) -> None:
        await self._timeout.__aenter__()

    async def __aexit__(self, kind: Any, error: Any, trace: Any) -> None:
        try:
            await self._timeout.__aexit__(kind, error, trace)
        except TimeoutError as late:
            raise self._node._silent(self._method) from late  # noqa: SLF001 - one room


def _result(answer: _Answer, number: int) -> bytes:
    result = bytes(answer.result)
    if answer.id != number or not result:
        raise NotAnAnswer("not an answer to this request")
    return result


def _asked_for(log: Log, query: LogQuery) -> bool:
    inside = query.first_block <= log.block_number <= query.last_block
    return inside and log.address in query.addresses and bool(log.topics) and log.topics[0] in query.topics


def _hex(data: bytes) -> str:
    return "0x" + data.hex()

"""The WebSocket door of a node on loopback: tells new blocks of a chain in memory, and fails in every way on demand.

Faults are attributes: set one, and the door behaves so from then on; sockets that are open stay open.
"""

import asyncio
import json
from contextlib import suppress
from typing import Any

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from chrono.chain.answers import Head
from chrono.settings import Secret
from tests.fakes.evm_chain import FakeChain


class HeadNode:
    """One node's WebSocket. `sockets` are those that are open."""

    def __init__(self, chain: FakeChain) -> None:
        self.chain = chain
        self.sockets: dict[ServerConnection, str | None] = {}
        self.handshakes = 0
        self.pings = 0
        # Faults
        self.chain_id: int | None = None
        self.refuses = False  # knows no subscriptions
        self.forgets = False  # never answers a subscription
        self.mute = False  # answers pings, tells no blocks
        self.deaf = False  # reads nothing from now on: no pong either
        self.foreign = False  # tells blocks under another subscription
        self._server: Server | None = None
        self._port = 0

    @property
    def url(self) -> Secret:
        return Secret(f"ws://127.0.0.1:{self._port}/ext/bc/C/ws?key=hidden")

    @property
    def subscribed(self) -> int:
        return sum(each is not None for each in self.sockets.values())

    async def start(self) -> None:
        """Listen on loopback; on the same port again after `stop`."""
        self._server = await serve(
            self._serve, "127.0.0.1", self._port, compression=None, ping_interval=None, close_timeout=0.1
        )
        self._port = next(iter(self._server.sockets)).getsockname()[1]

    async def stop(self) -> None:
        """Cut every connection and listen no more."""
        self.cut()
        assert self._server is not None
        self._server.close()
        await self._server.wait_closed()

    def cut(self) -> None:
        """Cut every connection without a word."""
        for socket in list(self.sockets):
            socket.transport.abort()

    async def mine(self, time_s: int) -> Head:
        """A new block, told to whoever subscribed."""
        head = self.chain.mine(time_s)
        if not self.mute:
            for socket, subscription in list(self.sockets.items()):
                told = {"subscription": "0xother" if self.foreign else subscription, "result": _header(head)}
                await self.send(socket, {"jsonrpc": "2.0", "method": "eth_subscription", "params": told})
        return head

    async def say(self, data: str | bytes, times: int = 1) -> None:
        """Send this to everybody, whatever it is."""
        for socket in list(self.sockets):
            with suppress(ConnectionClosed):
                for _ in range(times):
                    await socket.send(data)

    async def send(self, socket: ServerConnection, told: dict[str, Any]) -> None:
        """Send one message."""
        with suppress(ConnectionClosed):
            await socket.send(json.dumps(told))

    def stop_reading(self) -> None:
        """Go deaf on the sockets that are open."""
        self.deaf = True
        for socket in self.sockets:
            socket.transport.pause_reading()  # type: ignore[attr-defined]

    async def _serve(self, socket: ServerConnection) -> None:
        self.handshakes += 1
        self.sockets[socket] = None
        if self.deaf:
            socket.transport.pause_reading()  # type: ignore[attr-defined]
        try:
            async for message in socket:
                request = json.loads(message)
                if not (self.forgets and request["method"] == "eth_subscribe"):
                    await self.send(socket, self._answer(socket, request))
        except ConnectionClosed:
            pass
        finally:
            del self.sockets[socket]

    def _answer(self, socket: ServerConnection, request: dict[str, Any]) -> dict[str, Any]:
        told = {"jsonrpc": "2.0", "id": request["id"]}
        if request["method"] == "eth_chainId":
            return told | {"result": hex(self.chain_id or self.chain.chain_id)}
        if self.refuses:
            return told | {"error": {"code": -32601, "message": "notifications not supported"}}
        assert request["params"] == ["newHeads"]
        self.sockets[socket] = f"0x{self.handshakes:x}"
        return told | {"result": self.sockets[socket]}


def _header(head: Head) -> dict[str, Any]:
    return {
        "number": hex(head.number),
        "hash": "0x" + head.hash.hex(),
        "parentHash": "0x" + head.parent_hash.hex(),
        "timestamp": hex(head.time_s),
        "baseFeePerGas": hex(head.base_fee_wei or 0),
        "gasLimit": "0xe4e1c0",
    }


async def wait_open(node: HeadNode) -> None:
    """Until somebody subscribed."""
    async with asyncio.timeout(60):
        while not node.subscribed:
            await asyncio.sleep(0.005)

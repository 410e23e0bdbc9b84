"""A pool read through a real HTTP node on loopback: the door, the transport and the parser together."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import asynccontextmanager, contextmanager
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

from chrono.clock import SECOND_NS, SystemClock
from chrono.ingest.venues.door import VenueDoor
from chrono.ingest.venues.uniswap_v3.sums import is_tick_of
from chrono.market.names import Market, Venue
from chrono.settings import Secret, Venues
from tests.fakes.venue_server import until

POOL = "0x88e6a0c2ddd26feeb64f039a2c41296fcb3f5640"
OTHER = "0x11b815efb8f581194ae79006d24e0d814b7697f6"
ROOT, TICK = 1_584_563_250_285_286_751_870_879_006_720_000, 198_079
"""2,500 USDC per ether."""

OTHER_ROOT, OTHER_TICK = 3_961_408_125_713_216_879_677_197, -198_080
"""2,500 USDT per ether."""


def hexed(*words):
    return "0x" + "".join(f"{word % 2**256:064x}" for word in words)


class Node:
    """An Ethereum node that knows two pools. `refuses` is what it answers instead, while it is set."""

    def __init__(self) -> None:
        self.refuses, self.asked = None, []
        self.pools = {POOL: (ROOT, TICK), OTHER: (OTHER_ROOT, OTHER_TICK)}

    def answer(self, call, at_s):
        if call["method"] == "eth_getBlockByNumber":
            return {"number": "0x14", "timestamp": hex(at_s)}
        asked = call["params"][0]
        root, tick = self.pools[asked["to"]]
        if asked["data"] == "0x3850c7bd":
            return hexed(root, tick, 1, 723, 723, 0, 1)
        assert asked["data"].startswith("0x883bdbfd")
        return hexed(64, 160, 2, 0, tick * 300, 2, 5, 9)


@contextmanager
def serving(node: Node) -> Iterator[str]:
    """The node on loopback; gives its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            node.asked.append((self.path, self.headers["Content-Type"], body))
            at_s = SystemClock().now_ns() // SECOND_NS
            status, document = node.refuses or (
                200,
                [{"jsonrpc": "2.0", "id": call["id"], "result": node.answer(call, at_s)} for call in body],
            )
            raw = json.dumps(document).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v3/key"
    finally:
        server.shutdown()
        server.server_close()


@asynccontextmanager
async def reading(url):
    """The door of the venues with this node, its parts running; gives it and the quotes that it told."""
    markets = {Venue("uniswap_v3"): {POOL: Market("ETH/USDC"), OTHER: Market("ETH/USDT")}}
    door, told = VenueDoor.build(Venues(ethereum_rpc=Secret(url)), markets, SystemClock()), []
    door.on_quotes(told.extend)
    tasks = [asyncio.create_task(part()) for _, part in door.parts()]
    try:
        yield door, told
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await door.close()


async def test_pools_are_priced_from_what_a_node_answers():
    assert is_tick_of(OTHER_TICK, OTHER_ROOT)
    node = Node()
    with serving(node) as url:
        async with reading(url) as (_, told):
            await until(lambda: {quote.market for quote in told} == {"ETH/USDC", "ETH/USDT"})
    assert {quote.market: quote.price for quote in told}["ETH/USDC"] == Decimal(2500)
    assert all(abs(quote.price - 2500) < Decimal("1e-12") and quote.venue == "uniswap_v3" for quote in told)
    # One batch for both pools, to the whole address with its key.
    path, kind, batch = node.asked[0]
    assert (path, kind, len(node.asked)) == ("/v3/key", "application/json", 1)
    assert [call["id"].partition(":")[2] for call in batch] == ["", "slot0", "observe", "slot0", "observe"]


async def test_a_node_that_limits_us_is_left_alone_and_told_as_such():
    node = Node()
    node.refuses = (200, [{"id": "block", "error": {"code": -32005, "message": "daily request count exceeded"}}])
    with serving(node) as url:
        async with reading(url) as (door, told):
            poller = door.connectors["uniswap_v3"].poller
            await until(lambda: poller.refused is not None)
            assert poller.refused.kind == "rate_limited"
            assert "key" not in poller.failure
    assert told == []
    assert len(node.asked) == 1

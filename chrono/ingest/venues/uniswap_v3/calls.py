"""What is asked of the node: one batch of JSON-RPC for a few pools."""

from collections.abc import Sequence
from typing import Final

from msgspec.json import encode

from chrono.ingest.venues.uniswap_v3.pools import POOLS

SLOT0: Final = "0x3850c7bd"
TOKEN0: Final = "0x0dfe1681"
TOKEN1: Final = "0xd21220a7"
OBSERVE: Final = "0x883bdbfd"
"""Selectors: the first four bytes of keccak-256 of slot0(), token0(), token1() and observe(uint32[])."""

MEAN_S: Final = 300
"""The pool's mean over these seconds is asked for beside its price."""

BLOCK: Final = "block"
"""The id of the question for the newest block. The others have ids such as `0x88e6…:slot0`."""

Call = dict[str, object]


def prices(pools: Sequence[str]) -> bytes:
    """The newest block's time, and each pool's price and mean."""
    asked = [_asked(BLOCK, "eth_getBlockByNumber", ["latest", False])]
    for pool in pools:
        asked += [_called(pool, "slot0", SLOT0), _called(pool, "observe", _OBSERVE_MEAN)]
    return encode(asked)


def identities() -> bytes:
    """The tokens and the state of every pool that is known here."""
    wanted = (("token0", TOKEN0), ("token1", TOKEN1), ("slot0", SLOT0))
    return encode([_called(pool, name, data) for pool in POOLS for name, data in wanted])


def _called(pool: str, name: str, data: str) -> Call:
    return _asked(f"{pool}:{name}", "eth_call", [{"to": pool, "data": data}, "latest"])


def _asked(name: str, method: str, params: Sequence[object]) -> Call:
    return {"jsonrpc": "2.0", "id": name, "method": method, "params": params}


_OBSERVE_MEAN: Final = OBSERVE + "".join(f"{word:064x}" for word in (32, 2, MEAN_S, 0))
"""observe([MEAN_S, 0]): where the list begins, its length, and its two ages."""

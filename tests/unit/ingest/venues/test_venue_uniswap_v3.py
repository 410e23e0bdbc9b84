"""What a node answers of Uniswap v3's pools, written by hand after the contract's ABI, and what it means."""

import json
from decimal import Decimal
from fractions import Fraction
from math import isqrt

import pytest

from chrono.ingest.venues.uniswap_v3.calls import MEAN_S, OBSERVE, SLOT0, TOKEN0, TOKEN1
from chrono.ingest.venues.uniswap_v3.endpoint import SPEC, through_node
from chrono.ingest.venues.uniswap_v3.parse import FARTHEST_TICKS, parse_instruments, parse_tickers, refusal
from chrono.ingest.venues.uniswap_v3.pools import POOLS
from chrono.ingest.venues.uniswap_v3.sums import LEAST_ROOT, MOST_ROOT, MOST_TICK, is_tick_of, price_of, signed
from chrono.ingest.venues.words import Instrument, RefusalKind, Refused, Ticked, Unread
from chrono_core import keccak256

NODE = "https://node.test"
ETH_USDC = "0x88e6a0c2ddd26feeb64f039a2c41296fcb3f5640"
ETH_USDT = "0x11b815efb8f581194ae79006d24e0d814b7697f6"
AT_NS = 1_794_039_567_000_000_000
ROOT = 1_584_563_250_285_286_751_870_879_006_720_000
"""Of 2,500 USDC per ether, where USDC is token0 with 6 decimals and WETH token1 with 18."""

TICK = 198_079

BLOCK = {"jsonrpc": "2.0", "id": "block", "result": {"number": "0x14", "timestamp": "0x6aeedf0f"}}
WRITTEN = [
    {"jsonrpc": "2.0", "id": "block", "result": {"number": "0x14", "timestamp": "0x6aeedf0f"}},
    {
        "jsonrpc": "2.0",
        "id": "0x88e6a0c2ddd26feeb64f039a2c41296fcb3f5640:slot0",
        "result": "0x0000000000000000000000000000000000004e20000000000000000000000000"
        "00000000000000000000000000000000000000000000000000000000000305bf"
        "0000000000000000000000000000000000000000000000000000000000000001"
        "00000000000000000000000000000000000000000000000000000000000002d3"
        "00000000000000000000000000000000000000000000000000000000000002d3"
        "0000000000000000000000000000000000000000000000000000000000000000"
        "0000000000000000000000000000000000000000000000000000000000000001",
    },
    {
        "jsonrpc": "2.0",
        "id": "0x88e6a0c2ddd26feeb64f039a2c41296fcb3f5640:observe",
        "result": "0x0000000000000000000000000000000000000000000000000000000000000040"
        "00000000000000000000000000000000000000000000000000000000000000a0"
        "0000000000000000000000000000000000000000000000000000000000000002"
        "000000000000000000000000000000000000000000000000000009184e72a000"
        "0000000000000000000000000000000000000000000000000000091851fd4464"
        "0000000000000000000000000000000000000000000000000000000000000002"
        "0000000000000000000000000000000000000000000000000000000000000005"
        "0000000000000000000000000000000000000000000000000000000000000009",
    },
]


def hexed(*words):
    return "0x" + "".join(f"{word % 2**256:064x}" for word in words)


def slot0(pool=ETH_USDC, root=ROOT, tick=TICK):
    return {"jsonrpc": "2.0", "id": f"{pool}:slot0", "result": hexed(root, tick, 1, 723, 723, 0, 1)}


def observed(pool=ETH_USDC, mean=TICK):
    # The sum of ticks passes through zero within the five minutes.
    then = -(10**6)
    return {"jsonrpc": "2.0", "id": f"{pool}:observe", "result": hexed(64, 160, 2, then, then + mean * MEAN_S, 2, 5, 9)}


def tell(*answers):
    return parse_tickers(json.dumps(answers).encode())


def test_the_selectors_are_the_hashes_of_their_names():
    named = {"slot0()": SLOT0, "token0()": TOKEN0, "token1()": TOKEN1, "observe(uint32[])": OBSERVE}
    for name, selector in named.items():
        assert "0x" + keccak256(name.encode())[:4].hex() == selector, name


def test_a_pools_price_is_told_with_its_blocks_time():
    said = [Ticked(ETH_USDC, Decimal(2500), None, None, AT_NS)]
    assert tell(BLOCK, slot0(), observed()) == said
    assert tell(observed(), slot0(), BLOCK) == said
    assert tell(*WRITTEN) == said


def test_each_pool_is_told_for_itself():
    root = isqrt(2**192 * 2500 * 10**6 // 10**18)
    told = tell(BLOCK, slot0(), slot0(ETH_USDT, root, -198080), observed(ETH_USDT, -198080))
    assert [type(one) for one in told] == [Unread, Ticked]
    assert told[1].symbol == ETH_USDT
    assert abs(told[1].last / 2500 - 1) < Decimal("1e-15")


def test_nothing_is_told_without_the_blocks_time():
    for bad in (
        None,
        {"id": "block", "result": None},
        {"id": "block", "result": {"timestamp": "0x0"}},
        {"id": "block", "result": {"timestamp": "1794039567"}},
        {"id": "block", "error": {"code": -32000, "message": "header not found"}},
    ):
        answers = [slot0(), observed()] if bad is None else [bad, slot0(), observed()]
        assert [type(one) for one in tell(*answers)] == [Unread], bad


def test_a_price_far_from_the_pools_own_mean_is_not_told():
    assert type(tell(BLOCK, slot0(), observed(mean=TICK + FARTHEST_TICKS))[0]) is Ticked
    for mean in (TICK + FARTHEST_TICKS + 1, TICK - FARTHEST_TICKS - 1):
        (said,) = tell(BLOCK, slot0(), observed(mean=mean))
        assert said.why == "a price far from its own mean"


def test_no_price_is_told_without_the_mean():
    failed = {"id": f"{ETH_USDC}:observe", "error": {"code": 3, "message": "execution reverted: OLD"}}
    assert [type(one) for one in tell(BLOCK, slot0())] == [Unread]
    assert [type(one) for one in tell(BLOCK, slot0(), failed)] == [Unread]


@pytest.mark.parametrize(
    ("root", "tick"),
    [(ROOT, TICK + 2), (ROOT, -TICK), (ROOT * 10, TICK), (0, 0), (2**160, TICK), (ROOT, 2**23), (ROOT, 887273)],
)
def test_a_price_and_a_tick_that_do_not_belong_together_are_not_told(root, tick):
    assert [type(one) for one in tell(BLOCK, slot0(root=root, tick=tick), observed(mean=tick))] == [Unread]


@pytest.mark.parametrize("result", ["0x", None, "0x12", 7, {}, "0x" + "g" * 448, "0x" + "0" * 448, "0x" + "f" * 64])
def test_what_is_no_pools_answer_is_unread(result):
    answer = {"id": f"{ETH_USDC}:slot0", "result": result}
    assert [type(one) for one in tell(BLOCK, answer, observed())] == [Unread]


def test_what_was_not_asked_for_is_not_told():
    assert tell(BLOCK, {"id": "0xabc:slot0", "result": "0x"}) == []


def test_an_answer_without_form_costs_the_others_nothing():
    told = tell(7, BLOCK, slot0(), {"id": [1], "result": 5}, observed())
    assert [type(one) for one in told] == [Ticked, Unread, Unread]


def test_a_limit_in_one_answer_refuses_the_whole_batch():
    limit = {"id": "block", "error": {"code": -32005, "message": "daily request count exceeded"}}
    assert tell(limit, slot0(), observed()) == [
        Refused(RefusalKind.RATE_LIMITED, "-32005: daily request count exceeded")
    ]


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (200, {"error": {"code": -32005, "message": "limit exceeded"}}, "rate_limited"),
        (200, {"error": {"code": -32600, "message": "batch too large"}}, "bad_request"),
        (200, {"error": {"code": -32000, "message": "header not found"}}, "fault"),
        (429, {"error": {"code": 429, "message": "slow"}}, "rate_limited"),
        (401, {"message": "no key"}, "bad_request"),
        (403, "forbidden", "bad_request"),
        (502, "<html>", "fault"),
    ],
)
def test_refusals_are_told_by_kind(status, body, kind):
    raw = body.encode() if isinstance(body, str) else json.dumps(body).encode()
    assert refusal(status, {}, raw).kind == kind


def test_a_good_answer_refuses_nothing():
    assert refusal(200, {}, json.dumps([BLOCK, slot0()]).encode()) is None


def identity(pool, token0=None, token1=None):
    return [
        {"id": f"{pool.address}:token0", "result": hexed(int(token0 or pool.token0.address, 16))},
        {"id": f"{pool.address}:token1", "result": hexed(int(token1 or pool.token1.address, 16))},
        slot0(pool.address),
    ]


def test_only_pools_whose_tokens_the_chain_confirms_are_listed():
    right, wrong = POOLS[ETH_USDC], POOLS[ETH_USDT]
    answers = [*identity(right), *identity(wrong, token1="0x" + "9" * 40)]
    assert parse_instruments(json.dumps(answers).encode()) == [Instrument(ETH_USDC, "ETH", "USDC", active=True)]
    assert parse_instruments(b"{}") == []


def test_the_pools_are_written_as_the_contract_orders_their_tokens():
    for address, pool in POOLS.items():
        assert address == pool.address == address.lower()
        assert len(bytes.fromhex(address[2:])) == 20
        assert int(pool.token0.address, 16) < int(pool.token1.address, 16), address
        assert pool.base != pool.quote


def test_without_a_node_nothing_is_asked():
    assert SPEC.rest.tickers(list(POOLS)) == []
    assert SPEC.stream is None


def test_a_batch_asks_for_few_pools_and_no_others():
    requests = through_node(NODE).rest.tickers([*POOLS, "0xabc"])
    assert all((one.url, one.method) == (NODE, "POST") for one in requests)
    asked = [json.loads(one.body) for one in requests]
    assert max(len(batch) for batch in asked) <= 10
    calls = [call for batch in asked for call in batch if call["method"] == "eth_call"]
    assert sorted(call["id"] for call in calls) == sorted(
        f"{pool}:{name}" for pool in POOLS for name in ("slot0", "observe")
    )
    assert all(one.weight == len(batch) for one, batch in zip(requests, asked, strict=True))


def test_observe_is_asked_for_five_minutes_ago_and_now():
    call = next(
        one for one in json.loads(through_node(NODE).rest.tickers([ETH_USDC])[0].body) if "observe" in one["id"]
    )
    assert call["params"] == [{"to": ETH_USDC, "data": "0x883bdbfd" + hexed(32, 2, 300, 0)[2:]}, "latest"]


def test_a_price_is_the_exact_fraction_rounded_once():
    for root in (LEAST_ROOT, 10**20, ROOT, 2**96, MOST_ROOT - 1):
        for decimals0, decimals1 in ((18, 6), (6, 18), (8, 18), (18, 18)):
            exact = Fraction(root * root * 10**decimals0, 2**192 * 10**decimals1)
            for told, meant in (
                (price_of(root, decimals0, decimals1), exact),
                (price_of(root, decimals0, decimals1, is_inverted=True), 1 / exact),
            ):
                assert abs(Fraction(told) / meant - 1) <= Fraction(5, 10**28)


@pytest.mark.parametrize("root", [0, LEAST_ROOT - 1, MOST_ROOT, 2**160])
def test_a_root_that_no_pool_can_hold_gives_no_price(root):
    with pytest.raises(ValueError, match="no pool"):
        price_of(root, 18, 18)


def test_the_ends_of_the_ticks_belong_to_them():
    assert is_tick_of(-MOST_TICK, LEAST_ROOT)
    assert is_tick_of(MOST_TICK - 1, MOST_ROOT - 1)
    assert is_tick_of(0, 2**96)
    # A swap downward that ends on a tick's edge leaves the tick below with the price of the edge.
    assert is_tick_of(-1, 2**96)
    assert not is_tick_of(1, 2**96)
    assert not is_tick_of(-2, 2**96)


def test_words_are_read_with_their_sign():
    assert [signed(word % 2**256, 24) for word in (0, 1, -1, 2**23 - 1, -(2**23))] == [0, 1, -1, 2**23 - 1, -(2**23)]
    for word in (2**23, 2**255, 2**256 - 2**23 - 1):
        with pytest.raises(ValueError, match="24 bits"):
            signed(word, 24)

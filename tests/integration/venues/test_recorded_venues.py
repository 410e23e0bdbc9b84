"""Every venue against what was really recorded of it: right values, or a refusal with a reason; nothing raises."""

import json
from collections import Counter
from decimal import Decimal

import pytest

from chrono.ingest.venues.reading import ns_from_iso
from chrono.ingest.venues.roster import NAMES, spec_of
from chrono.ingest.venues.words import Dealt, Offered, RefusalKind, Refused, Resync, Ticked, Unread
from chrono.market.map import MarketMap
from chrono.market.names import base_of, quote_of
from tests.fakes.recordings import FOLDER, Recorded, needs_recordings, recorded
from tests.fakes.soundness import check_instruments, check_words

pytestmark = [pytest.mark.data, needs_recordings]

READ: dict[str, dict[str, int]] = {
    "coinbase": {"trades": 38, "offers": 37, "tickers": 4, "instruments": 174},
    "binance": {"trades": 10, "offers": 71, "tickers": 43, "instruments": 1746},
    "binanceus": {"trades": 9, "offers": 83, "instruments": 121},
    "kraken": {"trades": 13, "offers": 26, "tickers": 8, "instruments": 295},
    "bybit": {"trades": 5, "offers": 5, "tickers": 1, "instruments": 3},
    "okx": {"trades": 51, "offers": 1, "tickers": 22, "instruments": 2570},
    "gate": {"trades": 7, "offers": 2, "tickers": 20, "instruments": 1461},
    "kucoin": {"trades": 19, "tickers": 492, "instruments": 634},
    "bitget": {"trades": 410, "offers": 3, "tickers": 22, "instruments": 248},
    "htx": {"trades": 58, "offers": 2, "tickers": 2, "instruments": 938},
    "cryptocom": {"trades": 2, "instruments": 250},
    "bitstamp": {"trades": 7, "offers": 1, "tickers": 1, "instruments": 243},
    "bitfinex": {"trades": 1, "tickers": 17, "instruments": 294},
    "gemini": {"trades": 10, "instruments": 180},
    "upbit": {"trades": 140, "offers": 96, "tickers": 102, "instruments": 396},
    "bithumb": {"trades": 1},
    "hyperliquid": {"offers": 1},
}
"""What is read of each venue's recordings at least: trades, offers, tickers and instruments. A parser that begins to
refuse what it used to read fails here. What is not named has no such recording (its README says so)."""


class Reader:
    """Reads the recordings of one venue as its connections would have: one parser to a file."""

    def __init__(self, name: str) -> None:
        self.spec = spec_of(name)
        self._parsers = {}

    def stream(self, one: Recorded) -> list:
        stream = self.spec.stream
        if stream is None:
            return []
        if one.file not in self._parsers:
            self._parsers[one.file] = stream.parse if stream.new_parser is None else stream.new_parser()
        return self._parsers[one.file](one.raw)


def exact(value: float | None) -> Decimal | None:
    return None if not value else Decimal(repr(value))


def said_of(one: Recorded, said: list, expected: dict) -> list[str]:
    """What is wrong with what was said, against what the recording says it means; empty when nothing is."""
    if all(isinstance(word, Unread | Refused | Resync) for word in said):
        return [] if said else ["nothing was said"]
    match expected["type"]:
        case "trade":
            price, amount = exact(expected["price"]), Decimal(repr(expected["amount"]))
            at_ns = ns_from_iso(expected["timestamp"])
            for word in said:
                if isinstance(word, Dealt) and (word.price, word.amount) == (price, amount):
                    return [
                        f"{name}: {ours} is not {theirs}"
                        for name, ours, theirs in (
                            ("side", word.side, expected["side"]),
                            ("time", word.traded_at_ns and word.traded_at_ns // 1000, at_ns and at_ns // 1000),
                            ("id", word.trade_id, expected.get("id") or word.trade_id),
                        )
                        if ours != theirs
                    ]
            return [f"no trade at {price}"]
        case "book_ticker":
            sides = exact(expected.get("bidPrice")), exact(expected.get("askPrice"))
            told = [(word.bid, word.ask) for word in said if isinstance(word, Offered | Ticked)]
            return [] if sides in told else [f"no offers {sides} among {told}"]
        case _:
            return []


@pytest.mark.parametrize("name", NAMES)
def test_every_recorded_message_is_read_rightly_or_refused_with_a_reason(name):
    reader, wrong = Reader(name), []
    for one in recorded(name):
        if one.kind == "stream":
            said = reader.stream(one)
            check_words(said)
            expected = one.expected if isinstance(one.expected, list) else []
            wrong += [f"{one}: {fault}" for meant in expected for fault in said_of(one, said, meant)]
        else:
            rest = reader.spec.rest
            check_words(rest.parse_tickers(one.raw))
            check_instruments(rest.parse_instruments(one.raw))
            # A status of success: only the body can refuse.
            refused = rest.refusal(200, {}, one.raw)
            assert refused is None or refused.said
    assert wrong == []


@pytest.mark.parametrize("name", NAMES)
def test_no_recorded_message_makes_any_parser_of_any_kind_raise(name):
    spec = spec_of(name)
    for one in recorded(name):
        if spec.stream is not None:
            check_words(spec.stream.parse(one.raw))
        check_words(spec.rest.parse_tickers(one.raw))
        check_instruments(spec.rest.parse_instruments(one.raw))


MAKERS = ("coinbase",)
"""That collection takes the maker's side, which these venues tell, for the taker's."""


@pytest.mark.parametrize("name", NAMES)
def test_trades_of_the_second_collection_have_its_side_amount_and_time(name):
    reader = Reader(name)
    for one in recorded(name):
        if one.kind != "stream" or not isinstance(one.expected, dict) or "trade.side" not in one.expected:
            continue
        deals = [word for word in reader.stream(one) if isinstance(word, Dealt)]
        if len(deals) != 1:
            continue
        (deal,) = deals
        side = one.expected["trade.side"]
        assert deal.side == ({"buy": "sell", "sell": "buy"}[side] if name in MAKERS else side), one
        for ours, field in ((deal.amount, "trade.quantity_base"), (deal.price, "trade.price")):
            if field in one.expected:
                assert float(ours) == pytest.approx(float(one.expected[field])), one
        if deal.traded_at_ns is not None and "timestamp_ms" in one.expected:
            # The collection takes the time of the message where it has two.
            assert abs(deal.traded_at_ns // 10**6 - one.expected["timestamp_ms"]) < 2000, one


def count(name: str) -> Counter[str]:
    """How much is read of a venue's recordings, by kind."""
    reader, counted = Reader(name), Counter()
    for one in recorded(name):
        if one.kind == "stream":
            words = reader.stream(one)
        else:
            words = reader.spec.rest.parse_tickers(one.raw)
            counted["instruments"] += len(reader.spec.rest.parse_instruments(one.raw))
        names = {Dealt: "trades", Offered: "offers", Ticked: "tickers"}
        counted.update(names[type(word)] for word in words if type(word) in names)
    return +counted


@pytest.mark.parametrize("name", NAMES)
def test_as_much_is_read_of_the_recordings_as_ever(name):
    counted = count(name)
    for kind, least in READ.get(name, {}).items():
        assert counted[kind] >= least, f"{kind}: {counted}"


SEEN = {
    ("binance", 418): RefusalKind.BANNED,
    ("binance", 429): RefusalKind.RATE_LIMITED,
    ("binance", 403): RefusalKind.GEO,
    ("bybit", None): RefusalKind.RATE_LIMITED,
    ("kucoin", 429): RefusalKind.RATE_LIMITED,
    ("kucoin", None): RefusalKind.RATE_LIMITED,
    ("bitfinex", None): RefusalKind.RATE_LIMITED,
    ("coinbase", 429): RefusalKind.RATE_LIMITED,
    ("kraken", 520): RefusalKind.FAULT,
    ("kraken", 414): RefusalKind.BAD_REQUEST,
}


def test_errors_that_others_met_are_told_by_their_kind():
    met = json.loads((FOLDER / "errors_seen_in_issues.json").read_text())
    told = {}
    for one in met:
        spec = spec_of(one["exchange"])
        body = json.dumps(one["body"]).encode() if one.get("body") else one.get("body_html", "").encode()
        if one.get("ws"):
            said = spec.stream.parse(body)[0]
        else:
            said = spec.rest.refusal(one.get("http") or 200, one.get("headers", {}), body)
        assert isinstance(said, Refused), one
        told[one["exchange"], one.get("http")] = said.kind
    assert told == SEEN


SPELT_ALIKE = {
    "coinbase": 15,
    "binance": 39,
    "binanceus": 18,
    "kraken": 27,
    "bybit": 2,
    "okx": 28,
    "gate": 27,
    "kucoin": 23,
    "htx": 21,
    "cryptocom": 4,
    "bitstamp": 22,
    "bitfinex": 27,
    "gemini": 19,
    "upbit": 13,
}
"""Of how many books of the market map the recorded lists have the symbol, at least; the others came after them.
Not Bitget: recorded is the list of its first version, whose symbols end in _SPBL."""


@pytest.mark.parametrize("name", SPELT_ALIKE)
def test_recorded_lists_spell_the_symbols_as_the_market_map_does(name):
    rest, books = spec_of(name).rest, MarketMap.load().books(name)
    listed = {found.symbol: found for one in recorded(name) for found in rest.parse_instruments(one.raw)}
    assert len(listed.keys() & books.keys()) >= SPELT_ALIKE[name]
    by_pair = {(found.base, found.quote): symbol for symbol, found in listed.items()}
    ours = {symbol: by_pair.get((base_of(market), quote_of(market)), symbol) for symbol, market in books.items()}
    # A currency that is called otherwise today is listed under its old name.
    renamed = {symbol for symbol in books if symbol.startswith(("GRAM",))}
    assert {symbol: theirs for symbol, theirs in ours.items() if symbol != theirs and symbol not in renamed} == {}

"""A venue's instrument list spells its symbols as the market map does: else every book would look unlisted.

The rows are written after the vendors' documents of 2026, cut to what is read of them and some of what is not.
"""

import json

import pytest

from chrono.ingest.venues.listing import unlisted_of
from chrono.ingest.venues.roster import spec_of
from chrono.market.map import MarketMap


def coinbase(product, base, quote):
    row = {"product_id": product, "base_currency_id": base, "quote_currency_id": quote, "product_type": "SPOT"}
    return row | {"status": "online", "is_disabled": False, "trading_disabled": False, "view_only": False}


def binance(symbol, base, quote):
    row = {"symbol": symbol, "status": "TRADING", "baseAsset": base, "quoteAsset": quote, "permissions": []}
    return row | {"isSpotTradingAllowed": True, "orderTypes": ["LIMIT"], "filters": [], "permissionSets": [["SPOT"]]}


def kraken(altname, wsname, base, quote):
    row = {"altname": altname, "wsname": wsname, "aclass_base": "currency", "base": base, "quote": quote}
    return row | {"lot": "unit", "pair_decimals": 1, "status": "online"}


def bybit(symbol, base, quote):
    row = {"symbol": symbol, "baseCoin": base, "quoteCoin": quote, "innovation": "0", "status": "Trading"}
    return row | {"marginTrading": "both", "lotSizeFilter": {"basePrecision": "0.000001"}}


def okx(symbol, base, quote):
    row = {"instType": "SPOT", "instId": symbol, "baseCcy": base, "quoteCcy": quote, "settleCcy": "", "uly": ""}
    return row | {"state": "live", "instFamily": "", "tickSz": "0.1", "ruleType": "normal"}


def gate(symbol, base, quote):
    return {"id": symbol, "base": base, "quote": quote, "fee": "0.2", "trade_status": "tradable", "sell_start": 0}


def kucoin(symbol, base, quote):
    row = {"symbol": symbol, "name": symbol, "baseCurrency": base, "quoteCurrency": quote, "market": "USDS"}
    return row | {"enableTrading": True, "isMarginEnabled": True, "st": False}


def bitget(symbol, base, quote):
    return {"symbol": symbol, "baseCoin": base, "quoteCoin": quote, "status": "online", "areaSymbol": "no"}


def mexc(symbol, base, quote):
    row = {"symbol": symbol, "status": "1", "baseAsset": base, "quoteAsset": quote, "permissions": ["SPOT"]}
    return row | {"isSpotTradingAllowed": False, "st": False}


def htx(symbol, base, quote):
    row = {"symbol": symbol, "base-currency": base, "quote-currency": quote, "symbol-partition": "main"}
    return row | {"state": "online", "api-trading": "enabled", "price-precision": 2}


def cryptocom(symbol, base, quote):
    row = {"symbol": symbol, "inst_type": "CCY_PAIR", "display_name": symbol.replace("_", "/"), "tradable": True}
    return row | {"base_ccy": base, "quote_ccy": quote, "quote_decimals": 2, "expiry_timestamp_ms": 0}


def bitstamp(symbol, base, quote):
    row = {"name": f"{base}/{quote}", "market_symbol": symbol, "base_currency": base, "counter_currency": quote}
    return row | {"trading": "Enabled", "market_type": "SPOT", "instant_and_market_orders": "Enabled"}


BINANCE = {"symbols": [binance("BTCUSDT", "BTC", "USDT"), binance("GRAMUSDT", "GRAM", "USDT")]}
LISTS = {
    "coinbase": {"products": [coinbase("BTC-USD", "BTC", "USD"), coinbase("BTC-EUR", "BTC", "EUR")]},
    "binance": BINANCE,
    "binanceus": {"symbols": [binance("BTCUSDT", "BTC", "USDT"), binance("USDTUSD", "USDT", "USD")]},
    "kraken": {
        "error": [],
        "result": {
            "XXBTZUSD": kraken("XBTUSD", "XBT/USD", "XXBT", "ZUSD"),
            "XDGUSD": kraken("XDGUSD", "XDG/USD", "XXDG", "ZUSD"),
            "XETHZEUR": kraken("ETHEUR", "ETH/EUR", "XETH", "ZEUR"),
            "USDTZUSD": kraken("USDTUSD", "USDT/USD", "USDT", "ZUSD"),
            "ZEURZUSD": kraken("EURUSD", "EUR/USD", "ZEUR", "ZUSD"),
        },
    },
    "bybit": {
        "retCode": 0,
        "retMsg": "OK",
        "result": {"category": "spot", "list": [bybit("BTCUSDT", "BTC", "USDT"), bybit("XDCUSDT", "XDC", "USDT")]},
    },
    "okx": {"code": "0", "msg": "", "data": [okx("BTC-USDT", "BTC", "USDT"), okx("BTC-USDC", "BTC", "USDC")]},
    "gate": [gate("BTC_USDT", "BTC", "USDT"), gate("SGB_USDT", "SGB", "USDT")],
    "kucoin": {"code": "200000", "data": [kucoin("BTC-USDT", "BTC", "USDT"), kucoin("S-USDT", "S", "USDT")]},
    "bitget": {"code": "00000", "msg": "success", "data": [bitget("BTCUSDT", "BTC", "USDT")]},
    "mexc": {"timezone": "CST", "symbols": [mexc("BTCUSDT", "BTC", "USDT"), mexc("SGBUSDT", "SGB", "USDT")]},
    "htx": {"status": "ok", "data": [htx("btcusdt", "btc", "usdt"), htx("susdt", "s", "usdt")]},
    "cryptocom": {
        "id": -1,
        "method": "public/get-instruments",
        "code": 0,
        "result": {"data": [cryptocom("BTC_USD", "BTC", "USD"), cryptocom("EUR_USDT", "EUR", "USDT")]},
    },
    "bitstamp": [bitstamp("btcusd", "BTC", "USD"), bitstamp("usdcusdt", "USDC", "USDT")],
    "bitfinex": [["BTCUSD", "DOGE:USD", "UDCUSD", "UDCUST", "BCHN:USD", "ALGUSD", "PEPE:USD"]],
}


@pytest.mark.parametrize("name", LISTS)
def test_every_symbol_of_the_list_is_one_of_the_market_map(name):
    found = spec_of(name).rest.parse_instruments(json.dumps(LISTS[name]).encode())
    books = MarketMap.load().books(name)
    rows = LISTS[name]
    for part in ("products", "symbols", "result", "data", "list"):
        rows = rows.get(part, rows) if isinstance(rows, dict) else rows
    assert len(found) == len(rows[0] if name == "bitfinex" else rows)
    assert [one.symbol for one in found if one.symbol not in books] == []
    assert all(one.active for one in found)
    # Of the books that the list has, none is taken for unlisted.
    assert unlisted_of([one.symbol for one in found], found) == frozenset()

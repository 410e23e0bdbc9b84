"""How some venues speak, from their side: what a fake server must write so that Chrono's parsers hear prices.

Written after the venues' documents, not after our parsers. Prices are Decimals, times nanoseconds.
"""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal

from chrono.ingest.venues.spec import Heartbeat

TEXT = {"Content-Type": "application/json"}


def iso(at_ns: int) -> str:
    return f"{datetime.fromtimestamp(at_ns // 10**9, UTC):%Y-%m-%dT%H:%M:%S}.{at_ns % 10**9 // 1000:06d}Z"


class Wire:
    """One venue's side of the conversation. `symbols` are as the venue spells them."""

    name = ""
    symbols: tuple[str, ...] = ("BTC", "ETH")
    tells_offers_time = True

    def __init__(self):
        self.sequence = 100
        self.delisted: set[str] = set()

    def subscribed(self, frame: str) -> list[str]:
        """The symbols that a client's frame asks for; empty when it asks for none."""
        raise NotImplementedError

    def answers(self, frame: str) -> list[str]:
        """What the venue answers at once to a client's frame."""
        return []

    def greeting(self) -> list[str]:
        return []

    def beat(self) -> str | None:
        """What keeps a connection warm when there is no news; None when the venue says nothing."""
        return None

    def offered(self, symbol: str, bid: Decimal, ask: Decimal, at_ns: int) -> str:
        raise NotImplementedError

    def dealt(self, symbol: str, price: Decimal, amount: Decimal, at_ns: int) -> str:
        raise NotImplementedError

    def tickers(self, prices: dict[str, Decimal], at_ns: int) -> bytes:
        raise NotImplementedError

    def limited(self) -> tuple[int, dict[str, str], bytes]:
        """How the venue says over HTTP that we ask too often."""
        raise NotImplementedError

    def unknown(self) -> tuple[int, dict[str, str], bytes]:
        """How it refuses a whole request for tickers because it does not know one symbol of it."""
        raise NotImplementedError

    def instruments(self, listed: Mapping[str, bool]) -> bytes:
        """Its list: the symbols, and whether each is traded."""
        raise NotImplementedError


class Coinbase(Wire):
    name = "coinbase"
    symbols = ("BTC-USD", "ETH-USD")

    def subscribed(self, frame):
        asked = json.loads(frame)
        return asked["product_ids"] if asked["type"] == "subscribe" else []

    def answers(self, frame):
        symbols = self.subscribed(frame)
        channels = [{"name": name, "product_ids": symbols} for name in ("matches", "ticker", "heartbeat")]
        return [json.dumps({"type": "subscriptions", "channels": channels})]

    def beat(self):
        return json.dumps({"type": "heartbeat", "sequence": 1, "last_trade_id": 1, "product_id": "BTC-USD", "time": ""})

    def offered(self, symbol, bid, ask, at_ns):
        self.sequence += 3
        told = {"type": "ticker", "sequence": self.sequence, "product_id": symbol, "price": str(bid)}
        told |= {"best_bid": str(bid), "best_ask": str(ask), "side": "buy", "time": iso(at_ns), "trade_id": 1}
        return json.dumps(told)

    def dealt(self, symbol, price, amount, at_ns):
        self.sequence += 1
        told = {"type": "match", "trade_id": self.sequence, "side": "sell", "size": str(amount), "price": str(price)}
        return json.dumps(told | {"product_id": symbol, "sequence": self.sequence, "time": iso(at_ns)})

    def tickers(self, prices, at_ns):
        rows = [{"product_id": s, "price": str(p), "volume_24h": "1", "status": "online"} for s, p in prices.items()]
        return json.dumps({"products": rows}).encode()

    def instruments(self, listed):
        return json.dumps({"products": [self.product(symbol, on) for symbol, on in listed.items()]}).encode()

    def product(self, symbol, on):
        base, _, quote = symbol.partition("-")
        told = {"product_id": symbol, "base_currency_id": base, "quote_currency_id": quote, "product_type": "SPOT"}
        return told | {"status": "online" if on else "delisted", "is_disabled": not on, "trading_disabled": False}

    def limited(self):
        return 429, TEXT, b'{"message":"Public rate limit exceeded"}'


class Binance(Wire):
    name = "binance"
    symbols = ("BTCUSDT", "ETHUSDT")
    tells_offers_time = False

    def subscribed(self, frame):
        asked = json.loads(frame)
        names = asked["params"] if asked["method"] == "SUBSCRIBE" else []
        return [name.partition("@")[0].upper() for name in names if name.endswith("@bookTicker")]

    def answers(self, frame):
        return [json.dumps({"result": None, "id": json.loads(frame)["id"]})]

    def offered(self, symbol, bid, ask, at_ns):
        self.sequence += 1
        told = {"u": self.sequence, "s": symbol, "b": str(bid), "B": "1.0", "a": str(ask), "A": "2.0"}
        return json.dumps({"stream": f"{symbol.lower()}@bookTicker", "data": told}, separators=(",", ":"))

    def dealt(self, symbol, price, amount, at_ns):
        at_ms = at_ns // 10**6
        self.sequence += 1
        told = {
            "e": "aggTrade",
            "E": at_ms,
            "s": symbol,
            "a": self.sequence,
            "p": str(price),
            "q": str(amount),
            "f": 1,
            "l": 1,
        }
        told |= {"T": at_ms, "m": True, "M": True}
        return json.dumps({"stream": f"{symbol.lower()}@aggTrade", "data": told}, separators=(",", ":"))

    def tickers(self, prices, at_ns):
        rows = [
            {"symbol": s, "lastPrice": str(p), "bidPrice": str(p), "askPrice": str(p), "volume": "5"}
            for s, p in prices.items()
        ]
        return json.dumps(rows).encode()

    def limited(self):
        return 429, TEXT | {"Retry-After": "7"}, b'{"code":-1003,"msg":"Too much request weight used"}'

    def unknown(self):
        return 400, TEXT, b'{"code":-1121,"msg":"Invalid symbol."}'

    def instruments(self, listed):
        rows = [
            {"symbol": s, "status": "TRADING" if on else "BREAK", "baseAsset": s[:-4], "quoteAsset": s[-4:]}
            for s, on in listed.items()
        ]
        return json.dumps({"symbols": rows}).encode()


class Kraken(Wire):
    name = "kraken"
    symbols = ("BTC/USD", "ETH/USD")

    def subscribed(self, frame):
        asked = json.loads(frame)
        wanted = asked["method"] == "subscribe" and asked["params"]["channel"] == "ticker"
        return asked["params"]["symbol"] if wanted else []

    def answers(self, frame):
        asked = json.loads(frame)
        if asked["method"] == "ping":
            return [json.dumps({"method": "pong", "time_in": iso(0), "time_out": iso(0)})]
        if asked["method"] != "subscribe":
            return []
        channel = asked["params"]["channel"]
        return [
            json.dumps({"method": "subscribe", "result": {"channel": channel, "symbol": symbol}, "success": True})
            if symbol not in self.delisted
            else json.dumps(
                {"error": f"Currency pair not supported {symbol}", "method": "subscribe", "success": False}
                | {"symbol": symbol}
            )
            for symbol in asked["params"]["symbol"]
        ]

    def greeting(self):
        row = {"version": "2.0.10", "system": "online", "api_version": "v2", "connection_id": 1}
        return [json.dumps({"channel": "status", "type": "update", "data": [row]})]

    def beat(self):
        return '{"channel":"heartbeat"}'

    def offered(self, symbol, bid, ask, at_ns):
        row = f'"symbol":"{symbol}","bid":{bid},"bid_qty":1.0,"ask":{ask},"ask_qty":2.0,"last":{bid},"volume":1.5'
        return f'{{"channel":"ticker","type":"update","data":[{{{row},"timestamp":"{iso(at_ns)}"}}]}}'

    def dealt(self, symbol, price, amount, at_ns):
        self.sequence += 1
        row = f'"symbol":"{symbol}","side":"buy","price":{price},"qty":{amount},"ord_type":"limit"'
        row += f',"trade_id":{self.sequence},"timestamp":"{iso(at_ns)}"'
        return f'{{"channel":"trade","type":"update","data":[{{{row}}}]}}'

    def tickers(self, prices, at_ns):
        names = {"BTC/USD": "XXBTZUSD", "ETH/USD": "XETHZUSD"}
        rows = {
            names.get(s, s): {"a": [str(p), "1", "1"], "b": [str(p), "1", "1"], "c": [str(p), "1"], "v": ["1", "2"]}
            for s, p in prices.items()
        }
        return json.dumps({"error": [], "result": rows}).encode()

    def limited(self):
        return 200, TEXT, b'{"error":["EGeneral:Too many requests"]}'

    def unknown(self):
        return 200, TEXT, b'{"error":["EQuery:Unknown asset pair"]}'

    def instruments(self, listed):
        pairs = {
            s.replace("/", ""): {"wsname": s.replace("BTC", "XBT"), "status": "online" if on else "delisted"}
            for s, on in listed.items()
        }
        return json.dumps({"error": [], "result": pairs}).encode()


class Okx(Wire):
    name = "okx"
    symbols = ("BTC-USDT", "ETH-USDT")

    def subscribed(self, frame):
        if frame == "ping":
            return []
        asked = json.loads(frame)
        wanted = asked["op"] == "subscribe"
        return [arg["instId"] for arg in asked["args"] if arg["channel"] == "tickers"] if wanted else []

    def answers(self, frame):
        if frame == "ping":
            return ["pong"]
        asked = json.loads(frame)
        return [json.dumps({"event": asked["op"], "arg": arg, "connId": "a4d3ae55"}) for arg in asked["args"]]

    def offered(self, symbol, bid, ask, at_ns):
        row = self.row(symbol, bid, ask, at_ns)
        return json.dumps({"arg": {"channel": "tickers", "instId": symbol}, "data": [row]})

    def dealt(self, symbol, price, amount, at_ns):
        self.sequence += 1
        row = {"instId": symbol, "tradeId": str(self.sequence), "px": str(price), "sz": str(amount), "side": "buy"}
        row |= {"ts": str(at_ns // 10**6), "count": "1"}
        return json.dumps({"arg": {"channel": "trades", "instId": symbol}, "data": [row]})

    def tickers(self, prices, at_ns):
        rows = [self.row(symbol, price, price, at_ns) for symbol, price in prices.items()]
        return json.dumps({"code": "0", "msg": "", "data": rows}).encode()

    def limited(self):
        return 429, TEXT, b'{"code":"50011","msg":"Too Many Requests","data":[]}'

    def instruments(self, listed):
        rows = [
            {"instType": "SPOT", "instId": s, "baseCcy": s.split("-")[0], "quoteCcy": s.split("-")[1]}
            | {"state": "live" if on else "suspend"}
            for s, on in listed.items()
        ]
        return json.dumps({"code": "0", "msg": "", "data": rows}).encode()

    def row(self, symbol, bid, ask, at_ns):
        row = {"instType": "SPOT", "instId": symbol, "last": str(bid), "lastSz": "1", "askPx": str(ask), "askSz": "1"}
        return row | {"bidPx": str(bid), "bidSz": "2", "vol24h": "9", "ts": str(at_ns // 10**6)}


class Kucoin(Wire):
    """It hands out its address, and wants pings of its own kind."""

    name = "kucoin"
    symbols = ("BTC-USDT", "ETH-USDT")

    def subscribed(self, frame):
        asked = json.loads(frame)
        topic, _, symbols = asked.get("topic", "").partition(":")
        return symbols.split(",") if asked["type"] == "subscribe" and topic == "/market/ticker" else []

    def answers(self, frame):
        asked = json.loads(frame)
        return [json.dumps({"id": asked["id"], "type": "pong" if asked["type"] == "ping" else "ack"})]

    def greeting(self):
        return [json.dumps({"id": "1", "type": "welcome"})]

    def offered(self, symbol, bid, ask, at_ns):
        self.sequence += 2
        data = {"sequence": str(self.sequence), "price": str(bid), "size": "0.1", "bestAsk": str(ask)}
        data |= {"bestAskSize": "1", "bestBid": str(bid), "bestBidSize": "1", "time": at_ns // 10**6}
        topic = f"/market/ticker:{symbol}"
        return json.dumps({"type": "message", "topic": topic, "subject": "trade.ticker", "data": data})

    def dealt(self, symbol, price, amount, at_ns):
        self.sequence += 2
        data = {"sequence": str(self.sequence), "type": "match", "symbol": symbol, "side": "buy", "price": str(price)}
        data |= {
            "size": str(amount),
            "tradeId": f"5c{self.sequence}",
            "takerOrderId": "a",
            "makerOrderId": "b",
            "time": str(at_ns),
        }
        topic = f"/market/match:{symbol}"
        return json.dumps({"type": "message", "topic": topic, "subject": "trade.l3match", "data": data})

    def tickers(self, prices, at_ns):
        rows = [
            {"symbol": s, "symbolName": s, "buy": str(p), "sell": str(p), "last": str(p), "vol": "3"}
            for s, p in prices.items()
        ]
        return json.dumps({"code": "200000", "data": {"time": at_ns // 10**6, "ticker": rows}}).encode()

    def limited(self):
        return 429, TEXT, b'{"code":"429000","msg":"Too Many Requests"}'

    def instruments(self, listed):
        rows = [
            {"symbol": s, "name": s, "baseCurrency": s.split("-")[0], "quoteCurrency": s.split("-")[1]}
            | {"enableTrading": on}
            for s, on in listed.items()
        ]
        return json.dumps({"code": "200000", "data": rows}).encode()

    def token(self, url: str) -> bytes:
        server = {"endpoint": url, "encrypt": True, "protocol": "websocket"}
        server |= {"pingInterval": 18_000, "pingTimeout": 10_000}
        return json.dumps({"code": "200000", "data": {"token": "t0k3n", "instanceServers": [server]}}).encode()

    def address(self, url: str, heartbeat: Heartbeat):
        """What to read out of the token here: the documents' server is not this one."""
        return url, heartbeat


WIRES = {wire.name: wire for wire in (Coinbase, Binance, Kraken, Okx, Kucoin)}

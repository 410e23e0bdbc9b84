"""What Hyperliquid's spot messages say."""

from collections.abc import Mapping
from typing import Final

from msgspec import Raw, Struct

from chrono.ingest.venues.hyperliquid.names import called, is_spot
from chrono.ingest.venues.reading import UNREADABLE, decoder, each, excerpt, http_refusal, ns_from_ms, unread
from chrono.ingest.venues.telling import dealt, listed, offered, ticked
from chrono.ingest.venues.words import Beat, Instrument, RefusalKind, Refused, Said, Side, Subscribed


class Frame(Struct):
    """One message; its channel says what the data are."""

    channel: str = ""
    data: Raw = Raw(b"null")


class Trade(Struct, rename={"price": "px", "size": "sz", "at": "time", "id": "tid"}):
    """A trade. `side` is the taker's: B bought, A sold."""

    coin: str
    side: object = None
    price: object = None
    size: object = None
    at: object = None
    id: object = None


class Level(Struct, rename={"price": "px"}):
    """A level of a book."""

    price: object = None


class Top(Struct, rename={"at": "time"}):
    """The best offers, bid first; a side without any is null."""

    coin: str
    bbo: tuple[Level | None, Level | None]
    at: object = None


class Book(Struct, rename={"at": "time"}):
    """A whole book, bids first, best level first."""

    coin: str
    levels: tuple[list[Level], list[Level]]
    at: object = None


class Subscription(Struct, frozen=True):
    """What was subscribed to."""

    coin: str = ""


class Response(Struct):
    """The answer to a subscription."""

    method: str = ""
    subscription: Subscription = Subscription()


class Token(Struct):
    """A token: pairs name it by its index, which is not its place in the list."""

    name: str
    index: int


class Pair(Struct):
    """A spot pair: base and quote by the index of their tokens."""

    name: str
    tokens: tuple[int, int]


class Meta(Struct, rename={"pairs": "universe"}):
    """The instrument list of the spot market."""

    tokens: list[Token]
    pairs: list[Raw]


_frame = decoder(Frame)
_rows = decoder(list[Raw])
_trade = decoder(Trade)
_top = decoder(Top)
_book = decoder(Book)
_response = decoder(Response)
_said = decoder(str)
_meta = decoder(Meta)
_pair = decoder(Pair)

_TAKER: Final[Mapping[object, Side]] = {"A": "sell", "B": "buy"}


def parse_message(frame: bytes) -> list[Said]:
    """What one frame says. Never raises."""
    try:
        message = _frame.decode(frame)
        if message.channel == "bbo":
            return [_offered(_top.decode(message.data))]
        if message.channel == "trades":
            return each(_rows.decode(message.data), _trade, _dealt)
        if message.channel == "l2Book":
            return [_whole(_book.decode(message.data))]
        return [_control(message, frame)]
    except UNREADABLE as why:
        return [unread(why, frame)]


def parse_tickers(body: bytes) -> list[Said]:
    """The book of one pair, of which the best offers are told. Never raises."""
    try:
        book = _book.decode(body)
    except UNREADABLE as why:
        return [unread(why, body)]
    if not is_spot(book.coin):
        return [unread("a book of a contract", book.coin)]
    bids, asks = book.levels
    return [ticked(book.coin, None, _best(bids), _best(asks), ns_from_ms(book.at))]


def parse_instruments(body: bytes) -> list[Instrument]:
    """The spot pairs, their tokens under the names that coins have elsewhere. Never raises."""
    try:
        meta = _meta.decode(body)
    except UNREADABLE:
        return []
    names = {token.index: token.name for token in meta.tokens}
    return listed(meta.pairs, _pair, lambda pair: _instrument(pair, names))


def refusal(status: int, headers: Mapping[str, str], body: bytes) -> Refused | None:
    """What an answer refuses; None when it is good. (`null` for a coin that is not known costs the others nothing.)"""
    return http_refusal(status, headers, body)


def _dealt(trade: Trade) -> Said:
    if not is_spot(trade.coin):
        return unread("a trade of a contract", trade.coin)
    taker = _TAKER.get(trade.side, "") if type(trade.side) is str else ""
    return dealt(trade.coin, trade.price, trade.size, taker, ns_from_ms(trade.at), trade.id)


def _offered(top: Top) -> Said:
    if not is_spot(top.coin):
        return unread("offers of a contract", top.coin)
    bid, ask = top.bbo
    best_bid, best_ask = None if bid is None else bid.price, None if ask is None else ask.price
    return offered(top.coin, best_bid, best_ask, ns_from_ms(top.at))


def _whole(book: Book) -> Said:
    if not is_spot(book.coin):
        return unread("a book of a contract", book.coin)
    bids, asks = book.levels
    return offered(book.coin, _best(bids), _best(asks), ns_from_ms(book.at))


def _best(levels: list[Level]) -> object:
    return levels[0].price if levels else None


def _control(message: Frame, frame: bytes) -> Said:
    if message.channel == "pong":
        return Beat()
    if message.channel == "subscriptionResponse":
        response = _response.decode(message.data)
        if response.method != "subscribe":
            return Beat()
        return Subscribed((response.subscription.coin,) if response.subscription.coin else ())
    if message.channel == "error":
        return _refused(_said.decode(message.data))
    return unread("a channel that is not read", frame)


def _refused(said: str) -> Said:
    """Why a request failed; the text ends in the request. What is subscribed to already is no failure."""
    words = said.lower()
    if "already subscribed" in words:
        return Beat()
    if "too many" in words or "rate limit" in words:
        return Refused(RefusalKind.RATE_LIMITED, excerpt(said))
    coin = said.partition('"coin":"')[2].partition('"')[0]
    if "invalid subscription" in words and is_spot(coin):
        return Refused(RefusalKind.UNKNOWN_SYMBOL, excerpt(said), None, (coin[:60],))
    return Refused(RefusalKind.BAD_REQUEST, excerpt(said) or "an error without words")


def _instrument(pair: Pair, names: Mapping[int, str]) -> Instrument | None:
    base, quote = names.get(pair.tokens[0]), names.get(pair.tokens[1])
    if base is None or quote is None or not is_spot(pair.name):
        return None
    return Instrument(pair.name, called(base), called(quote), active=True)

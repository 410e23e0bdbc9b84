"""What Bithumb says: Upbit's language since 2024, and the `transaction` stream that came before it."""

from collections.abc import Mapping
from typing import Final

from msgspec import Struct

from chrono.ingest.venues.reading import UNREADABLE, decoder, ns_from_iso, unread
from chrono.ingest.venues.telling import dealt
from chrono.ingest.venues.upbit.parse import parse_instruments, parse_tickers
from chrono.ingest.venues.upbit.parse import parse_message as parse_present
from chrono.ingest.venues.upbit.parse import refusal as refused_presently
from chrono.ingest.venues.words import Beat, RefusalKind, Refused, Said, Side

__all__ = ["parse_instruments", "parse_message", "parse_tickers", "refusal"]

_TAKER: Final[Mapping[object, Side]] = {"1": "sell", "2": "buy"}
_SEOUL: Final = "+09:00"


class Transaction(Struct, rename={"side": "buySellGb", "price": "contPrice", "size": "contQty", "dealt_at": "contDtm"}):
    """A trade of the stream before. Its time is Seoul's."""

    symbol: str
    side: object = None
    price: object = None
    size: object = None
    dealt_at: object = None


class Content(Struct, frozen=True, rename={"deals": "list"}):
    """What a message of the stream before holds."""

    deals: list[Transaction] = []


class Old(Struct, rename={"said": "resmsg"}):
    """A message of the stream before (pubwss.bithumb.com). `topic` is told by another venue of that name."""

    type: str = ""
    content: Content = Content()
    status: str = ""
    said: str = ""
    topic: str = ""


_old = decoder(Old)


def parse_message(frame: bytes) -> list[Said]:
    """What one frame says. Never raises."""
    if b'"content"' not in frame and b'"resmsg"' not in frame and b'"topic"' not in frame:
        return parse_present(frame)
    try:
        return _before(_old.decode(frame), frame)
    except UNREADABLE as why:
        return [unread(why, frame)]


def refusal(status: int, headers: Mapping[str, str], body: bytes) -> Refused | None:
    """What an answer refuses; None when it is good, and when it only does not know the one market asked for."""
    refused = refused_presently(status, headers, body)
    return None if refused is not None and refused.kind is RefusalKind.UNKNOWN_SYMBOL else refused


def _before(message: Old, frame: bytes) -> list[Said]:
    if message.topic:
        # Bithumb Global (bithumb.pro) was an exchange of its own, closed since: its prices were not Bithumb's.
        return [unread("another exchange of the same name", frame)]
    if message.type == "transaction":
        return [_dealt(one) for one in message.content.deals]
    if message.said and message.status != "0000":
        return [Refused(RefusalKind.BAD_REQUEST, f"{message.status}: {message.said}"[:200])]
    return [Beat()] if message.said else [unread("a type that is not read", frame)]


def _dealt(one: Transaction) -> Said:
    base, found, quote = one.symbol.partition("_")
    if not found:
        return unread("no market's name", one.symbol)
    at_ns = ns_from_iso(one.dealt_at + _SEOUL) if type(one.dealt_at) is str else None
    taker = _TAKER.get(one.side, "") if type(one.side) is str else ""
    return dealt(f"{quote}-{base}", one.price, one.size, taker, at_ns)

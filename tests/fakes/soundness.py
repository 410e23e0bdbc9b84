"""What every word of every venue must be, whatever it was read from."""

from decimal import Decimal

from chrono.ingest.venues.reading import EARLIEST_NS, EXCERPT_BYTES, LATEST_NS, LEAST, MOST_AMOUNT, MOST_PRICE
from chrono.ingest.venues.words import (
    Beat,
    Dealt,
    Instrument,
    Offered,
    RefusalKind,
    Refused,
    Resync,
    Subscribed,
    Ticked,
    Unread,
)


def check_price(price: Decimal | None) -> None:
    if price is not None:
        assert isinstance(price, Decimal), price
        assert price.is_finite(), price
        assert LEAST <= price <= MOST_PRICE, price


def check_amount(amount: Decimal | None) -> None:
    if amount is not None:
        assert isinstance(amount, Decimal), amount
        assert amount.is_finite(), amount
        assert 0 <= amount <= MOST_AMOUNT, amount


def check_time(at_ns: int | None) -> None:
    assert at_ns is None or (type(at_ns) is int and EARLIEST_NS <= at_ns < LATEST_NS), at_ns


def check_symbol(symbol: str) -> None:
    assert isinstance(symbol, str), symbol
    assert symbol


def check_word(word: object) -> None:
    """The word is of its form, and no bad value is in it."""
    match word:
        case Dealt():
            check_symbol(word.symbol)
            assert word.price is not None
            check_price(word.price)
            assert word.amount is not None
            check_amount(word.amount)
            assert word.side in ("buy", "sell", "")
            check_time(word.traded_at_ns)
            assert isinstance(word.trade_id, str)
        case Offered():
            check_symbol(word.symbol)
            check_price(word.bid)
            check_price(word.ask)
            check_time(word.quoted_at_ns)
            assert word.sequence is None or type(word.sequence) is int
        case Ticked():
            check_symbol(word.symbol)
            for price in (word.last, word.bid, word.ask):
                check_price(price)
            assert (word.last, word.bid, word.ask) != (None, None, None)
            check_time(word.quoted_at_ns)
            check_amount(word.volume_24h)
        case Refused():
            assert isinstance(word.kind, RefusalKind)
            assert word.retry_after_s is None or word.retry_after_s >= 0
        case Unread():
            assert word.why
            assert len(word.excerpt.encode()) <= EXCERPT_BYTES
        case Subscribed():
            assert all(isinstance(symbol, str) for symbol in word.symbols)
        case Beat():
            assert word.reply is None or isinstance(word.reply, bytes)
        case Resync():
            assert word.why
        case _:
            raise AssertionError(f"not a word: {word!r}")


def check_words(said: object) -> None:
    """What a parser gave is a list of sound words."""
    assert type(said) is list, said
    for word in said:
        check_word(word)


def check_instruments(listed: object) -> None:
    """What a parser gave is a list of sound instruments."""
    assert type(listed) is list, listed
    for one in listed:
        assert isinstance(one, Instrument)
        for name in (one.symbol, one.base, one.quote):
            check_symbol(name)
        assert type(one.active) is bool

"""Feed ids: 21 bytes that name a feed on chain. Source: fsp.md section 2."""

from msgspec import Struct

CRYPTO, FOREX, COMMODITY, STOCK, CUSTOM = 1, 2, 3, 4, 0x21
CATEGORIES = {CRYPTO: "crypto", FOREX: "forex", COMMODITY: "commodity", STOCK: "stock", CUSTOM: "custom"}
NAME_BYTES = 20
FEED_ID_BYTES = NAME_BYTES + 1
FEWEST_DECIMALS, MOST_DECIMALS = -128, 127
"""Decimals are an int8 on chain; negative ones round to tens, hundreds and so on."""


class FeedId(Struct, frozen=True, order=True):
    """A feed's category and name, such as (1, "BTC/USD").

    Anyone may offer rewards for any 21 bytes. A name that is not UTF-8 holds its foreign bytes as lone surrogates, so
    that the id still is what stands on chain; `label` is what can be shown.
    """

    category: int
    name: str

    def __bytes__(self) -> bytes:
        """The 21 bytes. Raises: ValueError when the name is longer than 20 bytes or the category than one."""
        raw = self.name.encode("utf-8", "surrogateescape")
        if len(raw) > NAME_BYTES:
            raise ValueError(f"the name of a feed has at most {NAME_BYTES} bytes: {self.name[:60]}")
        return bytes([self.category]) + raw.ljust(NAME_BYTES, b"\0")

    @property
    def hex(self) -> str:
        """Lower-case, 0x-prefixed, 42 digits: the spelling of events and proofs."""
        return "0x" + bytes(self).hex()

    @property
    def label(self) -> str:
        """The name if it can be printed, else the id in hex."""
        return self.name if self.name and self.name.isprintable() else self.hex

    @property
    def category_name(self) -> str | None:
        """The category in words; None for one that has none."""
        return CATEGORIES.get(self.category)

    @classmethod
    def from_bytes(cls, raw: bytes) -> "FeedId":
        """The id that these bytes are; any 21 bytes are one. Raises: ValueError for another length."""
        if len(raw) != FEED_ID_BYTES:
            raise ValueError(f"a feed id has {FEED_ID_BYTES} bytes, not {len(raw)}")
        return cls(raw[0], raw[1:].rstrip(b"\0").decode("utf-8", "surrogateescape"))

    @classmethod
    def from_hex(cls, text: str) -> "FeedId":
        """The id that this text spells. Raises: ValueError when it is not 21 bytes of hex with a name in UTF-8."""
        feed = cls.from_bytes(bytes.fromhex(text.removeprefix("0x")))
        feed.name.encode()
        return feed


class Feed(Struct, frozen=True):
    """A feed as it is voted on in one reward epoch: its value is an integer of 10**-decimals."""

    id: FeedId
    decimals: int

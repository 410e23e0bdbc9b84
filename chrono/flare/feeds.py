"""Feed ids: 21 bytes that name a feed on chain. Source: fsp.md section 2."""

from msgspec import Struct

CRYPTO, FOREX, COMMODITY, STOCK, CUSTOM = 1, 2, 3, 4, 0x21
NAME_BYTES = 20


class FeedId(Struct, frozen=True, order=True):
    """A feed's category and name, such as (1, "BTC/USD")."""

    category: int
    name: str

    def __bytes__(self) -> bytes:
        return bytes([self.category]) + self.name.encode().ljust(NAME_BYTES, b"\0")

    @property
    def hex(self) -> str:
        """Lower-case, 0x-prefixed, 42 digits: the spelling of events and proofs."""
        return "0x" + bytes(self).hex()

    @classmethod
    def from_hex(cls, text: str) -> "FeedId":
        """The id that these 21 bytes spell. Raises: ValueError when they are not 21 bytes of hex and UTF-8."""
        raw = bytes.fromhex(text.removeprefix("0x"))
        if len(raw) != NAME_BYTES + 1:
            raise ValueError(f"a feed id has 21 bytes, not {len(raw)}")
        return cls(raw[0], raw[1:].rstrip(b"\0").decode())

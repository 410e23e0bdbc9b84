"""The contract ABI, as far as Flare's messages need it: words by hand, everything else through eth_abi.

Source: Solidity ABI specification; fsp.md sections 2, 4 and 6 for the tuples.
"""

from collections.abc import Sequence
from typing import Any, Final

from eth_abi.codec import ABIDecoder, ABIEncoder
from eth_abi.decoding import ContextFramesBytesIO
from eth_abi.exceptions import DecodingError
from eth_abi.registry import registry

WORD_BYTES: Final = 32
READS_PER_BYTE: Final = 4
"""How often a byte may be read at most: an honest encoding needs two, for eth_abi checks pointers before use."""


class Malformed(ValueError):  # noqa: N818 - said of bytes, not of a mistake of ours
    """Bytes that are not what they should be: says what is wrong, and from which byte on (`at`)."""

    def __init__(self, what: str, at: int = 0) -> None:
        super().__init__(f"{what} (byte {at})")
        self.what = what
        self.at = at


class _Rationed(ContextFramesBytesIO):
    """A stream that gives out no more than a multiple of its length.

    Pointers of nested arrays may all name the same bytes; without this, 190 kB decode to nine million values.
    """

    def __init__(self, data: bytes) -> None:
        super().__init__(data)  # type: ignore[no-untyped-call]
        self._left = READS_PER_BYTE * (len(data) + WORD_BYTES)

    def read(self, size: int | None = -1, /) -> bytes:
        """As any stream reads, until the ration is eaten up."""
        got = super().read(size)
        self._left -= len(got)
        if self._left < 0:
            raise Malformed("pointers that name the same bytes again and again", self.tell())
        return got


class _Decoder(ABIDecoder):
    stream_class = _Rationed


_ENCODER: Final = ABIEncoder(registry)
_DECODER: Final = _Decoder(registry)


def word(value: int) -> bytes:
    """An unsigned integer, or a flag, as one 32-byte word. Raises: OverflowError when it does not fit."""
    return value.to_bytes(WORD_BYTES, "big")


def encode(types: Sequence[str], values: Sequence[Any]) -> bytes:
    """`abi.encode` of the values, types as in a signature. Raises: EncodingError of eth_abi for a misfit."""
    return _ENCODER.encode(list(types), list(values))


def decode(types: Sequence[str], data: bytes) -> tuple[Any, ...]:
    """The values of an `abi.encode`d tuple. Padding is checked; bytes behind the last value are allowed.

    Time and memory are bounded by the length of `data`. Raises: Malformed.
    """
    try:
        return _DECODER.decode(list(types), data)
    except (DecodingError, OverflowError, UnicodeDecodeError) as error:
        raise Malformed(f"not the ABI encoding of ({','.join(types)}): {error}") from error

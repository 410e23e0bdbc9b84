"""Hashes and the ABI's 32-byte words, read and written by hand."""

from eth_hash.auto import keccak

WORD = 32


def topic(signature: str) -> bytes:
    return keccak(signature.encode())


def selector(signature: str) -> bytes:
    return topic(signature)[:4]


def number(value: int) -> bytes:
    """A word; negative numbers in two's complement."""
    return (value % 2**256).to_bytes(WORD, "big")


def left(value: bytes) -> bytes:
    """Fixed bytes in a word, on its left."""
    return value.ljust(WORD, b"\0")


def right(value: bytes) -> bytes:
    """An address in a word, on its right."""
    return value.rjust(WORD, b"\0")


class Words:
    """ABI data by place: `uint(2)` is the third word."""

    def __init__(self, data: bytes) -> None:
        self.data = data

    def raw(self, place: int) -> bytes:
        start = place * WORD
        if start + WORD > len(self.data):
            raise ValueError(f"there is no word {place} in {len(self.data)} bytes")
        return self.data[start : start + WORD]

    def uint(self, place: int) -> int:
        return int.from_bytes(self.raw(place), "big")

    def signed(self, place: int) -> int:
        return int.from_bytes(self.raw(place), "big", signed=True)

    def flag(self, place: int) -> bool:
        return self.uint(place) != 0

    def address(self, place: int) -> bytes:
        return self.raw(place)[12:]

    def dynamic(self, place: int) -> bytes:
        """The bytes that the offset in this word leads to."""
        start = self.uint(place)
        length = int.from_bytes(self.data[start : start + WORD], "big")
        found = self.data[start + WORD : start + WORD + length]
        if len(found) != length:
            raise ValueError("bytes that are not there")
        return found

    def array(self, place: int) -> "list[bytes]":
        """The words of the array that the offset in this word leads to."""
        start = self.uint(place)
        count = int.from_bytes(self.data[start : start + WORD], "big")
        body = Words(self.data[start + WORD :])
        return [body.raw(each) for each in range(count)]

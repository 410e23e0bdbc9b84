"""The shape of a function or event, read from its signature as Solidity writes it, names included.

`registerVoter(address voter, (uint8 v, bytes32 r, bytes32 s) signature)` gives the selector, the types to decode by,
and the names to tell the values by. Source: Solidity ABI specification.
"""

import re
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any, Final

from chrono.flare.abi import Malformed, decode, encode
from chrono.flare.address import Address
from chrono_core import keccak256

SELECTOR_BYTES: Final = 4
TOPIC_BYTES: Final = 32
_PIECE: Final = re.compile(r"[(),]|[\w\[\]]+")


class Parameter:
    """One parameter: its canonical `type`, its `name` (empty when unnamed), and a tuple's `parts`."""

    def __init__(self, base: str, suffix: str, name: str, indexed: bool, parts: tuple["Parameter", ...]) -> None:
        self.type: str = (f"({','.join(part.type for part in parts)})" if parts else base) + suffix
        self.base = base
        self.is_array = suffix.endswith("]")
        self.name = name
        self.indexed = indexed
        self.parts = parts

    def plain(self, value: Any) -> Any:
        """A value of eth_abi in our own types: addresses as 20 bytes, arrays and tuples as tuples."""
        if self.is_array:
            return tuple(self._one(each) for each in value)
        return self._one(value)

    def _one(self, value: Any) -> Any:
        if self.parts:
            return tuple(part.plain(each) for part, each in zip(self.parts, value, strict=True))
        return Address(bytes.fromhex(value[2:])) if self.base == "address" else value


class Shape:
    """A function or an event of a contract. `text` is its signature with names."""

    def __init__(self, contract: str, text: str) -> None:
        self.contract = contract
        self.text = text
        pieces = iter(_PIECE.findall(text))
        self.name = next(pieces)
        next(pieces)
        self.parameters = _parameters(pieces)

    @cached_property
    def canonical(self) -> str:
        """The signature that is hashed: name and types only."""
        return f"{self.name}({','.join(parameter.type for parameter in self.parameters)})"

    @cached_property
    def hash(self) -> bytes:
        """keccak256 of the canonical signature."""
        return keccak256(self.canonical.encode())


class FunctionShape(Shape):
    """A function: how its calldata is made and read."""

    @property
    def selector(self) -> bytes:
        """The first four bytes of its calldata."""
        return self.hash[:SELECTOR_BYTES]

    def encode(self, *values: Any) -> bytes:
        """Calldata with these arguments; addresses as 20 bytes. Raises: EncodingError of eth_abi for a misfit."""
        return self.selector + encode([parameter.type for parameter in self.parameters], values)

    def decode(self, calldata: bytes) -> dict[str, Any]:
        """The arguments by name. Raises: Malformed."""
        values = decode([parameter.type for parameter in self.parameters], calldata[SELECTOR_BYTES:])
        pairs = zip(self.parameters, values, strict=True)
        return {parameter.name: parameter.plain(value) for parameter, value in pairs}


class EventShape(Shape):
    """An event: how its log is read. Only parameters of one word are indexed in Flare's events."""

    @property
    def topic(self) -> bytes:
        """Its topic0."""
        return self.hash

    def values(self, topics: Sequence[bytes], data: bytes) -> list[Any]:
        """The parameters in their order, from topics and data. Raises: Malformed."""
        indexed = [parameter for parameter in self.parameters if parameter.indexed]
        if len(topics) != len(indexed) + 1 or any(len(topic) != TOPIC_BYTES for topic in topics):
            raise Malformed(f"a log of {self.name} has {len(indexed) + 1} topics of 32 bytes")
        in_data = [parameter for parameter in self.parameters if not parameter.indexed]
        from_topics = iter(decode([parameter.type for parameter in indexed], b"".join(topics[1:])))
        from_data = iter(decode([parameter.type for parameter in in_data], data))
        return [parameter.plain(next(from_topics if parameter.indexed else from_data)) for parameter in self.parameters]


def _parameters(pieces: Iterator[str]) -> tuple[Parameter, ...]:
    """What stands up to the closing bracket, which is eaten."""
    found: list[Parameter] = []
    parts: tuple[Parameter, ...] = ()
    words: list[str] = []
    for piece in pieces:
        if piece == "(":
            parts = _parameters(pieces)
        elif piece in {",", ")"}:
            if words or parts:
                found.append(_parameter(words, parts))
            if piece == ")":
                return tuple(found)
            parts, words = (), []
        else:
            words.append(piece)
    raise ValueError("a signature ends with a bracket")


def _parameter(words: list[str], parts: tuple[Parameter, ...]) -> Parameter:
    indexed = "indexed" in words
    words = [word for word in words if word != "indexed"]
    if parts:
        suffix = words.pop(0) if words and words[0].startswith("[") else ""
        return Parameter("", suffix, words[0] if words else "", indexed, parts)
    base, bracket, rest = words[0].partition("[")
    return Parameter(base, bracket + rest, words[1] if len(words) > 1 else "", indexed, ())

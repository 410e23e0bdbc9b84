"""A call of a contract, what it tells, and how it fails."""

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, Final, Protocol, TypeAlias

from msgspec import Struct, field

from chrono.flare.abi import Malformed, encode
from chrono.flare.address import Address
from chrono.flare.contracts.event_table import EVENTS
from chrono.flare.contracts.functions import FUNCTIONS
from chrono.flare.contracts.shapes import SELECTOR_BYTES, EventShape, FunctionShape

CALL_GAS: Final = 40_000
"""What most system calls take beyond their intrinsic gas, roughly: the simulation does not count opcodes."""


class Emitted(Struct, frozen=True):
    """A log that stands in a block."""

    address: Address
    topics: tuple[bytes, ...]
    data: bytes


class Reverted(Exception):  # noqa: N818 - it is an answer
    """A contract refuses, with its reason as text."""


class Call(Struct):
    """Who calls, with which data, in which block; and the logs that it makes."""

    sender: Address
    data: bytes
    block_number: int
    time_s: int
    logs: list[Emitted] = field(default_factory=list)

    def by(self, sender: Address, data: bytes = b"") -> "Call":
        """A call that one contract makes of another, in the same transaction."""
        return Call(sender, data, self.block_number, self.time_s, self.logs)


class Contract(Protocol):
    """What stands at an address."""

    gas: int
    """What a call takes beyond its intrinsic gas."""

    def run(self, call: Call) -> bytes:
        """What the call returns. Raises: Reverted."""
        ...


Function: TypeAlias = Callable[..., bytes]
"""Takes the call and the arguments in their order; gives what is returned, ABI-encoded."""


class Served:
    """A contract that finds its function by the selector. Each is given as a signature with names, or by its name."""

    gas: int = CALL_GAS

    def __init__(self, contract: str, functions: Mapping[str, Function]) -> None:
        self.contract = contract
        self._functions: dict[bytes, tuple[FunctionShape, Function]] = {}
        self.serve(functions)

    def serve(self, functions: Mapping[str, Function]) -> None:
        """Serve these too."""
        for text, function in functions.items():
            shape = _shape(self.contract, text)
            self._functions[shape.selector] = shape, function

    def run(self, call: Call) -> bytes:
        """Find the function and call it. Raises: Reverted."""
        found = self._functions.get(call.data[:SELECTOR_BYTES])
        if found is None:
            raise Reverted(f"{self.contract} has no such function")
        shape, function = found
        try:
            arguments = shape.decode(call.data).values()
        except Malformed as fault:
            raise Reverted(f"{self.contract}.{shape.name}: {fault}") from fault
        return function(call, *arguments)


def require(holds: object, reason: str) -> None:
    """Go on when it holds. Raises: Reverted."""
    if not holds:
        raise Reverted(reason)


def answer(types: str, *values: Any) -> bytes:
    """What a function returns: the values, by their comma-separated types."""
    return encode(types.split(","), values)


def emit(call: Call, at: Address, shape: EventShape, *values: Any) -> None:
    """Tell an event with these values, in the order of its signature."""
    pairs = list(zip(shape.parameters, values, strict=True))
    indexed = [encode([parameter.type], [value]) for parameter, value in pairs if parameter.indexed]
    rest = [(parameter.type, value) for parameter, value in pairs if not parameter.indexed]
    data = encode([each for each, _ in rest], [value for _, value in rest])
    call.logs.append(Emitted(at, (shape.topic, *indexed), data))


@lru_cache(maxsize=64)
def event(contract: str, name: str, generation: int = 0) -> EventShape:
    """The shape of an event; of a redeployed contract the first (0) or the second (1) one."""
    return [shape for shape in EVENTS if (shape.contract, shape.name) == (contract, name)][generation]


def _shape(contract: str, text: str) -> FunctionShape:
    if "(" in text:
        return FunctionShape(contract, text)
    return next(shape for shape in FUNCTIONS if (shape.contract, shape.name) == (contract, text))

"""A deployed contract: calls and calldata by name, from its ABI."""

from typing import Any

from eth_abi import decode, encode
from eth_hash.auto import keccak

from tests.chain.rpc import Rpc


def type_of(parameter: dict[str, Any]) -> str:
    """The canonical type; a struct is its tuple."""
    kind: str = parameter["type"]
    if not kind.startswith("tuple"):
        return kind
    return f"({','.join(map(type_of, parameter['components']))})" + kind.removeprefix("tuple")


class Contract:
    def __init__(self, rpc: Rpc, name: str, address: str, abi: list[dict[str, Any]]) -> None:
        self._rpc = rpc
        self.name = name
        self.address = address
        self._functions = {each["name"]: each for each in abi if each["type"] == "function"}

    def has(self, function: str) -> bool:
        return function in self._functions

    def data(self, function: str, *values: Any) -> bytes:
        """Calldata. Raises: KeyError for a function that it does not have."""
        types = [type_of(each) for each in self._functions[function]["inputs"]]
        return keccak(f"{function}({','.join(types)})".encode())[:4] + encode(types, values)

    def ask(self, function: str, *values: Any, sender: str | None = None) -> Any:
        """What the function would answer now. Raises: RpcError with the reason of a revert."""
        call = {"to": self.address, "data": "0x" + self.data(function, *values).hex()}
        told = self._rpc.ask("eth_call", call | ({"from": sender} if sender else {}), "latest")
        types = [type_of(each) for each in self._functions[function]["outputs"]]
        values = decode(types, bytes.fromhex(told[2:]))
        return values[0] if len(values) == 1 else values

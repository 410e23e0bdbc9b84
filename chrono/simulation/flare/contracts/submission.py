"""Submission: takes any frames, and says whether the node refunds the call. Source: fsp.md section 2."""

from collections.abc import Iterable, Mapping
from functools import partial

from chrono.flare.address import Address
from chrono.simulation.flare.calls import Call, Reverted, answer
from chrono.simulation.flare.world import SystemContract, World

SUBMISSION_GAS = 5_000
_FUNCTIONS = ("submit1", "submit2", "submit3", "submitSignatures")


class Submission(SystemContract):
    """True once a round for each registered address and function."""

    gas = SUBMISSION_GAS

    def __init__(self, world: World) -> None:
        functions = {name: partial(self._submit, name) for name in _FUNCTIONS}
        super().__init__("Submission", world, {**functions, "submitAndPass": self._pass})

    def begin_round(self, addresses: Mapping[str, Iterable[Address]]) -> None:
        """A new voting epoch: these addresses may call each function once for nothing."""
        for name, those in addresses.items():
            self.put("free", name, frozenset(those))

    def run(self, call: Call) -> bytes:
        """The frames behind the selector are no ABI arguments, and are not read here."""
        frameless = Call(call.sender, call.data[:4], call.block_number, call.time_s, call.logs)
        return super().run(call if call.data[:4] == bytes.fromhex("833bf6c0") else frameless)

    def _submit(self, name: str, call: Call) -> bytes:
        free: frozenset[Address] = self.get("free", name, default=frozenset())
        if call.sender not in free:
            return answer("bool", False)
        self.put("free", name, free - {call.sender})
        return answer("bool", True)

    def _pass(self, _: Call, __: bytes) -> bytes:
        raise Reverted("no fast updates are simulated")

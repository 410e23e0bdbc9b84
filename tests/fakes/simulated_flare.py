"""A simulated Flare driven by hand: a clock that is set, an entity whose keys are known, transactions by name."""

from typing import Any

from chrono.clock import SECOND_NS, ManualClock
from chrono.flare.address import Address
from chrono.flare.contracts.event_table import decode_event
from chrono.flare.contracts.functions import FUNCTION_BY_NAME
from chrono.flare.frames import FTSO
from chrono.flare.protocol_message import ProtocolMessage
from chrono.flare.signatures import Signature, address_of, eth_signed, sign
from chrono.simulation.flare.chain import Refusal
from chrono.simulation.flare.entity import Entity
from chrono.simulation.flare.keyring import Keyring
from chrono.simulation.flare.network import SimulatedFlare
from chrono.simulation.flare.voter import send

START_S = 1_800_000_000
STRANGER = Keyring.of("a stranger")


class HandDriven:
    """A network whose time is moved by hand."""

    def __init__(self, **flare: Any) -> None:
        self.clock = ManualClock(START_S * SECOND_NS)
        self.flare = SimulatedFlare(self.clock, **flare)
        self.deployment = self.flare.deployment
        self.chain = self.flare.chain

    @property
    def round(self) -> int:
        return self.deployment.world.voting_epoch(self.clock.now_ns() // SECOND_NS)

    def pass_s(self, seconds: float) -> None:
        """Let time pass in steps of a second."""
        end_ns = self.clock.now_ns() + int(seconds * SECOND_NS)
        while self.clock.now_ns() < end_ns:
            self.clock.set(min(self.clock.now_ns() + SECOND_NS, end_ns))
            self.flare.step(self.clock.now_ns())

    def until_round(self, round_id: int, after_s: float = 0) -> None:
        start_s = self.deployment.world.start_of(round_id) + after_s
        self.pass_s(start_s - self.clock.now_ns() / SECOND_NS)

    def final(self, round_id: int) -> ProtocolMessage | None:
        return self.deployment.relays.final(FTSO, round_id)

    def bring(self, keys: Keyring, contract: str, data: bytes, key: bytes | None = None) -> bool:
        """Send a transaction and mine it; whether it succeeded."""
        secret = keys.signing_policy if key is None else key
        account = address_of(secret)
        self.chain.fund(account, 10**24)
        nonce = self.chain.nonce(account)
        send(self.chain, secret, account, self.flare.addresses[contract], data)
        self.pass_s(2)
        mined = [each for each in self.chain.mined_of(account) if each.transaction.nonce == nonce]
        receipt = self.chain.receipt(mined[0].hash)
        assert receipt is not None
        return receipt.succeeded

    def said(self, contract: str, data: bytes, sender: Address | None = None) -> str:
        """Why a call would revert; nothing when it would not."""
        try:
            self.chain.call(self.flare.addresses[contract], data, sender)
        except Refusal as refusal:
            return refusal.message.removeprefix("execution reverted: ")
        return ""

    def registration(self, keys: Keyring, entity: Entity, *, preregister: bool = False) -> bytes:
        message = self.deployment.registrations.message(self.deployment.manager.current + 1, entity.identity)
        name = "preRegisterVoter" if preregister else "registerVoter"
        return FUNCTION_BY_NAME[name].encode(entity.identity, spelled(sign(eth_signed(message), keys.signing_policy)))

    def events(self) -> list[Any]:
        found = [decode_event(log.topics, log.data) for block in self.chain.blocks for log in block.logs]
        return [each for each in found if each is not None]


def spelled(signature: Signature) -> tuple[int, bytes, bytes]:
    return signature.v, signature.r, signature.s

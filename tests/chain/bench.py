"""A chain whose time stands in the test's hand: blocks come when they are called for, at the second that is asked."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from eth_hash.auto import keccak

from tests.chain.account import Account
from tests.chain.anvil import Anvil
from tests.chain.contract import Contract
from tests.chain.deployment import Deployment, Plan, deploy
from tests.chain.entity import Entity
from tests.chain.rpc import RpcError
from tests.chain.twin_words import Signature, joined, registration, relay

MILLION = 10**6 * 10**18
GAS = 3_000_000


class Bench:
    """Ours, deployed, begun, and standing at the first block of the initial reward epoch."""

    def __init__(self, anvil: Anvil, plan: Plan) -> None:
        self.anvil = anvil
        self.plan = plan
        self.owner, self.keeper = Account.of("owner"), Account.of("daemon")
        for account in (self.owner, self.keeper):
            anvil.give(account.address, 10**24)
        self.deployment: Deployment = deploy(anvil, self.owner, self.keeper, plan)
        self.entities: dict[str, Entity] = {}

    def __getitem__(self, contract: str) -> Contract:
        return self.deployment[contract]

    def now(self) -> int:
        return self.anvil.rpc.head()[1]

    def jump(self, seconds: int) -> None:
        """To a block that many seconds on."""
        self.anvil.rpc.ask("evm_setNextBlockTimestamp", self.now() + seconds)
        self.anvil.mine()

    def do(self, sender: Account, contract: str, function: str, *values: Any) -> dict[str, Any]:
        """One transaction in one block. Raises: RpcError with the reason when it would be reverted."""
        place = self[contract]
        place.ask(function, *values, sender=sender.address)
        return self.send(sender, contract, place.data(function, *values))

    def send(self, sender: Account, contract: str, data: bytes, gas: int = GAS) -> dict[str, Any]:
        """Any calldata, mined whatever comes of it; gives the receipt."""
        sent = sender.send(self.anvil.rpc, self[contract].address, data, gas)
        self.anvil.mine()
        told: dict[str, Any] = self.anvil.rpc.ask("eth_getTransactionReceipt", sent)
        return told

    def call(self, contract: str, data: bytes, sender: Account | None = None) -> bytes:
        """What the calldata would be answered. Raises: RpcError."""
        asked = {"to": self[contract].address, "data": "0x" + data.hex()}
        told = self.anvil.rpc.ask("eth_call", asked | ({"from": sender.address} if sender else {}), "latest")
        return bytes.fromhex(told[2:])

    def refusal(self, sender: Account, contract: str, function: str, *values: Any) -> str:
        """The reason for which it is reverted. Raises: AssertionError when it is not."""
        try:
            self[contract].ask(function, *values, sender=sender.address)
        except RpcError as error:
            return str(error)
        raise AssertionError(f"{function} was not refused")

    def daemonize(self, times: int = 1) -> None:
        """Blocks of the daemon, each a second later."""
        for _ in range(times):
            self.anvil.rpc.ask("evm_setNextBlockTimestamp", self.now() + 1)
            receipt = self.send(
                self.keeper, "FlareSystemsManager", self["FlareSystemsManager"].data("daemonize"), 8_000_000
            )
            if int(receipt["status"], 16) != 1:
                raise AssertionError("the daemon was reverted")

    def daemonize_until(self, asked: Any, most: int = 400) -> None:
        for _ in range(most):
            if asked():
                return
            self.daemonize()
        raise AssertionError(f"not within {most} blocks")

    def begin(self) -> None:
        self.do(self.owner, "FlareSystemsManager", "begin")

    def enter(self, name: str, power: int, leave_out: Sequence[str] = ()) -> None:
        """A new entity with its addresses, but those left out, and vote power in millions."""
        entity = self.entities[name] = Entity.of(name)
        entity.fund(self.anvil.rpc)
        entity.propose(self.anvil.rpc, self["EntityManager"])
        self.anvil.mine()
        for role, words in (
            ("delegation", "DelegationAddress"),
            ("submit", "SubmitAddress"),
            ("submit_signatures", "SubmitSignaturesAddress"),
            ("signing_policy", "SigningPolicyAddress"),
        ):
            if role not in leave_out:
                function = f"confirm{words}Registration"
                self.do(getattr(entity, role), "EntityManager", function, entity.identity.address)
        self.do(self.owner, "WNat", "setVotePower", entity.delegation.address, power * MILLION)

    def registration(self, name: str, epoch: int, chain_id: int | None = None) -> tuple[str, Signature]:
        """The arguments of registerVoter and preRegisterVoter."""
        entity, chain = self.entities[name], chain_id or int(self.anvil.rpc.ask("eth_chainId"), 16)
        message = registration(chain, epoch, entity.identity.raw)
        return entity.identity.address, entity.signing_policy.signed(message)

    def register(self, name: str, epoch: int) -> dict[str, Any]:
        return self.do(self.keeper, "VoterRegistry", "registerVoter", *self.registration(name, epoch))

    def is_open(self) -> bool:
        told: bool = self["FlareSystemsManager"].ask("isVoterRegistrationEnabled")
        return told

    def has_policy(self, epoch: int) -> bool:
        return any(self["Relay"].ask("toSigningPolicyHash", epoch))

    def epoch(self) -> int:
        told: int = self["FlareSystemsManager"].ask("getCurrentRewardEpochId")
        return told

    def through_first_epoch(self) -> None:
        """Until reward epoch 1 has begun, with every entity that has entered as a voter."""
        self.daemonize_until(self.is_open)
        for name in self.entities:
            self.register(name, 1)
        self.daemonize_until(lambda: self.epoch() == 1)

    def durations(self, **changes: int) -> None:
        told = tuple((asdict(self.plan.durations) | changes).values())
        self.do(self.owner, "FlareSystemsManager", "updateSettings", told)

    def finalise(self, round_id: int, signers: Sequence[str], epoch: int, protocol: int = 100) -> bytes:
        """The calldata of a relay under the policy of `epoch`, signed by these."""
        policy = self.policy_bytes(epoch)
        message = bytes([protocol]) + round_id.to_bytes(4, "big") + b"\x01" + keccak(round_id.to_bytes(4, "big"))
        places = {policy[43 + 22 * place : 63 + 22 * place]: place for place in range((len(policy) - 43) // 22)}
        signed = sorted(
            (places[self.entities[name].signing_policy.raw], self.entities[name].signing_policy.signed(keccak(message)))
            for name in signers
        )
        return relay(policy, message, [(place, joined(one)) for place, one in signed])

    def policy_bytes(self, epoch: int) -> bytes:
        topic = (
            "0x"
            + keccak(b"SigningPolicyInitialized(uint24,uint32,uint16,uint256,address[],uint16[],bytes,uint64)").hex()
        )
        wanted = {"fromBlock": "0x0", "topics": [topic, f"0x{epoch:064x}"], "address": self["Relay"].address}
        data = bytes.fromhex(self.anvil.rpc.ask("eth_getLogs", wanted)[0]["data"][2:])
        start = int.from_bytes(data[5 * 32 : 6 * 32], "big")
        length = int.from_bytes(data[start : start + 32], "big")
        return data[start + 32 : start + 32 + length]

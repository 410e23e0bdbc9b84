"""Keys of the local chain, and transactions signed with them by eth-account."""

from dataclasses import dataclass, field
from typing import Any

from eth_account import Account as Signing
from eth_account.messages import encode_defunct
from eth_hash.auto import keccak

from tests.chain.rpc import Rpc

MOST_FEE_WEI = 500 * 10**9
TIP_WEI = 2 * 10**9


@dataclass
class Account:
    """One key and its next nonce. For one thread at a time."""

    key: bytes
    _nonce: int | None = field(default=None, repr=False)

    @classmethod
    def of(cls, label: str) -> "Account":
        """Always the same key for a label; worthless on any real chain."""
        return cls(keccak(b"local chain " + label.encode()))

    @property
    def address(self) -> str:
        told: str = Signing.from_key(self.key).address
        return told

    @property
    def raw(self) -> bytes:
        return bytes.fromhex(self.address[2:])

    def signed(self, message_hash: bytes) -> tuple[int, bytes, bytes]:
        """v (27 or 28), r and s of the eth-signed hash."""
        made = Signing.sign_message(encode_defunct(primitive=message_hash), self.key)
        return made.v, made.r.to_bytes(32, "big"), made.s.to_bytes(32, "big")

    def send(self, rpc: Rpc, to: str | None, data: bytes, gas: int, value: int = 0) -> str:
        """Sends it off and gives its hash; whether it is mined is asked elsewhere. Raises: RpcError, OSError."""
        if self._nonce is None:
            self._nonce = int(rpc.ask("eth_getTransactionCount", self.address, "pending"), 16)
        fields: dict[str, Any] = {
            "type": 2,
            "chainId": int(rpc.ask("eth_chainId"), 16),
            "nonce": self._nonce,
            "gas": gas,
            "maxFeePerGas": MOST_FEE_WEI,
            "maxPriorityFeePerGas": TIP_WEI,
            "value": value,
            "data": data,
        }
        raw = Signing.sign_transaction(fields | ({"to": bytes.fromhex(to[2:])} if to else {}), self.key).raw_transaction
        try:
            sent: str = rpc.ask("eth_sendRawTransaction", "0x" + raw.hex())
        except Exception:
            self._nonce = None
            raise
        self._nonce += 1
        return sent

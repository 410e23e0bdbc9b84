"""What a provider sends with submitSignatures: its signature, and for some protocols a message beside it.

Type 1 is in use; type 0 also carries the signed message itself and is deprecated. Source: fsp.md section 4.
"""

from typing import Final

from msgspec import Struct

from chrono.flare.abi import Malformed
from chrono.flare.address import Address
from chrono.flare.protocol_message import MESSAGE_BYTES, ProtocolMessage
from chrono.flare.signatures import SIGNATURE_BYTES, Signature, recover

WITH_MESSAGE: Final = 0
WITHOUT_MESSAGE: Final = 1


class SignaturePayload(Struct, frozen=True):
    """A signature payload: of type 0 with its `message`, of type 1 (None) without.

    `unsigned_message` is empty for the FTSO and the bit vote for the FDC.
    """

    signature: Signature
    unsigned_message: bytes = b""
    message: ProtocolMessage | None = None

    @property
    def type(self) -> int:
        """0 with the message inside, 1 without."""
        return WITHOUT_MESSAGE if self.message is None else WITH_MESSAGE

    def encode(self) -> bytes:
        """The payload's bytes: 66 + n of type 1, 104 + n of type 0."""
        message = b"" if self.message is None else self.message.encode()
        return bytes([self.type]) + message + self.signature.encode() + self.unsigned_message

    def signer(self, message: ProtocolMessage) -> Address | None:
        """Who signed `message` with this payload, as ecrecover finds it; None when nobody can have.

        For another message than the signed one this is an address that nobody knows: look it up in the policy.
        """
        return recover(message.digest(), self.signature)

    @classmethod
    def decode(cls, data: bytes) -> "SignaturePayload":
        """The payload in `data`, all of it. Raises: Malformed for another type, or too few bytes."""
        if not data:
            raise Malformed("a signature payload has at least a byte for its type")
        if data[0] == WITHOUT_MESSAGE:
            return cls(Signature.decode(data, 1), data[1 + SIGNATURE_BYTES :])
        if data[0] != WITH_MESSAGE:
            raise Malformed(f"signature payloads have type 0 or 1, not {data[0]}")
        after = 1 + MESSAGE_BYTES
        message = ProtocolMessage.decode(data, 1)
        return cls(Signature.decode(data, after), data[after + SIGNATURE_BYTES :], message)

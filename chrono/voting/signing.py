"""One protocol's result of a round on its way to a signature: known, bound and signed, handed to the joint call."""

from typing import Final

from chrono.errors import DRY_RUN, GRACE_OVER, RESULT_DIFFERS, ROUND_CLOSED, SIGNER_CONFLICT, Reason
from chrono.flare.frames import FTSO
from chrono.flare.protocol_message import ProtocolMessage
from chrono.flare.signature_payload import SignaturePayload
from chrono.flare.signatures import Signature
from chrono.voting.actions import Signed, SignResult
from chrono.voting.joining import Joining
from chrono.voting.membership import Finalised
from chrono.voting.plan import RoundPlan

FOR_EVER: Final = frozenset({SIGNER_CONFLICT, ROUND_CLOSED})
"""Another result is signed, or none may be: that does not change."""


class Signing:
    """The signature of one protocol in one round."""

    def __init__(self, protocol_id: int, plan: RoundPlan) -> None:
        self.protocol_id = protocol_id
        self.message: ProtocolMessage | None = None
        """The result, as soon as it is known."""
        self.reason: Reason | None = None
        """Why it is not signed so far."""
        self._plan = plan
        self._unsigned = b""
        self._asked = False
        self._again_ns = 0

    def know(self, message: ProtocolMessage, unsigned: bytes = b"") -> None:
        """The result is known; `unsigned` travels beside the signature. The first one stays."""
        if self.message is None:
            self.message, self._unsigned = message, unsigned

    def due(self, now_ns: int, joining: Joining, finalised: Finalised | None, *, owed: bool) -> list[SignResult]:
        """Have it signed, unless that is of no use any more, or would say something else than the chain holds."""
        if self.message is None or joining.knows(self.protocol_id) or self._asked or now_ns < self._again_ns:
            return []
        if finalised is not None and finalised.message != self.message:
            self._give_up(joining, RESULT_DIFFERS)
        elif finalised is not None and now_ns >= self._plan.sign_by_ns and not owed and self.reason is not DRY_RUN:
            self._give_up(joining, GRACE_OVER)
        elif now_ns < self._plan.sign_over_ns:
            self._asked = True
            return [SignResult(self.message)]
        return []

    def answered(self, signed: Signed, joining: Joining | None, now_ns: int) -> None:
        """The signer signed, or refused. A refusal may pass (the disk) and is asked again, but for what is for ever."""
        self._asked, self._again_ns = False, now_ns + self._plan.margins.poll_ns
        self.reason = signed.reason
        if joining is not None and signed.signature is not None:
            joining.give(self.protocol_id, self._payload(signed.signature))
        elif joining is not None and signed.reason in FOR_EVER:
            joining.give(self.protocol_id, None)

    def _payload(self, signature: Signature) -> bytes:
        unsigned = b"" if self.protocol_id == FTSO else self._unsigned
        return SignaturePayload(signature, unsigned).encode()

    def _give_up(self, joining: Joining, reason: Reason) -> None:
        self.reason = reason
        joining.give(self.protocol_id, None)

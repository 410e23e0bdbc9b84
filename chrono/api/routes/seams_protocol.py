"""The protocol data provider that Flare's system client calls: what it is to send for a round.

Its decoder refuses unknown keys, so an answer has `status`, `data` and `additionalData` and nothing else; and it takes
nothing but a 200. What cannot be given now is a status, then. Source: fsp.md sections 0.6 and 5(b).
"""

import hmac
from typing import Any, Final

from chrono.api import schemas_protocol as wire
from chrono.api.access import Callers
from chrono.api.answers import Answer, Call, encoded
from chrono.api.operations import Operation, Served
from chrono.api.parameters import MOST_ROUND, fault, whole_number
from chrono.api.ports import ApiParts
from chrono.errors import BAD_KEY, BAD_REQUEST, JOURNAL_BROKEN, NO_KEY, VOTER_AWAY, ChronoError
from chrono.flare.address import Address, parse_address
from chrono.flare.frames import SubmissionFunction
from chrono.settings import Secret

_PASSES: Final = frozenset({JOURNAL_BROKEN, VOTER_AWAY})
"""What may be over when the client asks again."""

_ROUND: Final = {"type": "integer", "minimum": 0, "maximum": MOST_ROUND, "example": 812576}
_ADDRESS: Final = {"type": "string", "pattern": "^0x[0-9a-fA-F]{40}$"}
_PATHS: Final = {
    "submit1": (SubmissionFunction.SUBMIT1, "The commit of a round; it is on disk before it is answered"),
    "submit2": (SubmissionFunction.SUBMIT2, "The reveal of a round, from the end of its voting epoch on"),
    "submitSignatures": (SubmissionFunction.SUBMIT_SIGNATURES, "The result of a round to sign, 38 bytes"),
}


class DataProvider:
    """The protocol data provider. `key` is what a caller must show; None: the network alone decides."""

    def __init__(self, parts: ApiParts, key: Secret | None) -> None:
        self._hand = parts.hand
        self._key = key

    async def answer(self, call: Call, function: SubmissionFunction) -> Served:
        """What is to be sent with a function; 200 whatever the status."""
        self._check_key(call)
        round_id = whole_number("votingRoundId", call.path_parameter("round"), MOST_ROUND)
        sender = _address(call.path_parameter("address"))
        if self._hand is None:
            return _given(wire.ProtocolAnswer("NOT_AVAILABLE"))
        try:
            handed = await self._hand(function, round_id, sender)
        except ChronoError as error:
            return _given(wire.ProtocolAnswer("RETRY" if error.reason in _PASSES else "NOT_AVAILABLE"))
        return _given(wire.ProtocolAnswer(str(handed.status), "0x" + handed.data.hex()))

    def _check_key(self, call: Call) -> None:
        """Raises: ChronoError(NO_KEY, BAD_KEY)."""
        if self._key is None:
            return
        shown = call.header(b"x-api-key")
        if shown is None:
            raise ChronoError(NO_KEY)
        if not hmac.compare_digest(shown.encode("utf-8", "replace"), self._key.reveal().encode()):
            raise ChronoError(BAD_KEY)


def operations(parts: ApiParts, key: Secret | None) -> list[Operation]:
    """The operations of this file."""
    provider = DataProvider(parts, key)

    def operation(name: str, function: SubmissionFunction, summary: str) -> Operation:
        async def serve(call: Call) -> Served:
            return await provider.answer(call, function)

        return Operation(
            path=f"/{name}/{{round:str}}/{{address:str}}",
            id=name,
            summary=summary,
            serve=serve,
            answers={200: wire.ProtocolAnswer},
            path_schema={"round": _ROUND, "address": _ADDRESS},
            **_SEAM,
        )

    return [operation(name, function, summary) for name, (function, summary) in _PATHS.items()]


_SEAM: Final[dict[str, Any]] = {
    "method": "GET",
    "tag": "Protocol data provider",
    "callers": Callers.SEAM,
    "errors": (401,),
}


def _address(text: str) -> Address:
    try:
        return parse_address(text)
    except ValueError as wrong:
        raise ChronoError(BAD_REQUEST, faults=[fault("address", text, "0x and 40 hex digits (EIP-55)")]) from wrong


def _given(answer: wire.ProtocolAnswer) -> Answer:
    return Answer(encoded(answer))

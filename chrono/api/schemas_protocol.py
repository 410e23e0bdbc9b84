"""The shape of the protocol data provider's answers, as Flare's system client reads them. Source: fsp.md 5(b)."""

from msgspec import Struct


class ProtocolAnswer(Struct, frozen=True, rename="camel"):
    """`OK` with what to send, `EMPTY` for nothing, `RETRY` for not yet; `NOT_AVAILABLE` says that something is wrong.

    `data` is whole frames for submit1 and submit2, and the bare message of 38 bytes for submitSignatures.
    """

    status: str
    data: str = "0x"
    additional_data: str = "0x"

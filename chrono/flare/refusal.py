"""Why bytes of the protocol are refused: one name for each reason, the same in logs, tests and answers.

Other providers' bytes come from the chain, so anything may stand in them; a refusal is an everyday event.
"""

from enum import StrEnum

from chrono.flare.abi import Malformed


class Fault(StrEnum):
    """What is wrong, in one word."""

    NO_SELECTOR = "no_selector"
    UNKNOWN_FUNCTION = "unknown_function"
    HEADER_CUT = "header_cut"
    PAYLOAD_CUT = "payload_cut"
    PAYLOAD_LENGTH = "payload_length"
    PROTOCOL_RANGE = "protocol_range"
    PROTOCOL_TWICE = "protocol_twice"
    ROUND_RANGE = "round_range"
    COMMIT_LENGTH = "commit_length"
    RANDOM_LENGTH = "random_length"
    RANDOM_ONLY = "random_only"
    VALUES_LENGTH = "values_length"
    VALUES_COUNT = "values_count"
    VALUE_RANGE = "value_range"
    VALUE_NOT_FINITE = "value_not_finite"
    OFFER_LENGTH = "offer_length"
    OFFER_COUNTS = "offer_counts"
    OFFER_EPOCH = "offer_epoch"
    DECIMALS_RANGE = "decimals_range"
    DECIMALS_DIFFER = "decimals_differ"


class Refused(Malformed):
    """Bytes, or a value to be made bytes, that the protocol does not allow: `fault` names it, `at` is the byte."""

    def __init__(self, fault: Fault, what: str, at: int = 0) -> None:
        super().__init__(what, at)
        self.fault = fault

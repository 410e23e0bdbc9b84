"""Why a key does not sign: one name for each reason, the same in logs, metrics and tests."""

from enum import StrEnum


class Why(StrEnum):
    """What is wrong with a request, in one word."""

    CHAIN = "chain"
    CONTRACT = "contract"
    FUNCTION = "function"
    VALUE = "value"
    GAS = "gas"
    FEE = "fee"
    NONCE = "nonce"
    HOUR = "hour"
    RATE = "rate"
    ATTEMPTS = "attempts"
    SHAPE = "shape"
    PROTOCOL = "protocol"
    NOT_JOURNALLED = "not_journalled"
    NOT_RECORDED = "not_recorded"
    COMMITMENT = "commitment"
    SIGNATURE = "signature"
    POLICY = "policy"
    WEIGHT = "weight"
    IDENTITY = "identity"
    OWNER = "owner"
    STATEMENT = "statement"


class Refused(Exception):  # noqa: N818 - said of a request, not of a mistake of ours
    """The policy does not allow it: `why`, and `what` exactly."""

    def __init__(self, why: Why, what: str) -> None:
        super().__init__(f"{why}: {what}")
        self.why = why
        self.what = what


def require(holds: bool, why: Why, what: str) -> None:
    """Raises: Refused, unless it holds."""
    if not holds:
        raise Refused(why, what)

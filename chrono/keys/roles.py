"""What each key is for. Hot keys sign without a person and lie in keystores; cold ones are a person's, on a Ledger.

Source: fsp.md section 6 (keys online and offline) and section 8 (senders of fast updates, sortition).
"""

from enum import StrEnum
from typing import Final


class Role(StrEnum):
    """A duty that has a key of its own."""

    SUBMIT = "submit"
    """Commits and reveals."""
    SUBMIT_SIGNATURES = "submit_signatures"
    """Sends the signatures of results."""
    SIGNING_POLICY = "signing_policy"
    """Signs results and the duties of an epoch; relays and registers."""
    SORTITION = "sortition"
    """Draws in the lottery of the fast updates. A scalar of alt_bn128: it has no account."""
    FAST_UPDATE = "fast_update"
    """Sends fast updates: several accounts, one for each transaction on its way."""
    EXECUTOR = "executor"
    """Claims rewards for owners, to recipients that the owners allowed."""
    IDENTITY = "identity"
    """The entity itself. Cold."""
    DELEGATION = "delegation"
    """What others delegate to. Cold."""
    CLAIMS = "claims"
    """Owns the rewards, where that is not the identity. Cold."""


COLD: Final = frozenset({Role.IDENTITY, Role.DELEGATION, Role.CLAIMS})
HOT: Final = tuple(role for role in Role if role not in COLD)
SEVERAL: Final = frozenset({Role.FAST_UPDATE})
"""Roles that have more than one key at a time."""
WITHOUT_ACCOUNT: Final = frozenset({Role.SORTITION})
TURNING: Final = frozenset({Role.SUBMIT, Role.SUBMIT_SIGNATURES, Role.SIGNING_POLICY})
"""Roles whose next key may lie beside the present one: the last round of a reward epoch is revealed and signed with the
keys of that epoch, when the new ones vote already.
"""

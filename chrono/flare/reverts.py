"""Why the system contracts refuse a transaction, and whether trying again can help. Source: fsp.md section 6."""

from typing import Final

from msgspec import Struct


class Revert(Struct, frozen=True):
    """A revert reason as the contract says it. `fatal`: nothing but a person can mend it in time."""

    reason: str
    fatal: bool
    remedy: str


_FATAL: Final = {
    "delegation address not set": "propose and confirm a delegation address: see `chrono ftso entity`",
    "submit address not set": "propose and confirm a submit address: see `chrono ftso entity`",
    "submit signatures address not set": "propose and confirm a submit signatures address: see `chrono ftso entity`",
    "signing policy address not set": "propose and confirm a signing policy address: see `chrono ftso entity`",
    "vote power too low": "more stake or delegations than the lightest of the 100 voters are needed",
    "voter weight zero": "there were no stake and no delegations at the vote power block",
    "public key required": "register a sortition key in the EntityManager",
    "registration not available yet": "the contract is new: wait for the reward epoch that it starts with",
    "invalid signature": "sign with the signing policy key, and the message of this contract's generation",
}

_HARMLESS: Final = {
    "already registered": "nothing is to be done",
    "voter registration not enabled": "wait for the vote power block of the next reward epoch",
    "voter already pre-registered": "nothing is to be done",
    "voter currently not registered": "register directly when the vote power block is selected",
    "pre-registration not opened anymore": "register directly when the vote power block is selected",
    "new signing policy already signed": "enough others have signed",
    "submit uptime vote already ended": "enough others have signed",
    "voter already signed": "nothing is to be done",
    "uptime vote hash already signed": "enough others have signed",
    "rewards hash already signed": "enough others have signed",
}

REVERTS: Final = tuple(
    Revert(reason, fatal, remedy)
    for fatal, reasons in ((True, _FATAL), (False, _HARMLESS))
    for reason, remedy in reasons.items()
)


def revert_of(message: str) -> Revert | None:
    """The revert whose reason stands in a node's error message, in any case; None for one that nobody listed."""
    told = message.lower()
    return next((revert for revert in REVERTS if revert.reason in told), None)

"""What a node means when it does not take a transaction. Its words are geth's and coreth's, in any case.

Unknown words are no reason to think that the transaction is lost: it may be on its way all the same.
"""

from collections.abc import Iterable
from enum import Enum
from typing import Final

from chrono.errors import NODE_REFUSED, ChronoError


class Verdict(Enum):
    """What became of one sending; the first is the best news."""

    TAKEN = "taken"
    KNOWN = "known"
    """The node has this very transaction: as good as taken."""
    NONCE_TOO_LOW = "nonce_too_low"
    """The nonce is used: by this transaction, by an earlier attempt, or by somebody else. Look before sending anew."""
    UNDERPRICED = "underpriced"
    """Another transaction holds the nonce, and this one does not pay enough more."""
    FEE_TOO_LOW = "fee_too_low"
    """Below what the node or the chain takes at all."""
    NOT_FUNDED = "not_funded"
    REFUSED = "refused"
    """For a reason that another fee does not mend, or in words unknown here."""
    UNSURE = "unsure"
    """No answer came, or none that can be read: it may have been taken."""

    @property
    def sent(self) -> bool:
        """Whether the node holds the transaction."""
        return self in (Verdict.TAKEN, Verdict.KNOWN)


_WORDS: Final = (
    (Verdict.KNOWN, ("already known", "known transaction", "already imported", "already exists", "alreadyexists")),
    (Verdict.NONCE_TOO_LOW, ("nonce too low", "nonce is too low", "old nonce")),
    (Verdict.UNDERPRICED, ("replacement transaction underpriced", "replacement fee too low")),
    (
        Verdict.FEE_TOO_LOW,
        ("underpriced", "fee cap less than", "less than block base fee", "fee too low", "tip too low"),
    ),
    (Verdict.NOT_FUNDED, ("insufficient funds", "insufficient balance")),
)


def verdict_of(said: str) -> Verdict:
    """What these words of a node mean."""
    told = said.lower()
    for verdict, words in _WORDS:
        if any(word in told for word in words):
            return verdict
    return Verdict.REFUSED


def verdict_of_error(error: ChronoError) -> Verdict:
    """What the failed call says of the transaction: only a node's own refusal says anything."""
    if error.reason is NODE_REFUSED:
        return verdict_of(str(error.facts.get("said", "")))
    return Verdict.UNSURE


_RANK: Final = {verdict: place for place, verdict in enumerate(Verdict)}


def best_of(verdicts: Iterable[Verdict]) -> Verdict:
    """What several nodes' answers mean together: one that holds it is enough; none asked is UNSURE.

    A node that gave no answer may hold it, but says less than any that answered.
    """
    return min(verdicts, key=_RANK.__getitem__, default=Verdict.UNSURE)

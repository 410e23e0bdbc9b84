"""A nonce of ours, and everything that was ever signed for it: only one of them can get into a block. No I/O."""

from collections.abc import Iterable
from typing import Final

from chrono.chain.fees import Fee
from chrono.chain.intents import LaneRules
from chrono.chain.ports import Attempt
from chrono.chain.verdicts import Verdict, best_of

_MAYBE_HELD: Final = frozenset(
    {Verdict.TAKEN, Verdict.KNOWN, Verdict.UNSURE, Verdict.NONCE_TOO_LOW, Verdict.UNDERPRICED}
)
"""After these, some node may hold a transaction with this nonce."""

RAISE_AFTER: Final = frozenset({Verdict.UNDERPRICED, Verdict.FEE_TOO_LOW})
"""After these, more is offered at once."""


class Slot:
    """One nonce. Its newest attempt says for whom it is held."""

    def __init__(self, nonce: int) -> None:
        self.nonce = nonce
        self.attempts: list[Attempt] = []
        self.signed_ns = 0
        self.sent_ns: int | None = None
        """Of the newest attempt; None before it was sent."""
        self.verdict = Verdict.UNSURE
        """Of the newest attempt's last sending."""
        self.held = False
        """Whether a node may hold a transaction with this nonce: then another must pay more."""
        self.in_block = False
        """Whether an attempt stands in a block that is not deep enough yet."""
        self.missing_since_ns: int | None = None
        """Since when the nonce is used up and no attempt is found in a block."""

    @classmethod
    def restored(cls, nonce: int, attempts: Iterable[Attempt]) -> "Slot":
        """A nonce with the attempts that a log kept: each may have left before the crash."""
        slot = cls(nonce)
        slot.attempts = list(attempts)
        slot.held = True
        return slot

    @property
    def newest(self) -> Attempt:
        """The attempt that is sent again. A slot in a lane always has one."""
        return self.attempts[-1]

    @property
    def to_beat(self) -> Fee | None:
        """The fee that another transaction must outbid; None when no node can hold one."""
        if not self.held:
            return None
        offered = [attempt.signed.transaction for attempt in self.attempts]
        return Fee(max(each.max_fee_wei for each in offered), max(each.max_priority_fee_wei for each in offered))

    def add(self, attempt: Attempt, now_ns: int) -> None:
        """Hold another attempt; it has not been sent yet."""
        self.attempts.append(attempt)
        self.signed_ns = now_ns
        self.sent_ns = None

    def offers_too_little(self, now_ns: int, rules: LaneRules, *, is_next: bool) -> bool:
        """Whether it is time to offer more. `is_next`: it is the lowest nonce, so nothing of ours holds it up."""
        if self.sent_ns is None:
            return False
        waited_ns = now_ns - self.signed_ns
        if self.verdict in RAISE_AFTER:
            return waited_ns >= rules.outbid_ns
        if self.verdict is Verdict.NOT_FUNDED:  # less may be affordable, as long as no node holds the dearer one
            return not self.held and waited_ns >= rules.look_ns
        return is_next and waited_ns >= rules.bump_ns

    def due_again_ns(self, rules: LaneRules) -> int:
        """When the same transaction is to be sent again."""
        patience_ns = rules.resend_ns if self.verdict.sent else rules.resend_ns // 3
        return 0 if self.sent_ns is None else self.sent_ns + patience_ns

    def set_back(self, now_ns: int) -> None:
        """Nothing of it was done later than now."""
        self.signed_ns = min(self.signed_ns, now_ns)
        self.sent_ns = None if self.sent_ns is None else min(self.sent_ns, now_ns)
        self.missing_since_ns = None if self.missing_since_ns is None else min(self.missing_since_ns, now_ns)

    def told(self, verdicts: Iterable[Verdict], now_ns: int) -> Verdict:
        """What the nodes said of the newest attempt."""
        verdicts = list(verdicts)
        self.verdict = best_of(verdicts)
        self.sent_ns = now_ns
        self.held = self.held or any(verdict in _MAYBE_HELD for verdict in verdicts) or not verdicts
        return self.verdict

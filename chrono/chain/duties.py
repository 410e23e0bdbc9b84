"""An intent while it is under way in a lane: what was tried, what stands in its way, and why it ends. No I/O."""

from typing import Final

from chrono.chain.fees import Fee
from chrono.chain.intents import Intent
from chrono.clock import SECOND_NS
from chrono.errors import FEES_TOO_HIGH, NOT_MINED, NOT_SENT, TOO_LATE, Reason
from chrono.flare.transaction import Transaction

RETRY_NS: Final = SECOND_NS
"""How soon something that could not be signed or kept is tried again."""

REVERTED_TWICE: Final = 2


class Duty:
    """One intent under way."""

    def __init__(self, intent: Intent, attempts: int, settle_ns: int) -> None:
        """`attempts` were made before, and may have left."""
        self.intent = intent
        self._settle_ns = settle_ns
        self.attempts = attempts
        self.left = attempts > 0
        """Whether an attempt may have left the process."""
        self.gas = intent.gas
        self.reverts = 0
        self.mute = False
        """Whether the signer signs no more for it."""
        self.blocked: Reason | None = None
        """What stood in the way last."""
        self._waits_until_ns = 0

    @property
    def urgency(self) -> tuple[bool, int, str]:
        """What is owed first, then what ends first."""
        return not self.intent.owed, self.intent.expires_ns, self.intent.id

    def wait(self, reason: Reason, now_ns: int) -> None:
        """Something stands in the way; it is tried again soon."""
        self.blocked = reason
        self._waits_until_ns = now_ns + RETRY_NS

    def set_back(self, now_ns: int) -> None:
        """No wait of it is longer than one that begins now."""
        self._waits_until_ns = min(self._waits_until_ns, now_ns + RETRY_NS)

    def may_sign(self, now_ns: int) -> bool:
        """Whether another transaction may be made for it."""
        in_time = self._waits_until_ns <= now_ns <= self.intent.send_until_ns
        return in_time and not self.mute and not self.is_over(now_ns)

    def transaction(self, chain_id: int, nonce: int, fee: Fee) -> Transaction:
        """Its next attempt, not signed yet."""
        return Transaction(
            chain_id=chain_id,
            nonce=nonce,
            to=self.intent.to,
            value_wei=self.intent.value_wei,
            data=self.intent.data,
            gas=self.gas,
            max_fee_wei=fee.max_fee_wei,
            max_priority_fee_wei=fee.max_priority_fee_wei,
        )

    def is_over(self, now_ns: int) -> bool:
        """Whether nothing is sent for it any more; one that left may still be found in a block."""
        return now_ns >= self.intent.expires_ns

    def next_ns(self, now_ns: int) -> int:
        """When something about it changes by time alone."""
        expires_ns = self.intent.expires_ns
        times = (self._waits_until_ns, self.intent.send_until_ns + 1, expires_ns, expires_ns + self._settle_ns)
        return min(at_ns for at_ns in (*times, now_ns + 60 * SECOND_NS) if at_ns > now_ns)

    def expiry(self, now_ns: int, *, placed: bool) -> Reason | None:
        """Why it ends now, if it does: its time is over, or it can no more be sent and never was.

        What left in the last moment is in a block before nodes tell of it: so it is looked for a little longer.
        """
        if self.is_over(now_ns):
            if not self.left:
                return self.blocked or NOT_SENT
            if now_ns < self.intent.expires_ns + self._settle_ns:
                return None
            return FEES_TOO_HIGH if self.blocked is FEES_TOO_HIGH else NOT_MINED
        if now_ns > self.intent.send_until_ns and not placed and not self.left:
            return self.blocked or TOO_LATE
        return None

    def reverted(self, gas_used: int) -> bool:
        """Its transaction failed in a block. Whether it is tried again: once, with half the gas more if it ran out."""
        self.reverts += 1
        if gas_used >= self.gas:
            self.gas += self.gas // 2
        return self.reverts < REVERTED_TWICE

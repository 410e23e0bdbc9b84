"""Which nonces of an account are used, ours, free, or somebody else's: by what the nodes say and what was kept. No I/O.

A nonce that the chain has used is looked into, never assumed: an attempt of ours may stand in a block, one that waits
for its receipt may, and so may a stranger's transaction.
"""

from collections.abc import Container, Iterable
from itertools import groupby

from msgspec import Struct

from chrono.chain.answers import Receipt
from chrono.chain.intents import LaneRules, View
from chrono.chain.ports import Attempt
from chrono.chain.slots import Slot


class Found(Struct, frozen=True):
    """What became of a nonce that is used up: an attempt in a block for good, or a stranger's transaction (None)."""

    nonce: int
    attempt: Attempt | None
    receipt: Receipt | None


class Nonces:
    """The nonces of one account. `next` is the lowest that the chain has not used; None before nodes agreed on it."""

    def __init__(self, kept: Iterable[Attempt], rules: LaneRules, expected: int | None = None) -> None:
        """`expected` is the nonce after all that were kept, where any was."""
        self.expected = expected
        """The nonce after all of ours: the next one, unless somebody else uses the key."""
        self._rules = rules
        self._regressed = 0
        self.next: int | None = None
        by_nonce = groupby(sorted(kept, key=lambda each: each.nonce), key=lambda each: each.nonce)
        self._slots = {nonce: Slot.restored(nonce, attempts) for nonce, attempts in by_nonce}

    @property
    def slots(self) -> list[Slot]:
        """All that are not settled, the lowest first."""
        return [self._slots[nonce] for nonce in sorted(self._slots)]

    @property
    def open(self) -> list[Slot]:
        """Those that the chain has not used yet, as far as it is known."""
        return [slot for slot in self.slots if self._is_open(slot)]

    @property
    def adrift(self) -> list[Slot]:
        """Those that no block is known to hold: also where the nonce was used, for a block may have been taken back."""
        return [slot for slot in self.slots if not slot.in_block]

    @property
    def holders(self) -> set[str]:
        """The intents that hold a nonce."""
        return {slot.newest.intent_id for slot in self._slots.values()}

    @property
    def unsettled(self) -> set[str]:
        """The intents with an attempt whose nonce is used up, and nobody knows yet by which transaction."""
        used = [slot for slot in self._slots.values() if not self._is_open(slot)]
        return {attempt.intent_id for slot in used for attempt in slot.attempts}

    @property
    def gap(self) -> int:
        """How many nonces up to our highest the chain has not seen used."""
        return 0 if self.next is None else max(max(self._slots, default=-1) + 1 - self.next, 0)

    @property
    def settled_below(self) -> int | None:
        """All lower nonces are used, and it is known by what; None before nodes agreed on the next one."""
        return None if self.next is None else min(self._slots, default=self.next)

    def at(self, nonce: int) -> Slot | None:
        """The slot of a nonce, when it is ours and not settled."""
        return self._slots.get(nonce)

    def attempts_of(self, intent_id: str) -> list[Attempt]:
        """Every attempt of an intent that is not settled."""
        return [each for slot in self._slots.values() for each in slot.attempts if each.intent_id == intent_id]

    def upfront_wei(self, without: int) -> int:
        """What the account must hold for all open transactions but that of one nonce."""
        return sum(slot.newest.signed.transaction.upfront_wei for slot in self.open if slot.nonce != without)

    def free(self, live: Container[str]) -> int | None:
        """The lowest nonce that nobody needs: of an intent that ended, in a gap, or a new one; None without `next`."""
        nonce = self.next
        if nonce is None:
            return None
        while (slot := self._slots.get(nonce)) is not None:
            if self._is_open(slot) and slot.newest.intent_id not in live:
                break
            nonce += 1
        return nonce

    def add(self, attempt: Attempt, now_ns: int) -> None:
        """Hold the attempt's nonce for it."""
        self._slots.setdefault(attempt.nonce, Slot(attempt.nonce)).add(attempt, now_ns)
        self.expected = max(self.expected or 0, attempt.nonce + 1)

    def looked(self, view: View, now_ns: int) -> list[Found]:
        """Take in what the nodes say; what is settled by it is let go of."""
        self._heed(view.nonce)
        found = [each for slot in self.slots if (each := self._settled(slot, view, now_ns)) is not None]
        for each in found:
            del self._slots[each.nonce]
            # A block that holds it says more than a node whose count of nonces lags.
            self.next = max(self.next or 0, each.nonce + 1)
        return found

    def _is_open(self, slot: Slot) -> bool:
        return not slot.in_block and (self.next is None or slot.nonce >= self.next)

    def _heed(self, nonce: int | None) -> None:
        if nonce is None:
            return
        if self.next is None or nonce >= self.next:
            self.next, self._regressed = nonce, 0
            return
        self._regressed += 1
        if self._regressed >= self._rules.regress_looks:
            self.next, self._regressed = nonce, 0

    def _settled(self, slot: Slot, view: View, now_ns: int) -> Found | None:
        for attempt in slot.attempts:
            receipt = view.receipts.get(attempt.signed.hash)
            if receipt is not None:
                slot.in_block, slot.missing_since_ns = True, None
                deep = view.head_number is not None and view.head_number - receipt.block_number
                return Found(slot.nonce, attempt, receipt) if deep >= self._rules.confirmations else None
        slot.in_block = False
        if self._is_open(slot):
            slot.missing_since_ns = None
        elif not all(attempt.signed.hash in view.absent for attempt in slot.attempts):
            return None  # used up, and too few nodes say by whom
        elif slot.missing_since_ns is None:
            slot.missing_since_ns = now_ns
        elif now_ns - slot.missing_since_ns >= self._rules.missing_ns:
            return Found(slot.nonce, None, None)
        return None

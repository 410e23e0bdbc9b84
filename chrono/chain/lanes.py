"""One key's transactions, in order: which nonce and fee, when to send again, what to make of every answer. No I/O.

Ask `step` what to do, do it, tell how it went, and ask again. Everything that is sent was kept before, so after a crash
a lane made from the log goes on where the old one stood. The rules: within an intent the payload never changes; a nonce
whose intent ended goes to the next one; a nonce that is used up is looked into before anything is sent anew.
Source: fsp.md section 6 for fees; failures.md 2A, rows 20 to 33.
"""

from collections.abc import Iterable
from typing import Final, TypeVar

import structlog

from chrono.chain.answers import Receipt
from chrono.chain.duties import Duty
from chrono.chain.fees import FeeRules, HourlyBudget
from chrono.chain.intents import Ending, Intent, Keep, LaneRules, Look, Rest, Send, Sign, Step, Verdicts, View
from chrono.chain.nonces import Nonces
from chrono.chain.offers import Account, Limits, offer_for
from chrono.chain.ports import Attempt
from chrono.chain.slots import RAISE_AFTER
from chrono.chain.verdicts import Verdict
from chrono.errors import (
    ATTEMPT_NOT_KEPT,
    INTENT_CHANGED,
    NONCE_TAKEN,
    NOT_FUNDED,
    NOT_SENT,
    TRANSACTION_REVERTED,
    ChronoError,
    Reason,
)
from chrono.flare.address import Address
from chrono.flare.transaction import SignedTransaction

log = structlog.get_logger()

_BLOCKS: Final = {Verdict.NOT_FUNDED: NOT_FUNDED, Verdict.REFUSED: NOT_SENT}
_Asked = TypeVar("_Asked", Sign, Keep, Send)


class Lane:
    """The transactions of one account on one chain. `taken` counts nonces that strangers used."""

    def __init__(
        self,
        account: Address,
        chain_id: int,
        *,
        rules: LaneRules,
        fees: FeeRules,
        budget: HourlyBudget,
        kept: Iterable[Attempt] = (),
        expected: int | None = None,
    ) -> None:
        """`expected` is the nonce after all that were kept: what is owed takes it where no two nodes tell the next."""
        self.account = account
        self.taken = 0
        self._chain_id = chain_id
        self._rules = rules
        self._fees = fees
        self._budget = budget
        self._nonces = Nonces(kept, rules, expected)
        self._known = Account()
        self._duties: dict[str, Duty] = {}
        self._endings: list[Ending] = []
        self._looked_ns = self._stepped_ns = 0
        self._look_now = True
        self._pending: Step | None = None

    @property
    def gap(self) -> int:
        """How many of our nonces the chain has not seen used."""
        return self._nonces.gap

    @property
    def settled_below(self) -> int | None:
        """All lower nonces are used, and it is known by what; None before nodes agreed on the next one."""
        return self._nonces.settled_below

    @property
    def busy(self) -> bool:
        """Whether any intent is under way."""
        return bool(self._duties)

    def want(self, intent: Intent) -> None:
        """Bring this into a block. The same again changes nothing. Raises: ChronoError(INTENT_CHANGED)."""
        known, earlier = self._duties.get(intent.id), self._nonces.attempts_of(intent.id)
        changed = known is not None and (known.intent.to, known.intent.data) != (intent.to, intent.data)
        if changed or not all(intent.matches(each.signed.transaction) for each in earlier):
            raise ChronoError(INTENT_CHANGED, intent=intent.id)
        if known is None:
            self._duties[intent.id] = Duty(intent, len(earlier), self._rules.settle_ns)
            self._look_now = True

    def endings(self) -> list[Ending]:
        """The intents that ended since this was last asked."""
        ended, self._endings = self._endings, []
        return ended

    def step(self, now_ns: int) -> Step:
        """What is to be done now. Until it is answered, the same step is given again."""
        self._heed_correction(now_ns)
        if isinstance(self._pending, Send) and self._comes_too_late(self._pending, now_ns):
            self._pending = None
        if self._pending is not None:
            return self._pending
        self._expire(now_ns)
        step = self._choose(now_ns)
        self._pending = None if isinstance(step, Rest) else step
        return step

    def looked(self, view: View, now_ns: int) -> None:
        """The nodes answered, as far as they did."""
        self._pending, self._look_now, self._looked_ns = None, False, now_ns
        self._known.base_fee_wei = view.base_fee_wei
        if view.balance_wei is not None:
            self._known.balance_wei = view.balance_wei
        for found in self._nonces.looked(view, now_ns):
            if found.attempt is not None and found.receipt is not None:
                self._conclude(found.attempt, found.receipt, now_ns)
            else:
                self.taken += 1
                log.error(NONCE_TAKEN.code, account="0x" + self.account.hex(), nonce=found.nonce)

    def signed(self, signed: SignedTransaction, now_ns: int) -> None:
        """The signer signed what `Sign` asked for."""
        asked = self._asked(Sign)
        duty = self._duties.get(asked.intent.id)
        number = 0 if duty is None else duty.attempts
        self._pending = Keep(asked.intent, Attempt(asked.intent.id, number, self.account, signed, now_ns))

    def not_signed(self, reason: Reason) -> None:
        """The signer refused. What left before goes on; else the intent ends."""
        asked = self._asked(Sign)
        self._pending = None
        duty = self._duties.get(asked.intent.id)
        if duty is not None:
            duty.mute, duty.blocked = True, reason
            if not duty.left:
                self._end(duty, reason)

    def kept(self, now_ns: int) -> None:
        """The attempt is on disk."""
        self._hold(self._asked(Keep), now_ns)

    def not_kept(self, reason: Reason, now_ns: int) -> None:
        """The disk refused. What is owed is sent all the same: a missed reveal costs more than a lost record."""
        asked = self._asked(Keep)
        log.error(ATTEMPT_NOT_KEPT.code, intent=asked.intent.id, cause=reason.code, sent=asked.intent.owed)
        if asked.intent.owed:
            self._hold(asked, now_ns)
            return
        self._pending = None
        duty = self._duties.get(asked.intent.id)
        if duty is not None:
            duty.wait(ATTEMPT_NOT_KEPT, now_ns)

    def sent(self, verdicts: Verdicts, now_ns: int) -> None:
        """What each node said of the transaction."""
        asked = self._asked(Send)
        self._pending = None
        slot, duty = self._nonces.at(asked.attempt.nonce), self._duties.get(asked.intent.id)
        if slot is None or slot.newest is not asked.attempt:
            return
        verdict = slot.told(verdicts.values(), now_ns)
        self._look_now = self._look_now or verdict in (Verdict.NONCE_TOO_LOW, Verdict.NOT_FUNDED)
        if duty is not None:
            duty.left = duty.left or slot.held
            duty.blocked = _BLOCKS.get(verdict, duty.blocked)

    def _asked(self, kind: type[_Asked]) -> _Asked:
        if not isinstance(self._pending, kind):
            raise ValueError(f"{kind.__name__} was not asked for")  # noqa: TRY004 - a wrong moment, not a wrong type
        return self._pending

    def _heed_correction(self, now_ns: int) -> None:
        """The chain's time was found to be earlier: what was done by a clock that ran ahead was done just now."""
        if now_ns < self._stepped_ns:
            self._look_now = True
            for slot in self._nonces.slots:
                slot.set_back(now_ns)
            for duty in self._duties.values():
                duty.set_back(now_ns)
        self._stepped_ns = now_ns

    def _hold(self, asked: Keep, now_ns: int) -> None:
        self._nonces.add(asked.attempt, now_ns)
        duty = self._duties.get(asked.intent.id)
        if duty is not None:
            duty.attempts += 1
            duty.blocked = None
        self._pending = Send(asked.intent, asked.attempt)

    def _comes_too_late(self, pending: Send, now_ns: int) -> bool:
        """Disks and signers may be slow: what became too late meanwhile is not sent for the first time."""
        intent, slot = pending.intent, self._nonces.at(pending.attempt.nonce)
        unsent = slot is None or slot.sent_ns is None
        return now_ns >= intent.expires_ns or (now_ns > intent.send_until_ns and unsent)

    def _expire(self, now_ns: int) -> None:
        for duty in list(self._duties.values()):
            reason = duty.expiry(now_ns, placed=duty.intent.id in self._nonces.holders)
            if reason is not None:
                self._end(duty, reason)

    def _conclude(self, attempt: Attempt, receipt: Receipt, now_ns: int) -> None:
        """An attempt stands in a block for good."""
        self._budget.spend(receipt.cost_wei, now_ns)
        duty = self._duties.get(attempt.intent_id)
        if duty is None:
            return
        if receipt.succeeded:
            self._end(duty, None, receipt)
        elif not duty.reverted(receipt.gas_used) or now_ns > duty.intent.send_until_ns:
            self._end(duty, TRANSACTION_REVERTED, receipt)
        else:
            duty.blocked = TRANSACTION_REVERTED
            log.warning(TRANSACTION_REVERTED.code, intent=attempt.intent_id, gas_used=receipt.gas_used)

    def _end(self, duty: Duty, reason: Reason | None, receipt: Receipt | None = None) -> None:
        del self._duties[duty.intent.id]
        self._endings.append(Ending(duty.intent, reason, receipt, duty.left, duty.attempts))

    def _choose(self, now_ns: int) -> Step:
        if not self._duties:
            return Rest(None)
        if self._look_now or now_ns - self._looked_ns >= self._rules.look_ns:
            return Look(tuple(each.signed.hash for slot in self._nonces.slots for each in slot.attempts))
        return self._place(now_ns) or self._raise(now_ns) or self._resend(now_ns) or self._rest(now_ns)

    def _place(self, now_ns: int) -> Step | None:
        """Give a nonce to an intent that has none; or the lowest, when nobody needs it, to one that waits above."""
        known = self._nonces.free({name for name, duty in self._duties.items() if not duty.is_over(now_ns)})
        # Where no two nodes told the next nonce since the start, what is owed takes the one after all of ours.
        free = self._nonces.expected if known is None else known
        if free is None:
            return None
        holders, unsettled = self._nonces.holders, self._nonces.unsettled
        placed = (duty for duty in self._duties.values() if duty.intent.owed or known is not None)
        waiting = sorted(placed, key=lambda duty: duty.urgency)
        without = [duty for duty in waiting if duty.intent.id not in holders | unsettled]
        above = [duty for duty in waiting if duty.intent.id in holders - unsettled]
        movable = above if free == self._nonces.next and self._nonces.gap else []
        steps = (self._sign(duty, free, now_ns) for duty in (*without, *movable))
        return next((step for step in steps if step is not None), None)

    def _raise(self, now_ns: int) -> Step | None:
        """Offer more where a transaction waits too long, or was told that it offers too little."""
        for slot in self._nonces.open:
            duty = self._duties.get(slot.newest.intent_id)
            is_next = slot.nonce == self._nonces.next
            if duty is not None and slot.offers_too_little(now_ns, self._rules, is_next=is_next):
                step = self._sign(duty, slot.nonce, now_ns)
                if step is not None:
                    return step
        return None

    def _resend(self, now_ns: int) -> Step | None:
        for slot in self._nonces.adrift:
            duty = self._duties.get(slot.newest.intent_id)
            if duty is not None and now_ns >= slot.due_again_ns(self._rules):
                again = Send(duty.intent, slot.newest)
                if not self._comes_too_late(again, now_ns):
                    return again
        return None

    def _rest(self, now_ns: int) -> Rest:
        times = [self._looked_ns + self._rules.look_ns]
        times += [duty.next_ns(now_ns) for duty in self._duties.values()]
        times += [slot.signed_ns + self._rules.outbid_ns for slot in self._nonces.open if slot.verdict in RAISE_AFTER]
        return Rest(min((at_ns for at_ns in times if at_ns > now_ns), default=now_ns + self._rules.look_ns))

    def _sign(self, duty: Duty, nonce: int, now_ns: int) -> Sign | None:
        """Have the intent signed for a nonce, if it may still be sent and can be paid for."""
        if not duty.may_sign(now_ns):
            return None
        slot = self._nonces.at(nonce)
        limits = Limits(
            account=self._known,
            others_wei=self._nonces.upfront_wei(nonce),
            reserve_wei=self._rules.reserve_wei,
            budget_wei=self._budget.left_wei(now_ns, owed=duty.intent.owed),
            to_beat=None if slot is None else slot.to_beat,
            left_behind=slot is not None and slot.newest.intent_id != duty.intent.id,
        )
        fee = offer_for(duty, limits, self._fees)
        if isinstance(fee, Reason):
            duty.wait(fee, now_ns)
            return None
        return Sign(duty.intent, duty.transaction(self._chain_id, nonce, fee))

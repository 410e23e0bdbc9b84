"""Drives a lane against a chain in memory, step by step, with whatever goes wrong between two steps.

The house keeps what must outlive a crash (the log, the chain, the clock); `crash` makes a new lane from it.
"""

from collections.abc import Callable, Mapping

from chrono.chain.fees import FeeCaps, FeeRules, HourlyBudget
from chrono.chain.intents import Ending, Intent, Keep, LaneRules, Look, Rest, Send, Sign, Step, View
from chrono.chain.lanes import Lane
from chrono.chain.ports import Attempt
from chrono.chain.verdicts import Verdict, verdict_of
from chrono.clock import SECOND_NS
from chrono.errors import ATTEMPT_NOT_KEPT, Reason
from chrono.flare.address import Address
from chrono.flare.signatures import address_of, sign
from chrono.flare.transaction import SignedTransaction, Transaction
from chrono.flare.units import COIN_WEI, GWEI
from chrono_core import keccak256
from tests.fakes.evm_chain import SUBMISSION, FakeChain, Refusal

KEY = keccak256(b"a key for lanes")
ME = address_of(KEY)
T0_S = 1_700_000_000
COMMIT_CAPS = FeeCaps(most_fee_wei=1000 * GWEI, most_cost_wei=COIN_WEI)
REVEAL_CAPS = FeeCaps(most_fee_wei=20_000 * GWEI, most_cost_wei=10 * COIN_WEI)

_signed: dict[Transaction, SignedTransaction] = {}


def signed_by_me(transaction: Transaction) -> SignedTransaction:
    """The transaction, signed with KEY; each is signed once, for time's sake."""
    if transaction not in _signed:
        _signed[transaction] = transaction.signed(sign(transaction.signing_hash(), KEY))
    return _signed[transaction]


def intent_of(
    name: str,
    *,
    now_s: float,
    send_s: float = 30,
    expires_s: float = 45,
    owed: bool = False,
    gas: int = 60_000,
    caps: FeeCaps | None = None,
) -> Intent:
    """A commit, or what is owed; its payload follows from its name."""
    at_ns = int(now_s * SECOND_NS)
    return Intent(
        id=name,
        role="submit2" if owed else "submit1",
        to=SUBMISSION,
        data=keccak256(name.encode()),
        gas=gas,
        caps=caps or (REVEAL_CAPS if owed else COMMIT_CAPS),
        send_until_ns=at_ns + int((expires_s if owed else send_s) * SECOND_NS),
        expires_ns=at_ns + int(expires_s * SECOND_NS),
        owed=owed,
    )


class LaneHouse:
    """A lane, its log, its chain, and a clock. What goes wrong is set from outside."""

    def __init__(self, rules: LaneRules | None = None, *, balance_wei: int = 1000 * COIN_WEI) -> None:
        self.chain = FakeChain(time_s=T0_S)
        self.chain.fund(ME, balance_wei)
        self.rules = rules or LaneRules()
        self.now_ns = T0_S * SECOND_NS
        self.log: list[Attempt] = []
        self.unkept: list[Attempt] = []
        self.ended: list[Ending] = []
        self.sends: list[tuple[int, Attempt]] = []
        self.steps: list[Step] = []
        self.budget = HourlyBudget(10_000 * COIN_WEI)
        # What goes wrong
        self.nodes_down = False
        self.swallow = False  # a node says that it took it, and drops it
        self.lose_answer = False  # taken, and the connection is reset
        self.disk_full = False
        self.refuse: Reason | None = None  # the signer's
        self.view: Callable[[View], View] = lambda view: view
        self.lane = self._new()

    @property
    def now_s(self) -> float:
        return self.now_ns / SECOND_NS

    def want(self, name: str, **changes: object) -> Intent:
        intent = intent_of(name, now_s=self.now_s, **changes)  # type: ignore[arg-type]
        self.lane.want(intent)
        return intent

    def crash(self) -> None:
        """A new process: all that is left is what was kept."""
        self.lane = self._new()

    def once(self) -> Step:
        """One step, and its answer."""
        step = self.lane.step(self.now_ns)
        self.steps.append(step)
        match step:
            case Look(hashes):
                self.lane.looked(self.view(self._view(hashes)), self.now_ns)
            case Sign(_, transaction):
                if self.refuse is None:
                    self.lane.signed(signed_by_me(transaction), self.now_ns)
                else:
                    self.lane.not_signed(self.refuse)
            case Keep(_, attempt):
                if self.disk_full:
                    self.unkept.append(attempt)
                    self.lane.not_kept(ATTEMPT_NOT_KEPT, self.now_ns)
                else:
                    self.log.append(attempt)
                    self.lane.kept(self.now_ns)
            case Send(_, attempt):
                self.sends.append((self.now_ns, attempt))
                self.lane.sent(self._send(attempt.signed), self.now_ns)
            case Rest():
                pass
        self.ended += self.lane.endings()
        return step

    def settle(self, most: int = 200) -> None:
        """Steps until the lane rests."""
        for _ in range(most):
            if isinstance(self.once(), Rest):
                return
        raise AssertionError(f"no rest after {most} steps: {self.steps[-4:]}")

    def run(self, seconds: float, *, mine_every_s: float | None = 2, tick_s: float = 0.5) -> None:
        """Let time pass, with or without blocks."""
        end_ns = self.now_ns + int(seconds * SECOND_NS)
        while self.now_ns < end_ns:
            self.settle()
            self.now_ns += int(tick_s * SECOND_NS)
            if mine_every_s is not None and self.now_s - self.chain.head.time_s >= mine_every_s:
                self.chain.mine(int(self.now_s))
        self.settle()

    def mined(self) -> list[bytes]:
        """Payloads in blocks, in their order."""
        return [each.transaction.data for each in self.chain.mined_of(ME)]

    def reason_of(self, name: str) -> Reason | None:
        """Why an intent ended. Raises: StopIteration when it did not."""
        return next(ending.reason for ending in self.ended if ending.intent.id == name)

    def _new(self) -> Lane:
        expected = max((each.nonce + 1 for each in self.log), default=None)
        lane = {"rules": self.rules, "fees": FeeRules(), "budget": self.budget, "kept": self.log}
        return Lane(Address(ME), 31_337, **lane, expected=expected)

    def _view(self, hashes: tuple[bytes, ...]) -> View:
        if self.nodes_down:
            return View()
        found = {each: receipt for each in hashes if (receipt := self.chain.receipt(each)) is not None}
        return View(
            nonce=self.chain.nonce(ME),
            head_number=self.chain.head.number,
            base_fee_wei=self.chain.base_fee_wei,
            balance_wei=self.chain.balance(ME),
            receipts=found,
            absent=frozenset(hashes) - found.keys(),
        )

    def _send(self, signed: SignedTransaction) -> Mapping[str, Verdict]:
        if self.nodes_down:
            return {"n0": Verdict.UNSURE}
        if self.swallow:
            return {"n0": Verdict.TAKEN}
        try:
            self.chain.send(signed.raw)
            verdict = Verdict.TAKEN
        except Refusal as refusal:
            verdict = verdict_of(refusal.message)
        return {"n0": Verdict.UNSURE if self.lose_answer else verdict}

"""How much a key signed in the last hour: transactions, the most that they can cost, and attempts at each nonce.

Attempts at one nonce replace one another on chain, so only the dearest of them counts. The count begins anew with the
process; what the attempts on disk say is given to it at the start.
"""

from collections import deque
from collections.abc import Callable, Iterable
from typing import Final

from msgspec import Struct

from chrono.clock import SECOND_NS
from chrono.keys.refusal import Why, require

HOUR_NS: Final = 3600 * SECOND_NS


class Rate(Struct, frozen=True, kw_only=True):
    """What a key may sign: transactions an hour, attempts at one nonce, statements an hour."""

    transactions: int
    attempts: int
    statements: int = 0


class Spent(Struct, frozen=True):
    """One signed transaction. `at_ns` is monotonic time."""

    at_ns: int
    nonce: int
    fee_wei: int


class Meter:
    """The last hour of one key. Not for several threads at once: the signer holds a lock."""

    def __init__(self, monotonic_ns: Callable[[], int], rate: Rate, earlier: Iterable[Spent] = ()) -> None:
        self._monotonic_ns = monotonic_ns
        self._rate = rate
        self._spent = deque(earlier)
        self._stated: deque[int] = deque()

    def spent_wei(self) -> int:
        """The most that the transactions of the last hour can cost."""
        return sum(self._dearest().values())

    def check(self, nonce: int, fee_wei: int, hour_wei: int) -> None:
        """See that one more transaction fits in, with at most `hour_wei` in the hour. Raises: Refused."""
        dearest = self._dearest()
        attempts = sum(each.nonce == nonce for each in self._spent)
        require(len(self._spent) < self._rate.transactions, Why.RATE, f"{len(self._spent)} transactions in an hour")
        require(attempts < self._rate.attempts, Why.ATTEMPTS, f"{attempts} attempts at nonce {nonce}")
        dearest[nonce] = max(fee_wei, dearest.get(nonce, 0))
        total = sum(dearest.values())
        require(total <= hour_wei, Why.HOUR, f"up to {total} wei in an hour, {hour_wei} are allowed")

    def add(self, nonce: int, fee_wei: int) -> None:
        """Count a transaction that was signed."""
        self._spent.append(Spent(self._monotonic_ns(), nonce, fee_wei))

    def check_statement(self) -> None:
        """See that one more statement fits in. Raises: Refused."""
        since = self._monotonic_ns() - HOUR_NS
        while self._stated and self._stated[0] <= since:
            self._stated.popleft()
        require(len(self._stated) < self._rate.statements, Why.RATE, f"{len(self._stated)} statements in an hour")

    def add_statement(self) -> None:
        """Count a statement that was signed."""
        self._stated.append(self._monotonic_ns())

    def _dearest(self) -> dict[int, int]:
        """The fee of each nonce's dearest attempt in the last hour; older ones are forgotten."""
        since = self._monotonic_ns() - HOUR_NS
        while self._spent and self._spent[0].at_ns <= since:
            self._spent.popleft()
        dearest: dict[int, int] = {}
        for each in self._spent:
            dearest[each.nonce] = max(each.fee_wei, dearest.get(each.nonce, 0))
        return dearest

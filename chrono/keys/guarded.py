"""A policy in front of a signer that holds its key itself, such as a Ledger: who presses by habit is stopped before."""

from typing import Protocol

from chrono.errors import LEDGER_DECLINED, SIGNER_REFUSED, ChronoError
from chrono.flare.address import Address
from chrono.flare.transaction import SignedTransaction, Transaction
from chrono.keys.policy import Policy
from chrono.keys.refusal import Refused
from chrono.keys.roles import Role
from chrono.telemetry import SIGNER_REFUSED as REFUSED_TOTAL


class Held(Protocol):
    """A signer with its key inside. Fits: ledger.LedgerSigner."""

    address: Address
    """The account that it signs for."""

    def sign(self, transaction: Transaction) -> SignedTransaction:
        """The transaction, signed. Raises: ChronoError when it is not, ValueError for one that it does not know."""
        ...


class GuardedSigner:
    """Signs what its policy allows. Fits: chain.ports.Signer."""

    def __init__(self, held: Held, policy: Policy) -> None:
        self._held = held
        self._policy = policy
        self.address: Address = held.address

    @property
    def role(self) -> Role:
        """What the key is for."""
        return self._policy.role

    def sign(self, transaction: Transaction) -> SignedTransaction:
        """The transaction, signed. Raises: ChronoError(SIGNER_REFUSED) with `why`, and what the signer raises."""
        try:
            self._policy.judge(transaction)
        except Refused as refused:
            REFUSED_TOTAL.labels(refused.why.value).inc()
            raise ChronoError(SIGNER_REFUSED, role=self.role.value, why=refused.why.value, what=refused.what) from None
        try:
            signed = self._held.sign(transaction)
        except ValueError as unknown:
            raise ChronoError(LEDGER_DECLINED, why=str(unknown)) from None
        self._policy.count(transaction)
        return signed

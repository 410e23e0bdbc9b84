"""Signs with one key what its policy allows, and gives a signature out only when it leads back to the key.

A fault in memory or in a library could give a signature that lets the key be computed; such a one is never seen.
"""

import threading
from types import TracebackType
from typing import NoReturn, Self

from chrono.errors import SIGNER_CONFLICT, SIGNER_FAULT, SIGNER_REFUSED, ChronoError
from chrono.flare.address import Address
from chrono.flare.signatures import Signature, address_of, recover, sign
from chrono.flare.transaction import SignedTransaction, Transaction
from chrono.keys.policy import Policy
from chrono.keys.refusal import Refused
from chrono.keys.roles import Role
from chrono.keys.secret_key import SecretKey
from chrono.keys.speech import Conflict
from chrono.keys.statements import KINDS, Statement, digest_of
from chrono.telemetry import SIGNER_REFUSED as REFUSED_TOTAL
from chrono.telemetry import SIGNER_SIGNATURES


class Signer:
    """One hot key behind its policy. May be used from several threads; closing it wipes the key."""

    def __init__(self, key: SecretKey, policy: Policy) -> None:
        """Takes the key over."""
        self._key = key
        self._policy = policy
        self._lock = threading.Lock()
        self.address: Address = address_of(key.reveal())

    @property
    def role(self) -> Role:
        """What the key is for."""
        return self._policy.role

    def sign(self, transaction: Transaction) -> SignedTransaction:
        """The transaction, signed. The same one gives the same bytes.

        Raises: ChronoError(SIGNER_REFUSED) with `why`, ChronoError(SIGNER_FAULT).
        """
        with self._lock:
            try:
                self._policy.judge(transaction)
            except Refused as refused:
                self._refuse(refused)
            signature = self._prove(transaction.signing_hash())
            self._policy.count(transaction)
        SIGNER_SIGNATURES.labels("transaction").inc()
        return transaction.signed(signature)

    def sign_digest(self, statement: Statement) -> Signature:
        """The signature of a statement's digest. A result is bound in the signing record, on disk, before.

        Raises: ChronoError(SIGNER_CONFLICT) for a second result of a round, ChronoError(SIGNER_REFUSED) with `why`,
        ChronoError(SIGNER_FAULT), and whatever the record raises when it cannot write.
        """
        with self._lock:
            try:
                self._policy.judge_statement(statement)
            except Refused as refused:
                self._refuse(refused)
            signature = self._prove(digest_of(statement))
            self._policy.count_statement(statement)
        SIGNER_SIGNATURES.labels(KINDS[type(statement)]).inc()
        return signature

    def close(self) -> None:
        """Wipe the key; nothing is signed any more."""
        with self._lock:
            self._key.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Signer({self.role}, 0x{self.address.hex()})"

    def _prove(self, digest: bytes) -> Signature:
        """A signature that leads back to this key."""
        if self._key.closed:
            raise ChronoError(SIGNER_FAULT, role=self.role.value, why="the key is closed")
        signature = sign(digest, self._key.reveal())
        if recover(digest, signature) != self.address or not signature.is_low_s:
            raise ChronoError(SIGNER_FAULT, role=self.role.value)
        return signature

    def _refuse(self, refused: Refused) -> NoReturn:
        conflict = isinstance(refused, Conflict)
        REFUSED_TOTAL.labels("conflict" if conflict else refused.why.value).inc()
        reason = SIGNER_CONFLICT if conflict else SIGNER_REFUSED
        raise ChronoError(reason, role=self.role.value, why=refused.why.value, what=refused.what) from refused

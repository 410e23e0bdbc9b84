"""The journal as the lanes see it: attempts that are on disk before they leave, and found again after a crash."""

from collections.abc import Callable, Sequence

import structlog

from chrono.chain.ports import Attempt
from chrono.flare.abi import Malformed
from chrono.flare.address import Address
from chrono.flare.transaction import decode_signed
from chrono.voting import records
from chrono.voting.journal import Journal

log = structlog.get_logger()


class JournalAttempts:
    """Attempts in the journal. Fits: chain.ports.AttemptLog."""

    def __init__(self, journal: Journal, chain_id: int, on_attempt: Callable[[Attempt], None]) -> None:
        """`on_attempt` hears of each one when it is on disk, before it leaves; it returns at once."""
        self._journal = journal
        self._chain_id = chain_id
        self._on_attempt = on_attempt

    async def keep(self, attempt: Attempt) -> None:
        """Return when it is on disk. Raises: ChronoError(JOURNAL_BROKEN).

        What is owed leaves even if the disk fails; it is told of all the same.
        """
        try:
            self._journal.attempt(_recorded(attempt, self._chain_id))
        finally:
            self._on_attempt(attempt)

    def kept(self, account: Address, chain_id: int) -> Sequence[Attempt]:
        """The attempts of an account that may still be mined, in the order in which they were kept."""
        found = (read_attempt(each) for each in self._journal.attempts(account, chain_id))
        return [each for each in found if each is not None]

    def next_nonce(self, account: Address, chain_id: int) -> int | None:
        """The nonce after all that attempts of the account have; None when none was ever kept."""
        return self._journal.next_nonce(account, chain_id)


class MemoryAttempts:
    """The attempts of one command: whoever stops it looks at the chain for what became of them."""

    def __init__(self) -> None:
        self._all: list[Attempt] = []

    async def keep(self, attempt: Attempt) -> None:
        """Keep it as long as the command runs."""
        self._all.append(attempt)

    def kept(self, account: Address, chain_id: int) -> Sequence[Attempt]:
        """The attempts of an account on a chain."""
        return [each for each in self._all if (each.account, each.signed.transaction.chain_id) == (account, chain_id)]

    def next_nonce(self, account: Address, chain_id: int) -> int | None:
        """Of what was kept by this command."""
        return max((each.nonce + 1 for each in self.kept(account, chain_id)), default=None)


def read_attempt(kept: records.Attempt) -> Attempt | None:
    """The attempt that a record holds; None when its transaction cannot be read, which a checksum should exclude."""
    try:
        signed = decode_signed(kept.raw)
    except Malformed as error:
        log.error("attempt_unreadable", intent=kept.intent_id, cause=str(error))  # noqa: TRY400 - says it all
        return None
    return Attempt(kept.intent_id, kept.number, Address(kept.account), signed, kept.made_at_ns)


def _recorded(attempt: Attempt, chain_id: int) -> records.Attempt:
    return records.Attempt(
        intent_id=attempt.intent_id,
        number=attempt.number,
        chain_id=chain_id,
        account=attempt.account,
        nonce=attempt.nonce,
        raw=attempt.signed.raw,
        tx_hash=attempt.signed.hash,
        made_at_ns=attempt.made_at_ns,
    )

"""Watches what the accounts hold, so that nobody finds out at a deadline that one is empty."""

from collections.abc import Mapping

import structlog

from chrono.chain.funding import BalanceWatch, Funding
from chrono.chain.pool import Pool
from chrono.clock import Clock
from chrono.errors import NOT_FUNDED
from chrono.flare.address import Address
from chrono.telemetry import ACCOUNT_BALANCE, ACCOUNT_RUNWAY

EVERY_S = 60.0

log = structlog.get_logger()


class Balances:
    """The accounts by role. `run` is a supervised part; `fundings` is what it saw last."""

    def __init__(
        self, accounts: Mapping[str, Address], reserves_wei: Mapping[str, int], pool: Pool, clock: Clock
    ) -> None:
        self.fundings: dict[str, Funding] = {}
        self._accounts = dict(accounts)
        self._watches = {role: BalanceWatch(reserves_wei.get(role, 0)) for role in accounts}
        self._pool = pool
        self._clock = clock

    async def run(self) -> None:
        """Look once a minute, for ever."""
        while True:
            for role in self._accounts:
                await self.look(role)
            await self._clock.sleep(EVERY_S)

    async def look(self, role: str) -> Funding | None:
        """How an account stands now; None while too few nodes say it. Raises: KeyError for an unknown role."""
        account = self._accounts[role]
        told = await self._pool.answers(lambda node: node.balance(account), self._pool.witnesses)
        if len(told) < self._pool.witnesses:
            return None
        # The middle of three: neither one that lies nor one that lags decides.
        balance_wei = sorted(told.values())[(len(told) - 1) // 2]
        funding = self._watches[role].told(balance_wei, self._clock.now_ns())
        before, self.fundings[role] = self.fundings.get(role), funding
        ACCOUNT_BALANCE.labels(role).set(balance_wei)
        if funding.runway_s is not None:
            ACCOUNT_RUNWAY.labels(role).set(funding.runway_s)
        if funding.low and (before is None or not before.low or funding.critical > before.critical):
            log.warning(NOT_FUNDED.code, role=role, balance_wei=balance_wei, runway_s=funding.runway_s)
        return funding

"""What `chrono wallet fund-check` asks of a node and says of each account."""

import asyncio
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from chrono.chain.fees import FeeRules, fee_for
from chrono.chain.node import Node
from chrono.cli import frame
from chrono.cli.ends import USAGE, Stop
from chrono.clock import SystemClock
from chrono.flare.contracts.addresses import NETWORK_NAMES
from chrono.keys.funding import COIN_OF, DUTIES, Need, need_of
from chrono.keys.keystore import Keystore
from chrono.settings import Secret, environment
from chrono.settings.secrets import UnreadableSecret, resolve

if TYPE_CHECKING:
    from chrono.flare.networks import Network

WEI_PER_COIN = 10**18
CENT = WEI_PER_COIN // 100
"""What is to be sent is rounded up to it."""


class Account(Struct, frozen=True):
    """One account of a role: what it holds and needs, in wei."""

    keystore: Keystore
    balance_wei: int
    need: Need

    @property
    def state(self) -> str:
        """`ok`, `low` (lasts less than three days), or `empty` (cannot send)."""
        if self.balance_wei < self.need.upfront_wei:
            return "empty"
        return "low" if self.need.missing_wei(self.balance_wei) else "ok"


class Funds(Struct, frozen=True):
    """Every account with a duty, at one base fee (None where the node tells none)."""

    network: str
    base_fee_wei: int | None
    accounts: tuple[Account, ...]

    @property
    def sound(self) -> bool:
        """Whether every account lasts."""
        return all(each.state == "ok" for each in self.accounts)


def check_funds(keystores: Sequence[Keystore], network: "Network", url: str) -> Funds:
    """Ask the node, its chain id first. Raises: ChronoError(NODE_WRONG_CHAIN and the other failures of a node)."""
    return asyncio.run(_ask(keystores, network, url))


def network_with_prices(name: str) -> "Network":
    """The network, whose rounds a day and fees are known. Raises: Stop for a chain of one's own."""
    from chrono.flare.networks import network_of

    if name not in NETWORK_NAMES:
        raise Stop(f"what a day costs on {name} is not known", then="chrono ftso status, for the balances", code=USAGE)
    return network_of(name)


def given_url(text: str) -> str:
    """The address that `--rpc` names. Raises: Stop when the reference leads nowhere."""
    try:
        return resolve(text, environment(), Path.cwd())
    except UnreadableSecret as unreadable:
        raise Stop(f"--rpc: {unreadable}", then="chrono wallet fund-check --help", code=USAGE) from unreadable


def give_funds(funds: Funds, *, as_json: bool) -> None:
    """Tell them: a table for a person, with what to send where; or JSON, amounts in wei as text."""
    if as_json:
        frame.give_json(_document(funds))
        return
    coin = COIN_OF.get(funds.network, "coins")
    columns = ("", "role", "address", f"holds {coin}", "upfront", "a day", "lasts")
    rows = [_row(each) for each in funds.accounts]
    frame.console().print(frame.table(columns, rows, right=columns[3:]))
    for each in funds.accounts:
        missing = each.need.missing_wei(each.balance_wei)
        if each.state != "ok":
            frame.say(
                f"send {_coins(-(-missing // CENT) * CENT)} {coin} to {each.keystore.public} ({each.keystore.role})"
            )
    if not funds.accounts:
        frame.say(f"no accounts for {funds.network} yet: chrono wallet new submit --network {funds.network}")


async def _ask(keystores: Sequence[Keystore], network: "Network", url: str) -> Funds:
    node = Node("--rpc", Secret(url), network.chain_id, SystemClock())
    try:
        base_fee_wei = await node.base_fee()
        fee = fee_for(base_fee_wei, 0, FeeRules())
        price_wei = min(fee.max_fee_wei, (base_fee_wei or FeeRules().unknown_base_fee_wei) + fee.max_priority_fee_wei)
        accounts = []
        for each in keystores:
            if each.address is not None and each.role in DUTIES:
                need = need_of(each.role, network, cap_wei=fee.max_fee_wei, price_wei=price_wei)
                accounts.append(Account(each, await node.balance(each.address), need))
        return Funds(network.name, base_fee_wei, tuple(accounts))
    finally:
        await node.close()


def _row(each: Account) -> tuple[str, ...]:
    days = each.need.runway_days(each.balance_wei)
    lasts = f"{days:,.1f} d" if days < 1000 else ">1000 d"
    amounts = (each.balance_wei, each.need.upfront_wei, each.need.day_wei)
    return (each.state, each.keystore.role, each.keystore.public, *map(_coins, amounts), lasts)


def _document(funds: Funds) -> dict[str, Any]:
    return {
        "network": funds.network,
        "coin": COIN_OF.get(funds.network),
        "base_fee_wei": None if funds.base_fee_wei is None else str(funds.base_fee_wei),
        "sound": funds.sound,
        "accounts": [
            {
                "role": each.keystore.role.value,
                "address": each.keystore.public,
                "state": each.state,
                "balance_wei": str(each.balance_wei),
                "upfront_wei": str(each.need.upfront_wei),
                "day_wei": str(each.need.day_wei),
                "runway_days": round(each.need.runway_days(each.balance_wei), 2),
                "missing_wei": str(each.need.missing_wei(each.balance_wei)),
            }
            for each in funds.accounts
        ],
    }


def _coins(wei: int) -> str:
    return f"{Decimal(wei) / WEI_PER_COIN:,.2f}"

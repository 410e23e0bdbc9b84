"""Proposing and confirming: the calls that are missing, told, asked about, sent, and looked at again."""

import sys
from collections.abc import Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import rich_click as click

from chrono.cli import entity_words as words
from chrono.cli import frame
from chrono.cli.ends import REFUSED, USAGE, Stop
from chrono.cli.entity_keys import OurAddresses, Signers, open_signers
from chrono.keys.entity_calls import ENTITY_ROLES
from chrono.keys.roles import COLD, Role
from chrono.settings import Settings

if TYPE_CHECKING:
    from chrono.cli.entity_chain import EntityChain
    from chrono.cli.ftso_entity import Asked
    from chrono.provider.entity_sending import Hand, Sent
    from chrono.provider.entity_setup import Act, AddressBook, EntityCall, RoleFacts


def roles_of(asked: "Asked", ours: OurAddresses) -> tuple[Role, ...]:
    """The roles that are meant: those that were named, else all with keystores and whatever else has an address.

    Raises: Stop for a cold role whose address nobody named.
    """
    meant = tuple(dict.fromkeys(map(Role, asked.roles)))
    if not meant:
        return tuple(role for role in ENTITY_ROLES if role not in COLD or role in ours.meant)
    if Role.DELEGATION in meant and Role.DELEGATION not in ours.meant:
        told = "which delegation address is meant? It has no keystore here"
        raise Stop(told, then=f"chrono ftso entity {asked.act} delegation --delegation ADDRESS", code=USAGE)
    return meant


class Acting:
    """One act for some roles of one entity."""

    def __init__(
        self,
        act: "Act",
        settings: Settings,
        asked: "Asked",
        *,
        chain: "EntityChain",
        book: "AddressBook",
        ours: OurAddresses,
    ) -> None:
        """Raises: Stop when the command line leaves something open."""
        self.roles = roles_of(asked, ours)
        self.act = act
        self._settings = settings
        self._asked = asked
        self._chain = chain
        self._book = book
        self._ours = ours

    async def run(self) -> dict[str, Any]:
        """Do what is missing, if it may be done; everything about it as JSON. Raises: Stop, ChronoError."""
        hand = self._hand()
        facts = await self._facts()
        calls = self._calls(facts)
        offer = await hand.offer(calls)
        document = words.document_of(self._chain, self._book.manager, facts, self._ours, self.act)
        document |= words.plan_of(calls, offer)
        if not self._asked.as_json:
            words.show_plan(document)
        if self._asked.dry_run or not calls:
            return words.judged(document)
        words.check_funds(document)
        self._ask(len(calls))
        sent = await self._send(hand, calls)
        document["roles"] = words.roles_of(self._chain.identity, await self._facts(), self._ours)
        document["sent"] = [words.sent_of(each) for each in sent]
        if not self._asked.as_json:
            words.show_sent(document)
        return words.judged(document)

    def _hand(self) -> "Hand":
        from chrono.provider.entity_sending import Hand
        from chrono.provider.opening import rules_of

        chain = self._chain
        return Hand(chain.network, chain.pool, chain.clock, rules_of(self._settings.flare, chain.network))

    async def _facts(self) -> "tuple[RoleFacts, ...]":
        return tuple(each for each in await self._book.read(self._ours.meant) if each.role in self.roles)

    def _calls(self, facts: "Sequence[RoleFacts]") -> "list[EntityCall]":
        from chrono.provider.entity_setup import call_of

        found = (call_of(each, self.act, self._chain.identity, self._book.manager) for each in facts)
        return [call for call in found if call is not None]

    def _ask(self, count: int) -> None:
        """Raises: Stop when nobody says yes."""
        if self._asked.yes:
            return
        if not sys.stdin.isatty():
            told = "nothing was sent: there is no terminal to ask at"
            raise Stop(told, then="the same command with --yes, or with --dry-run", code=REFUSED)
        what = "this transaction" if count == 1 else f"these {count} transactions"
        if not click.confirm(f"Send {what}?", err=True):
            raise Stop("nothing was sent", then="chrono ftso entity", code=REFUSED)

    async def _send(self, hand: "Hand", calls: "list[EntityCall]") -> "list[Sent]":
        with ExitStack() as held:
            signers = open_signers(held, self._settings, self._asked, self._chain, calls)
            # Opening keys and asking takes its time: what came to stand meanwhile is not sent again.
            still = self._calls(await self._facts())
            calls = [call for call in calls if call in still]
            self._announce(calls, signers)
            return await hand.send(calls, signers.by_address, signers.pressed)

    def _announce(self, calls: "list[EntityCall]", signers: Signers) -> None:
        presses = sum(call.sender in signers.pressed for call in calls)
        if presses:
            frame.say(f"look at the Ledger, and press for each of {presses} transactions")

"""Everything of a voter that needs the chain to be open: made anew with each run, from the journal."""

from collections.abc import Mapping
from functools import partial
from typing import Final

from chrono.chain.balances import Balances
from chrono.flare.address import Address
from chrono.keys.roles import Role
from chrono.provider.attempts import JournalAttempts
from chrono.provider.chain_side import ChainSide
from chrono.provider.counting_fdc import FdcCounting
from chrono.provider.counting_updates import UpdateReader
from chrono.provider.data_provider import DataProvider
from chrono.provider.epoch_driver import EpochDriver, PolicyKey
from chrono.provider.handed_rounds import HandedRound
from chrono.provider.hands import Hands
from chrono.provider.hot_keys import Behind, HotKeys, signers_of
from chrono.provider.reward_claims import ClaimReader
from chrono.provider.reward_data import RewardSource, reward_source
from chrono.provider.rounds import Rounds
from chrono.provider.running import Duty
from chrono.provider.senders import Senders
from chrono.provider.setup import ProviderSetup, Seat
from chrono.provider.standing import EntityStanding
from chrono.provider.telling import Teller
from chrono.provider.watching import Watch, accounts_by_name, role_of
from chrono.supervisor import Run
from chrono.voting.budget import HitTally
from chrono.voting.journal import Journal
from chrono.voting.plan import RoundPlan
from chrono.voting.provider_report import Mode
from chrono.voting.reports import SentPhase
from chrono.voting.rounds import RoundDuty
from chrono.voting.strangers import OwnAddresses

LOOK_S: Final = 1.0


class Work:
    """Everything that needs the chain to be open. Made anew with each run, from the journal."""

    def __init__(self, setup: ProviderSetup, chain: ChainSide, journal: Journal, tally: HitTally) -> None:
        self.chain = chain
        self.journal = journal
        self.teller = Teller(setup, chain, self.journal)
        sends = setup.seat is Seat.SUBMITTER and setup.mode is Mode.LIVE
        self.senders = self._senders(setup, setup.keys) if sends and setup.keys is not None else None
        self.hands = Hands(setup, chain, self.senders, self.teller)
        self.rounds = Rounds(
            setup,
            chain,
            self.journal,
            self.hands,
            self.teller,
            lambda: self._own(setup),
            lambda plan: self._duty(setup, plan),
        )
        hands_out = setup.seat is Seat.DATA_PROVIDER
        self.data_provider = DataProvider(chain, self.journal, self.rounds, setup.identity) if hands_out else None
        accounts = {} if self.senders is None else self.senders.accounts()
        self.balances = self._balances(setup, accounts)
        source = None if setup.reward_data is None else reward_source(setup.reward_data, setup.network.name)
        self.driver = self._driver(setup, source)
        self.updates = self._updates(setup)
        self.fdc = FdcCounting(chain, setup.identity, tally, setup.fdc_rounds)
        self.claims = None if source is None else self._claims(setup, source)
        chain.on_book = self.driver.wake if self.driver is not None else _nothing
        self.standing = EntityStanding(
            identity=setup.identity,
            book=chain.book,
            timing=chain.network.timing,
            clock=chain.clock,
            source=source,
            tally=tally,
            duties=tuple if self.driver is None else self.driver.reports,
            updates=self.updates,
        )
        conflicts = lambda: self.hands.conflicts  # noqa: E731 - read each time
        self.watch = Watch(setup, chain, self.journal, self.rounds, self.balances, accounts, conflicts, self.standing)

    def parts(self) -> list[tuple[str, Run]]:
        """Everything that runs for ever, the readers of the chain first."""
        found: list[tuple[str, Run]] = [("history", self.chain.read_history), ("registry", self.chain.keep_resolved)]
        if self.senders is not None:
            found += list(self.senders.parts())
        found.append(("rounds", self.rounds.run))
        if self.balances is not None:
            found.append(("balances", self.balances.run))
        if self.driver is not None:
            found.append(("epochs", partial(self._epochs, self.driver)))
        found += [("standing", self.standing.run), ("fast_updates", self.updates.run), ("fdc_rounds", self.fdc.run)]
        if self.claims is not None:
            found.append(("reward_claims", self.claims.run))
        return found

    async def _epochs(self, driver: EpochDriver) -> None:
        """The duties of the reward epochs, as soon as their history is known."""
        while not self.chain.indexer.ready:
            await self.chain.clock.sleep(LOOK_S)
        await driver.run()

    def _duty(self, setup: ProviderSetup, plan: RoundPlan) -> Duty:
        """The duty of a round: ours to the end, or handed to whoever sends it."""
        if setup.seat is Seat.DATA_PROVIDER:
            return HandedRound(
                plan,
                network=setup.network.name,
                identity=setup.identity,
                epochs=self.chain.book,
                journal=self.journal,
                take=self.hands.take,
                live=setup.mode is Mode.LIVE,
                random=setup.random,
            )
        return RoundDuty(
            plan,
            network=setup.network.name,
            identity=setup.identity,
            epochs=self.chain.book,
            journal=self.journal,
            protocols=[each.protocol_id for each in setup.protocols],
            random=setup.random,
        )

    def _senders(self, setup: ProviderSetup, ring: HotKeys) -> Senders:
        attempts = JournalAttempts(self.journal, setup.network.chain_id, self.teller.attempt)
        behind = Behind(
            chain_id=setup.network.chain_id,
            identity=setup.identity,
            contracts=self.chain,
            journal=self.journal,
            record=self.journal,
            policies=self.chain.book,
            clock=self.chain.clock,
            attempts=lambda account: tuple(attempts.kept(account, setup.network.chain_id)),
        )
        return Senders(
            signers_of(ring, behind),
            chain_id=setup.network.chain_id,
            pool=self.chain.pool,
            attempts=attempts,
            clock=self.chain.clock,
            rules=setup.rules,
        )

    def _balances(self, setup: ProviderSetup, accounts: Mapping[Address, Role]) -> Balances | None:
        if not accounts:
            return None
        named = dict(accounts_by_name(accounts))
        reserves = {name: setup.rules.spending.reserve_wei(role_of(name)) for name in named}
        return Balances(named, reserves, self.chain.pool, self.chain.clock)

    def _updates(self, setup: ProviderSetup) -> UpdateReader:
        indexer = self.chain.indexer
        return UpdateReader(
            pool=self.chain.pool,
            contracts=lambda: self.chain.contracts,
            head=lambda: indexer.ledger.tip if indexer.ready else None,
            book=self.chain.book,
            timing=self.chain.network.timing,
            identity=setup.identity,
            clock=self.chain.clock,
        )

    def _claims(self, setup: ProviderSetup, source: RewardSource) -> ClaimReader:
        return ClaimReader(
            source=source,
            network=setup.network,
            identity=setup.identity,
            book=self.chain.book,
            pool=self.chain.pool,
            contracts=lambda: self.chain.contracts,
            clock=self.chain.clock,
            tell=setup.reports.tell_rewards,
        )

    def _driver(self, setup: ProviderSetup, source: RewardSource | None) -> EpochDriver | None:
        if self.senders is None:
            return None
        return EpochDriver(
            network=setup.network,
            identity=setup.identity,
            keys=[PolicyKey(signer, sender) for signer, sender in self.senders.policy_keys()],
            book=self.chain.book,
            pool=self.chain.pool,
            contracts=lambda: self.chain.contracts,
            clock=self.chain.clock,
            caps=setup.rules.spending.caps(SentPhase.RELAY),
            rewards=source,
        )

    def _own(self, setup: ProviderSetup) -> OwnAddresses:
        """Every address that may speak for us in the rounds at hand: by the chain, and by the keys that are here."""
        book = self.chain.book
        newest = book.last_initialised
        epochs = () if newest is None else (newest - 1, newest)
        members = [each for epoch in epochs if (each := book.membership(setup.identity, epoch)) is not None]
        ring = {role: () if setup.keys is None else setup.keys.addresses(role) for role in Role}
        return OwnAddresses(
            submit=frozenset((*(each.submit for each in members), *ring[Role.SUBMIT])),
            submit_signatures=frozenset((*(each.submit_signatures for each in members), *ring[Role.SUBMIT_SIGNATURES])),
            signing_policy=frozenset((*(each.signing_policy for each in members), *ring[Role.SIGNING_POLICY])),
        )


def _nothing() -> None:
    return None

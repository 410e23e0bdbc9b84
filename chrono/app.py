"""The whole machine on one screen: what there is (`build`), who tells whom (`wire`), how it answers (`create_app`)."""

import asyncio
from collections.abc import Callable, Sequence

from litestar import Litestar
from msgspec import Struct

from chrono.api.access import KeyRing
from chrono.api.admission import Policy, policy_of
from chrono.api.app import create_app as create_api
from chrono.api.handshakes import Handshakes
from chrono.api.limits import Limiter
from chrono.api.ports import ApiParts, SignatureHeaders
from chrono.api.venues import Venues
from chrono.clock import Clock
from chrono.flare.networks import Network, network_of
from chrono.health import probes
from chrono.ingest.door import IngestDoor
from chrono.ingest.nonces import MemoryNonces, SharedNonces
from chrono.ingest.signature import Signatures, SignedRequest
from chrono.ingest.venues.door import VenueDoor
from chrono.learning.loading import announce, load_learned
from chrono.market.graph import QuoteGraph
from chrono.market.map import MarketMap
from chrono.past import Past
from chrono.pricing.board import Board
from chrono.pricing.consensus import Pricer
from chrono.pricing.estimate import Estimate
from chrono.pricing.rounds import RoundValues
from chrono.pricing.window import Window
from chrono.provider.places import open_pins
from chrono.provider.snapshots import Snapshots
from chrono.provider.voter import Voter, Voting
from chrono.settings import Settings
from chrono.store.cache import Cache
from chrono.store.door import Store
from chrono.stream.fast_door import FastDoor
from chrono.stream.hub import Hub
from chrono.stream.litestar_door import stream_handlers
from chrono.stream.submissions import submission_of
from chrono.supervisor import Supervisor
from chrono.telemetry import watch_loop
from chrono.voting.reports import ROUNDS_KEPT, Reports, RoundReport, Sent


class Parts(Struct, frozen=True, kw_only=True):
    """Every part of the running house. `environment` marks answers that are not of the real market."""

    settings: Settings
    network: Network
    clock: Clock
    supervisor: Supervisor
    store: Store
    cache: Cache | None
    window: Window
    board: Board
    rounds: RoundValues
    past: Past
    ingest: IngestDoor
    signatures: Signatures
    venues: Venues
    policy: Policy
    hub: Hub
    fast_door: FastDoor
    venue_door: VenueDoor | None
    market_map: MarketMap
    snapshots: Snapshots
    reports: Reports
    voter: Voter | None
    environment: str | None


def build(
    settings: Settings,
    clock: Clock,
    store: Store,
    cache: Cache | None,
    *,
    voting: Voting | None = None,
    environment: str | None = None,
) -> Parts:
    """Construct every part; nothing runs yet. The store is open already. Venues are read in the real market only.

    Raises: ChronoError(GRAPH_CYCLE, UNKNOWN_VENUE, BAD_SETTINGS, BAD_DEPLOYMENT).
    """
    fip16 = settings.flare.fip16_activation_reward_epoch
    voting = voting or Voting.alone(network_of(settings.network, fip16), clock)
    timing = voting.network.timing
    graph = QuoteGraph.build(settings.pricing.edges)
    window = Window(settings.pricing.window_s * 1_000_000_000)
    announce(learned := load_learned(settings.pricing))
    board = Board(window, Pricer(window, graph, settings.pricing, learned), clock, timing)
    policy = policy_of(settings, KeyRing(settings.api), Limiter(clock, cache))
    hub = Hub(
        settings.stream,
        clock,
        authorise=policy.keys.find,
        latest=board.latest,
        listed=board.listed,
        day_ago=lambda markets: store.consensus.day_ago(list(markets), clock.now_ns()),
        defer=asyncio.get_running_loop().call_soon,
        threshold=Handshakes(policy, clock),
    )
    market_map = MarketMap.load()
    live = environment is None
    rounds = RoundValues(board, timing, clock, pins=open_pins(settings.data_dir, voting.network, clock))
    nonces = MemoryNonces(clock) if cache is None else SharedNonces(MemoryNonces(clock), cache)
    secrets = {worker: secret.reveal().encode() for worker, secret in settings.ingest.secrets.items()}
    return Parts(
        settings=settings,
        network=voting.network,
        clock=clock,
        supervisor=Supervisor(clock),
        store=store,
        cache=cache,
        window=window,
        board=board,
        rounds=rounds,
        past=Past(store.quotes, graph, settings.pricing, learned),
        ingest=IngestDoor(store.quotes.write, clock, settings.ingest),
        signatures=Signatures(secrets, nonces, required=settings.ingest.signing_required),
        venues=Venues(clock),
        policy=policy,
        hub=hub,
        fast_door=FastDoor(hub, settings.server.host, settings.server.stream_port),
        venue_door=_venue_door(settings, market_map, clock, store) if live else None,
        market_map=market_map,
        snapshots=voting.snapshots,
        reports=voting.reports,
        voter=voting.voter,
        environment=environment,
    )


def _venue_door(settings: Settings, market_map: MarketMap, clock: Clock, store: Store) -> VenueDoor:
    return VenueDoor.build(
        settings.venues, market_map.markets(), clock, write=store.quotes.write, write_trades=store.trades.write
    )


def wire(parts: Parts) -> None:
    """Every arrow of the house. Subscribers queue and return at once."""
    parts.ingest.on_quotes(parts.window.add)
    parts.ingest.on_quotes(parts.venues.add)
    parts.ingest.on_quotes(parts.hub.publish_quotes)
    if parts.venue_door is not None:
        parts.venue_door.on_quotes(parts.window.add)
        parts.venue_door.on_quotes(parts.hub.publish_quotes)
    parts.board.on_estimates(parts.hub.publish_estimates)
    parts.board.on_record(parts.store.consensus.write_later)
    parts.rounds.on_pinned(lambda _, estimates: parts.store.consensus.write_later(estimates))
    if parts.cache is not None:
        parts.board.on_estimates(parts.cache.put_later)
        parts.cache.on_estimates(lambda estimates: _from_elsewhere(parts, estimates))
    if parts.voter is not None:
        parts.voter.agree_with(parts.rounds)
        parts.board.on_pass(parts.snapshots.publish)
        _wire_reports(parts)


def _wire_reports(parts: Parts) -> None:
    """The voter tells on its own thread; rows and streams are of this loop."""
    later = asyncio.get_running_loop().call_soon_threadsafe

    def on_round(report: RoundReport) -> None:
        later(parts.store.submissions.write_later, report)

    def on_sent(report: RoundReport, sent: Sent) -> None:
        later(parts.hub.publish_round, submission_of(report, sent))

    parts.reports.on_sent(on_sent)
    if not _outlives(parts):
        return
    parts.reports.on_round(on_round)
    # The voter runs already: what it told before anybody listened is not lost.
    for report in parts.reports.rounds(ROUNDS_KEPT):
        on_round(report)


def _outlives(parts: Parts) -> bool:
    """Whether the chain is that of the settings. One that lives in memory counts its rounds anew at each start, so
    they are not recorded: they would be taken for each other.
    """
    return parts.network.name == parts.settings.network


def supervise(parts: Parts) -> None:
    """Start every long-running part; a crashed one comes back by itself."""
    for name, run in parts.store.parts():
        parts.supervisor.start(name, run)
    if parts.cache is not None:
        for name, run in parts.cache.parts():
            parts.supervisor.start(name, run)
    if parts.venue_door is not None:
        for name, run in parts.venue_door.parts():
            parts.supervisor.start(name, run)
    parts.supervisor.start("board", parts.board.run)
    parts.supervisor.start("streams", parts.hub.run)
    parts.supervisor.start("stream_changes", parts.hub.run_changes)
    parts.supervisor.start("loop_watch", lambda: watch_loop(parts.clock))


async def warm(parts: Parts) -> None:
    """Fill the window, and the count of hits, with what the store still holds. Raises: ChronoError(DATABASE_AWAY)."""
    since_ns = parts.clock.now_ns() - parts.window.span_ns
    quotes = await parts.store.quotes.recent(since_ns)
    parts.window.add(quotes)
    parts.venues.add(quotes)
    # Stored trades are not for the window: their volume is in the quotes already.
    parts.board.refresh(parts.clock.now_ns())
    if parts.voter is not None and _outlives(parts):
        for one in await parts.store.submissions.counted(parts.network.name):
            parts.voter.tally.count(one.reward_epoch_id, one.round_id, hits=one.hits, values=one.values)


def create_app(parts: Parts) -> Litestar:
    """The main door: REST, the streams on the main port, and the Flare seams."""

    async def verify(headers: SignatureHeaders, at_ns: int) -> None:
        request = SignedRequest(
            method=headers.method,
            path=headers.path,
            body=headers.body,
            worker_id=headers.worker_id,
            timestamp=headers.timestamp,
            nonce=headers.nonce,
            signature=headers.signature,
        )
        await parts.signatures.verify(request, at_ns=at_ns)

    api = ApiParts(
        clock=parts.clock,
        accept=parts.ingest.accept,
        verify=verify,
        board=parts.board,
        window=parts.window,
        quotes=parts.store.quotes,
        candles=parts.store.candles,
        consensus=parts.store.consensus,
        estimate_at=parts.past.estimate_at,
        rounds=parts.rounds,
        volumes=parts.window.volumes,
        health=probes(parts.store, parts.cache, parts.board, parts.hub, parts.supervisor, _chain_state(parts)),
        supervised=lambda: {**parts.supervisor.states, **({} if parts.voter is None else parts.voter.states)},
        read_venues=list if parts.venue_door is None else parts.venue_door.states,
        decimals={feed.market: feed.decimals for feed in parts.market_map.feeds},
        hand=None if parts.voter is None else parts.voter.hand,
        reports=parts.reports,
        recorded_rounds=parts.store.submissions if _outlives(parts) else None,
        network=parts.network.name,
        timing=parts.network.timing,
        shared_limits=parts.cache,
        shared_answers=parts.cache,
        environment=parts.environment,
    )
    return create_api(
        api, parts.settings, venues=parts.venues, policy=parts.policy, extra_handlers=stream_handlers(parts.hub)
    )


def _chain_state(parts: Parts) -> Callable[[], str] | None:
    """How the chain does, for `/health`; None when nobody asks it anything."""
    voter = parts.voter
    return None if voter is None else lambda: voter.chain_state


def _from_elsewhere(parts: Parts, estimates: Sequence[Estimate]) -> None:
    """Values of another instance go to our readers when they are newer than ours."""
    newer = []
    for estimate in estimates:
        own = parts.board.latest(estimate.market)
        if own is None or own.at_ns < estimate.at_ns:
            newer.append(estimate)
    if newer:
        parts.hub.publish_estimates(newer)

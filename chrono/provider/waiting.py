"""The provider while the chain is not open: what it waits for, for whoever looks and for the alarms."""

from typing import Final

from chrono.alerts.watched import Watched
from chrono.clock import SECOND_NS
from chrono.errors import ChronoError
from chrono.provider.chain_side import ChainSide
from chrono.provider.setup import ProviderSetup
from chrono.voting import provider_report as told

OPENING_NS: Final = 5 * SECOND_NS
"""So long after a start it is no news that no node has answered yet."""


def watched_before(setup: ProviderSetup, chain: ChainSide) -> Watched:
    """The facts while the chain is not open yet: a start that finds no node must be heard of."""
    return Watched(
        network=setup.network.name,
        now_ns=chain.clock.now_ns(),
        monotonic_ns=chain.clock.monotonic_ns(),
        away=f"it waits for the contracts and the calendar of the chain: {chain.hindered or 'nodes do not answer yet'}",
        healthy_nodes=len(chain.pool.standings.alive),
        skew_ns=chain.clock.skew_ns,
    )


def report_before(setup: ProviderSetup, chain: ChainSide, waited_ns: int) -> told.ProviderReport:
    """The provider while the chain is not open yet: what it waits for, and whether any node answers."""
    alive = len(chain.pool.standings.alive)
    what = f"the contracts and the calendar of the chain; {alive} of {len(setup.nodes)} nodes answer as they should"
    late = chain.hindered if waited_ns > OPENING_NS else None
    return _report_waiting(setup, chain, what, late)


def report_away(setup: ProviderSetup, chain: ChainSide, error: ChronoError) -> told.ProviderReport:
    """The provider that cannot begin."""
    return _report_waiting(setup, chain, "its beginning, which is tried again every two seconds", error)


def _report_waiting(
    setup: ProviderSetup, chain: ChainSide, what: str, error: ChronoError | None
) -> told.ProviderReport:
    reason = None if error is None else error.reason
    facts = {} if error is None else {name: str(fact) for name, fact in error.facts.items()}
    return told.ProviderReport(
        network=setup.network.name,
        mode=setup.mode,
        identity=setup.identity,
        at_ns=chain.clock.now_ns(),
        awaiting=told.Awaiting(what=what, reason=reason, facts=facts),
        nodes=node_reports(setup, chain),
    )


def node_reports(setup: ProviderSetup, chain: ChainSide) -> tuple[told.NodeReport, ...]:
    """How each node stands."""
    standings = chain.pool.standings
    return tuple(
        told.NodeReport(node.name, standings.state(node.name).value, standings.why(node.name)) for node in setup.nodes
    )

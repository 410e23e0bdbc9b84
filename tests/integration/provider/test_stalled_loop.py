"""The duty on a thread of its own, in real time: an API loop that stands still for five seconds costs no phase."""

import asyncio
import time
from contextlib import suppress

from chrono.clock import SECOND_NS, SystemClock
from chrono.flare.frames import SubmissionFunction
from chrono.market.names import Market
from chrono.provider.provider import Provider
from chrono.provider.setup import ProviderRules, ProviderSetup
from chrono.provider.snapshots import Snapshots
from chrono.provider.thread import DutyThread
from chrono.simulation.flare.genesis import network_at
from chrono.simulation.flare.keyring import Keyring
from chrono.simulation.flare.network import SimulatedFlare
from chrono.simulation.flare.prices import FEEDS
from chrono.voting.margins import Margins
from chrono.voting.provider_report import Mode
from chrono.voting.reports import Reports
from tests.fakes.estimating import estimate
from tests.fakes.voting_house import MemoryLog, ring_of

EPOCH_S, REVEAL_S, STALL_S = 12, 6, 5.0
STALLS_AT_S = (4.5, EPOCH_S - 0.1, EPOCH_S + REVEAL_S - 0.1)
"""After the start of the round: in front of its commit, its reveal and its signature, each of which falls into one."""

MARGINS = Margins(
    values_after_ns=5 * SECOND_NS,
    commit_join_ns=SECOND_NS // 5,
    commit_stop_after_ns=9 * SECOND_NS,
    reveal_after_ns=SECOND_NS // 5,
    bit_vote_after_ns=SECOND_NS,
    reveal_join_ns=SECOND_NS // 5,
    sign_join_ns=SECOND_NS // 5,
    sign_grace_ns=4 * SECOND_NS,
    finalisation_grace_ns=2 * SECOND_NS,
    anyone_after_ns=SECOND_NS // 10,
    poll_ns=SECOND_NS // 5,
)


async def test_an_api_loop_that_stands_still_for_five_seconds_costs_no_phase() -> None:
    clock = SystemClock()
    flare = SimulatedFlare(clock, network=network_at(clock.now_ns(), rounds=40, epoch_s=EPOCH_S, reveal_s=REVEAL_S))
    keys = Keyring.of("ours")
    entity = keys.entity()
    flare.join(entity)
    snapshots, reports = Snapshots(clock), Reports()
    setup = ProviderSetup(
        network=flare.network,
        identity=entity.identity,
        registry=flare.registry,
        nodes=flare.nodes(3),
        clock=clock,
        log=MemoryLog(),
        values=snapshots.values,
        keys=ring_of(keys),
        mode=Mode.LIVE,
        reports=reports,
        rules=ProviderRules(margins=MARGINS, look_s=0.2),
    )
    provider = Provider(setup)

    async def duty() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(flare.run())
            group.create_task(provider.run())

    async def priced() -> None:
        while True:
            snapshots.publish(estimate(clock.now_ns(), market=Market(feed.id.name), price="100") for feed in FEEDS)
            await asyncio.sleep(0.25)

    thread = DutyThread(duty)
    running = [asyncio.create_task(thread.run()), asyncio.create_task(priced())]
    try:
        first = flare.network.timing.round_at(clock.now_ns()).id + 1
        start_s = flare.network.timing.first_start_s + first * EPOCH_S
        for at_s in STALLS_AT_S:
            await asyncio.sleep(start_s + at_s - time.time())
            time.sleep(STALL_S)  # noqa: ASYNC251 - the loop of the API is blocked
        await asyncio.sleep(start_s + 2 * EPOCH_S + 1 - time.time())
    finally:
        for task in running:
            task.cancel()
        with suppress(asyncio.CancelledError):
            await asyncio.gather(*running, return_exceptions=True)
    report = reports.round(first)
    assert report is not None
    assert report.reason is None, report.reason
    assert {SubmissionFunction.SUBMIT1, SubmissionFunction.SUBMIT2, SubmissionFunction.SUBMIT_SIGNATURES} <= {
        SubmissionFunction(payload.calldata[:4]) for payload in report.payloads if payload.phase.value != "relay"
    }
    assert [each.ours for each in report.feeds] == [100 * 10**each.feed.decimals for each in report.feeds] != []
    outcome = flare.rounds.outcome(first)
    assert outcome is not None
    assert entity.submit in outcome.valid

"""Everything that goes wrong in a simulated round, drawn from a seed. Rows are those of failures.md 2A.

A fault is a coroutine that breaks something, waits, and mends it. What makes a reveal impossible (no process, no node, no
room below the fee cap) ends in time before the deadline: from then on the reveal is owed, whatever else is broken.
"""

import asyncio
import errno
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from random import Random

from chrono.clock import SECOND_NS
from chrono.flare.contracts.addresses import Generation
from chrono.flare.feeds import CRYPTO, Feed, FeedId
from chrono.flare.units import GWEI
from chrono.simulation.flare.node import NodeFaults, Wire
from chrono.simulation.flare.offences import Offence
from chrono.simulation.flare.prices import FEEDS
from chrono.simulation.flare.voter import send
from chrono.simulation.virtual_time import VirtualLoop
from tests.sim.house import KEYS, House

IN_TIME_S = 15.0
"""So long before a reveal deadline the process runs, and some node can be reached."""

OFFENCES = tuple(each for each in Offence if each is not Offence.RANDOM_ONLY)
"""What is drawn from; one that is none from FIP.16 on belongs to those histories (`tests.sim.features`)."""


@dataclass
class Scene:
    """Where a fault happens: the house, its own chance, and the round."""

    house: House
    chance: Random
    round_id: int
    told: list[str]

    def say(self, text: str) -> None:
        at_s = (self.house.clock.now_ns() - self._start_ns(self.round_id)) / SECOND_NS
        self.told.append(f"round {self.round_id} +{at_s:.2f} s: {text}")

    def lasts(self, least: float = 3.0, most: float = 120.0) -> float:
        """How long a fault lasts that leaves the reveal possible."""
        return self.chance.uniform(least, most)

    def blocking(self, wanted_s: float) -> float:
        """How long a fault may last that makes a reveal impossible, if it begins now."""
        now_ns = self.house.clock.now_ns()
        timing = self.house.flare.network.timing
        ends_ns = now_ns + int(wanted_s * SECOND_NS)
        for round_id in range(self.round_id - 2, self.round_id + 3):
            late_ns = self._start_ns(round_id + 1) + int((timing.reveal_s - IN_TIME_S) * SECOND_NS)
            over_ns = self._start_ns(round_id + 1) + timing.reveal_s * SECOND_NS
            if now_ns < over_ns and ends_ns > late_ns:
                return max((late_ns - now_ns) / SECOND_NS, 0.0)
        return wanted_s

    def _start_ns(self, round_id: int) -> int:
        return self.house.flare.deployment.world.start_of(round_id) * SECOND_NS


Fault = Callable[[Scene], Awaitable[None]]


async def crash(scene: Scene) -> None:
    """Rows 1 to 5: killed at any instant, with or without the page cache; back after 0.1 to 40 s."""
    away_s = scene.blocking(scene.chance.choice([0.1, 1.0, 10.0, 40.0]))
    if away_s <= 0.05:
        return
    power = scene.chance.random() < 0.5
    scene.say(f"{'power failure' if power else 'kill -9'}, back after {away_s:.1f} s")
    scene.house.kill(power=power)
    await asyncio.sleep(away_s)
    scene.house.start()


async def crash_loop(scene: Scene) -> None:
    """Killed again and again."""
    for _ in range(scene.chance.randint(2, 4)):
        await crash(scene)
        await asyncio.sleep(scene.chance.uniform(0.05, 6.0))


async def stop_and_start(scene: Scene) -> None:
    """Row 43: told to stop, it drains what is owed; then it is started again."""
    house = scene.house
    if house.provider is None:
        return
    scene.say("told to stop")
    left = await house.provider.drain(145.0)
    scene.say(f"stopped, {len(left)} owed")
    house.kill(power=False)
    await asyncio.sleep(scene.blocking(scene.chance.uniform(0.5, 5.0)))
    house.start()


async def one_node(scene: Scene) -> None:
    """Rows 18 to 23 and 30: one of three nodes in any of the ways in which nodes fail."""
    node = scene.chance.choice(scene.house.nodes)
    name, faults = scene.chance.choice(_node_faults(scene.chance))
    lasts_s = scene.lasts()
    scene.say(f"{node.name}: {name} for {lasts_s:.0f} s")
    node.faults = faults
    await asyncio.sleep(lasts_s)
    node.faults = NodeFaults()


async def all_nodes(scene: Scene) -> None:
    """Row 24: no node answers, for up to a whole round."""
    lasts_s = scene.blocking(scene.chance.choice([5.0, 30.0, 90.0]))
    if lasts_s <= 0:
        return
    wire = scene.chance.choice([Wire.DOWN, Wire.HANGING, Wire.GARBAGE])
    scene.say(f"all nodes {wire} for {lasts_s:.0f} s")
    for node in scene.house.nodes:
        node.faults = NodeFaults(wire=wire)
    await asyncio.sleep(lasts_s)
    for node in scene.house.nodes:
        node.faults = NodeFaults()


async def caps(scene: Scene) -> None:
    """Every node answers little at a time, and a few requests with 429."""
    scene.say("every node caps its logs, and is busy")
    for node in scene.house.nodes:
        node.faults = NodeFaults(most_log_blocks=scene.chance.choice([1, 30, 1000]), most_logs=200, busy=5)
    await asyncio.sleep(scene.lasts())
    for node in scene.house.nodes:
        node.faults = NodeFaults()


async def clock_jump(scene: Scene) -> None:
    """Row 15: the wall clock jumps, and jumps back."""
    by_s = scene.chance.choice([-120.0, -30.0, -11.0, -2.5, 2.5, 11.0, 30.0, 120.0])
    lasts_s = scene.lasts()
    scene.say(f"the wall clock jumps by {by_s} s for {lasts_s:.0f} s")
    scene.house.wall.jump(by_s)
    await asyncio.sleep(lasts_s)
    scene.house.wall.jump(-by_s)


async def reorg(scene: Scene) -> None:
    """Row 32: the last one to three blocks are taken back; what stood in them comes again, or is forgotten."""
    depth, forget = scene.chance.randint(1, 3), scene.chance.random() < 0.5
    scene.say(f"{depth} blocks taken back{', and forgotten' if forget else ''}")
    scene.house.flare.reorg(depth, forget=forget)


async def dropped(scene: Scene) -> None:
    """Row 26: the nodes drop our waiting transactions, again and again."""
    lasts_s = scene.blocking(scene.lasts(5.0, 50.0))
    scene.say(f"our waiting transactions are dropped for {lasts_s:.0f} s")
    chain = scene.house.flare.chain
    for _ in range(int(4 * lasts_s)):
        for account in KEYS.entity().senders:
            for signed in list(chain.pool.get(account, {}).values()):
                if scene.chance.random() < 0.7:
                    chain.forget(signed.hash)
        await asyncio.sleep(0.25)


async def gas_spike(scene: Scene) -> None:
    """Row 29: a hundred times the price."""
    factor, lasts_s = scene.chance.choice([5, 20, 100]), scene.lasts(10, 100)
    scene.say(f"gas costs {factor} times as much for {lasts_s:.0f} s")
    scene.house.flare.set_base_fee(25 * factor * GWEI)
    await asyncio.sleep(lasts_s)
    scene.house.flare.set_base_fee(25 * GWEI)


async def disk(scene: Scene) -> None:
    """Rows 8 and 10: the journal's disk is full, or fails. A file that cannot even be opened is waited for."""
    operation = scene.chance.choice(["write", "fsync", "replace", "open", "short write"])
    code = scene.chance.choice([errno.ENOSPC, errno.EIO])
    lasts_s = scene.blocking(scene.lasts()) if operation == "open" else scene.lasts()
    scene.say(f"disk: {operation} fails with {errno.errorcode[code]} for {lasts_s:.0f} s")
    scene.house.disk.fails[operation] = code
    await asyncio.sleep(lasts_s)
    scene.house.disk.fails.pop(operation, None)


async def stall(scene: Scene) -> None:
    """Row 17: the loop stands still, as when something blocks it."""
    lasts_s = scene.chance.choice([1.0, 5.0])
    scene.say(f"the loop stands still for {lasts_s} s")
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualLoop)
    loop.stall(lasts_s)
    await asyncio.sleep(0)


async def others_offend(scene: Scene) -> None:
    """Row 12: other voters do what they should not."""
    flare = scene.house.flare
    culprit, offence = scene.chance.choice(flare.voters), scene.chance.choice(OFFENCES)
    scene.say(f"{culprit.name}: {offence} in the next round")
    flare.offend(culprit, flare.deployment.world.voting_epoch(flare.clock.now_ns() // SECOND_NS) + 1, offence)


async def stray_transaction(scene: Scene) -> None:
    """Row 27: somebody uses our submit key for something else, and takes its nonce."""
    scene.say("a stray transaction of our submit key")
    entity = KEYS.entity()
    send(scene.house.flare.chain, KEYS.submit, entity.submit, entity.identity, b"")


async def no_funds(scene: Scene) -> None:
    """Row 33: the account holds what a reveal may need, and no more."""
    scene.say("the submit account holds little")
    chain = scene.house.flare.chain
    before = chain.balance(KEYS.entity().submit)
    chain.fund(KEYS.entity().submit, 12 * 10**18)
    await asyncio.sleep(scene.lasts())
    chain.fund(KEYS.entity().submit, before)


async def list_changes(scene: Scene) -> None:
    """Row 35: from the next offer on, one feed more and one less."""
    flare = scene.house.flare
    scene.say("a feed is added, one removed")
    flare.add_feed(Feed(FeedId(CRYPTO, f"N{scene.chance.randint(0, 99)}/USD"), scene.chance.randint(0, 6)))
    flare.remove_feed(scene.chance.choice(FEEDS[1:]).id)


async def redeployed(scene: Scene) -> None:
    """Row 34: the registry names other contracts."""
    flare = scene.house.flare
    generation = Generation.FIRST if flare.deployment.world.generation is Generation.SECOND else Generation.SECOND
    scene.say(f"contracts of the {generation.value} generation are deployed")
    flare.redeploy(generation)


async def late_policy(scene: Scene) -> None:
    """Row 36: the next signing policy is late."""
    rounds = scene.chance.randint(1, 5)
    timing = scene.house.flare.network.timing
    turn = (scene.round_id // timing.rounds_per_reward_epoch + 1) * timing.rounds_per_reward_epoch
    scene.say(f"the next policy comes {rounds} rounds late")
    scene.house.flare.hold_policy(turn + rounds - 4)


async def values_fail(scene: Scene) -> None:
    """The part that gives the values fails, or knows none: the database is away, the window empty."""
    house = scene.house
    house.values = scene.chance.choice(["raises", "none", "some"])
    scene.say(f"values: {house.values}")
    await asyncio.sleep(scene.lasts())
    house.values = "all"


async def store_away(scene: Scene) -> None:
    """Row 9: whoever is told of rounds, to write them to the database, fails."""
    scene.say("the database is away")
    scene.house.store_fails = True
    await asyncio.sleep(scene.lasts())
    scene.house.store_fails = False


FAULTS: dict[str, Fault] = {
    fault.__name__: fault
    for fault in (
        crash,
        crash_loop,
        stop_and_start,
        one_node,
        all_nodes,
        caps,
        clock_jump,
        reorg,
        dropped,
        gas_spike,
        disk,
        stall,
        others_offend,
        stray_transaction,
        no_funds,
        list_changes,
        redeployed,
        late_policy,
        values_fail,
        store_away,
    )
}
LIKELY = {"crash": 4, "one_node": 5, "crash_loop": 2, "clock_jump": 2, "reorg": 2, "disk": 2, "gas_spike": 2}
"""How much likelier than the others these are."""
LEAVES_PROCESS = ("crash", "crash_loop", "stop_and_start")
"""Of these only one at a time: each ends with a process that runs."""

HARMLESS = ("others_offend", "list_changes", "redeployed", "late_policy", "values_fail", "store_away")
"""These never stand in the way of what is promised already."""


def _node_faults(chance: Random) -> list[tuple[str, NodeFaults]]:
    return [
        *((wire.value, NodeFaults(wire=wire)) for wire in Wire if wire is not Wire.FINE),
        ("lags", NodeFaults(lag=chance.choice([1, 3, 8, 40]))),
        ("claims blocks ahead", NodeFaults(ahead=chance.choice([1, 3, 50, 10**6]))),
        ("lies about everything", NodeFaults(lies=True)),
        ("says of everything that it is mined", NodeFaults(false_receipts=True)),
        ("hides all transactions", NodeFaults(hides_all=True)),
        ("is busy", NodeFaults(busy=chance.randint(1, 200))),
        ("knows no base fee", NodeFaults(knows_base_fee=False)),
        ("names a false base fee", NodeFaults(false_base_fee_wei=chance.choice([0, 1, 10**30]))),
        ("swallows transactions", NodeFaults(swallows=True)),
        ("resets after it accepted", NodeFaults(resets_after_accept=True)),
        ("refuses transactions", NodeFaults(refuses=chance.choice(_WORDS))),
        ("is slow", NodeFaults(slow_s=chance.choice([0.3, 1.5, 3.0]))),
    ]


_WORDS = (
    "nonce too low: next nonce 7, tx nonce 6",
    "replacement transaction underpriced",
    "already known",
    "insufficient funds for gas * price + value",
    "txpool is full",
    "execution reverted",
)

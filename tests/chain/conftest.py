"""The tools from npm, or a word about how to get them; and chains for tests."""

import json
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from tests.chain.anvil import Anvil
from tests.chain.bench import Bench
from tests.chain.deployment import Durations, Plan
from tests.chain.killing import Voted, vote_and_die

LONG = os.environ.get("CHRONO_FAULTS") == "long"
KILLS = 200 if LONG else 10
WAIT_S = 6000 if LONG else 400
"""A test may wait for the whole chain to have voted."""
FIVE_NAMES = ("ada", "bob", "cyd", "dot", "eve")


@pytest.fixture
def anvil(tmp_path) -> Iterator[Anvil]:
    """A fresh chain for each test; its accounts begin at nonce 0."""
    with Anvil(tmp_path) as node:
        yield node


@pytest.fixture
def bench(anvil) -> Callable[..., Bench]:
    """Makes a chain that has begun, with entities of equal vote power unless told otherwise."""

    def make(
        names: Sequence[str] = FIVE_NAMES,
        powers: Sequence[int] = (),
        most_voters: int = 5,
        rounds: int = 12,
        **durations: int,
    ) -> Bench:
        start = anvil.rpc.head()[1] - (rounds - 3) * 10
        wanted = {"policy_ahead_s": 25} | durations
        plan = Plan(start, rounds_per_reward_epoch=rounds, most_voters=most_voters, durations=Durations(**wanted))
        found = Bench(anvil, plan)
        for name, power in zip(names, powers or [10] * len(names), strict=True):
            found.enter(name, power)
        found.begin()
        return found

    return make


@pytest.fixture(scope="session")
def vectors_whole() -> Callable[[str], dict]:
    """A file of protocol vectors."""
    folder = Path(os.environ.get("CHRONO_VECTORS", Path(__file__).parent.parent / "vectors"))
    return lambda name: json.loads((folder / f"{name}.json").read_bytes())


@pytest.fixture(scope="session")
def vectors(vectors_whole) -> Callable[[str], list[dict]]:
    """The cases of a file of protocol vectors."""
    return lambda name: vectors_whole(name)["cases"]


@pytest.fixture(scope="session")
def voted(tmp_path_factory) -> Voted:
    """One chain for all that needs a voting Chrono: calm rounds first, then kills."""
    return vote_and_die(tmp_path_factory.mktemp("voted"), KILLS)

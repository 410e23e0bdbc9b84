"""`chrono run` as a voter: a process of its own on a chain with short epochs, stopped, hurried and doubled."""

import json
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from chrono.cli.ends import REFUSED
from chrono.clock import SystemClock, to_rfc3339
from chrono.flare.address import checksummed
from chrono.flare.frames import SubmissionFunction
from chrono.keys.key_folder import KeyFolder
from chrono.keys.roles import Role
from chrono.keys.secret_key import SecretKey
from chrono.settings import Secret
from chrono.simulation.flare.prices import FEEDS
from tests.fakes.house import House
from tests.fakes.served_flare import ServedFlare, served_flare

SUBMIT1, SUBMIT2 = SubmissionFunction.SUBMIT1, SubmissionFunction.SUBMIT2
SIGNATURES = SubmissionFunction.SUBMIT_SIGNATURES
PASSWORD = "a password of tests"
VENUES = ("binance", "kraken", "coinbase", "bitstamp")


@contextmanager
def fed(house: House, network: ServedFlare) -> Iterator[None]:
    """Four venues tell their prices, twice a second, as long as the process listens."""
    over = threading.Event()

    def feed() -> None:
        while not over.wait(0.5):
            now_ns = SystemClock().now_ns()
            rows = [
                {"symbol": each.id.name, "price": f"{network.flare.rounds._prices(each.id, now_ns):.8f}",
                 "volume": "100", "source": venue, "timestamp": to_rfc3339(now_ns)}
                for each in FEEDS for venue in VENUES
            ]  # fmt: skip
            try:
                house.ingest(rows)
            except OSError:
                continue

    thread = threading.Thread(target=feed, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(15)


def voter(network: ServedFlare, state: Path, **environ: str) -> House:
    house = House()
    keys = KeyFolder.below(house.data_dir, "local")
    for role, raw in (
        (Role.SUBMIT, network.keys.submit),
        (Role.SUBMIT_SIGNATURES, network.keys.submit_signatures),
        (Role.SIGNING_POLICY, network.keys.signing_policy),
    ):
        with SecretKey(raw) as key:
            keys.add(role, key, Secret(PASSWORD), now_ns=0, scrypt_n=1 << 10)
    house.environment |= {
        "CHRONO__NETWORK": "local",
        "CHRONO__FLARE__SEAT": "submitter",
        "CHRONO__FLARE__MODE": "live",
        "CHRONO__FLARE__NODES": json.dumps(network.urls),
        "CHRONO__FLARE__REGISTRY": checksummed(network.flare.registry),
        "CHRONO__FLARE__IDENTITY": checksummed(network.entity.identity),
        "CHRONO__FLARE__PASSWORD": "env:WALLET_WORD",
        "WALLET_WORD": PASSWORD,
        "CHRONO__FLARE__WITHOUT_FDC": "true",
        "CHRONO__FLARE__LOCAL_REVEAL_S": str(network.reveal_s),
        "CHRONO__LOGS__FORMAT": "json",
        "XDG_STATE_HOME": str(state),
        **environ,
    }
    return house


def exit_code(house: House, within_s: float) -> int:
    assert house.process is not None
    return house.process.wait(within_s)


def until_committed(network: ServedFlare, house: House) -> int:
    """The round whose commit has just been mined."""
    deadline = time.monotonic() + 100
    while time.monotonic() < deadline:
        round_id = network.round_now()
        if network.sent(SUBMIT1, round_id):
            return round_id
        time.sleep(0.1)
    raise AssertionError(house.log())


def until_mined(network: ServedFlare, function: SubmissionFunction, round_id: int) -> bool:
    """Whether what was sent comes into a block: that may come later than the end of its grace, for which a stop waits."""
    deadline = time.monotonic() + 15
    while time.monotonic() < deadline:
        if network.sent(function, round_id):
            return True
        time.sleep(0.1)
    return False


def reveal_of(round_id: int) -> str:
    """As a log names it."""
    return f"round {round_id}: submit2 of protocol 100"


def until_draining(house: House, round_id: int) -> None:
    """The first signal is heard, and the process has told that it owes the round's reveal."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        told = [line for line in house.log().splitlines() if '"draining"' in line]
        if any(reveal_of(round_id) in line for line in told):
            return
        time.sleep(0.1)
    raise AssertionError(house.log())


@pytest.mark.timeout(400)
def test_a_voter_s_life_it_votes_alone_and_ends_what_it_owes(tmp_path: Path) -> None:
    # The grace in which a signature is owed is then 4.4 s long.
    with served_flare(epoch_s=30, reveal_s=10) as network:
        house = voter(network, tmp_path)
        twin = voter(network, tmp_path)
        try:
            house.start()
            with fed(house, network):
                until_committed(network, house)
                _a_second_one_on_the_same_identity_does_not_start(twin)
                _a_stop_reveals_and_signs_what_was_committed(house, network)
                house.start()
                _a_second_signal_ends_it_at_once_and_says_what_is_lost(house, network)
        finally:
            house.close()
            twin.close()


def _a_second_one_on_the_same_identity_does_not_start(twin: House) -> None:
    twin.start(ready=False)
    assert exit_code(twin, 60) == REFUSED
    assert "another Chrono votes for this identity" in twin.log()


def _a_stop_reveals_and_signs_what_was_committed(house: House, network: ServedFlare) -> None:
    round_id = until_committed(network, house)
    assert house.process is not None
    house.process.send_signal(signal.SIGTERM)
    assert exit_code(house, 60) == 0
    assert network.sent(SUBMIT2, round_id), house.log()
    assert until_mined(network, SIGNATURES, round_id), house.log()
    assert not network.sent(SUBMIT1, round_id + 1)
    outcome = network.flare.rounds.outcome(round_id)
    assert outcome is not None
    assert network.entity.submit in outcome.valid


def _a_second_signal_ends_it_at_once_and_says_what_is_lost(house: House, network: ServedFlare) -> None:
    round_id = until_committed(network, house)
    assert house.process is not None
    house.process.send_signal(signal.SIGTERM)
    until_draining(house, round_id)
    house.process.send_signal(signal.SIGTERM)
    assert exit_code(house, 60) == 0
    assert "left_undone" in house.log()
    assert reveal_of(round_id) in house.log()

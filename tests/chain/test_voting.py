"""A handful of rounds on a chain of one's own: four twins of another hand, and Chrono."""

import json
from decimal import Decimal

import pytest
from py_flare_common.fsp.messaging import parse_submit1_tx, parse_submit2_tx

from tests.chain.chrono_run import ChronoRun
from tests.chain.deployment import feed_id
from tests.chain.scene import FIVE, Provider, Scene
from tests.judge.frames import SUBMIT1, SUBMIT2
from tests.judge.node import Node, read_chain

ROUNDS = 3
OURS = "eve"
pytestmark = [pytest.mark.timeout(240), pytest.mark.xdist_group("chain")]
PROVIDERS = [*FIVE[:-1], Provider(OURS, 10, is_twin=False)]


@pytest.fixture(scope="module")
def voted(tmp_path_factory):
    """After a few rounds: the scene, Chrono still running, and what the judge said."""
    with Scene(tmp_path_factory.mktemp("chain"), PROVIDERS) as scene:
        scene.run_twins()
        watching = scene.watch()
        with ChronoRun(scene, OURS) as ours:
            scene.until_first_policy()
            scene.until_round(scene.first_round() + ROUNDS + 2)
            scene.stop("watch")
            yield scene, ours, json.loads(scene.judge("--json", seen=watching).stdout)


def test_every_round_has_the_root_of_the_judge_and_nobody_offends(voted):
    _, _, told = voted
    assert told["rounds"] >= ROUNDS
    assert (told["finalised"], told["faults"], told["offences"]) == (told["rounds"], [], {})


def test_chrono_registers_itself_and_is_in_every_phase_of_every_round(voted):
    scene, ours, told = voted
    row = told["voters"]["0x" + ours.entity.identity.raw.hex()]
    phases = [row[what] for what in ("rounds", "committed", "revealed", "signed")]
    assert phases == [told["rounds"]] * 4
    assert [row[what]["reverted"] for what in ("commit", "reveal", "signature")] == [0, 0, 0]
    assert scene.deployment["VoterRegistry"].ask("isVoterRegistered", ours.entity.identity.address, 1)


def test_transactions_are_mined_soon_and_well_before_their_deadlines(voted):
    _, ours, told = voted
    row = told["voters"]["0x" + ours.entity.identity.raw.hex()]
    for what in ("commit", "reveal", "signature"):
        assert row[what]["waited_s"]["most"] < 5
        assert row[what]["margin_s"]["least"] >= 1


def test_flares_own_library_decodes_what_chrono_sent_to_what_it_says(voted):
    scene, ours, _ = voted
    chain = read_chain(Node(scene.rpc.url), bytes.fromhex(scene.registry[2:]), reveal_s=scene.plan.reveal_s)
    sent = [each for each in chain.sent_to("Submission") if each.sender == ours.entity.submit.raw]
    commits = {
        told.ftso.voting_round_id: told.ftso.payload
        for told in (parse_submit1_tx(each.data[4:].hex()) for each in sent if each.data[:4] == SUBMIT1)
    }
    reveals = {
        told.ftso.voting_round_id: told.ftso.payload
        for told in (parse_submit2_tx(each.data[4:].hex()) for each in sent if each.data[:4] == SUBMIT2)
    }
    assert reveals
    assert set(reveals) <= set(commits)
    for round_id, reveal in reveals.items():
        feeds = ours.round(round_id)["feeds"]
        values = [None if each["ours"] is None else Decimal(each["ours"]).scaleb(each["decimals"]) for each in feeds]
        assert values == reveal.values, round_id
        assert [each["feed_id"] for each in feeds] == sorted("0x" + feed_id(name).hex() for name, _ in scene.plan.feeds)

"""What `chrono explain` says about a derivation: the page, and the proof."""

import json
from typing import Any

import pytest

from chrono.cli.client import Answer
from chrono.cli.ends import Stop
from chrono.cli.explain import _derivation, _notes, _source_rows, _table_of, _told_digest, proof_text, prove
from chrono.pricing.derivation import digest
from tests.fakes.desk import Desk


@pytest.fixture(scope="module")
def derivation() -> bytes:
    desk = Desk()
    desk.say("BTC/USDT", {"ash": 50_000, "birch": 50_010, "cedar": 49_990})
    desk.say("BTC/USD", {"date": 50_020, "elm": 90_000})
    desk.say("USDT/USD", {"ash": "1.0001", "birch": "0.9999", "cedar": "1.0"})
    desk.board.refresh(desk.clock.now_ns())
    estimate = desk.board.latest("BTC/USD")
    assert estimate is not None
    return estimate.evidence.derivation()


def answer(derivation: bytes, **around: Any) -> Answer:
    body = (
        b'{"symbol":"BTC/USD","hash":'
        + json.dumps(around.get("hash", "x")).encode()
        + b',"derivation":'
        + derivation
        + b"}"
    )
    return Answer(200, {}, body, json.loads(body))


def test_an_untouched_derivation_is_recomputed_to_the_same_bytes(derivation: bytes) -> None:
    proof = prove(derivation, digest(derivation))
    assert proof.holds
    assert proof_text(proof).splitlines() == ["recomputed: identical", f"hash: {digest(derivation)}"]


def test_a_derivation_with_another_price_does_not_hold(derivation: bytes) -> None:
    forged = json.loads(derivation)
    forged["result"]["price"] = "1"
    body = json.dumps(forged, sort_keys=True, separators=(",", ":")).encode()
    proof = prove(body, digest(body))
    assert not proof.holds
    assert "DIFFERENT" in proof_text(proof)


def test_a_derivation_under_another_hash_does_not_hold(derivation: bytes) -> None:
    proof = prove(derivation, "0" * 64)
    assert not proof.holds
    assert "another hash: 000" in proof_text(proof)


def test_what_is_no_derivation_does_not_hold() -> None:
    assert not prove(b'{"algorithm":"x"}', None).holds


def test_the_bytes_are_taken_just_as_they_were_served(derivation: bytes) -> None:
    assert _derivation(answer(derivation)) == derivation
    assert _derivation(Answer(200, {}, derivation, json.loads(derivation))) == derivation


def test_the_hash_is_read_beside_the_derivation_and_not_inside(derivation: bytes) -> None:
    assert _told_digest(answer(derivation, hash="abc")) == "abc"
    assert _told_digest(Answer(200, {}, derivation, json.loads(derivation))) is None


def test_an_answer_without_a_derivation_is_told() -> None:
    with pytest.raises(Stop, match="no derivation"):
        _derivation(Answer(200, {}, b"{}", {}))


def test_the_page_shows_every_source_with_its_way_and_verdict(derivation: bytes) -> None:
    rows = {(row[0], row[1]): row for row in _source_rows(json.loads(derivation))}
    assert rows["ash", "BTC/USDT"][2] == "* USDT/USD"
    assert rows["date", "BTC/USD"][2] == "direct"
    assert rows["date", "BTC/USD"][-1] == "used"
    assert rows["elm", "BTC/USD"][-1] != "used"


def test_the_page_shows_who_was_left_out_the_conversions_the_estimators_and_the_vote(derivation: bytes) -> None:
    fields = json.loads(derivation)
    notes = dict(_notes(fields, _table_of(fields, "result")))
    assert next(row[0] for row in notes["left out"]) == "elm"
    assert [row[0] for row in notes["conversions"]] == ["USDT/USD"]
    assert {"median", "twap", "vwap"} <= {row[0] for row in notes["estimators"]}
    assert next(row[0] for row in notes["vote"]) == "vote"


@pytest.mark.parametrize("odd", [{}, {"sources": 7, "edges": [], "estimators": None}, {"sources": [7, {"path": 3}]}])
def test_a_derivation_of_another_shape_does_not_crash_the_page(odd: dict[str, Any]) -> None:
    _source_rows(odd)
    _notes(odd, {})

"""The file of a learned model: it says the same when read back, and nothing damaged is used."""

import json
import random

import pytest

from chrono.errors import BAD_MODEL, ChronoError
from chrono.learning.loading import load_learned
from chrono.pricing.models import MOST_BYTES, Body, Forest, Histogram, Histograms, Trained, read_model, write_model
from chrono.settings import Pricing
from chrono_core import FEATURES

TRAINED = Trained(rows=5, first_ns=1, last_ns=2, markets=["BTC/USD"], contamination=0.001, pyod="0")
HBOS = Body(list(FEATURES), 1.5, Histograms([Histogram([0.0, 0.1, 3.0], [-1.0, 2.5])] * 5, 0.5), TRAINED)
FOREST = Body(
    list(FEATURES), 0.0, Forest([0], [0, -1, -1], [0.5, 1.0, 2.0], [1, -1, -1], [2, -1, -1], 1.0, -0.5), TRAINED
)


@pytest.mark.parametrize("body", [HBOS, FOREST])
def test_a_model_is_read_back_as_it_was_written(body):
    file = write_model(body)
    learned, read = read_model(file)
    assert read == body
    assert write_model(read) == file
    assert learned.limit == body.limit
    assert learned.model is not None
    assert len(learned.digest) == 64


def test_another_number_is_another_digest():
    other = Body(list(FEATURES), 1.25, HBOS.tables, TRAINED)
    assert read_model(write_model(other))[0].digest != read_model(write_model(HBOS))[0].digest


def refused(data: bytes) -> str:
    with pytest.raises(ChronoError) as error:
        read_model(data)
    assert error.value.reason is BAD_MODEL
    return str(error.value)


@pytest.mark.parametrize("body", [HBOS, FOREST])
def test_no_damaged_byte_gets_through(body):
    file, draw = write_model(body), random.Random(1)
    for place in range(len(file) - 1):
        damaged = bytearray(file)
        damaged[place] ^= 1 << draw.randrange(7)
        try:
            _, read = read_model(bytes(damaged))
        except ChronoError as error:
            assert error.reason is BAD_MODEL
        else:
            assert read == body  # white space, or another spelling of the same number


@pytest.mark.parametrize("junk", [b"", b"{}", b"null", b"[" * 100_000, b"\xff", b'{"format":1}'])
def test_what_is_no_model_is_refused(junk):
    refused(junk)


def test_every_cut_of_a_file_is_refused():
    file = write_model(HBOS)
    for length in range(0, len(file) - 2, 7):
        refused(file[:length])


def test_a_file_beyond_the_bound_is_refused_unread():
    assert "at most" in refused(b" " * (MOST_BYTES + 1))


def test_other_versions_and_other_features_are_named():
    told = json.loads(write_model(HBOS))
    assert "2, not" in refused(json.dumps(told | {"version": 2}).encode())
    other = Body([*FEATURES[:4], "phase_of_the_moon"], 1.5, HBOS.tables, TRAINED)
    assert "phase_of_the_moon" in refused(write_model(other))


def test_tables_that_do_not_fit_are_refused_though_their_checksum_fits():
    circle = Forest([0], [0, -1, -1], [0.5, 1.0, 2.0], [0, -1, -1], [2, -1, -1], 1.0, -0.5)
    refused(write_model(Body(list(FEATURES), 0.0, circle, TRAINED)))


def test_a_model_that_is_asked_for_must_be_there(tmp_path):
    assert load_learned(Pricing()) is None
    with pytest.raises(ChronoError) as away:
        load_learned(Pricing(model_file=str(tmp_path / "none.json")))
    assert away.value.reason is BAD_MODEL
    (tmp_path / "m.json").write_bytes(write_model(HBOS))
    assert load_learned(Pricing(model_file=str(tmp_path / "m.json"))).limit == 1.5

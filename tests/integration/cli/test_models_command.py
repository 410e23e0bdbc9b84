"""`chrono models train` and `show`, on recordings made here."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from chrono.clock import SECOND_NS

START_S = 1_760_000_000
VENUES = ("ash", "birch", "cedar", "date")


def chrono(*arguments: str, path: str | None = None) -> subprocess.CompletedProcess[str]:
    from chrono.settings import environment

    env = dict(environment()) | ({"PYTHONPATH": f"{path}:{environment().get('PYTHONPATH', '')}"} if path else {})
    command = [sys.executable, "-m", "chrono.cli", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, env=env)


@pytest.fixture(scope="module")
def tape(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An hour of four venues that agree to a few bps, one of them far off for a minute."""
    lines = []
    for at_s in range(START_S, START_S + 3600, 5):
        for place, venue in enumerate(VENUES):
            price = 100 + (at_s * 7 % 13) / 1000 + place / 500
            if venue == "date" and 1800 <= at_s - START_S < 1860:
                price *= 1.2
            at_us = at_s * 1_000_000
            lines.append(f"{at_us},{at_us},{venue},BTCUSD,{price:.4f},0.5")
    file = tmp_path_factory.mktemp("tapes") / "trades.csv"
    file.write_text("ts_us,local_ts_us,exchange,symbol,price,amount\n" + "\n".join(lines) + "\n")
    return file


@pytest.mark.parametrize("kind", ["hbos", "iforest"])
def test_a_model_is_trained_on_a_tape_and_scores_as_pyod_did(tape, tmp_path, kind):
    out = tmp_path / "m.json"
    arguments = ["--tape", str(tape), "--model", kind, "--every", "5s", "--out", str(out), "--json"]
    done = chrono("models", "train", *arguments)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["model"], told["markets"], told["bytes"]) == (kind, ["BTC/USD"], out.stat().st_size)
    assert told["rows"] > 2000
    assert told["largest_difference_to_pyod"] < 1e-9
    assert told["worker_peak_mb"] > 10
    again = tmp_path / "again.json"
    assert chrono("models", "train", *arguments[:-3], "--out", str(again), "--json").returncode == 0
    assert again.read_bytes() == out.read_bytes()
    shown = chrono("models", "show", str(out), "--json")
    assert json.loads(shown.stdout)["digest"] == told["digest"]


def test_the_trained_model_takes_part_in_a_replay(tape, tmp_path):
    out, settings = tmp_path / "m.json", tmp_path / "chrono.toml"
    assert chrono("models", "train", "--tape", str(tape), "--every", "5s", "--out", str(out)).returncode == 0
    settings.write_text(f'[pricing]\nmodel_file = "{out}"\n')
    plain = chrono("replay", str(tape), "--every", "5s", "--out", "-")
    scored = chrono("-c", str(settings), "replay", str(tape), "--every", "5s", "--out", "-")
    assert scored.returncode == plain.returncode == 0, scored.stderr
    assert len(scored.stdout.splitlines()) == len(plain.stdout.splitlines()) > 700


def test_without_pyod_the_error_names_the_remedy(tape, tmp_path):
    (tmp_path / "pyod").mkdir()
    (tmp_path / "pyod" / "__init__.py").write_text("raise ImportError('no pyod here')\n")
    done = chrono("models", "train", "--tape", str(tape), "--out", str(tmp_path / "m.json"), path=str(tmp_path))
    assert done.returncode == 1
    assert "chrono[models]" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "m.json").exists()


def test_a_damaged_model_is_refused_before_anything_is_priced(tape, tmp_path):
    file, settings = tmp_path / "m.json", tmp_path / "chrono.toml"
    file.write_text('{"format":"chrono anomaly model"}')
    settings.write_text(f'[pricing]\nmodel_file = "{file}"\n')
    for done in (chrono("models", "show", str(file)), chrono("-c", str(settings), "replay", str(tape))):
        assert done.returncode == 1
        assert "anomaly model" in done.stderr
        assert "Traceback" not in done.stderr


def test_too_little_history_makes_no_model(tmp_path):
    file = tmp_path / "short.csv"
    at_us = START_S * SECOND_NS // 1000
    file.write_text(f"ts_us,local_ts_us,exchange,symbol,price,amount\n{at_us},{at_us},ash,BTCUSD,100,1\n")
    done = chrono("models", "train", "--tape", str(file), "--out", str(tmp_path / "m.json"))
    assert done.returncode == 1
    assert "more history" in done.stderr


def test_tape_and_store_exclude_each_other(tape):
    assert chrono("models", "train").returncode == 2
    assert chrono("models", "train", "--from-store", "--tape", str(tape)).returncode == 2

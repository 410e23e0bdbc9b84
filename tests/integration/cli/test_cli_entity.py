"""`chrono ftso check|register` against a node on loopback, whose contracts answer as Flare's do."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from chrono.cli.ends import REFUSED
from chrono.cli.root import run as run_chrono
from chrono.flare.address import checksummed
from chrono.keys.key_folder import KeyFolder
from chrono.keys.roles import Role
from chrono.keys.secret_key import SecretKey
from chrono.provider.lock import hold_identity
from chrono.settings import Secret
from chrono.simulation.flare.contracts.registrations import Power
from chrono.simulation.flare.keyring import Keyring
from tests.fakes.entity_node import EntityWorld

KEYS = Keyring.of("the entity of a command line")
ENTITY = KEYS.entity()
US = ENTITY.identity
PASSWORD = "correct horse battery"

Run = Callable[..., tuple[int, dict[str, Any], str]]


@pytest.fixture
def world() -> Iterator[EntityWorld]:
    """A chain on which our entity votes in the first reward epoch; it does nothing by itself."""
    with EntityWorld(ENTITY) as made:
        yield made


@pytest.fixture
def run(
    world: EntityWorld,
    environ: dict[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Run:
    """Runs `chrono ftso … --json` in this process; the exit code, the object on stdout, the words on stderr."""
    settings = {
        "CHRONO__NETWORK": "local",
        "CHRONO__FLARE__NODES": world.url,
        "CHRONO__FLARE__REGISTRY": checksummed(world.flare.registry),
        "CHRONO__FLARE__IDENTITY": checksummed(US),
        "XDG_STATE_HOME": str(tmp_path / "state"),
        "WALLET": PASSWORD,
    }
    for name, value in (environ | settings).items():
        monkeypatch.setenv(name, value)

    def ran(*args: str, as_json: bool = True) -> tuple[int, dict[str, Any], str]:
        code = run_chrono(["ftso", *args, *(["--json"] if as_json else [])])
        told = capsys.readouterr()
        return code, json.loads(told.out) if as_json and told.out else {"text": told.out}, told.err

    return ran


@pytest.fixture
def keys(tmp_path: Path) -> KeyFolder:
    """The three keystores that a provider has, with little work for scrypt."""
    folder = KeyFolder.below(tmp_path / "house", "local")
    secrets = {
        Role.SUBMIT: KEYS.submit,
        Role.SUBMIT_SIGNATURES: KEYS.submit_signatures,
        Role.SIGNING_POLICY: KEYS.signing_policy,
    }
    for role, secret in secrets.items():
        folder.add(role, SecretKey(secret), Secret(PASSWORD), now_ns=0, scrypt_n=16)
    return folder


def until_open(world: EntityWorld) -> None:
    world.until(lambda: world.flare.deployment.manager.acquired(2))


def finding(document: dict[str, Any], name: str) -> dict[str, Any]:
    [found] = [each for each in document["checks"] if each["name"] == name]
    return found


def test_a_check_tells_what_the_contracts_know(run: Run, keys: KeyFolder) -> None:
    code, told, _ = run("check")
    assert code == 1
    assert told["identity"] == checksummed(US)
    assert told["reward_epoch"] == 1
    assert told["registered"] == {"current": True, "next": False}
    assert told["addresses"]["signing_policy"] == checksummed(ENTITY.signing_policy)
    assert told["nodes"] == []
    for name in ("submit", "submit signatures", "signing policy", "delegation", "registered", "chill"):
        assert finding(told, name)["verdict"] == "PASS", name
    assert finding(told, "the next epoch")["verdict"] == "WARN"
    assert "pre-registered" in finding(told, "the next epoch")["found"]
    assert finding(told, "sortition key")["verdict"] == "WARN"


def test_each_condition_that_is_not_met_is_named_with_its_remedy(run: Run) -> None:
    _, told, _ = run("check")
    states = {each["condition"]: each["state"] for each in told["conditions"]}
    assert states == {
        "FTSO_SCALING_FAILURE": "unknown",
        "FAST_UPDATES_FAILURE": "not_met",
        "FDC_FAILURE": "not_met",
        "STAKING_AVAILABILITY": "met",
    }
    assert "fdc-client" in finding(told, "fdc")["remedy"]
    assert told["cost"]["failing"] == ["FAST_UPDATES_FAILURE", "FDC_FAILURE"]
    assert "all rewards of the epoch burn" in told["cost"]["told"]


def test_keys_that_are_not_here_are_told(run: Run) -> None:
    code, told, _ = run("check")
    assert code == 1
    submit = finding(told, "submit")
    assert submit["verdict"] == "FAIL"
    assert "its key is not here" in submit["found"]
    assert submit["remedy"].startswith("chrono wallet import submit")


def test_an_entity_that_nobody_registered_is_told_so(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    stranger = Keyring.of("a stranger").entity().identity
    monkeypatch.setenv("CHRONO__FLARE__IDENTITY", checksummed(stranger))
    code, told, _ = run("check")
    assert code == 1
    assert finding(told, "registered")["verdict"] == "FAIL"
    assert "no address is set" in finding(told, "submit")["found"]
    assert "no address is set" in finding(told, "delegation")["found"]


def test_what_was_published_of_the_last_epoch_is_told(
    run: Run, world: EntityWorld, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = {
        "rewardEpochId": 0, "network": "local", "voterAddress": "0x" + US.hex(), "passesHeld": 2, "passEarned": False,
        "strikes": 1, "eligibleForReward": True, "newNumberOfPasses": 1,
        "ftsoScaling": {"allPossibleHits": 1000, "conditionMet": False, "totalHits": 700},
        "fastUpdates": {"conditionMet": True, "totalUpdatesByAll": 9, "updates": 4, "expectedUpdates": "3"},
    }  # fmt: skip
    folder = tmp_path / "published" / "0"
    folder.mkdir(parents=True)
    (folder / "minimal-conditions.json").write_text(json.dumps([entry]))
    monkeypatch.setenv("CHRONO__FLARE__REWARD_DATA", str(tmp_path / "published"))
    _, told, _ = run("check")
    assert (told["passes"], told["published_reward_epoch"]) == (1, 0)
    states = {each["condition"]: (each["state"], each["figures"]) for each in told["conditions"]}
    assert states["FTSO_SCALING_FAILURE"][0] == "not_met"
    assert "70.00 %" in states["FTSO_SCALING_FAILURE"][1]
    assert states["FAST_UPDATES_FAILURE"] == ("met", "4 updates, 3 expected in reward epoch 0")
    assert "2 conditions fail, 1 passes are held: ALL rewards of the epoch burn" in told["cost"]["told"]


def test_a_person_reads_the_check_with_its_remedies(run: Run) -> None:
    _, told, err = run("check", as_json=False)
    assert "FAIL  fdc" in told["text"]
    assert "-> run Flare's fdc-client" in told["text"]
    assert "see the remedies" in err


def test_without_a_password_the_duty_is_told_and_nothing_is_signed(run: Run) -> None:
    code, told, _ = run("register")
    assert (code, told["duty"], told["call"], told["sent"]) == (0, "preregister", None, None)
    assert told["why"] == "pre-registration for 2 is open"


def test_a_dry_run_signs_and_tries_and_sends_nothing(run: Run, keys: KeyFolder, world: EntityWorld) -> None:
    before = world.flare.chain.head.number
    code, told, _ = run("register", "--password", "env:WALLET")
    assert code == 0
    assert told["call"]["function"] == "preRegisterVoter"
    assert told["call"]["from"] == checksummed(ENTITY.signing_policy)
    assert told["call"]["generation"] == "second"
    assert told["tried"] == {"passes": True, "said": None, "confirmed": True, "fatal": None, "remedy": None}
    assert told["sent"] is None
    assert world.flare.chain.head.number == before


def test_sent_it_stands_in_a_block_and_holds(run: Run, keys: KeyFolder) -> None:
    code, told, _ = run("register", "--send", "--password", "env:WALLET")
    assert code == 0
    assert told["sent"]["reason"] is None
    assert told["sent"]["holds"] is told["preregistered_next"] is True
    assert told["registered_next"] is False
    assert int(told["sent"]["cost_wei"]) > 0
    code, told, _ = run("register")
    assert (code, told["duty"]) == (0, None)
    assert "pre-registered" in told["why"]
    assert finding(run("check")[1], "the next epoch")["verdict"] == "PASS"


def test_with_the_vote_power_block_one_registers_directly(run: Run, keys: KeyFolder, world: EntityWorld) -> None:
    until_open(world)
    assert finding(run("check")[1], "the next epoch")["remedy"] == "chrono ftso register --send"
    code, told, err = run("register", "--send", "--password", "env:WALLET", as_json=False)
    assert code == 0
    assert "VoterRegistry.registerVoter" in told["text"]
    assert "registered" in err
    assert run("register")[1]["registered_next"] is True


def test_a_refusal_is_told_with_its_remedy_and_nothing_is_sent(run: Run, keys: KeyFolder, world: EntityWorld) -> None:
    world.flare.deployment.registrations.set_power(US, Power(0, 0, 0))
    until_open(world)
    before = world.flare.chain.head.number
    code, told, _ = run("register", "--send", "--password", "env:WALLET")
    assert code == 1
    assert told["tried"]["said"] == "voter weight zero"
    assert told["tried"]["fatal"] is True
    assert "vote power block" in told["tried"]["remedy"]
    assert told["sent"] is None
    assert world.flare.chain.head.number == before


def test_too_late_is_said(run: Run, world: EntityWorld) -> None:
    world.until(lambda: world.flare.deployment.relays.policy(2) is not None)
    code, told, _ = run("register")
    assert (code, told["duty"]) == (1, None)
    assert "is over" in told["why"]
    assert "too late" in finding(run("check")[1], "the next epoch")["found"]


def test_beside_a_chrono_that_votes_nothing_is_sent(run: Run, keys: KeyFolder) -> None:
    with hold_identity("local", US):
        code, _, err = run("register", "--send", "--password", "env:WALLET")
    assert code == REFUSED
    assert "another Chrono votes for this identity" in err


def test_a_key_that_the_chain_does_not_know_is_told(run: Run, tmp_path: Path) -> None:
    folder = KeyFolder.below(tmp_path / "house", "local")
    folder.add(Role.SIGNING_POLICY, SecretKey(bytes([5]) * 32), Secret(PASSWORD), now_ns=0, scrypt_n=16)
    code, _, err = run("register", "--password", "env:WALLET")
    assert code == 1
    assert "the signing-policy key that the chain knows for this reward epoch is not here" in err


@pytest.mark.parametrize("command", ["check", "register"])
@pytest.mark.parametrize("setting", ["IDENTITY", "NODES"])
def test_without_an_entity_or_a_node_the_setting_is_named(
    run: Run, monkeypatch: pytest.MonkeyPatch, command: str, setting: str
) -> None:
    monkeypatch.setenv("CHRONO__NETWORK", "coston2")  # `local` asks for its nodes in the settings already
    monkeypatch.delenv(f"CHRONO__FLARE__{setting}")
    code, _, err = run(command)
    assert code == 2
    assert f"flare.{setting.lower()}" in err


def test_a_node_that_is_away_is_told(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHRONO__FLARE__NODES", "http://127.0.0.1:9/")
    code, _, err = run("check")
    assert code == 1
    assert "no node of the network answers as it should" in err


def test_a_light_voter_is_spared_fast_updates() -> None:
    """The weight decides; here from the facts alone, since no contract of the simulation tells it."""
    from chrono.voting.conditions import Facts, State, conditions

    light = Facts(network="flare", has_staking=True, weight=100, total_weight=65_000)
    assert conditions(light)[1].state is State.MET
    assert conditions(replace(light, weight=200))[1].state is State.NOT_MET

"""`chrono doctor` for a provider: nodes, keys, password and API keys, each found wanting with its remedy."""

import asyncio
import os
from pathlib import Path

import pytest

from chrono.cli.findings import Finding, Verdict
from chrono.cli.voter_checks import check_voter
from chrono.clock import SECOND_NS, SystemClock
from chrono.keys.key_folder import KeyFolder
from chrono.keys.key_text import new_key
from chrono.keys.roles import Role
from chrono.settings import Secret, Settings, load_settings
from tests.fakes.evm_chain import FakeChain
from tests.fakes.rpc import FakeNode, serving

PASSWORD = "a password long enough"
NOWHERE = "http://127.0.0.1:1"
COSTON2 = 114
SIGNERS = (Role.SUBMIT, Role.SUBMIT_SIGNATURES, Role.SIGNING_POLICY)


def settings(folder: Path, *nodes: str, **more: str) -> Settings:
    """A submitter on coston2 with these nodes."""
    environ = {
        "CHRONO__DATA_DIR": str(folder),
        "CHRONO__FLARE__SEAT": "submitter",
        "CHRONO__FLARE__IDENTITY": "0x" + "11" * 20,
        "CHRONO__FLARE__NODES": ",".join(nodes or (NOWHERE,)),
        "CHRONO__FLARE__WITHOUT_FDC": "true",
        **more,
    }
    return load_settings(None, environ, {}).settings


def found(settings: Settings) -> dict[str, Finding]:
    return {finding.name: finding for finding in check_voter(settings)}


def give_key(folder: Path, role: Role) -> Path:
    with new_key(role) as key:
        keys = KeyFolder.below(folder, "coston2")
        kept = keys.add(role, key, Secret(PASSWORD), now_ns=SystemClock().now_ns(), scrypt_n=2**4)
    return kept.path


def living() -> FakeNode:
    chain = FakeChain(chain_id=COSTON2)
    chain.mine(SystemClock().now_ns() // SECOND_NS)
    return FakeNode(chain)


def test_who_takes_no_seat_is_asked_nothing(tmp_path: Path) -> None:
    assert found(settings(tmp_path, CHRONO__FLARE__SEAT="none")) == {}


def test_dead_nodes_are_named_with_why(tmp_path: Path) -> None:
    nodes = found(settings(tmp_path, NOWHERE, "http://127.0.0.1:2"))["nodes"]
    assert nodes.verdict is Verdict.FAIL
    assert nodes.found == "node1 unreachable (node_unreachable), node2 unreachable (node_unreachable)"
    assert "flare.nodes" in nodes.remedy


@pytest.mark.parametrize(
    ("chain_ids", "verdict", "told"),
    [
        ((COSTON2, COSTON2), Verdict.PASS, "node1 alive at block 1, node2 alive at block 1"),
        ((COSTON2, 14), Verdict.WARN, "node2 wrong_chain"),
        ((COSTON2,), Verdict.WARN, "nobody contradicts it"),
        ((14,), Verdict.FAIL, "node1 wrong_chain (node_wrong_chain)"),
    ],
)
async def test_nodes_are_asked_for_their_chain_and_their_head(
    tmp_path: Path, chain_ids: tuple[int, ...], verdict: Verdict, told: str
) -> None:
    fakes = [living() for _ in chain_ids]
    for fake, chain_id in zip(fakes, chain_ids, strict=True):
        fake.chain_id = chain_id
    async with serving(fakes[0]) as first, serving(fakes[-1]) as last:
        urls = (first, last)[: len(fakes)]
        nodes = (await asyncio.to_thread(found, settings(tmp_path, *urls)))["nodes"]
    assert nodes.verdict is verdict
    assert told in nodes.found


def test_a_dry_run_may_begin_without_keys_and_live_may_not(tmp_path: Path) -> None:
    give_key(tmp_path, Role.SUBMIT)
    dry = found(settings(tmp_path))["keys"]
    assert (dry.verdict, "none for submit_signatures, signing_policy" in dry.found) == (Verdict.WARN, True)
    assert dry.remedy == "chrono wallet new submit_signatures; chrono wallet new signing_policy"
    live = {"CHRONO__FLARE__MODE": "live", "CHRONO__FLARE__PASSWORD": "env:ABSENT"}
    assert found(settings(tmp_path, **live))["keys"].verdict is Verdict.FAIL
    for role in SIGNERS[1:]:
        give_key(tmp_path, role)
    assert found(settings(tmp_path, **live))["keys"].verdict is Verdict.PASS


def test_a_key_that_others_may_read_is_found(tmp_path: Path) -> None:
    path = give_key(tmp_path, Role.SUBMIT)
    path.chmod(0o644)
    keys = found(settings(tmp_path))["keys"]
    assert (keys.verdict, keys.remedy) == (Verdict.FAIL, "chrono wallet list")
    assert "others may reach the keystore" in keys.found


def test_a_password_that_cannot_be_read_is_found_and_not_shown(tmp_path: Path) -> None:
    path = tmp_path / "word"
    path.write_text(PASSWORD)
    path.chmod(0o644)
    of_it = {"CHRONO__FLARE__PASSWORD": f"file:{path}"}
    told = found(settings(tmp_path, **of_it))["password"]
    assert (told.verdict, "chmod 600" in told.found) == (Verdict.WARN, True)
    path.chmod(0o600)
    told = found(settings(tmp_path, **of_it))["password"]
    assert told.verdict is Verdict.PASS
    assert PASSWORD not in repr(told)


def test_a_password_that_a_person_or_one_reader_gives_is_left_alone(tmp_path: Path) -> None:
    read, write = os.pipe()
    os.write(write, PASSWORD.encode())
    os.close(write)
    assert "password" not in found(settings(tmp_path, CHRONO__FLARE__PASSWORD=f"fd:{read}"))
    assert os.read(read, 100) == PASSWORD.encode()
    os.close(read)


def test_a_provider_that_nobody_may_ask_is_told(tmp_path: Path) -> None:
    assert found(settings(tmp_path))["API keys"].verdict is Verdict.WARN
    keyed = settings(tmp_path, ADMIN_API_KEYS="chrono_admin_" + "a" * 40)
    assert "API keys" not in found(keyed)

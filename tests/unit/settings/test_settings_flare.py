"""The settings of the voter: what a seat cannot do without, and what must be confirmed."""

from pathlib import Path

import pytest

from chrono.settings import SettingsError, load_settings

ME = "0x" + "1a" * 20
SUBMITTER = {
    "CHRONO__FLARE__SEAT": "submitter",
    "CHRONO__FLARE__IDENTITY": ME,
    "CHRONO__FLARE__NODES": "http://127.0.0.1:9650/a,http://127.0.0.1:9650/b",
}
LIVE = {**SUBMITTER, "CHRONO__FLARE__MODE": "live", "CHRONO__FLARE__PASSWORD": "keychain:chrono"}


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "nobody"))


def faults(environ: dict[str, str]) -> list[str]:
    """The keys at fault; empty when the settings are accepted."""
    try:
        load_settings(None, environ)
    except SettingsError as error:
        return sorted(fault.key for fault in error.faults if not fault.advice)
    return []


def advice(environ: dict[str, str]) -> str:
    return " | ".join(fault.expected for fault in load_settings(None, environ).advice)


def test_nothing_votes_and_nothing_is_sent_unless_somebody_says_so() -> None:
    flare = load_settings(None, {}).settings.flare
    assert (flare.seat, flare.mode) == ("none", "dry-run")


def test_a_seat_needs_an_identity_and_nodes_and_says_both_at_once() -> None:
    assert faults({"CHRONO__FLARE__SEAT": "submitter"}) == ["flare.identity", "flare.nodes"]
    assert faults({"CHRONO__FLARE__SEAT": "data-provider"}) == ["flare.identity", "flare.nodes"]
    assert faults(SUBMITTER) == []


def test_a_live_submitter_needs_a_password_and_a_word_about_the_fdc() -> None:
    assert faults({**SUBMITTER, "CHRONO__FLARE__MODE": "live"}) == ["flare.password", "flare.without_fdc"]
    assert faults({**LIVE, "CHRONO__FLARE__WITHOUT_FDC": "true"}) == []
    assert faults({**LIVE, "CHRONO__FLARE__FDC_URL": "http://127.0.0.1:8080/fsp"}) == []
    both = {**LIVE, "CHRONO__FLARE__FDC_URL": "http://127.0.0.1:8080/fsp", "CHRONO__FLARE__WITHOUT_FDC": "true"}
    assert faults(both) == ["flare.without_fdc"]


def test_a_live_submitter_is_told_that_block_latency_feeds_are_missing() -> None:
    told = advice({**LIVE, "CHRONO__FLARE__WITHOUT_FDC": "true"})
    assert "block-latency feeds" in told
    assert "block-latency feeds" not in advice(SUBMITTER)


def test_a_single_node_is_advised_against() -> None:
    assert "a single node" in advice({**SUBMITTER, "CHRONO__FLARE__NODES": "http://127.0.0.1:9650"})
    assert "a single node" not in advice(SUBMITTER)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("identity", "0x12"),
        ("identity", "0x" + "00" * 20),
        ("registry", "nobody"),
        ("fdc_url", "ftp://x"),
        ("fdc_key", "a key without a client"),
        ("reward_data", "/nowhere/at/all"),
        ("reward_data", "gopher://x/y"),
        ("commit_gwei", "20000"),
        ("commit_gwei", "0"),
        ("local_reveal_s", "0"),
        ("mode", "wet"),
        ("seat", "both"),
    ],
)
def test_what_cannot_be_meant_is_a_fault(key: str, value: str) -> None:
    assert faults({f"CHRONO__FLARE__{key.upper()}": value}) == [f"flare.{key}"]


def test_nodes_are_addresses_each_once_and_sockets_have_nodes() -> None:
    assert faults({"CHRONO__FLARE__NODES": "ws://127.0.0.1,http://x"}) == ["flare.nodes[0]"]
    assert faults({"CHRONO__FLARE__NODES": "http://127.0.0.1,http://127.0.0.1"}) == ["flare.nodes[1]"]
    sockets = {"CHRONO__FLARE__NODES": "http://127.0.0.1", "CHRONO__FLARE__NODE_SOCKETS": "ws://127.0.0.1,wss://x"}
    assert faults(sockets) == ["flare.node_sockets[1]"]
    assert "crosses the network in clear" in advice({"CHRONO__FLARE__NODES": "http://node.example.com"})


def test_a_node_s_address_is_never_shown_for_it_may_hold_a_key() -> None:
    with pytest.raises(SettingsError) as raised:
        load_settings(None, {"CHRONO__FLARE__NODES": "ftp://user:hunter2@x/"})
    assert "hunter2" not in str(raised.value)


def test_a_password_is_given_by_reference_and_never_shown() -> None:
    with pytest.raises(SettingsError) as raised:
        load_settings(None, {"CHRONO__FLARE__PASSWORD": "correct horse"})
    assert [fault.key for fault in raised.value.faults] == ["flare.password"]
    assert "horse" not in str(raised.value)
    for reference in ("keychain:chrono", "fd:3", "file:/x", "env:NAME"):
        assert faults({"CHRONO__FLARE__PASSWORD": reference}) == []


def test_a_local_chain_is_read_from_its_own_nodes() -> None:
    assert faults({"CHRONO__NETWORK": "local"}) == ["flare.nodes", "flare.registry"]
    local = {"CHRONO__NETWORK": "local", "CHRONO__FLARE__REGISTRY": ME, "CHRONO__FLARE__NODES": "http://127.0.0.1:1"}
    assert faults(local) == []


def test_the_data_provider_s_port_needs_its_seat_and_its_key_when_others_may_ask() -> None:
    port = {"CHRONO__SERVER__DATA_PROVIDER_PORT": "3100"}
    assert faults(port) == ["server.data_provider_port"]
    seated = {**SUBMITTER, "CHRONO__FLARE__SEAT": "data-provider"}
    assert faults({**seated, **port}) == []
    assert faults({**seated, "CHRONO__SERVER__DATA_PROVIDER_PORT": "3000"}) == ["server.data_provider_port"]
    assert "flare.data_provider_key" in advice({**seated, "CHRONO__SERVER__SEAM_NETWORKS": "10.0.0.0/8"})
    assert "flare.data_provider_key" not in advice(seated)

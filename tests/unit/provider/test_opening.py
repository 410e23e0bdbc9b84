"""From the settings to a voter's parts."""

import json
from pathlib import Path

import msgspec
import pytest

from chrono.clock import SystemClock
from chrono.errors import BAD_DEPLOYMENT, BAD_SETTINGS, KEYSTORE_ABSENT, WRONG_PASSWORD, ChronoError
from chrono.flare.address import Address, checksummed
from chrono.flare.epochs import Timing
from chrono.flare.networks import COSTON2
from chrono.flare.units import COIN_WEI, GWEI
from chrono.keys.funding import DUTIES
from chrono.keys.key_folder import KeyFolder
from chrono.keys.key_text import new_key
from chrono.keys.roles import Role
from chrono.provider.opening import (
    find_network,
    identity_of,
    known_of,
    open_keys,
    registry_of,
    rules_of,
)
from chrono.settings import Secret, Settings
from chrono.settings.model import Flare
from chrono.voting.reports import SentPhase

ME = Address(b"\x1a" * 20)
QUICK = 1 << 10


def test_the_identity_carries_its_checksum_or_none() -> None:
    assert identity_of(Flare(identity="0x" + ME.hex())) == ME
    with pytest.raises(ChronoError) as wrong:
        identity_of(Flare(identity=checksummed(ME).swapcase().replace("0X", "0x")))
    assert wrong.value.reason is BAD_SETTINGS


def test_flare_s_own_registry_is_asked_unless_another_is_named() -> None:
    assert checksummed(registry_of(Flare(), COSTON2)) == "0xaD67FE66660Fb8dFE9d6b1b4240d8650e30F6019"
    assert registry_of(Flare(registry="0x" + ME.hex()), COSTON2) == ME


def test_a_deployment_file_adds_to_what_is_known(tmp_path: Path) -> None:
    file = tmp_path / "deploy.json"
    file.write_text(json.dumps({"Relay": "0x" + ME.hex(), "Mine": "0x" + ME.hex()}))
    known = known_of(Flare(deployment=str(file)), COSTON2)
    assert known["Relay"][-1] == known["Mine"][0] == ME
    assert known["Relay"][0] == COSTON2.contracts["Relay"][0].address
    for text in (None, "[]]"):
        if text is None:
            file.unlink()
        else:
            file.write_text(text)
        with pytest.raises(ChronoError) as bad:
            known_of(Flare(deployment=str(file)), COSTON2)
        assert bad.value.reason is BAD_DEPLOYMENT


def test_the_caps_of_the_settings_are_those_of_the_transactions() -> None:
    rules = rules_of(Flare(commit_gwei=3, reveal_gwei=7, hour_coins=9), COSTON2)
    assert rules.spending.caps(SentPhase.SUBMIT1).most_fee_wei == 3 * GWEI
    assert rules.spending.caps(SentPhase.SUBMIT2).most_fee_wei == 7 * GWEI
    assert rules.spending.hour_wei == 9 * COIN_WEI
    assert rules.spending.reserve_wei(Role.SUBMIT) == 2 * 7 * GWEI * DUTIES[Role.SUBMIT].gas
    assert rules.spending.reserve_wei(Role.SIGNING_POLICY) == 0
    assert rules.lanes.confirmations == 0  # Flare's accepted blocks stay
    elsewhere = msgspec.structs.replace(COSTON2, name="local")
    assert rules_of(Flare(), elsewhere).lanes.confirmations == 3
    short = msgspec.structs.replace(elsewhere, timing=Timing(0, 10, reveal_s=5))
    assert rules_of(Flare(), short).lanes.confirmations == 0  # three blocks would take most of its reveal window


async def test_fip16_of_the_settings_reaches_the_network() -> None:
    settings = Settings(network="coston2", flare=Flare(fip16_activation_reward_epoch={"coston2": 5000}))
    network = await find_network(settings, SystemClock())
    assert (network.name, network.fip16_activation_reward_epoch) == ("coston2", 5000)


def test_only_a_live_submitter_s_keys_are_opened(tmp_path: Path) -> None:
    live = Flare(seat="submitter", mode="live", password="env:WALLET")
    folder = KeyFolder.below(tmp_path, "coston2")
    password = Secret("a password of tests")

    def opened(flare: Flare, word: str = "a password of tests") -> object:
        settings = Settings(network="coston2", data_dir=str(tmp_path), flare=flare)
        return open_keys(settings, {"WALLET": word})

    for other in (Flare(), Flare(seat="submitter"), Flare(seat="data-provider", mode="live", password="env:WALLET")):
        assert opened(other) is None
    with pytest.raises(ChronoError) as absent:
        opened(live)
    assert absent.value.reason is KEYSTORE_ABSENT
    for role in (Role.SUBMIT, Role.SUBMIT_SIGNATURES, Role.SIGNING_POLICY):
        with new_key(role) as key:
            folder.add(role, key, password, now_ns=0, scrypt_n=QUICK)
    with new_key(Role.SUBMIT) as key:
        folder.add(Role.SUBMIT, key, password, now_ns=0, beside=True, scrypt_n=QUICK)
    keys = opened(live)
    assert keys is not None
    assert len(keys.addresses(Role.SUBMIT)) == 2  # type: ignore[attr-defined]
    assert len(keys.addresses(Role.SIGNING_POLICY)) == 1  # type: ignore[attr-defined]
    with pytest.raises(ChronoError) as wrong:
        opened(live, "another one")
    assert wrong.value.reason is WRONG_PASSWORD

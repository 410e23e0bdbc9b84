"""Published reward data: where they come from, what is signed of them, and what is not."""

import gzip
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from chrono.errors import BAD_REWARDS, REWARD_DATA_ABSENT, REWARD_DATA_WRONG, ChronoError
from chrono.flare.address import Address
from chrono.flare.networks import FLARE, SONGBIRD
from chrono.flare.rewards.claims import ClaimType
from chrono.flare.rewards.minimal_conditions import anchor_met
from chrono.flare.system_messages import WeightBasedClaims
from chrono.provider import reward_data
from chrono.provider.reward_data import RewardAddress, RewardFolder, reward_source
from chrono.published.epoch import PublishedEpoch
from chrono.published.signing import Bounds, rewards_to_sign
from chrono.voting.conditions import Facts, conditions, cost_of
from tests.fakes.answering import Answering
from tests.fakes.chain_records import ABSENT, FOLDER, record
from tests.fakes.epoch_house import published
from tests.fakes.published_epochs import CASE, EPOCH, ROOT, document

US = Address(bytes([7]) * 20)
GOOD = published("flare", 300, US, 50)


def signed(epoch: PublishedEpoch, **changed: Any) -> Any:
    asked = {"network": FLARE, "reward_epoch_id": 300, "identity": US} | changed
    return rewards_to_sign(epoch, **asked)


def why(epoch: PublishedEpoch, **changed: Any) -> str:
    with pytest.raises(ChronoError) as raised:
        signed(epoch, **changed)
    assert raised.value.reason is REWARD_DATA_WRONG
    return str(raised.value.facts["why"])


def test_a_sound_epoch_is_signed_by_its_recomputed_root() -> None:
    found = signed(GOOD)
    assert found.rewards_hash == GOOD.root
    assert found.claims == (WeightBasedClaims(14, 1),)


def test_the_largest_epoch_of_the_reference_is_signed_by_its_root() -> None:
    [fee, *_] = [each for each in CASE["claims"] if each["claimType"] == ClaimType.FEE]
    identity = Address(bytes.fromhex(fee["beneficiary"][2:]))
    epoch = _from_bytes(json.dumps(document()).encode())
    found = signed(epoch, reward_epoch_id=EPOCH, identity=identity)
    assert found.rewards_hash == bytes.fromhex(ROOT[2:])


def _from_bytes(body: bytes) -> PublishedEpoch:
    from chrono.published.documents import document_of

    return document_of(body, "test")


def test_a_root_that_does_not_follow_is_not_signed() -> None:
    assert "root: expected" in why(replace(GOOD, root=bytes(32)))
    raised = replace(GOOD.claims[1], amount=8)
    assert "root" in why(replace(GOOD, claims=(GOOD.claims[0], raised, GOOD.claims[2])))
    assert "1 more differences" in why(replace(GOOD, root=bytes(32), weight_based_claims=9))


def test_another_epoch_or_network_is_not_signed() -> None:
    assert "not 301" in why(GOOD, reward_epoch_id=301)
    assert "not of songbird" in why(GOOD, network=SONGBIRD)


def test_without_our_claim_or_outside_its_bounds_nothing_is_signed() -> None:
    assert "no fee claim" in why(GOOD, identity=Address(bytes([8]) * 20))
    assert "below 51 wei" in why(GOOD, bounds=Bounds(51))
    assert "above 49 wei" in why(GOOD, bounds=Bounds(0, 49))
    assert signed(GOOD, bounds=Bounds(50, 50)) == signed(GOOD)


def test_a_direct_claim_of_ours_is_no_fee_claim() -> None:
    other = published("flare", 300, Address(bytes([2]) * 20))
    assert "no fee claim" in why(replace(other, claims=other.claims), identity=Address(bytes([1]) * 20))


@pytest.mark.parametrize("below", ["", "flare"])
@pytest.mark.parametrize("packed", [False, True])
async def test_a_folder_holds_epochs_by_number(tmp_path: Path, below: str, packed: bool) -> None:
    folder = tmp_path / below / str(EPOCH)
    folder.mkdir(parents=True)
    body = json.dumps(document()).encode()
    name = "reward-distribution-data.json" + (".gz" if packed else "")
    (folder / name).write_bytes(gzip.compress(body) if packed else body)
    found = await RewardFolder(tmp_path, "flare").fetch(EPOCH)
    assert found.root == bytes.fromhex(ROOT[2:])
    assert found.network == "flare"


async def test_what_is_not_in_the_folder_is_absent(tmp_path: Path) -> None:
    with pytest.raises(ChronoError) as raised:
        await RewardFolder(tmp_path, "flare").fetch(1)
    assert raised.value.reason is REWARD_DATA_ABSENT


Serve = Callable[..., RewardAddress]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """A server on loopback that answers one path; the source that asks it."""
    with Answering({}) as server:

        def made(path: str, document: object, status: int = 200) -> RewardAddress:
            server.answers[f"/flare/{path}"] = (status, document)
            return RewardAddress(f"{server.url}/flare/", "flare")

        yield made


async def test_an_address_is_asked_for_the_published_name(serve: Serve) -> None:
    source = serve(f"{EPOCH}/reward-distribution-data.json", document())
    found = await source.fetch(EPOCH)
    assert found.root == bytes.fromhex(ROOT[2:])
    await source.close()


@pytest.mark.parametrize("status", [404, 403, 500, 301])
async def test_a_status_other_than_200_is_absent(serve: Serve, status: int) -> None:
    with pytest.raises(ChronoError) as raised:
        await serve("1/reward-distribution-data.json", {}, status).fetch(1)
    assert raised.value.reason is REWARD_DATA_ABSENT


async def test_a_server_that_is_away_is_absent() -> None:
    with pytest.raises(ChronoError) as raised:
        await RewardAddress("http://127.0.0.1:9", "flare").fetch(1)
    assert raised.value.facts["cause"] == "ConnectError"


async def test_what_is_too_large_is_absent(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reward_data, "MOST_BYTES", 100)
    with pytest.raises(ChronoError, match="more than 100 bytes"):
        await serve("1/reward-distribution-data.json", document()).fetch(1)


async def test_what_cannot_be_read_is_bad(serve: Serve) -> None:
    with pytest.raises(ChronoError) as raised:
        await serve("1/reward-distribution-data.json", b"[" * 100).fetch(1)
    assert raised.value.reason is BAD_REWARDS


def entry(identity: Address, **changed: Any) -> dict[str, Any]:
    told = {
        "rewardEpochId": 390, "network": "flare", "voterAddress": "0x" + identity.hex().upper(), "voterIndex": 0,
        "passesHeld": 2, "passEarned": True, "strikes": 0, "eligibleForReward": True, "newNumberOfPasses": 3,
        "ftsoScaling": {"allPossibleHits": 100, "conditionMet": True, "totalHits": 99, "feedHits": []},
        "fastUpdates": {"conditionMet": True, "totalUpdatesByAll": 9, "updates": 5, "expectedUpdatesPPM": "1",
                        "expectedUpdates": "4", "tooLowWeight": False},
        "staking": {"conditionMet": True, "nodeConditions": [
            {"nodeId": "0x00", "uptimeOk": True, "selfBond": "7", "totalStakeAmount": "9"}]},
        "fdc": {"conditionMet": True, "totalRewardedVotingRounds": 10, "rewardedVotingRounds": 8},
    }  # fmt: skip
    return told | changed


async def test_our_entry_of_the_conditions_is_found_among_all(serve: Serve) -> None:
    others = [entry(Address(bytes([n]) * 20)) for n in (1, 2)]
    source = serve("390/minimal-conditions.json", [*others, entry(US)])
    found = await source.conditions(390, US)
    assert found is not None
    assert (found.passes, found.hits, found.possible, found.updates_expected, found.fdc_rounds) == (3, 99, 100, 4, 8)
    assert found.staking.self_bond_gwei == 7
    assert await source.conditions(390, Address(bytes([5]) * 20)) is None


async def test_conditions_of_older_epochs_lack_what_was_not_there(tmp_path: Path) -> None:
    early = {name: told for name, told in entry(US).items() if name not in ("fdc", "staking", "fastUpdates")}
    (tmp_path / "251").mkdir()
    (tmp_path / "251" / "minimal-conditions.json.gz").write_bytes(gzip.compress(json.dumps([early]).encode()))
    found = await RewardFolder(tmp_path, "flare").conditions(251, US)
    assert found is not None
    assert (found.fdc_met, found.staking_met, found.updates, found.nodes) == (None, None, None, ())


async def test_conditions_that_cannot_be_read_are_bad(serve: Serve) -> None:
    source = serve("1/minimal-conditions.json", [{"voterAddress": "0x" + US.hex()}])
    with pytest.raises(ChronoError) as raised:
        await source.conditions(1, US)
    assert raised.value.reason is BAD_REWARDS


def test_the_setting_means_a_folder_or_an_address(tmp_path: Path) -> None:
    assert isinstance(reward_source("https://x.test/flare", "flare"), RewardAddress)
    assert isinstance(reward_source(str(tmp_path), "flare"), RewardFolder)


@pytest.mark.data
@pytest.mark.skipif(not (FOLDER / "ftso" / "reward_epochs").is_dir(), reason=ABSENT)
@pytest.mark.parametrize("which", ["flare/292", "flare/316", "flare/390", "songbird/390"])
async def test_every_recorded_entry_is_read_as_it_was_published(which: str) -> None:
    """And our own words about each condition come to what the network said."""
    network, _, epoch = which.partition("/")
    source = RewardFolder(FOLDER / "ftso" / "reward_epochs", network)
    everybody = record(f"ftso/reward_epochs/{which}/minimal-conditions.json.gz")
    for told in everybody:
        found = await source.conditions(int(epoch), Address(bytes.fromhex(told["voterAddress"][2:])))
        assert found is not None
        assert (found.passes, found.strikes) == (told["newNumberOfPasses"], told["strikes"])
        assert anchor_met(found.hits, found.possible) == found.anchor_met
        if network == "flare":
            assert found.staking.met == found.staking_met
        facts = Facts(network=network, has_staking=network == "flare", has_fdc=True, last=found)
        failing = cost_of(conditions(facts), found.passes_held).failing
        assert len(failing) >= found.strikes
        assert (len(failing) > found.passes_held) >= (not found.eligible)

"""Real rounds of the networks: calldata, feed lists, offers, a published tree. Read where they lie (CHRONO_DATA)."""

import gzip
import json
import os
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from chrono.clock import SECOND_NS
from chrono.flare.address import Address, parse_address
from chrono.flare.commit import Reveal, decode_commit, decode_reveal
from chrono.flare.epochs import PolicyStart, RewardEpoch, VotingRound, reward_epoch_of
from chrono.flare.feed_order import CommunityOffer, InflationOffer, feed_order, pack_feeds, unpack_feeds
from chrono.flare.feeds import Feed, FeedId
from chrono.flare.frames import FDC, FTSO, Frame, SubmissionFunction, decode_calldata
from chrono.flare.median import Median
from chrono.flare.merkle import verify_proof
from chrono.flare.networks import network_of
from chrono.flare.random import RoundRandom
from chrono.flare.refusal import Fault, Refused
from chrono.flare.results import FeedResult, RoundResult
from chrono.flare.round.electorate import Electorate, Voter
from chrono.flare.round.outcome import round_from_transactions
from chrono.flare.round.transactions import Transaction, by_round
from chrono.flare.signature_payload import SignaturePayload

DATA = Path(os.environ.get("CHRONO_DATA") or Path(__file__).parents[4] / "shared" / "data")
RECORDED = DATA / "ftso"
PUBLISHED = 337

pytestmark = [
    pytest.mark.data,
    pytest.mark.skipif(not RECORDED.is_dir(), reason=f"**** no recordings at {DATA}: set CHRONO_DATA; NOT TESTED ****"),
]


def recorded(name: str) -> Any:
    raw = (RECORDED / name).read_bytes()
    return json.loads(gzip.decompress(raw) if name.endswith(".gz") else raw)


@pytest.fixture(scope="module")
def calldata() -> Any:
    return recorded("real_round_calldata.json")


@pytest.fixture(scope="module")
def canonical() -> pl.DataFrame:
    return pl.read_parquet(RECORDED / "canonical_feeds.parquet")


def frames_in(text: str, function: SubmissionFunction) -> list[Frame]:
    called, frames = decode_calldata(bytes.fromhex(text.removeprefix("0x")))
    assert called is function
    return frames


def feeds_of(canonical: pl.DataFrame, network: str, reward_epoch: int) -> tuple[Feed, ...]:
    chosen = canonical.filter((pl.col("network") == network) & (pl.col("reward_epoch") == reward_epoch))
    return tuple(Feed(FeedId.from_hex(row["feed_id"]), row["decimals"]) for row in chosen.iter_rows(named=True))


def test_a_real_commit_and_a_real_reveal_are_read_and_match(calldata, canonical: pl.DataFrame) -> None:
    told, shown = calldata["submit1"][0], calldata["submit2"][0]
    (commit,) = frames_in(told["calldata"], SubmissionFunction.SUBMIT1)
    (revealed,) = frames_in(shown["calldata"], SubmissionFunction.SUBMIT2)
    assert (commit.protocol_id, commit.voting_round_id, revealed.voting_round_id) == (FTSO, 812_576, 812_576)
    assert "0x" + decode_commit(commit.payload).hex() == told["expected_commit"]
    reveal = decode_reveal(revealed.payload, random_only=False)
    assert str(int.from_bytes(reveal.random, "big")) == shown["expected_random"]
    feeds = feeds_of(canonical, "flare", 241)
    assert reveal.values(len(feeds)) == shown["expected_values"]
    assert reveal.commit_hash(parse_address(told["submit_address"]), 812_576) == commit.payload


def test_real_values_make_sense_in_the_canonical_order_of_their_epoch(calldata, canonical: pl.DataFrame) -> None:
    (revealed,) = frames_in(calldata["submit2"][0]["calldata"], SubmissionFunction.SUBMIT2)
    feeds = feeds_of(canonical, "flare", 241)
    values = decode_reveal(revealed.payload, random_only=False).values(len(feeds))
    prices = {feed.id.name: (value or 0) / 10**feed.decimals for feed, value in zip(feeds, values, strict=True)}
    for name in ("USDC/USD", "USDT/USD"):
        assert abs(prices[name] - 1) < 0.01
    assert prices["BTC/USD"] > prices["ETH/USD"] > prices["LTC/USD"] > prices["XRP/USD"]


def test_a_real_commit_and_reveal_put_on_a_chain_make_a_round_with_their_values_as_medians(
    calldata, canonical: pl.DataFrame
) -> None:
    told, shown = calldata["submit1"][0], calldata["submit2"][0]
    me, submission = parse_address(told["submit_address"]), Address(bytes(20))
    voting_round = VotingRound(told["voting_round"], network_of("flare").timing)
    sent = [(told["calldata"], 75), (shown["calldata"], 134)]
    transactions = [
        Transaction(me, submission, bytes.fromhex(text[2:]), number, 0, voting_round.epoch.start_s + after_s)
        for number, (text, after_s) in enumerate(sent)
    ]
    electorate = Electorate(241, (Voter(me, 7, 842),), feeds_of(canonical, "flare", 241), fip16=False)
    outcome = round_from_transactions(voting_round, transactions, submission, lambda _: electorate, 20)
    assert outcome.result is not None
    assert [feed.value for feed in outcome.result.feeds] == shown["expected_values"]
    assert not outcome.result.random.is_secure


def test_a_real_transaction_of_coston_belongs_to_the_round_that_its_frame_names(calldata) -> None:
    told = calldata["submit1"][1]
    tx = told["tx"]
    transaction = Transaction(
        sender=parse_address("0x" + tx["FromAddress"]),
        to=parse_address("0x" + tx["ToAddress"]),
        calldata=bytes.fromhex(tx["Input"]),
        block_number=tx["BlockNumber"],
        index=tx["TransactionIndex"],
        block_time_s=tx["Timestamp"],
        succeeded=tx["Status"] == 1,
    )
    found = by_round([transaction], transaction.to, network_of("coston").timing)
    assert {number: found[number].commits for number in found} == {told["voting_round"]: [transaction]}
    (frame,) = frames_in(tx["Input"], SubmissionFunction.SUBMIT1)
    assert (frame.voting_round_id, "0x" + frame.payload.hex()) == (told["voting_round"], told["expected_commit"])


def test_real_signatures_are_framed_for_both_protocols(calldata) -> None:
    ours, both = calldata["submit_signatures"]
    (frame,) = frames_in(ours["calldata"], SubmissionFunction.SUBMIT_SIGNATURES)
    payload = SignaturePayload.decode(frame.payload)
    assert (frame.protocol_id, frame.voting_round_id, payload.type) == (FTSO, ours["voting_round"], ours["type"])
    assert payload.message is not None
    assert "0x" + payload.message.merkle_root.hex() == ours["merkle_root"]
    signer = payload.signer(payload.message)
    assert signer == parse_address(ours["recovered_signer_checked"])
    frames = frames_in(both["calldata"], SubmissionFunction.SUBMIT_SIGNATURES)
    found = [(frame.protocol_id, SignaturePayload.decode(frame.payload).type) for frame in frames]
    assert found == [(told["protocol_id"], told["type"]) for told in both["contains"]] == [(FTSO, 0), (FDC, 1)]


def test_the_published_root_of_round_785250_is_that_of_its_leaves_and_each_of_them_is_proven() -> None:
    told = recorded("da_layer_round_785250_tree.json")
    head, *rows = told["tree"]
    round_id = told["votingRoundId"]
    random = RoundRandom(int(head["value"], 16), head["isSecure"])
    feeds = tuple(_published(round_id, row) for row in rows)
    result = RoundResult(round_id, random, feeds)
    assert len(feeds) == 71
    assert "0x" + result.root.hex() == told["merkleRoot"]
    assert result.message.is_secure_random is told["isSecureRandom"]
    for feed in feeds:
        assert verify_proof(feed.leaf, result.proof(feed), result.root)
    assert verify_proof(result.random_leaf, result.tree.proof(result.random_leaf), result.root)
    assert [bytes(feed.feed.id) for feed in feeds] == sorted(bytes(feed.feed.id) for feed in feeds)


def _published(round_id: int, row: dict[str, Any]) -> FeedResult:
    """A feed of the published tree; one of turnout 0 had no votes."""
    feed, turnout = Feed(FeedId.from_hex(row["id"]), row["decimals"]), row["turnoutBIPS"]
    return FeedResult(round_id, feed, Median(row["value"], None, None, turnout) if turnout else None, turnout)


def test_every_published_feed_order_is_by_id_but_for_the_feeds_that_only_the_community_paid_for(
    canonical: pl.DataFrame,
) -> None:
    out_of_order: dict[tuple[str, int], str] = {}
    orders = canonical.group_by(["network", "reward_epoch"], maintain_order=True).agg("feed_id", "feed_name")
    for network, epoch, ids, names in orders.iter_rows():
        keys = [bytes(FeedId.from_hex(text)) for text in ids]
        assert [FeedId.from_bytes(key).name for key in keys] == names
        assert keys[:-1] == sorted(keys[:-1])
        if keys[-1] < keys[-2]:
            out_of_order[network, epoch] = names[-1]
    assert len(orders) == PUBLISHED
    # New in that epoch, and not yet paid for by inflation.
    assert out_of_order == {("flare", 261): "TRUMP/USD", ("songbird", 261): "TRUMP/USD"}


def test_the_published_orders_are_found_again_from_offers_of_their_feeds(canonical: pl.DataFrame) -> None:
    for (_network, epoch), group in canonical.group_by(["network", "reward_epoch"], maintain_order=True):
        feeds = tuple(
            Feed(FeedId.from_hex(text), decimals) for text, decimals in group.select("feed_id", "decimals").iter_rows()
        )
        assert unpack_feeds(*pack_feeds(feeds)) == feeds
        late = [feed for feed in feeds if feed.id.name == "TRUMP/USD" and epoch == 261]
        by_inflation = tuple(feed for feed in reversed(feeds) if feed not in late)
        community = [CommunityOffer(epoch, feed, 10**18) for feed in [*late, feeds[0]]]
        assert feed_order(epoch, [InflationOffer(epoch, by_inflation, ())], community) == feeds


@pytest.mark.parametrize(
    "folder", sorted(path.parent.name + "/" + path.name for path in RECORDED.glob("reward_epochs/*/*"))
)
def test_the_order_of_a_reward_epoch_follows_from_the_offers_that_were_made(
    folder: str, canonical: pl.DataFrame
) -> None:
    told = recorded(f"reward_epochs/{folder}/reward-epoch-info.json.gz")
    network, epoch = folder.split("/")
    inflation = [
        InflationOffer(
            offer["rewardEpochId"],
            tuple(
                Feed(FeedId.from_hex(text), places)
                for text, places in zip(offer["feedIds"], offer["decimals"], strict=True)
            ),
            tuple(offer["secondaryBandWidthPPMs"]),
        )
        for offer in told["rewardOffers"]["inflationOffers"]
    ]
    assert told["rewardOffers"]["rewardOffers"] == []
    order = feed_order(int(epoch), inflation, [])
    assert [{"id": feed.id.hex, "decimals": feed.decimals} for feed in order] == told["canonicalFeedOrder"]
    assert order == feeds_of(canonical, network, int(epoch))


def test_the_63_feeds_of_the_developer_hub_are_the_feeds_that_flare_and_songbird_last_voted_on(
    canonical: pl.DataFrame,
) -> None:
    hub = recorded("developer_hub_feeds.json")
    assert len(hub) == network_of("flare").anchor_feeds
    for told in hub:
        feed = FeedId.from_hex(told["feed_id"])
        assert (feed.name, feed.label, feed.hex) == (told["feed_name"], told["feed_name"], told["feed_id"])
        assert feed.category_name == told["category"].lower()
    ids = {told["feed_id"] for told in hub}
    for network, last in (("flare", 390), ("songbird", 391)):
        assert {feed.id.hex for feed in feeds_of(canonical, network, last)} == ids


def test_every_published_reward_epoch_started_when_its_policy_says_that_it_should() -> None:
    epochs = pl.read_parquet(RECORDED / "epochs.parquet")
    assert len(epochs) == PUBLISHED
    for network in ("flare", "songbird"):
        timing = network_of(network).timing
        rows = list(epochs.filter(pl.col("network") == network).sort("reward_epoch").iter_rows(named=True))
        starts = [PolicyStart(row["reward_epoch"], row["start_voting_round"]) for row in rows]
        for row in rows:
            initialised = timing.round_at(row["policy_timestamp"] * SECOND_NS).id
            assert RewardEpoch(row["reward_epoch"], timing).start_round(initialised) == row["start_voting_round"]
            for round_id in (row["start_voting_round"], row["end_voting_round"]):
                assert reward_epoch_of(round_id, starts) == row["reward_epoch"]


def test_real_transactions_of_another_contract_are_refused_by_name() -> None:
    raw = (DATA / "chain" / "coston2_indexer_transactions_history.json.gz").read_bytes()
    transactions = json.loads(gzip.decompress(raw))
    assert len(transactions) == 50
    for tx in transactions:
        with pytest.raises(Refused) as refused:
            decode_calldata(bytes.fromhex(tx["Input"]))
        assert refused.value.fault is Fault.UNKNOWN_FUNCTION


def test_a_real_reveal_with_one_bit_changed_no_longer_matches_its_commit(calldata) -> None:
    told, shown = calldata["submit1"][0], calldata["submit2"][0]
    me = parse_address(told["submit_address"])
    (revealed,) = frames_in(shown["calldata"], SubmissionFunction.SUBMIT2)
    expected = bytes.fromhex(told["expected_commit"][2:])
    for place in range(len(revealed.payload) * 8):
        bent = bytearray(revealed.payload)
        bent[place // 8] ^= 1 << place % 8
        assert Reveal(bytes(bent[:32]), bytes(bent[32:])).commit_hash(me, told["voting_round"]) != expected

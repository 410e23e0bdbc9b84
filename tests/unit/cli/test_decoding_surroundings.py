"""What is told of what stands around the bytes: networks, contracts, logs, feeds, and rules that are off or odd."""

import pytest
from msgspec.structs import replace

from chrono.cli.decoding.feeds import NamedFeed, read_feeds
from chrono.cli.decoding.finding import About, Calldata, Log
from chrono.cli.decoding.terms import Terms
from chrono.cli.decoding.transaction import describe
from chrono.cli.decoding.words import lines_of
from chrono.cli.ends import Stop
from chrono.flare.abi import encode
from chrono.flare.contracts.event_table import EVENTS
from chrono.flare.frames import Frame, SubmissionFunction, calldata
from chrono.flare.networks import COSTON, FLARE
from chrono.flare.signature_payload import SignaturePayload
from chrono.flare.signatures import sign
from tests.fakes.explaining import ROUND, START_S, call, told, words
from tests.fakes.signers import address_at, key_of, message_of

SUBMIT1, SUBMIT2 = SubmissionFunction.SUBMIT1, SubmissionFunction.SUBMIT2
SIGNATURES = SubmissionFunction.SUBMIT_SIGNATURES


def test_a_transaction_brings_its_own_network_unless_one_is_given() -> None:
    found = Calldata(About(network=14), "0x" + calldata(SUBMIT1, [Frame(100, ROUND, b"\1" * 32)]).hex())
    assert describe(found, Terms(COSTON))["network"] == "flare"
    assert describe(found, Terms(COSTON), network_is_given=True)["network"] == "coston"
    strange = describe(Calldata(About(network=1), found.text), Terms(FLARE))
    assert not strange["decoded"]


def test_a_call_to_another_contract_than_the_functions_is_pointed_out() -> None:
    data = calldata(SUBMIT1, [Frame(100, ROUND, b"\1" * 32)])
    relay = "0x051f214D346Cfd97B107BECb87E2B35D1b4287E9"
    assert f"to {relay} (Relay, which is not Submission)" in words(data, about=About(to=relay))


def test_a_log_is_told_by_its_event() -> None:
    [shape] = [shape for shape in EVENTS if shape.name == "RewardEpochStarted"]
    topics = ("0x" + shape.topic.hex(), "0x" + (9).to_bytes(32, "big").hex())
    log = Log(About(), topics, "0x" + encode(["uint32", "uint64"], [ROUND, START_S]).hex())
    document = describe(log, Terms(COSTON))
    assert document["fields"] == {"reward_epoch_id": 9, "start_voting_round_id": ROUND, "timestamp_s": START_S}
    assert next(iter(lines_of(document))) == "event RewardEpochStarted of FlareSystemsManager"
    assert not describe(Log(About(), topics, "0x00"), Terms(COSTON))["decoded"]
    assert not describe(Log(About(), (), "0x"), Terms(COSTON))["decoded"]


def test_a_round_beyond_all_calendars_is_still_told() -> None:
    assert "begins after the year 9999" in words(calldata(SUBMIT1, [Frame(100, 2**32 - 1, b"\1" * 32)]))


def test_feeds_are_named_by_our_own_list_or_the_developer_hubs(tmp_path) -> None:
    ours = tmp_path / "ours.json"
    ours.write_text('[{"id": "0x014254432f55534400000000000000000000000000", "decimals": 2}]')
    assert read_feeds(str(ours)) == (NamedFeed("BTC/USD", 2),)
    hub = tmp_path / "hub.json"
    hub.write_text(
        '[{"feed_id": "0x01464c522f55534400000000000000000000000000", "feed_name": "FLR/USD", "feed_index": 0},'
        ' {"feed_id": "0x014254432f55534400000000000000000000000000", "feed_name": "BTC/USD", "feed_index": 2}]'
    )
    assert read_feeds(str(hub)) == (NamedFeed("BTC/USD", None), NamedFeed("FLR/USD", None)), "in the order of ids"


@pytest.mark.parametrize(
    "text",
    ["", "{}", "[1]", '[{"id": "0x01"}]', '[{"name": "BTC/USD"}]', '[{"id": "0x' + "00" * 21 + '", "decimals": 1.5}]'],
)
def test_a_file_that_lists_no_feeds_stops_with_the_form_that_is_asked(tmp_path, text: str) -> None:
    (tmp_path / "feeds.json").write_text(text)
    with pytest.raises(Stop, match="lists no feeds") as stopped:
        read_feeds(str(tmp_path / "feeds.json"))
    assert stopped.value.code == 2


def test_text_from_a_transaction_cannot_steer_the_terminal() -> None:
    text = words(call("getContractAddressByName", "Relay\x1b[2J\x9b"))
    assert text.isascii()
    assert all(line.isprintable() for line in text.split("\n"))
    assert "name: Relay" in words(call("getContractAddressByName", "Relay"))


@pytest.mark.parametrize("time_s", [0, 1_000_000_000, COSTON.timing.first_start_s])
def test_a_registration_before_the_protocol_has_no_signer(time_s: int) -> None:
    data = call("registerVoter", address_at(0), (27, b"\1" * 32, b"\2" * 32))
    document = told(data, about=About(time_s=time_s))
    assert "signer" not in document
    assert "older than the protocol" in "".join(document["notes"])


def test_a_reveal_without_values_is_one_only_where_fip16_counts() -> None:
    data = "0x" + calldata(SUBMIT2, [Frame(100, ROUND, b"\1" * 32)]).hex()
    assert not describe(Calldata(About(), data), Terms(COSTON))["decoded"]
    later = Terms(replace(COSTON, fip16_activation_reward_epoch=5))
    assert describe(Calldata(About(), data), later)["frames"][0]["values"] == []


def test_a_protocol_that_is_there_twice_is_pointed_out() -> None:
    frame = bytes(Frame(100, ROUND, b"\1" * 32))
    assert "note: a protocol is there twice" in words(SUBMIT1.value + frame + frame)


def test_the_payload_of_an_unknown_protocol_is_shown_as_it_is() -> None:
    assert "payload 0x010203" in words(calldata(SUBMIT1, [Frame(7, ROUND, b"\1\2\3")]))
    message = message_of(ROUND, 7)
    payload = SignaturePayload(sign(message.digest(), key_of(0)), b"\xab\xcd", message)
    text = words(calldata(SIGNATURES, [Frame(7, ROUND, payload.encode())]))
    assert "beside it, unsigned: 0xabcd" in text


def test_a_reverted_transaction_says_so() -> None:
    data = calldata(SUBMIT1, [Frame(100, ROUND, b"\1" * 32)])
    assert "the transaction was reverted" in words(data, about=About(failed=True))
    assert "transaction 0x01 in block 5 (reverted)" in words(data, about=About(failed=True, hash="0x01", block=5))

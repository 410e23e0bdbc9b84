"""The session as scripted conversations: what a client says, and what follows."""

import json
from typing import Any

import pytest

from chrono.clock import SECOND_NS
from chrono.settings import Stream
from chrono.stream.session import MESSAGE_MAX, Decision, Session, Topic
from tests.fakes.streams import KeyHolder


def a_session(*, authorised: bool = True, **rules: Any) -> Session:
    session = Session("abc", Stream(**rules))
    if authorised:
        session.judge(KeyHolder("k1"))
    return session


class Talk:
    """Says things a second apart, so that no limit of frequency is met by accident."""

    def __init__(self, session: Session) -> None:
        self.session, self.at_ns = session, 0

    def say(self, **frame: Any) -> Decision:
        return self.raw(json.dumps(frame))

    def raw(self, message: bytes | str) -> Decision:
        self.at_ns += SECOND_NS
        return self.session.receive(message, self.at_ns)


@pytest.fixture
def talk() -> Talk:
    return Talk(a_session())


def frames(decision: Decision) -> list[dict[str, Any]]:
    return [json.loads(frame) for frame in decision.frames]


def only(decision: Decision) -> dict[str, Any]:
    (frame,) = frames(decision)
    return frame


def test_hello_names_version_session_heartbeat_and_limits() -> None:
    hello = json.loads(a_session(max_symbols=200, messages_per_s=5).hello())
    assert hello == {
        "type": "hello", "v": 1, "session": "abc", "heartbeat_ms": 30000, "limits": {"symbols": 200, "msgs_per_s": 5},
    }  # fmt: skip


def test_subscribe_answers_in_our_spelling_and_asks_for_a_snapshot(talk: Talk) -> None:
    decision = talk.say(action="subscribe", symbols=["BTC/USD", "ETH"], id=7)
    assert only(decision) == {"type": "subscribed", "id": 7, "symbols": ["BTC/USD", "ETH/USD"], "errors": []}
    assert decision.added == [(Topic.PRICES, "BTC/USD"), (Topic.PRICES, "ETH/USD")]
    assert decision.snapshot == ("BTC/USD", "ETH/USD")
    assert decision.refusal is None


def test_type_is_taken_for_action_and_client_id_is_ignored(talk: Talk) -> None:
    answer = only(talk.say(type="subscribe", symbols=["BTC/USD"], client_id="old-client"))
    assert answer["symbols"] == ["BTC/USD"]


def test_action_wins_over_type(talk: Talk) -> None:
    assert only(talk.say(action="ping", type="subscribe", id=1)) == {"type": "pong", "id": 1}


def test_one_bad_symbol_never_costs_the_others(talk: Talk) -> None:
    answer = only(talk.say(action="subscribe", symbols=["BTC-USD", "ETH/USD", "../etc", "a\u202eb"]))
    assert answer["symbols"] == ["ETH/USD"]
    assert [(fault["symbol"], fault["code"]) for fault in answer["errors"]] == [
        ("BTC-USD", "VALIDATION_ERROR"), ("../etc", "VALIDATION_ERROR"), ("a\u202eb", "VALIDATION_ERROR"),
    ]  # fmt: skip
    assert "BTC/USD" in answer["errors"][0]["message"]


def test_the_symbol_limit_refuses_the_surplus_only_and_counts_across_messages() -> None:
    talk = Talk(a_session(max_symbols=2))
    assert only(talk.say(action="subscribe", symbols=["A", "B", "C"]))["symbols"] == ["A/USD", "B/USD"]
    answer = only(talk.say(action="subscribe", symbols=["C", "A"]))
    assert answer["symbols"] == ["A/USD"]
    assert [fault["symbol"] for fault in answer["errors"]] == ["C/USD"]
    talk.say(action="unsubscribe", symbols=["B"])
    assert only(talk.say(action="subscribe", symbols=["C"]))["symbols"] == ["C/USD"]


def test_a_star_stands_for_all_and_counts_for_none() -> None:
    talk = Talk(a_session(max_symbols=1))
    decision = talk.say(action="subscribe", symbols="*", sources=True)
    assert decision.snapshot == ("*",)
    assert talk.session.wants(Topic.PRICES, "SOL/USD")
    assert talk.session.wants(Topic.QUOTES, "SOL/USD")
    assert not talk.session.wants(Topic.ROUNDS, None)
    assert only(talk.say(action="subscribe", symbols=["A"]))["symbols"] == ["A/USD"]


def test_sources_stay_until_they_are_taken_away(talk: Talk) -> None:
    talk.say(action="subscribe", symbols=["BTC"], sources=True)
    talk.say(action="subscribe", symbols=["BTC"])
    assert talk.session.wants(Topic.QUOTES, "BTC/USD")
    decision = talk.say(action="subscribe", symbols=["BTC"], sources=False)
    assert decision.removed == [(Topic.QUOTES, "BTC/USD")]
    assert talk.session.wants(Topic.PRICES, "BTC/USD")


def test_rounds_may_be_subscribed_alone_and_left_alone(talk: Talk) -> None:
    decision = talk.say(action="subscribe", rounds=True, id="r")
    assert decision.added == [(Topic.ROUNDS, None)]
    assert decision.snapshot == ()
    assert only(decision) == {"type": "subscribed", "id": "r", "symbols": [], "errors": []}
    assert talk.say(action="unsubscribe", rounds=True).removed == [(Topic.ROUNDS, None)]


def test_unsubscribe_of_a_star_ends_everything_but_the_rounds(talk: Talk) -> None:
    talk.say(action="subscribe", symbols=["*", "BTC"], sources=True, rounds=True)
    decision = talk.say(action="unsubscribe", symbols=["*"], id=3)
    assert only(decision) == {"type": "unsubscribed", "id": 3, "symbols": ["*"], "errors": []}
    assert list(talk.session.interests) == [(Topic.ROUNDS, None)]
    assert len(decision.removed) == 4


@pytest.mark.parametrize(
    "message",
    [
        "", "{", "[]", "7", "null", '{"action":"dance"}', '{"symbols":["BTC"]}', '{"action":"subscribe"}',
        '{"action":"subscribe","symbols":7}', '{"action":"subscribe","symbols":[7]}', '{"action":{}}',
        '{"action":"subscribe","symbols":["BTC"],"sources":"yes"}', b"\xff\xfe", '{"action":"ping","id":1e999}',
        '{"action":"ping","id":12345678901234567890123}', '{"action":"ping","id":"\\ud800"}', "[" * 20_000,
        '{"action":' + "[" * 20_000,
    ],
)  # fmt: skip
def test_what_is_no_frame_is_told_so_and_the_connection_lives(talk: Talk, message: str | bytes) -> None:
    decision = talk.raw(message)
    answer = only(decision)
    assert answer["type"] == "error"
    assert answer["status"] == 400
    assert answer["error"]["code"] == "VALIDATION_ERROR"
    assert set(answer["error"]) == {"code", "message", "details", "request_id"}
    assert decision.refusal is not None
    assert decision.refusal.close is None
    assert only(talk.say(action="ping", id=1)) == {"type": "pong", "id": 1}


def test_an_error_carries_the_id_of_the_frame_that_caused_it(talk: Talk) -> None:
    assert only(talk.say(action="dance", id=7))["id"] == 7


def test_a_first_message_that_is_no_auth_ends_the_connection() -> None:
    for message in ({"action": "subscribe", "symbols": ["BTC"]}, {"action": "ping"}, {"action": "dance"}):
        decision = Talk(a_session(authorised=False)).say(**message)
        assert only(decision)["error"]["code"] == "UNAUTHORIZED"
        assert decision.refusal is not None
        assert decision.refusal.close == 4401


def test_auth_hands_its_key_out_for_judgement_and_is_answered_when_it_has_an_id() -> None:
    session = a_session(authorised=False)
    decision = Talk(session).say(action="auth", key="chrono_public_x", id=1)
    assert decision.key == "chrono_public_x"
    assert decision.frames == []
    assert only(session.judge(KeyHolder("k"), decision.key_frame)) == {"type": "authenticated", "id": 1}
    assert session.authorised
    assert a_session(authorised=False).judge(KeyHolder("k")).frames == []


def test_a_wrong_key_is_unauthorized_and_one_of_another_class_forbidden() -> None:
    wrong = a_session(authorised=False).judge(None)
    other = a_session(authorised=False).judge(KeyHolder("i", may_stream=False))
    assert (only(wrong)["error"]["code"], only(other)["error"]["code"]) == ("UNAUTHORIZED", "FORBIDDEN")
    for decision in (wrong, other):
        assert decision.refusal is not None
        assert decision.refusal.close == 4401


def test_a_key_never_stands_in_a_frame() -> None:
    session = a_session(authorised=False)
    decision = Talk(session).raw('{"action":"auth","key":"chrono_public_secret","id":[]}')
    assert b"secret" not in b"".join(decision.frames)
    assert b"secret" not in b"".join(session.judge(None).frames)


def test_no_key_in_time_ends_with_4408_and_an_authorised_session_has_all_time() -> None:
    decision = a_session(authorised=False).too_late()
    assert decision.refusal is not None
    assert decision.refusal.close == 4408
    assert a_session().too_late() == Decision()


def test_a_message_over_the_limit_ends_with_1009(talk: Talk) -> None:
    decision = talk.raw("x" * (MESSAGE_MAX + 1))
    assert only(decision)["error"]["code"] == "PAYLOAD_TOO_LARGE"
    assert decision.refusal is not None
    assert decision.refusal.close == 1009


def test_the_limit_of_messages_is_a_sliding_second() -> None:
    ping, ms = b'{"action":"ping"}', 1_000_000
    session = a_session(messages_per_s=5)
    # Five around the turn of a second, and from 910 on the sixth comes a whole second later.
    for at in (900, 910, 920, 930, 1001, 1900, 1910):
        assert session.receive(ping, at * ms).refusal is None, at
    session = a_session(messages_per_s=5)
    for at in (900, 910, 920, 930, 1001):
        session.receive(ping, at * ms)
    decision = session.receive(ping, 1899 * ms)
    assert decision.refusal is not None
    assert decision.refusal.close == 4429
    assert only(decision)["error"]["code"] == "RATE_LIMIT_EXCEEDED"


def test_a_heartbeat_repeats_the_last_seq() -> None:
    session = a_session()
    session.seq = 41
    assert json.loads(session.heartbeat(1_760_013_296_789_000_000)) == {
        "type": "heartbeat", "seq": 41, "timestamp": "2025-10-09T12:34:56.789Z",
    }  # fmt: skip


def test_the_longest_possible_subscription_fits_into_one_message(talk: Talk) -> None:
    symbols = [f"{'B' * 17}{n:03d}/{'Q' * 20}" for n in range(200)]
    assert len(only(talk.say(action="subscribe", symbols=symbols))["symbols"]) == 200

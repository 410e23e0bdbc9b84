"""A round from raw transactions: what is late, doubled, broken or foreign, and who is an offender for it."""

import pytest

from chrono.flare.commit import Reveal
from chrono.flare.epochs import VotingRound
from chrono.flare.feeds import Feed, FeedId
from chrono.flare.frames import FDC, FTSO, Frame, SubmissionFunction, encode_frames
from chrono.flare.round.outcome import round_from_transactions
from tests.fakes.flare_round import (
    BENCHING_ROUNDS,
    FEEDS,
    ROUND,
    SUBMISSION,
    TIMING,
    Submitted,
    electorate,
    reveal,
    sender,
)

SUBMIT1, SUBMIT2 = SubmissionFunction.SUBMIT1, SubmissionFunction.SUBMIT2
BEFORE = VotingRound(ROUND.id - 1, TIMING)


@pytest.fixture
def chain() -> Submitted:
    """Voters 1 and 2 have voted rightly; the tests are about voter 0."""
    chain = Submitted()
    chain.vote(1)
    chain.vote(2)
    return chain


def verdict(chain: Submitted, number: int = 0) -> str:
    outcome = chain.outcome()
    assert not outcome.valid.keys() & outcome.offenders
    if sender(number) in outcome.valid:
        return "valid"
    return "offender" if sender(number) in outcome.offenders else "absent"


@pytest.mark.parametrize(
    ("commit_s", "reveal_s", "expected"),
    [
        (0, 90, "valid"),
        (89, 134, "valid"),
        (-1, 90, "absent"),
        (90, 110, "absent"),
        (75, 89, "offender"),
        (75, 135, "offender"),
        (75, 179, "offender"),
    ],
)
def test_commits_count_in_the_epoch_of_the_round_and_reveals_in_the_first_45_s_of_the_next(
    chain: Submitted, commit_s: int, reveal_s: int, expected: str
) -> None:
    chain.commit(0, reveal(0), after_s=commit_s)
    chain.reveal(0, reveal(0), after_s=reveal_s)
    assert verdict(chain) == expected


def test_a_reveal_without_a_commit_is_no_offence(chain: Submitted) -> None:
    chain.reveal(0, reveal(0))
    assert verdict(chain) == "absent"


def test_a_commit_without_a_reveal_is_an_offence(chain: Submitted) -> None:
    chain.commit(0, reveal(0))
    assert verdict(chain) == "offender"


def test_a_reveal_of_other_values_is_an_offence(chain: Submitted) -> None:
    chain.commit(0, reveal(0, [1, 2]))
    chain.reveal(0, reveal(0, [1, 3]))
    assert verdict(chain) == "offender"


def test_a_frame_about_another_round_is_not_read(chain: Submitted) -> None:
    told = reveal(0)
    payload = told.commit_hash(sender(0), ROUND.id)
    chain.send(0, SUBMIT1, bytes(Frame(FTSO, ROUND.id + 1, payload)), 75)
    chain.reveal(0, told)
    assert verdict(chain) == "absent"


def test_the_last_commit_counts_and_the_reveal_must_match_it(chain: Submitted) -> None:
    first, second = reveal(0, [1, 1]), reveal(0, [2, 2])
    chain.commit(0, first, after_s=10)
    chain.commit(0, second, after_s=11)
    chain.reveal(0, first, after_s=100)
    assert verdict(chain) == "offender"
    chain.reveal(0, second, after_s=101)
    assert verdict(chain) == "valid"
    chain.reveal(0, first, after_s=102)
    assert verdict(chain) == "offender"


def test_the_order_is_that_of_the_chain_not_that_of_the_list(chain: Submitted) -> None:
    first, second = reveal(0, [1, 1]), reveal(0, [2, 2])
    chain.commit(0, second, block_number=500, index=3)
    chain.commit(0, first, block_number=500, index=2)
    chain.commit(0, first, block_number=499, index=9)
    chain.reveal(0, second)
    assert verdict(chain) == "valid"


def test_a_later_commit_or_reveal_that_cannot_be_read_displaces_nothing(chain: Submitted) -> None:
    chain.vote(0)
    chain.send(0, SUBMIT1, bytes(Frame(FTSO, ROUND.id, bytes(31))), 89)
    for payload in (bytes(31), bytes(32), bytes(35), bytes(32 + 4 * (len(FEEDS) + 1))):
        chain.send(0, SUBMIT2, bytes(Frame(FTSO, ROUND.id, payload)), 134)
    assert verdict(chain) == "valid"


def test_of_two_frames_in_one_transaction_the_last_that_can_be_read_counts(chain: Submitted) -> None:
    told = reveal(0)
    commit = told.commit_hash(sender(0), ROUND.id)
    frames = [Frame(FTSO, ROUND.id, payload) for payload in (bytes(32), commit, b"junk")]
    chain.send(0, SUBMIT1, encode_frames(frames), 75)
    chain.reveal(0, told)
    assert verdict(chain) == "valid"


def test_frames_of_other_protocols_beside_ours_do_no_harm_when_they_are_whole(chain: Submitted) -> None:
    told = reveal(0)
    ours = Frame(FTSO, ROUND.id, told.commit_hash(sender(0), ROUND.id))
    chain.send(0, SUBMIT1, encode_frames([Frame(FDC, ROUND.id, b""), ours, Frame(7, 1, b"x")]), 75)
    chain.reveal(0, told)
    assert verdict(chain) == "valid"


@pytest.mark.parametrize("tail", ["ff", "c8000f42400001"])
def test_a_broken_frame_behind_ours_voids_the_whole_transaction(chain: Submitted, tail: str) -> None:
    told = reveal(0)
    chain.commit(0, told)
    chain.send(0, SUBMIT2, bytes(Frame(FTSO, ROUND.id, told.payload)) + bytes.fromhex(tail), 100)
    assert verdict(chain) == "offender"


def test_reverted_transactions_count_like_any_other(chain: Submitted) -> None:
    chain.vote(0, succeeded=False)
    assert verdict(chain) == "valid"


def test_transactions_to_another_contract_or_of_another_function_do_not_count(chain: Submitted) -> None:
    told = reveal(0)
    chain.commit(0, told, to=sender(77))
    chain.send(0, SubmissionFunction.SUBMIT3, bytes(Frame(FTSO, ROUND.id, told.commit_hash(sender(0), ROUND.id))), 75)
    chain.reveal(0, told)
    assert verdict(chain) == "absent"


def test_whoever_is_no_voter_is_neither_counted_nor_an_offender_but_benched_later() -> None:
    chain = Submitted()
    chain.vote(1)
    chain.vote(2)
    chain.commit(50, reveal(50))
    chain.vote(51)
    chain.commit(60, reveal(60), voting_round=BEFORE)
    outcome = chain.outcome()
    assert outcome.valid.keys() == {sender(1), sender(2)}
    assert outcome.offenders == frozenset()
    assert outcome.benched == {sender(60)}


@pytest.mark.parametrize(("rounds_ago", "benched"), [(1, True), (20, True), (21, False)])
def test_an_offender_is_benched_for_the_random_of_20_rounds_and_still_votes(
    chain: Submitted, rounds_ago: int, benched: bool
) -> None:
    chain.vote(0, reveal(0, [999, 999]))
    chain.commit(0, reveal(0), voting_round=VotingRound(ROUND.id - rounds_ago, TIMING))
    outcome = chain.outcome()
    assert (sender(0) in outcome.benched) is benched
    assert outcome.result is not None
    assert outcome.result.random.value == 2 + 3 + (0 if benched else 1)
    assert outcome.result.feeds[0].turnout_bips == 10_000


def test_an_offender_makes_the_random_insecure_unless_it_was_benched_already(chain: Submitted) -> None:
    chain.commit(0, reveal(0))
    first = chain.outcome().result
    chain.commit(0, reveal(0), voting_round=BEFORE)
    second = chain.outcome().result
    assert first is not None
    assert second is not None
    assert (first.random.is_secure, second.random.is_secure) == (False, True)


def test_medians_are_of_the_valid_votes_and_the_turnout_is_of_all_voters() -> None:
    chain = Submitted()
    for number, values in enumerate([[10, None], [20, 7], [30]]):
        chain.vote(number, reveal(number, values))
    chain.commit(3, reveal(3, [10**6, 10**6]))
    result = chain.outcome(electorate([100, 100, 100, 100])).result
    assert result is not None
    assert [(feed.value, feed.turnout_bips) for feed in result.feeds] == [(20, 7500), (7, 2500)]
    assert result.of(FeedId(1, "BTC/USD")) == result.feeds[0]


def test_a_feed_that_nobody_votes_on_is_in_the_tree_as_empty(chain: Submitted) -> None:
    three = (*FEEDS, Feed(FeedId(1, "NEW/USD"), 5))
    result = chain.outcome(electorate(feeds=three)).result
    assert result is not None
    assert result.feeds[2].median is None
    assert len(result.tree) == 4


def test_without_a_valid_reveal_there_is_no_result_to_sign() -> None:
    chain = Submitted()
    assert chain.outcome().result is None
    chain.commit(0, reveal(0))
    chain.vote(50)
    outcome = chain.outcome()
    assert outcome.offenders == {sender(0)}
    assert outcome.result is None


def test_votes_without_any_weight_give_no_result_to_sign(chain: Submitted) -> None:
    assert chain.outcome(electorate([0, 0, 0])).result is None
    # The reference throws on a single vote of weight 0, and nobody else signs either.
    assert chain.outcome(electorate([100, 100, 0])).result is not None
    only = Submitted()
    only.vote(0, reveal(0, [1]))
    only.vote(1, reveal(1, [1, 2]))
    assert only.outcome(electorate([100, 0, 100])).result is None


def test_reveals_are_read_by_the_feeds_of_the_rounds_own_epoch_also_when_a_new_epoch_has_more() -> None:
    old, new = electorate(), electorate(feeds=(*FEEDS, Feed(FeedId(1, "NEW/USD"), 5)))
    too_many = reveal(0, [1, 2, 3])
    chain = Submitted()
    chain.vote(0, too_many, voting_round=BEFORE)
    chain.vote(0, too_many)
    chain.vote(1)

    def electorate_of(round_id: int):
        return new if round_id >= ROUND.id else old

    outcome = round_from_transactions(ROUND, chain.transactions, SUBMISSION, electorate_of, BENCHING_ROUNDS)
    assert sender(0) in outcome.valid
    assert outcome.benched == {sender(0)}


def test_rounds_before_the_protocol_began_bench_nobody_and_a_round_without_voters_is_an_error(chain: Submitted) -> None:
    chain.commit(0, reveal(0), voting_round=BEFORE)
    told = electorate()
    begun = round_from_transactions(
        ROUND, chain.transactions, SUBMISSION, lambda number: told if number >= ROUND.id else None, BENCHING_ROUNDS
    )
    assert begun.benched == frozenset()
    with pytest.raises(LookupError):
        round_from_transactions(ROUND, chain.transactions, SUBMISSION, lambda _: None, BENCHING_ROUNDS)


def test_a_reveal_of_nothing_but_a_random_is_an_offence_until_the_epoch_that_votes_by_fip16(chain: Submitted) -> None:
    chain.vote(0, Reveal(bytes(31) + b"\x01", b""))
    assert verdict(chain) == "offender"
    assert sender(0) in chain.outcome(electorate(fip16=True)).valid


def test_fip16_weighs_votes_by_the_signing_policy_and_not_by_delegation() -> None:
    chain = Submitted()
    for number, value in enumerate([10, 20, 30]):
        chain.vote(number, reveal(number, [value, value]))
    delegated = [10**27, 1, 1]
    values = []
    for fip16 in (False, True):
        result = chain.outcome(electorate(delegated, fip16=fip16)).result
        assert result is not None
        values.append(result.feeds[0].value)
    assert values == [10, 20]


def test_a_round_has_the_same_outcome_whatever_the_order_in_which_its_transactions_arrive(chain: Submitted) -> None:
    chain.vote(0)
    expected = chain.outcome()
    chain.transactions.reverse()
    assert chain.outcome() == expected

"""The search for the symbols that a venue refuses: it always ends, asks little, and blames the guilty only."""

from math import log2

from hypothesis import given, settings
from hypothesis import strategies as st

from chrono.ingest.venues.culprits import HOPELESS, Culprits
from chrono.ingest.venues.words import RefusalKind, Refused

UNKNOWN, BAD = RefusalKind.UNKNOWN_SYMBOL, RefusalKind.BAD_REQUEST


def search(symbols, refuses, *, most=10_000, limit=100_000):
    """Ask a venue that answers for a group with None or a refusal; gives the search and the groups that were asked."""
    culprits, asked, group = Culprits(), [], symbols
    while group:
        asked.append(list(group))
        assert len(asked) <= limit
        refused = refuses(group)
        if refused is None:
            culprits.answered()
        else:
            culprits.refused(group, refused)
            if culprits.is_hopeless:
                break
        group = culprits.next()
    return culprits, asked


def venue(guilty, *, kind=UNKNOWN, names=lambda bad, group: ()):
    def refuses(group):
        bad = [symbol for symbol in group if symbol in guilty]
        return Refused(kind, "no", None, tuple(names(bad, group))) if bad else None

    return refuses


sizes = st.integers(1, 120)


def bound(n, k):
    return 2 * k * log2(n) + n if n > 1 else 1


@settings(max_examples=300, deadline=None)
@given(n=sizes, data=st.data(), kind=st.sampled_from([UNKNOWN, BAD]))
def test_exactly_the_guilty_are_found_within_the_bound(n, data, kind):
    symbols = [f"S{at}" for at in range(n)]
    guilty = set(data.draw(st.lists(st.sampled_from(symbols), unique=True)))
    culprits, asked = search(symbols, venue(guilty, kind=kind))
    assert len(asked) <= bound(n, len(guilty))
    if culprits.is_hopeless:
        # Only where every sixteenth or so of the symbols holds a guilty one.
        assert len(guilty) >= HOPELESS // 2
        assert not culprits.has_answer
        return
    assert set(culprits.guilty) == guilty
    if culprits.has_answer:
        assert set(culprits.blamed(0)) == guilty


@settings(max_examples=200, deadline=None)
@given(n=sizes, data=st.data())
def test_named_symbols_need_one_request_more_for_each_refusal(n, data):
    symbols = [f"S{at}" for at in range(n)]
    guilty = set(data.draw(st.lists(st.sampled_from(symbols), unique=True, max_size=HOPELESS - 1)))
    culprits, asked = search(symbols, venue(guilty, names=lambda bad, _: bad[:1]))
    assert set(culprits.guilty) == guilty
    assert len(asked) <= len(guilty) + 1


@settings(max_examples=200, deadline=None)
@given(n=sizes, seed=st.randoms(use_true_random=False))
def test_whatever_is_answered_and_named_the_search_ends(n, seed):
    symbols = [f"S{at}" for at in range(n)]
    kinds = [UNKNOWN, BAD]

    def refuses(group):
        if seed.random() < 0.2:
            return None
        named = seed.sample([*symbols, "another"], seed.randint(0, n))
        return Refused(seed.choice(kinds), "no", None, tuple(named))

    culprits, asked = search(symbols, refuses)
    assert len(asked) <= 2 * n
    assert set(culprits.guilty) <= set(symbols)


@given(n=st.integers(16, 120), kind=st.sampled_from([UNKNOWN, BAD]))
def test_a_venue_that_refuses_everything_is_given_up_and_nobody_is_blamed(n, kind):
    symbols = [f"S{at}" for at in range(n)]
    culprits, asked = search(symbols, venue(set(symbols), kind=kind))
    assert culprits.is_hopeless
    assert len(asked) == HOPELESS
    assert culprits.blamed(n // 2) == []


def test_without_any_answer_only_unknown_symbols_are_blamed_and_not_too_many():
    for kind, most, blamed in ((UNKNOWN, 2, ["A", "B"]), (UNKNOWN, 1, []), (BAD, 2, [])):
        culprits, _ = search(["A", "B"], venue({"A", "B"}, kind=kind))
        assert culprits.blamed(most) == blamed


def test_a_refusal_that_names_the_whole_request_is_no_verdict():
    culprits, _ = search(["A", "B", "C"], venue({"B"}, names=lambda _, group: group))
    assert culprits.blamed(0) == ["B"]

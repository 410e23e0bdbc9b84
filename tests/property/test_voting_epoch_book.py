"""The book against its slow twin: whatever the order of tellings, and whatever is taken back meanwhile."""

from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from chrono.chain.ledger import Told
from chrono.voting.epochs import EpochBook
from tests.fakes.epoch_story import BTC, ETH, FLR, NETWORK, XRP, Member, Story
from tests.fakes.fuzzing import TIMES
from tests.reference import epoch_book as twin

PEOPLE = tuple(Member(name, 10 * (at + 1)) for at, name in enumerate(("ann", "ben", "cyd", "dot")))
FEEDS = (BTC, ETH, FLR, XRP)


@st.composite
def stories(draw: st.DrawFn) -> Story:
    """Up to four reward epochs; policies may be late, voters evicted, feeds come and go."""
    story = Story(NETWORK).started(1, 20, inflation=draw(_some(FEEDS)))
    for epoch in range(2, 2 + draw(st.integers(1, 4))):
        members = draw(_some(PEOPLE))
        keys = draw(st.integers(0, 1))
        members = [Member(each.name, each.weight, keys) for each in members]
        community = [(feed, draw(st.integers(0, 3))) for feed in draw(st.lists(st.sampled_from(FEEDS), max_size=3))]
        if draw(st.booleans()):
            story.random(epoch).selected(epoch, PEOPLE[:1]).removed(epoch, PEOPLE[0])
        late = draw(st.sampled_from((0, 0, 1, 5, 25)))
        story.turn(epoch, members, late_rounds=late, inflation=draw(_some(FEEDS)), community=community)
        for round_id in draw(st.lists(st.integers(20, 60), max_size=3)):
            story.relayed(round_id, bytes([draw(st.integers(0, 255))]) * 32)
    return story


def _some(of: Sequence[object]) -> st.SearchStrategy[list]:  # type: ignore[type-arg]
    return st.lists(st.sampled_from(of), min_size=1, max_size=len(of), unique=True)


@st.composite
def tellings(draw: st.DrawFn) -> tuple[list[Told], list[tuple[str, object]]]:
    """A story, and operations that tell it in pieces: again, out of order, with blocks taken back between."""
    told = draw(stories()).told
    steps: list[tuple[str, object]] = []
    for _ in range(draw(st.integers(0, 6))):
        kind = draw(st.sampled_from(("tell", "suffix", "add", "back", "cut")))
        at, to = sorted((draw(st.integers(0, len(told))), draw(st.integers(0, len(told)))))
        if kind == "add":
            steps.append((kind, draw(st.permutations(told[at:to]))))
        elif kind == "tell":
            steps.append((kind, told[:to]))
        elif kind == "suffix":
            steps.append((kind, told[at:to]))
        else:
            steps.append((kind, 100 + at))
    return told, steps


@settings(max_examples=50 * TIMES)
@given(tellings())
def test_the_book_knows_what_its_twin_reads_off_the_list(given_: tuple[list[Told], list[tuple[str, object]]]) -> None:
    told, steps = given_
    book, known = EpochBook(NETWORK), dict[tuple[int, int], Told]()
    for kind, what in steps:
        if isinstance(what, int):
            known = {place: each for place, each in known.items() if place[0] < what}
            book.take_back(what) if kind == "back" else book.tell((), from_block=what)
            continue
        assert isinstance(what, list)
        if kind == "add":
            book.add(what)
        else:
            first = min((each.block_number for each in what), default=10**9)
            known = {place: each for place, each in known.items() if place[0] < first}
            book.tell(what)
        known |= {each.place: each for each in what}
    _same(book, list(known.values()))
    book.tell(told)
    _same(book, told)


def _same(book: EpochBook, told: list[Told]) -> None:
    epochs = range(1, 7)
    for epoch in epochs:
        policy = twin.policy_of_epoch(told, epoch)
        assert book.policy(epoch) == policy
        assert book.policy_hash(epoch) == (None if policy is None else policy.hash())
        facts, plain = book.facts(epoch), twin.facts_of_epoch(told, epoch)
        assert (facts is None) == (plain is None) == (book.missing(epoch) is not None)
        if facts is not None and plain is not None:
            found = [
                (voter.identity, voter.submit, weight)
                for voter, weight in zip(facts.voters, facts.electorate.weights, strict=True)
            ]
            assert found == plain["voters"]
            assert [feed.id.label for feed in facts.electorate.feeds] == plain["feeds"]
        for member in PEOPLE:
            registered = twin.registration_of(told, epoch, member.identity)
            ours = book.registration(member.identity, epoch)
            assert (ours is None) == (registered is None)
            assert ours is None or ours.signing_policy == registered.signing_policy_address
    for round_id in range(15, 130, 3):
        assert book.reward_epoch_of(round_id) == twin.epoch_of_round(told, round_id)
        found = book.finalised(100, round_id)
        assert (None if found is None else found.message.merkle_root) == twin.finalised_root(told, round_id)

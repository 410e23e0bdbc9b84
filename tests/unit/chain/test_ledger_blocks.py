"""What a block costs that tells nothing: after a week there are thousands of events, and a block comes every second."""

import pytest

from chrono.chain.answers import Block, Head
from chrono.chain.ledger import Ledger, Told
from chrono.flare.epochs import Timing

START_S = 1_700_000_000


def test_a_block_without_events_is_not_held_against_those_of_weeks(monkeypatch: pytest.MonkeyPatch) -> None:
    def looked(_: Told) -> tuple[int, int]:
        raise AssertionError("an old event was looked at")

    monkeypatch.setattr(Told, "place", property(looked))
    ledger = Ledger(Timing(START_S, 3360))
    parent = bytes(32)
    for number in range(5):
        head = Head(number, number.to_bytes(32, "big"), parent, START_S + 10_000 + number)
        ledger.extend(Block(head, (), ()), [])
        parent = head.hash
        ledger._events.append(Told(None, None, number, 0, head.time_s))  # type: ignore[arg-type]
    assert ledger.tip == head

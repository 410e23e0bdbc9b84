"""Which signing policy a round is finalised with, and how much weight that takes."""

import pytest

from chrono.flare.abi import Malformed
from chrono.flare.epochs import Timing
from chrono.flare.signing_policy import SigningPolicy, raised, ruling
from tests.fakes.signers import address_at, policy_of

COSTON = Timing.of("coston")
FIFTH = policy_of([10, 20, 30], epoch=5)
SIXTH = policy_of([40, 50, 60], epoch=6, start=1442)


def of_round(number: int, *policies: SigningPolicy) -> tuple[int, int] | None:
    found = ruling(policies, COSTON.round_at((COSTON.first_start_s + 90 * number) * 10**9))
    return None if found is None else (found.policy.reward_epoch_id, found.threshold)


def test_a_round_has_the_newest_policy_that_started_by_then() -> None:
    assert of_round(1200, FIFTH, SIXTH) == (5, 30)
    assert of_round(1441, SIXTH, FIFTH) == (5, 30), "the sixth is known and starts late: no raise for its rounds before"
    assert of_round(1442, FIFTH, SIXTH) == (6, 75)


def test_before_the_first_policy_nothing_is_finalised() -> None:
    assert of_round(1199, FIFTH) is None
    assert of_round(1199) is None


def test_a_policy_that_stands_in_for_a_missing_one_needs_more_weight() -> None:
    assert of_round(1439, FIFTH) == (5, 30)
    assert of_round(1440, FIFTH) == (5, 36)
    assert of_round(1440 + 240, FIFTH) == (5, 36), "however late the next one is"


def test_the_raised_threshold_is_the_contracts_floor_and_not_sixty_percent_of_the_weight() -> None:
    # Go computes total * 60 // 100; for a total of 65513 and a threshold of 32757 the two differ.
    assert raised(32757) == 39308
    assert 65513 * 60 // 100 == 39307


def test_weights_are_found_by_signing_policy_address() -> None:
    assert FIFTH.weight_of(address_at(1)) == 20
    assert FIFTH.weight_of(address_at(9)) is None
    assert FIFTH.total_weight == 60


@pytest.mark.parametrize(
    ("data", "at"),
    [(b"", 0), (b"\0", 1), (bytes(42), 42), (b"\xff\xff" + bytes(41), 43), (b"\0\1" + bytes(41 + 21), 64)],
)
def test_a_cut_policy_is_refused_where_it_ends(data: bytes, at: int) -> None:
    with pytest.raises(Malformed) as refused:
        SigningPolicy.decode(data)
    assert refused.value.at == at


def test_a_policy_of_more_weight_than_16_bits_is_refused() -> None:
    heavy = policy_of([65_535, 1], threshold=0)
    with pytest.raises(Malformed, match="65536"):
        SigningPolicy.decode(heavy.encode())

"""Gas limits: enough for what is sent, and small, since they are due upfront at the fee cap."""

import pytest

from chrono.chain.gas import relay_gas, submission_gas
from chrono.flare.units import COIN_WEI, GWEI
from chrono.keys.guards import CAPS
from chrono.keys.roles import Role
from chrono.provider.setup import Spending, gas_for, gas_of
from chrono.voting.reports import SentPhase

FEEDS = 63
COMMIT_BYTES = 4 + 7 + 32
REVEAL_BYTES = 4 + 7 + 32 + 4 * FEEDS
SIGNATURES_BYTES = 4 + 7 + 66
RELAY_BYTES = 4 + 43 + 22 * 100 + 38 + 2 + 67 * 60
USUAL_FEE_WEI = 4 * 25 * GWEI + 100 * GWEI


def intrinsic_gas(size: int) -> int:
    """What a call with so many bytes costs before anything is done, none of them zero."""
    return 21_000 + 16 * size


@pytest.mark.parametrize("size", [COMMIT_BYTES, REVEAL_BYTES, SIGNATURES_BYTES, 4500])
def test_a_submission_has_room_for_its_bytes_and_its_flag(size: int) -> None:
    # Looking up and deleting one slot of storage: 2,100 + 5,000, and the calls around it.
    assert submission_gas(size) >= intrinsic_gas(size) + 40_000


def test_usual_submissions_need_less_than_a_thirtieth_of_a_coin_upfront() -> None:
    for size in (COMMIT_BYTES, REVEAL_BYTES, SIGNATURES_BYTES):
        assert submission_gas(size) * USUAL_FEE_WEI < COIN_WEI // 30


def test_a_relay_of_a_hundred_voters_fits_and_stays_below_two_million() -> None:
    assert intrinsic_gas(RELAY_BYTES) + 60 * 8_000 + 200_000 < relay_gas(RELAY_BYTES) < 2_000_000


@pytest.mark.parametrize("phase", SentPhase)
def test_no_limit_exceeds_what_caps_and_keys_reckon_with(phase: SentPhase) -> None:
    role = {SentPhase.RELAY: Role.SIGNING_POLICY, SentPhase.SUBMIT_SIGNATURES: Role.SUBMIT_SIGNATURES}.get(
        phase, Role.SUBMIT
    )
    for size in (COMMIT_BYTES, REVEAL_BYTES, RELAY_BYTES, 4500, 20_000):
        assert gas_for(phase, size) <= gas_of(phase)
        # Half the gas more, after a transaction ran out of it, must be allowed too.
        assert gas_for(phase, size) * 3 // 2 <= CAPS[role].gas
        assert Spending().caps(phase).most_for(gas_for(phase, size) * 3 // 2) == Spending().caps(phase).most_fee_wei


def test_the_reserve_pays_two_of_the_largest_reveals_at_their_cap() -> None:
    spending = Spending()
    assert spending.reserve_wei(Role.SUBMIT) == 2 * spending.reveal_wei * submission_gas(4600)
    assert spending.reserve_wei(Role.SUBMIT) < 10 * COIN_WEI

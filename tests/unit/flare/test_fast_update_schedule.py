"""The schedule of an epoch: every winner, in parts, under the cutoff of its block."""

import pytest

from chrono.flare.fast_updates.schedule import Part, Schedule, Ticket, assemble, draw_parts
from chrono.flare.fast_updates.sortition import (
    FIELD_ORDER,
    GROUP_ORDER,
    Credential,
    SortitionKey,
    prove,
    score_cutoff,
    sortition_weight,
    verify,
)

KEY = SortitionKey((7**80).to_bytes(32, "big"))
SEED, WEIGHT = 1 << 255 | 12345, 5
BLOCKS = range(30_000_000, 30_000_013)
TENTH = FIELD_ORDER // 10


def obvious(blocks, cutoff):
    scores = (
        (block, replicate, KEY.gamma(SEED, block, replicate)[0]) for block in blocks for replicate in range(WEIGHT)
    )
    return [Ticket(*found) for found in scores if found[2] <= cutoff]


@pytest.mark.parametrize("draws_per_part", [1, 7, 15, 1000])
def test_the_parts_hold_every_winner_of_every_block_once(draws_per_part):
    parts = list(draw_parts(KEY, SEED, BLOCKS, WEIGHT, TENTH, draws_per_part))
    assert parts[0].first_block == BLOCKS.start
    draws = [(part.end_block - part.first_block) * WEIGHT for part in parts]
    assert max(draws) <= max(draws_per_part, WEIGHT), "progress is told at least that often"
    schedule = assemble(parts)
    assert (schedule.first_block, schedule.end_block) == (BLOCKS.start, BLOCKS.stop)
    assert list(schedule.tickets) == obvious(BLOCKS, TENTH)
    assert len(schedule.tickets) > 0


def test_a_caller_may_stop_between_parts():
    parts = draw_parts(KEY, SEED, range(1, 10**12), 4096, TENTH)
    assert next(parts).end_block == 2
    assert next(parts).first_block == 2


def test_a_cutoff_may_differ_from_block_to_block():
    found = [t for part in draw_parts(KEY, SEED, BLOCKS, WEIGHT, lambda b: TENTH * (b % 3)) for t in part.tickets]
    assert found == [t for block in BLOCKS for t in obvious([block], TENTH * (block % 3))]


def test_the_real_cutoff_of_a_block_leaves_out_what_it_does_not_cover():
    schedule = assemble(list(draw_parts(KEY, SEED, BLOCKS, WEIGHT, FIELD_ORDER)))
    for block in BLOCKS:
        assert list(schedule.at(block, TENTH)) == obvious([block], TENTH)
        lowest = min(ticket.score for ticket in schedule.at(block, FIELD_ORDER))
        assert len(schedule.at(block, lowest)) == 1
        assert schedule.at(block, lowest - 1) == ()


def test_a_block_outside_the_schedule_has_no_answer():
    schedule = Schedule(10, 20, ())
    assert schedule.at(19, TENTH) == ()
    for block in (9, 20):
        with pytest.raises(ValueError, match="outside the schedule"):
            schedule.at(block, TENTH)


def test_a_gap_between_parts_is_told():
    with pytest.raises(ValueError, match="blocks 2 to 4 were not drawn"):
        assemble([Part(1, 2, ()), Part(5, 6, ())])
    with pytest.raises(ValueError, match="one part at least"):
        assemble([])
    with pytest.raises(ValueError, match="consecutive"):
        next(draw_parts(KEY, SEED, range(0, 10, 2), WEIGHT, TENTH))


def test_a_winner_is_proved_when_it_is_used():
    ticket = obvious(BLOCKS, TENTH)[0]
    credential = prove(KEY, SEED, ticket.block, ticket.replicate)
    assert credential.score == ticket.score
    assert verify(KEY.public_key, SEED, ticket.block, credential)
    elsewhere = Credential(credential.replicate + 1, credential.gamma, credential.c, credential.s)
    assert not verify(KEY.public_key, SEED, ticket.block, elsewhere)


def test_a_number_that_no_block_has_is_no_proof():
    credential = prove(KEY, SEED, 1, 1)
    assert not verify(KEY.public_key, SEED, 2**255, credential)
    assert not verify(KEY.public_key, SEED, 1, Credential(2**64 + 1, credential.gamma, credential.c, credential.s))


def test_at_the_base_sample_size_a_replicate_wins_one_time_in_2731():
    assert round(FIELD_ORDER / score_cutoff(3 << 119)) == 2731


def test_a_weight_is_the_share_of_4096_rounded_up():
    assert sortition_weight(1, 65_535) == 1
    assert sortition_weight(0, 65_535) == 0
    assert sortition_weight(65_535, 65_535) == 4096
    assert sortition_weight(1000, 3000) == 1366
    for weight, total in ((1, 0), (2, 1), (-1, 5), (0, 0)):
        with pytest.raises(ValueError, match="no share"):
            sortition_weight(weight, total)


def test_no_more_replicates_than_there_are():
    with pytest.raises(ValueError, match="4096"):
        KEY.winners(SEED, 1, [TENTH], 4097)


@pytest.mark.parametrize("secret", [bytes(32), GROUP_ORDER.to_bytes(32, "big"), b"\xff" * 32, b"\x01" * 31, b""])
def test_what_is_no_secret_is_refused_without_being_shown(secret):
    with pytest.raises(ValueError, match="secret") as refused:
        SortitionKey(secret)
    assert "ff" * 4 not in str(refused.value)
    assert "0101" not in str(refused.value)


def test_a_key_shows_its_public_half_only():
    secret = (7**80).to_bytes(32, "big")
    assert secret.hex()[:16] not in repr(KEY)
    assert f"{KEY.public_key[0]:064x}" in repr(KEY)
    assert not any("secret" in name for name in dir(KEY))


@pytest.mark.parametrize("seed", [-1, 1 << 256])
def test_a_seed_has_256_bits(seed):
    with pytest.raises(ValueError, match="seed must be 0 to"):
        KEY.gamma(seed, 1, 1)

"""The FDC beside us: what its bit votes say, and what it punishes."""

from chrono.flare.address import Address
from chrono.flare.fdc import BitVote, Judgement, Offence, Signed, consensus_bit_vote, judge

ANN, BEN, CYD, DOT = (Address(bytes([place]) * 20) for place in range(4))
SEVEN = BitVote(3, 0b111).encode()
THREE = BitVote(3, 0b011).encode()


def signed(sender: Address, weight: int, beside: bytes = SEVEN, after_s: int = 50) -> Signed:
    return Signed(sender, weight, beside, after_s)


def test_a_bit_vote_is_a_count_and_big_endian_bits() -> None:
    assert SEVEN.hex() == "000307"
    assert BitVote(9, 1 << 8).encode().hex() == "00090100"
    assert BitVote.decode(bytes.fromhex("000803ff")) == BitVote(8, 0x3FF)
    assert BitVote.decode(b"\0") is None
    assert BitVote.decode(b"\0\5") == BitVote(5, 0)


def test_the_heaviest_bit_vote_of_the_signers_is_the_consensus() -> None:
    assert consensus_bit_vote([signed(ANN, 5, THREE), signed(BEN, 3), signed(CYD, 3)]) == 0b111
    assert consensus_bit_vote([signed(ANN, 5, b""), signed(BEN, 5, b"\1")]) is None


def test_of_equally_heavy_bit_votes_the_first_as_text_counts() -> None:
    nine, ten = BitVote(4, 9).encode(), BitVote(4, 10).encode()
    assert consensus_bit_vote([signed(ANN, 5, nine), signed(BEN, 5, ten)]) == 10


def test_whoever_signs_in_time_and_votes_with_the_others_does_not_offend() -> None:
    votes = {ANN: SEVEN, BEN: SEVEN}
    assert judge([signed(ANN, 5), signed(BEN, 5, after_s=89)], [], votes) == Judgement(0b111, {})


def test_a_covering_bit_vote_without_a_signature_in_time_is_an_offence() -> None:
    found = judge([signed(ANN, 5), signed(BEN, 1, after_s=90)], [], {ANN: SEVEN, BEN: SEVEN, CYD: SEVEN, DOT: THREE})
    silent = (Offence.SILENT_AFTER_BIT_VOTE,)
    assert found.offences == {BEN: silent, CYD: silent}, "one that does not cover the consensus need not sign"


def test_any_signature_for_something_else_is_an_offence_even_beside_a_right_one() -> None:
    assert judge([signed(ANN, 5)], [ANN, BEN], {}).offences == {
        ANN: (Offence.WRONG_SIGNATURE,),
        BEN: (Offence.WRONG_SIGNATURE,),
    }


def test_another_consensus_bit_vote_or_half_a_one_is_an_offence_but_none_is_not() -> None:
    found = judge([signed(ANN, 5), signed(BEN, 1, THREE), signed(CYD, 1, b"\1"), signed(DOT, 1, b"")], [], {})
    assert found.consensus == 0b111
    assert found.offences == {BEN: (Offence.WRONG_CONSENSUS,), CYD: (Offence.WRONG_CONSENSUS,)}


def test_a_round_that_nobody_signed_has_no_consensus_and_no_offenders() -> None:
    assert judge([], [ANN], {BEN: SEVEN}) == Judgement(None, {})


def test_a_consensus_on_nothing_is_covered_by_every_bit_vote() -> None:
    nothing = BitVote(3, 0).encode()
    assert judge([signed(ANN, 5, nothing)], [], {BEN: b""}).offences == {BEN: (Offence.SILENT_AFTER_BIT_VOTE,)}

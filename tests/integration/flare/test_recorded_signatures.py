"""Real submitSignatures transactions: who signed, and with which weight."""

import polars as pl

from chrono.flare.address import parse_address
from chrono.flare.fdc import BitVote
from chrono.flare.frames import FDC, FTSO, SubmissionFunction, decode_calldata
from chrono.flare.signature_payload import SignaturePayload
from tests.fakes.chain_records import FOLDER, needs_chain, record

pytestmark = needs_chain


def recorded(place: int) -> tuple[dict, list]:
    case = record("ftso/real_round_calldata.json")["submit_signatures"][place]
    function, frames = decode_calldata(bytes.fromhex(case["calldata"][2:]))
    assert function is SubmissionFunction.SUBMIT_SIGNATURES
    assert {frame.voting_round_id for frame in frames} == {case["voting_round"]}
    return case, frames


def test_a_signature_of_flare_is_of_a_voter_of_its_reward_epochs_policy() -> None:
    case, [frame] = recorded(0)
    payload = SignaturePayload.decode(frame.payload)
    assert frame.protocol_id == FTSO
    assert (payload.type, payload.message is not None) == (case["type"], True)
    assert payload.message is not None
    assert "0x" + payload.message.merkle_root.hex() == case["merkle_root"]
    signer = payload.signer(payload.message)
    assert signer == parse_address(case["recovered_signer_checked"])
    voters = pl.read_parquet(FOLDER / "ftso" / "signing_policies_voters.parquet").filter(
        (pl.col("network") == "flare")
        & (pl.col("reward_epoch") == 241)
        & (pl.col("signing_policy_address") == "0x" + signer.hex())
    )
    assert voters["weight"].to_list() == [case["signer_weight_in_epoch_241"]] == [842]


def test_a_transaction_of_coston_holds_the_ftsos_and_the_fdcs_signature() -> None:
    case, [ftso, fdc] = recorded(1)
    assert (ftso.protocol_id, fdc.protocol_id) == (FTSO, FDC)
    ours, theirs = SignaturePayload.decode(ftso.payload), SignaturePayload.decode(fdc.payload)
    assert (ours.type, theirs.type) == (0, 1)
    assert ours.message is not None
    assert "0x" + ours.message.merkle_root.hex() == case["contains"][0]["merkle_root"]
    assert ours.signer(ours.message) is not None
    assert BitVote.decode(theirs.unsigned_message) == BitVote(8, 0xFF)

"""The signer: what it says, what it refuses, and what it never shows."""

import copy
import pickle

import pytest
from eth_account import Account
from eth_account.messages import encode_defunct
from msgspec.structs import replace
from structlog.tracebacks import ExceptionDictTransformer

from chrono.errors import SIGNER_CONFLICT, SIGNER_FAULT, SIGNER_REFUSED, ChronoError
from chrono.flare.contracts.addresses import Generation
from chrono.flare.contracts.functions import FUNCTION_BY_NAME
from chrono.flare.frames import FTSO, Frame, SubmissionFunction, calldata
from chrono.flare.signature_payload import SignaturePayload
from chrono.flare.signatures import recover, sign
from chrono.flare.system_messages import WeightBasedClaims
from chrono.keys import signer as signer_module
from chrono.keys.guards import CAPS
from chrono.keys.roles import Role
from chrono.keys.secret_key import SecretKey
from chrono.keys.signer import Signer
from chrono.keys.statements import NewPolicy, RewardsVote, UptimeVote, VoterRegistration, digest_of
from chrono_core import keccak256
from tests.fakes.key_requests import (
    CHAIN_ID,
    CLAIM,
    IDENTITY,
    MESSAGE,
    NEXT_EPOCH,
    NEXT_POLICY,
    OWNER,
    RECIPIENT,
    REGISTRATION,
    ROOT,
    ROUND,
    SIGNING_POLICY,
    UPDATE,
    good_requests,
    house,
    policy_for,
    secret_of,
    signer_for,
    transaction_of,
)
from tests.fakes.signers import message_of

GOOD = good_requests()
STATEMENTS = [
    MESSAGE,
    UPDATE,
    REGISTRATION,
    NewPolicy(NEXT_EPOCH, NEXT_POLICY.hash()),
    UptimeVote(5),
    RewardsVote(5, (WeightBasedClaims(CHAIN_ID, 3),), ROOT),
]


def _why(refused: pytest.ExceptionInfo[ChronoError]) -> object:
    assert refused.value.reason is SIGNER_REFUSED
    return refused.value.facts["why"]


@pytest.mark.parametrize("statement", STATEMENTS, ids=lambda each: type(each).__name__)
def test_a_statement_is_signed_as_eth_account_signs_its_hash(statement):
    signature = signer_for(Role.SIGNING_POLICY).sign_digest(statement)
    message_hash = statement.hash() if statement is MESSAGE else statement.message_hash()
    theirs = Account.sign_message(encode_defunct(message_hash), secret_of(Role.SIGNING_POLICY))
    assert (signature.v, signature.r + signature.s) == (
        theirs.v,
        theirs.r.to_bytes(32, "big") + theirs.s.to_bytes(32, "big"),
    )
    assert recover(digest_of(statement), signature) == SIGNING_POLICY


def test_a_result_is_in_the_record_before_its_signature_exists():
    around = house()
    around.record.clear()
    signer = signer_for(Role.SIGNING_POLICY, around)

    class FullDiskError(OSError): ...

    def full(*_: object) -> bytes:
        raise FullDiskError

    around.record.bind = full  # type: ignore[method-assign]
    with pytest.raises(FullDiskError):
        signer.sign_digest(MESSAGE)
    del around.record.bind
    signer.sign_digest(MESSAGE)
    assert around.record.bound(FTSO, ROUND) == MESSAGE.hash()


def test_the_same_result_is_signed_again_and_another_never():
    around = house()
    signer = signer_for(Role.SIGNING_POLICY, around)
    first = signer.sign_digest(MESSAGE)
    assert signer.sign_digest(MESSAGE) == first
    for other in (replace(MESSAGE, merkle_root=keccak256(b"other")), replace(MESSAGE, is_secure_random=False)):
        for _ in range(2):
            with pytest.raises(ChronoError) as refused:
                signer.sign_digest(other)
            assert refused.value.reason is SIGNER_CONFLICT
    later = Signer(SecretKey(secret_of(Role.SIGNING_POLICY)), policy_for(Role.SIGNING_POLICY, around))
    with pytest.raises(ChronoError, match="already"):
        later.sign_digest(replace(MESSAGE, merkle_root=keccak256(b"other")))
    assert later.sign_digest(MESSAGE) == first


@pytest.mark.parametrize(
    ("statement", "why"),
    [
        (message_of(ROUND, 7), "protocol"),
        (replace(MESSAGE, merkle_root=b"short"), "shape"),
        (replace(MESSAGE, voting_round_id=2**32), "shape"),
        (VoterRegistration(Generation.SECOND, 14, NEXT_EPOCH, IDENTITY), "identity"),
        (VoterRegistration(Generation.SECOND, CHAIN_ID, NEXT_EPOCH, SIGNING_POLICY), "identity"),
        (NewPolicy(NEXT_EPOCH, keccak256(b"another")), "policy"),
        (NewPolicy(99, NEXT_POLICY.hash()), "policy"),
        (UptimeVote(5, keccak256(b"another")), "statement"),
        (RewardsVote(5, (WeightBasedClaims(14, 3),), ROOT), "chain"),
        (RewardsVote(5, (WeightBasedClaims(CHAIN_ID, 3),), bytes(32)), "statement"),
        (replace(UPDATE, deltas=b""), "statement"),
        (b"\x01" * 32, "statement"),
    ],
)
def test_what_is_not_ours_is_not_said(statement, why):
    with pytest.raises(ChronoError) as refused:
        signer_for(Role.SIGNING_POLICY).sign_digest(statement)
    assert _why(refused) == why


@pytest.mark.parametrize("role", [Role.SUBMIT, Role.SUBMIT_SIGNATURES, Role.FAST_UPDATE, Role.EXECUTOR])
def test_only_the_signing_policy_key_makes_statements(role):
    with pytest.raises(ChronoError) as refused:
        signer_for(role).sign_digest(MESSAGE)
    assert _why(refused) == "statement"


def test_a_commit_that_the_journal_does_not_hold_is_not_signed():
    around = house()
    del around.journal[SubmissionFunction.SUBMIT1, FTSO, ROUND]
    with pytest.raises(ChronoError) as refused:
        signer_for(Role.SUBMIT, around).sign(GOOD[Role.SUBMIT, "submit1"])
    assert _why(refused) == "not_journalled"


def test_a_reveal_that_does_not_fit_its_commit_is_not_signed_even_when_the_journal_holds_it():
    around = house()
    around.journal[SubmissionFunction.SUBMIT1, FTSO, ROUND] = keccak256(b"another commit")
    with pytest.raises(ChronoError) as refused:
        signer_for(Role.SUBMIT, around).sign(GOOD[Role.SUBMIT, "submit2"])
    assert _why(refused) == "commitment"


def test_signatures_are_sent_only_for_recorded_results_and_only_of_our_policy_key():
    good = GOOD[Role.SUBMIT_SIGNATURES, "submitSignatures"]
    around = house()
    del around.record[200, ROUND]
    with pytest.raises(ChronoError) as refused:
        signer_for(Role.SUBMIT_SIGNATURES, around).sign(good)
    assert _why(refused) == "not_recorded"
    foreign = SignaturePayload(sign(MESSAGE.digest(), b"\x05" * 32))
    data = calldata(SubmissionFunction.SUBMIT_SIGNATURES, [Frame(FTSO, ROUND, foreign.encode())])
    with pytest.raises(ChronoError) as refused:
        signer_for(Role.SUBMIT_SIGNATURES).sign(replace(good, data=data))
    assert _why(refused) == "signature"


def test_a_registration_is_sent_only_after_its_statement():
    silent = Signer(SecretKey(secret_of(Role.SIGNING_POLICY)), policy_for(Role.SIGNING_POLICY, house()))
    good = GOOD[Role.SIGNING_POLICY, "registerVoter"]
    with pytest.raises(ChronoError) as refused:
        silent.sign(good)
    assert _why(refused) == "signature"
    silent.sign_digest(REGISTRATION)
    silent.sign(good)


def test_a_signature_that_leads_elsewhere_is_never_given_out(monkeypatch):
    signer = signer_for(Role.SUBMIT)
    monkeypatch.setattr(signer_module, "sign", lambda digest, _: sign(digest, b"\x05" * 32))
    with pytest.raises(ChronoError) as fault:
        signer.sign(GOOD[Role.SUBMIT, "submit1"])
    assert fault.value.reason is SIGNER_FAULT


def test_a_closed_signer_signs_nothing():
    with signer_for(Role.SUBMIT) as signer:
        held = signer._key._secret
    assert not any(held)
    with pytest.raises(ChronoError) as fault:
        signer.sign(GOOD[Role.SUBMIT, "submit1"])
    assert fault.value.reason is SIGNER_FAULT


def test_a_key_says_nothing_about_itself():
    secret = secret_of(Role.SUBMIT)
    key = SecretKey(secret)
    signer = signer_for(Role.SUBMIT)
    for shown in (repr(key), str(key), f"{key}", repr(signer), repr(vars(signer))):
        _assert_hidden(secret, shown)
    for copied in (copy.copy, copy.deepcopy, pickle.dumps):
        with pytest.raises(TypeError, match="not copied"):
            copied(key)


def test_tracebacks_with_every_local_name_do_not_show_the_key(monkeypatch):
    monkeypatch.setattr(signer_module, "recover", lambda *_: None)
    frames = ExceptionDictTransformer(show_locals=True, locals_max_string=100_000, locals_max_length=100_000)
    asked = [
        lambda: signer_for(Role.SUBMIT).sign(GOOD[Role.SUBMIT, "submit1"]),
        lambda: Signer(SecretKey(secret_of(Role.SUBMIT)), policy_for(Role.SUBMIT, house())).sign(
            replace(GOOD[Role.SUBMIT, "submit1"], value_wei=1)
        ),
    ]
    for ask in asked:
        with pytest.raises(ChronoError) as error:
            ask()
        shown = repr(frames((type(error.value), error.value, error.tb)))
        assert "show_locals" not in shown
        assert "transaction" in shown
        _assert_hidden(secret_of(Role.SUBMIT), shown)


def _assert_hidden(secret: bytes, shown: str) -> None:
    assert secret.hex() not in shown.lower()
    assert repr(secret)[2:-1] not in shown
    assert str(int.from_bytes(secret, "big")) not in shown


def test_frames_of_two_rounds_do_not_share_a_transaction():
    around = house()
    around.journal[SubmissionFunction.SUBMIT1, 200, ROUND + 1] = b""
    frames = [Frame(FTSO, ROUND, around.journal[SubmissionFunction.SUBMIT1, FTSO, ROUND]), Frame(200, ROUND + 1, b"")]
    good = GOOD[Role.SUBMIT, "submit1"]
    with pytest.raises(ChronoError) as refused:
        signer_for(Role.SUBMIT, around).sign(replace(good, data=calldata(SubmissionFunction.SUBMIT1, frames)))
    assert _why(refused) == "shape"


@pytest.mark.parametrize(
    ("function", "arguments"),
    [
        ("claim", (SIGNING_POLICY, RECIPIENT, 5, True, [CLAIM])),
        ("claim", (OWNER, SIGNING_POLICY, 5, True, [CLAIM])),
        ("autoClaim", ([OWNER, SIGNING_POLICY], 5, [CLAIM])),
        ("autoClaim", ([], 5, [CLAIM])),
    ],
)
def test_claims_are_for_our_owners_and_to_our_recipients_only(function, arguments):
    data = FUNCTION_BY_NAME[function].encode(*arguments)
    with pytest.raises(ChronoError) as refused:
        signer_for(Role.EXECUTOR).sign(transaction_of("RewardManager", data))
    assert _why(refused) == "owner"


def test_attempts_that_replace_one_another_do_not_use_up_the_hour():
    signer = signer_for(Role.SUBMIT)
    reveal = GOOD[Role.SUBMIT, "submit2"]
    dear = replace(reveal, max_fee_wei=CAPS[Role.SUBMIT].fee_wei // reveal.gas)
    attempts = CAPS[Role.SUBMIT].rate.attempts
    assert attempts * dear.fee_wei > CAPS[Role.SUBMIT].hour_wei
    for _ in range(attempts):
        signer.sign(dear)
    full = signer_for(Role.SUBMIT)
    fits = CAPS[Role.SUBMIT].hour_wei // dear.fee_wei
    for nonce in range(fits):
        full.sign(replace(dear, nonce=nonce))
    full.sign(replace(dear, nonce=0))
    with pytest.raises(ChronoError) as refused:
        full.sign(replace(dear, nonce=fits))
    assert _why(refused) == "hour"


def test_a_relay_under_a_policy_that_the_chain_did_not_tell_is_not_signed():
    around = house()
    around.policies[5] = keccak256(b"another policy")
    with pytest.raises(ChronoError) as refused:
        signer_for(Role.SIGNING_POLICY, around).sign(GOOD[Role.SIGNING_POLICY, "relay"])
    assert _why(refused) == "policy"

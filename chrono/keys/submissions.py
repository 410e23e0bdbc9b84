"""What may stand in a call of the Submission contract: frames that the journal holds, signatures that the record knows.

A commit, a reveal or a bit vote is signed only when the same bytes lie in the journal, so nothing leaves that a
restart would not remember. Source: fsp.md sections 2, 4 and 8.
"""

from collections.abc import Collection, Sequence
from typing import Final

from chrono.flare.address import Address
from chrono.flare.commit import commit_hash, decode_commit, decode_reveal
from chrono.flare.fast_updates.submission import decode_calldata as decode_update
from chrono.flare.frames import FTSO, Frame, SubmissionFunction, decode_calldata
from chrono.flare.signature_payload import WITHOUT_MESSAGE, SignaturePayload
from chrono.flare.signatures import Signature, eth_signed, recover
from chrono.keys.ports import Journalled, SigningRecord
from chrono.keys.refusal import Why, require

MOST_CALLDATA: Final = 4500
"""The node refunds no longer calls. Source: fsp.md section 2."""
PROTOCOLS: Final = frozenset({FTSO, 200})
"""The anchor feeds and the data connector."""


class JournalledFrames:
    """Calls of submit1, submit2 and submit3: the frames of one round, each exactly as the journal holds it."""

    def __init__(self, journal: Journalled, submit_address: Address, protocols: Collection[int] = PROTOCOLS) -> None:
        self._journal = journal
        self._address = submit_address
        self._protocols = protocols

    def __call__(self, data: bytes) -> None:
        """Raises: Refused, Malformed."""
        function, frames = decode_calldata(data)
        _check_frames(data, frames, self._protocols)
        for frame in frames:
            kept = self._journal.payload(function, frame.protocol_id, frame.voting_round_id)
            told = f"{function.name.lower()} of protocol {frame.protocol_id}, round {frame.voting_round_id}"
            require(kept == frame.payload, Why.NOT_JOURNALLED, f"the journal does not hold these bytes for {told}")
            if frame.protocol_id == FTSO:
                self._check_anchor(function, frame)

    def _check_anchor(self, function: SubmissionFunction, frame: Frame) -> None:
        """A commit is a hash; a reveal is what the commit of its round fixed."""
        if function is SubmissionFunction.SUBMIT1:
            decode_commit(frame.payload)
        if function is SubmissionFunction.SUBMIT2:
            reveal = decode_reveal(frame.payload, random_only=True)
            made = commit_hash(self._address, frame.voting_round_id, reveal.random, reveal.encoded_values)
            kept = self._journal.payload(SubmissionFunction.SUBMIT1, FTSO, frame.voting_round_id)
            require(
                kept == made, Why.COMMITMENT, f"the reveal does not fit the commit of round {frame.voting_round_id}"
            )


class RecordedSignatures:
    """Calls of submitSignatures: our policy key's signatures over the results that the record holds."""

    def __init__(
        self, record: SigningRecord, signing_policies: Collection[Address], protocols: Collection[int] = PROTOCOLS
    ) -> None:
        """`signing_policies`: our policy keys, more than one while they turn at a reward epoch."""
        self._record = record
        self._signing_policies = signing_policies
        self._protocols = protocols

    def __call__(self, data: bytes) -> None:
        """Raises: Refused, Malformed."""
        function, frames = decode_calldata(data)
        require(function is SubmissionFunction.SUBMIT_SIGNATURES, Why.FUNCTION, f"this key does not {function.name}")
        _check_frames(data, frames, self._protocols)
        for frame in frames:
            self._check(frame)

    def _check(self, frame: Frame) -> None:
        require(frame.payload[:1] == bytes([WITHOUT_MESSAGE]), Why.SHAPE, "a signature payload of type 1 is expected")
        payload = SignaturePayload.decode(frame.payload)
        bare = frame.protocol_id != FTSO or not payload.unsigned_message
        require(bare, Why.SHAPE, "the anchor feeds have no unsigned message")
        bound = self._record.bound(frame.protocol_id, frame.voting_round_id)
        told = f"protocol {frame.protocol_id}, round {frame.voting_round_id}"
        if bound is None:
            require(False, Why.NOT_RECORDED, f"nothing was signed for {told}")
            return
        require_signer(eth_signed(bound), payload.signature, self._signing_policies, told)


class SignedUpdates:
    """Calls of submitAndPass: one fast update, signed by our policy key."""

    def __init__(self, signing_policy: Address) -> None:
        self._signing_policy = signing_policy

    def __call__(self, data: bytes) -> None:
        """Raises: Refused, Malformed."""
        require(len(data) <= MOST_CALLDATA, Why.SHAPE, f"{len(data)} bytes of calldata")
        update, signature = decode_update(data)
        require(update.calldata(signature) == data, Why.SHAPE, "the bytes are not those of the update")
        require_signer(eth_signed(update.message_hash()), signature, (self._signing_policy,), f"block {update.block}")


def require_signer(digest: bytes, signature: Signature, signers: Collection[Address], told: str) -> None:
    """See that one of `signers` signed the digest, with a low s. Raises: Refused."""
    ours = recover(digest, signature) in signers and signature.is_low_s
    require(ours, Why.SIGNATURE, f"the signature is not our policy key's over {told}")


def _check_frames(data: bytes, frames: Sequence[Frame], protocols: Collection[int]) -> None:
    require(
        len(data) <= MOST_CALLDATA, Why.SHAPE, f"{len(data)} bytes of calldata; at most {MOST_CALLDATA} are refunded"
    )
    require(bool(frames), Why.SHAPE, "there is no frame")
    ids = [frame.protocol_id for frame in frames]
    require(len(set(ids)) == len(ids), Why.PROTOCOL, "a protocol is there twice")
    require(set(ids) <= set(protocols), Why.PROTOCOL, f"protocols {sorted(set(ids) - set(protocols))} are not ours")
    require(len({frame.voting_round_id for frame in frames}) == 1, Why.SHAPE, "the frames are of several rounds")

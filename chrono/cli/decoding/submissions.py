"""What the frames of submit1, submit2 and submitSignatures say, protocol by protocol."""

from collections.abc import Callable
from decimal import Decimal

from chrono.cli.decoding.terms import PROTOCOLS, Document, Terms, hexed, round_document
from chrono.clock import SECOND_NS
from chrono.flare.abi import Malformed
from chrono.flare.address import checksummed
from chrono.flare.commit import decode_commit, decode_reveal
from chrono.flare.epochs import Span, VotingRound
from chrono.flare.fdc import BitVote
from chrono.flare.feed_values import VALUE_BYTES, decode_values
from chrono.flare.frames import FDC, FTSO, HEADER_BYTES, SELECTOR_BYTES, Frame, SubmissionFunction, decode_frames
from chrono.flare.protocol_message import ProtocolMessage
from chrono.flare.signature_payload import SignaturePayload


def describe_frames(function: SubmissionFunction, calldata: bytes, terms: Terms) -> Document:
    """The frames behind the selector, each with its protocol, round and payload. Raises: Malformed, at its byte."""
    try:
        frames = decode_frames(calldata[SELECTOR_BYTES:])
    except Malformed as fault:
        raise Malformed(f"the whole transaction is void: {fault.what}", SELECTOR_BYTES + fault.at) from fault
    notes = [] if frames else ["there are no frames in it"]
    if len({frame.protocol_id for frame in frames}) < len(frames):
        notes.append("a protocol is there twice; clients do not agree which of the two counts")
    documents, at = [], SELECTOR_BYTES
    for frame in frames:
        documents.append(_frame(function, frame, at, terms))
        at += HEADER_BYTES + len(frame.payload)
    faults = [fault for document in documents for fault in document.pop("faults")]
    return {"frames": documents, "notes": notes, "faults": faults}


def _frame(function: SubmissionFunction, frame: Frame, at: int, terms: Terms) -> Document:
    voting_round = VotingRound(frame.voting_round_id, terms.network.timing)
    document: Document = {
        "at_byte": at,
        "protocol_id": frame.protocol_id,
        "protocol": PROTOCOLS.get(frame.protocol_id),
        "round": round_document(voting_round),
        "in_time": _in_time(function, frame.protocol_id, voting_round, terms.time_s),
        "payload_bytes": len(frame.payload),
        "faults": [],
    }
    reader = _READERS.get((function, frame.protocol_id))
    if function is SubmissionFunction.SUBMIT_SIGNATURES:
        reader = _signature
    try:
        document |= reader(frame, terms) if reader else {"payload": hexed(frame.payload)}
    except Malformed as fault:
        document |= {"payload": hexed(frame.payload)}
        document["faults"] = [{"at_byte": at + HEADER_BYTES + fault.at, "why": fault.what}]
    return document


def _in_time(
    function: SubmissionFunction, protocol_id: int, voting_round: VotingRound, time_s: int | None
) -> bool | None:
    """Whether the block time lies in the window of its phase; None where no rule or no time is known."""
    windows: dict[SubmissionFunction, Span] = {SubmissionFunction.SUBMIT_SIGNATURES: voting_round.signature_window}
    if protocol_id == FTSO:
        windows[SubmissionFunction.SUBMIT1] = voting_round.commit_window
        windows[SubmissionFunction.SUBMIT2] = voting_round.reveal_window
    window = windows.get(function)
    return None if time_s is None or window is None else time_s * SECOND_NS in window


def _commit(frame: Frame, terms: Terms) -> Document:
    del terms
    return {"kind": "commit", "commit_hash": hexed(decode_commit(frame.payload))}


def _reveal(frame: Frame, terms: Terms) -> Document:
    epoch = VotingRound(frame.voting_round_id, terms.network.timing).expected_reward_epoch
    reveal = decode_reveal(frame.payload, random_only=terms.network.fip16_active(epoch))
    feeds = terms.feeds
    count = len(feeds) or len(reveal.encoded_values) // VALUE_BYTES
    try:
        values = decode_values(reveal.encoded_values, count)
    except Malformed as fault:
        raise Malformed(fault.what, len(reveal.random) + fault.at) from fault
    document: Document = {"kind": "reveal", "random": hexed(reveal.random), "values": values}
    if terms.sender is not None:
        expected = reveal.commit_hash(terms.sender, frame.voting_round_id)
        document["commit_hash_of_sender"] = hexed(expected)
    if feeds:
        pairs = zip(feeds, values, strict=True)
        document["feeds"] = [
            {"feed": feed.label, "decimals": feed.decimals, "value": value, "price": _price(value, feed.decimals)}
            for feed, value in pairs
        ]
    return document


def _price(value: int | None, decimals: int | None) -> str | None:
    return None if value is None or decimals is None else f"{Decimal(value).scaleb(-decimals):f}"


def _bit_vote(frame: Frame, terms: Terms) -> Document:
    del terms
    return {"kind": "bit_vote", **_bits(frame.payload)}


def _bits(payload: bytes) -> Document:
    vote = BitVote.decode(payload)
    if vote is None:
        raise Malformed(f"a bit vote begins with its count (2 bytes), {len(payload)} are there")
    confirmed = [place for place in range(vote.bits.bit_length()) if vote.bits >> place & 1]
    return {"requests": vote.count, "confirmed": confirmed}


def _signature(frame: Frame, terms: Terms) -> Document:
    payload = SignaturePayload.decode(frame.payload)
    message = payload.message or terms.messages.get((frame.protocol_id, frame.voting_round_id))
    signer = payload.signer(message) if message else None
    document: Document = {
        "kind": "signature",
        "type": payload.type,
        "v": payload.signature.v,
        "r": hexed(payload.signature.r),
        "s": hexed(payload.signature.s),
        "message": message_document(message) if message else None,
        "signer": checksummed(signer) if signer else None,
    }
    if payload.unsigned_message:
        document["unsigned_message"] = hexed(payload.unsigned_message)
    if payload.unsigned_message and frame.protocol_id == FDC:
        document["consensus_bit_vote"] = _bits(payload.unsigned_message)
    return document


def message_document(message: ProtocolMessage) -> Document:
    """The signed message of a round, and its hash."""
    return {
        "protocol_id": message.protocol_id,
        "voting_round_id": message.voting_round_id,
        "is_secure_random": message.is_secure_random,
        "merkle_root": hexed(message.merkle_root),
        "hash": hexed(message.hash()),
    }


_READERS: dict[tuple[SubmissionFunction, int], Callable[[Frame, Terms], Document]] = {
    (SubmissionFunction.SUBMIT1, FTSO): _commit,
    (SubmissionFunction.SUBMIT2, FTSO): _reveal,
    (SubmissionFunction.SUBMIT2, FDC): _bit_vote,
}

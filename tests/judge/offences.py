"""What each voter did in a round, and what of it is an offence."""

from dataclasses import dataclass

from eth_hash.auto import keccak

from tests.judge.chain import Chain
from tests.judge.curve import eth_signed, recover
from tests.judge.epochs import Voter
from tests.judge.frames import FTSO, SUBMIT_SIGNATURES, frames
from tests.judge.rounds import Verdict
from tests.judge.votes import Box, distinct

TYPE_0_SIGNATURE = 39
SIGNATURE_BYTES = 65


@dataclass(frozen=True)
class Conduct:
    """Of one voter in one round. A wrong signature beside a right one is the offence of double signing."""

    committed: bool
    revealed: bool
    signed: bool
    wrong_signatures: int
    different_commits: int

    @property
    def reveal_offence(self) -> bool:
        return self.committed and not self.revealed

    @property
    def conflicting(self) -> bool:
        return self.wrong_signatures > 0 and self.signed

    @property
    def doubled_commit(self) -> bool:
        return self.different_commits > 1

    @property
    def offences(self) -> list[str]:
        return [
            name
            for name, holds in (
                ("reveal_offence", self.reveal_offence),
                ("conflicting_signatures", self.conflicting),
                ("doubled_commit", self.doubled_commit),
                ("wrong_signature", self.wrong_signatures > 0 and not self.signed),
            )
            if holds
        ]


class Signatures:
    """The signatures of protocol 100 by round and sender, sent in the round's own time."""

    def __init__(self, chain: Chain) -> None:
        self._told: dict[tuple[int, bytes], list[bytes]] = {}
        calendar = chain.calendar
        for sent in chain.sent_to("Submission"):
            if sent.data[:4] != SUBMIT_SIGNATURES:
                continue
            for frame in frames(sent.data[4:]):
                window = range(calendar.start(frame.round_id + 1), calendar.over(frame.round_id))
                if frame.protocol == FTSO and sent.time_s in window:
                    self._told.setdefault((frame.round_id, sent.sender), []).append(frame.payload)

    def of(self, round_id: int, sender: bytes) -> list[bytes]:
        return self._told.get((round_id, sender), [])

    def right_and_wrong(self, round_id: int, voter: Voter, message: bytes) -> tuple[int, int]:
        """How many different signatures of the voter are of this message, and how many are not."""
        told = set(self.of(round_id, voter.submit_signatures))
        right = sum(_signer(payload, message) == voter.signing_policy for payload in told)
        return right, len(told) - right


def conduct(voter: Voter, verdict: Verdict, box: Box, signatures: Signatures) -> Conduct:
    commits = box.votes(verdict.round_id).commits.get(voter.submit, [])
    message = _message(verdict)
    right, wrong = (0, 0) if message is None else signatures.right_and_wrong(verdict.round_id, voter, message)
    return Conduct(
        committed=box.commit(verdict.round_id, voter.submit) is not None,
        revealed=voter.submit in box.valid(verdict.round_id),
        signed=right > 0,
        wrong_signatures=wrong,
        different_commits=len(distinct(commits)),
    )


def _message(verdict: Verdict) -> bytes | None:
    """What was finalised; where nothing was, what should have been."""
    if verdict.relayed is not None:
        head = bytes([FTSO]) + verdict.round_id.to_bytes(4, "big")
        return head + bytes([verdict.relayed.is_secure]) + verdict.relayed.root
    return verdict.result.message(verdict.round_id) if verdict.result else None


def _signer(payload: bytes, message: bytes) -> bytes | None:
    """Who signed this message by this payload; a payload of type 0 says itself what it signs."""
    is_type_0 = payload[:1] == b"\0"
    raw = payload[TYPE_0_SIGNATURE:] if is_type_0 else payload[1:]
    if payload[:1] not in {b"\0", b"\1"} or len(raw) < SIGNATURE_BYTES:
        return None
    if is_type_0 and payload[1:TYPE_0_SIGNATURE] != message:
        return None
    r, s = int.from_bytes(raw[1:33], "big"), int.from_bytes(raw[33:65], "big")
    return recover(eth_signed(keccak(message)), raw[0], r, s)

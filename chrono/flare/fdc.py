"""The FDC beside us: its frames travel in the same transactions, and its offences cost the same entity.

A frame of protocol 200 in submit2 holds a bit vote; in submitSignatures, a type 1 signature whose unsigned message is
the consensus bit vote. Chrono does not attest: it carries these frames, reads them, and names what is an offence.
Source: fsp.md sections 4, 5c and 7.8; FTSO-Scaling 9e1e9889 fdc-utils.ts.
"""

from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Final

from msgspec import Struct

from chrono.flare.address import Address

SIGNED_IN_TIME_S: Final = 90
_COUNT_BYTES: Final = 2


class Offence(Enum):
    """What the FDC punishes, each with the full penalty of a round."""

    WRONG_SIGNATURE = "wrong_signature"
    """A signature for anything but the finalised message, even beside a matching one."""
    SILENT_AFTER_BIT_VOTE = "silent_after_bit_vote"
    """A bit vote that covers the consensus, and no matching signature within 90 s of the round's end."""
    WRONG_CONSENSUS = "wrong_consensus"
    """A matching signature beside a consensus bit vote that is another one, or too short to be one."""


class BitVote(Struct, frozen=True):
    """Which attestation requests of the round a provider confirms: bit i of `bits` is request i of `count`."""

    count: int
    bits: int

    def encode(self) -> bytes:
        """`count(2) || bits`, big-endian in as few bytes as hold `count` bits."""
        return self.count.to_bytes(_COUNT_BYTES, "big") + self.bits.to_bytes((self.count + 7) // 8, "big")

    def covers(self, consensus: int) -> bool:
        """Whether every request of the consensus is confirmed here as well."""
        return consensus & self.bits == consensus

    @classmethod
    def decode(cls, data: bytes) -> "BitVote | None":
        """The bit vote in `data`; None for fewer than two bytes. Bits beyond `count` are kept, as the network does."""
        if len(data) < _COUNT_BYTES:
            return None
        return cls(int.from_bytes(data[:_COUNT_BYTES], "big"), int.from_bytes(data[_COUNT_BYTES:], "big"))


class Signed(Struct, frozen=True):
    """A signature of the finalised FDC message: its submitSignatures address, its weight, what stood beside it.

    `after_s` is the block time in seconds from the end of the round's voting epoch.
    """

    sender: Address
    weight: int
    unsigned_message: bytes
    after_s: int


class Judgement(Struct, frozen=True):
    """The consensus bit vote (None when nobody sent one) and the offences by submitSignatures address."""

    consensus: int | None
    offences: dict[Address, tuple[Offence, ...]]


def consensus_bit_vote(signatures: Sequence[Signed]) -> int | None:
    """The bits with the most weight among the signers of the finalised message."""
    weight_by_bits: dict[int, int] = {}
    for signed in signatures:
        vote = BitVote.decode(signed.unsigned_message)
        if vote is not None:
            weight_by_bits[vote.bits] = weight_by_bits.get(vote.bits, 0) + signed.weight
    # The reference sorts the tied ones as text, so that 10 comes before 9; all must do the same.
    return min(weight_by_bits, key=lambda bits: (-weight_by_bits[bits], str(bits)), default=None)


def judge(
    signatures: Sequence[Signed], wrong_signers: Sequence[Address], bit_votes: Mapping[Address, bytes]
) -> Judgement:
    """Who offended in a finalised FDC round.

    `signatures` match the finalised message and `wrong_signers` are voters who sent another one; `bit_votes` holds the
    last submit2 payload of each voter by submitSignatures address. Nobody offends when nobody signed the message.
    """
    if not signatures:
        return Judgement(None, {})
    consensus = consensus_bit_vote(signatures)
    found: dict[Address, list[Offence]] = {}
    in_time = {signed.sender for signed in signatures if signed.after_s < SIGNED_IN_TIME_S}
    for sender, payload in bit_votes.items():
        vote = BitVote.decode(payload) or BitVote(0, 0)
        if consensus is not None and vote.covers(consensus) and sender not in in_time:
            found.setdefault(sender, []).append(Offence.SILENT_AFTER_BIT_VOTE)
    for sender in wrong_signers:
        found.setdefault(sender, []).append(Offence.WRONG_SIGNATURE)
    for signed in signatures:
        vote_sent = BitVote.decode(signed.unsigned_message)
        if signed.unsigned_message and (vote_sent is None or vote_sent.bits != consensus):
            found.setdefault(signed.sender, []).append(Offence.WRONG_CONSENSUS)
    return Judgement(consensus, {sender: tuple(offences) for sender, offences in sorted(found.items())})

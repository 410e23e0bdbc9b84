"""One simulated voter: what it sends in each phase, right or wrong. It sees the chain itself, not through a node."""

from collections.abc import Sequence
from random import Random
from typing import Any, Final

from chrono.flare.address import Address
from chrono.flare.commit import Reveal
from chrono.flare.contracts.functions import FUNCTION_BY_NAME
from chrono.flare.feed_values import encode_values, feed_values
from chrono.flare.feeds import Feed
from chrono.flare.frames import FDC, FTSO, Frame, SubmissionFunction, calldata
from chrono.flare.protocol_message import ProtocolMessage
from chrono.flare.signature_payload import SignaturePayload
from chrono.flare.signatures import Signature, eth_signed, sign
from chrono.flare.transaction import Transaction
from chrono.flare.units import GWEI
from chrono.simulation.flare.attestations import Attestations
from chrono.simulation.flare.chain import Refusal, SimulatedChain
from chrono.simulation.flare.keyring import Keyring
from chrono.simulation.flare.offences import Offence
from chrono.simulation.flare.prices import Prices
from chrono_core import keccak256

GAS: Final = 400_000
_PPM: Final = 1_000_000
_NOISE_PPM: Final = 150


class SimulatedVoter:
    """A voter with all its keys. `rotate` gives it others, which count from the next policy on."""

    def __init__(self, name: str, keys: Keyring, seed: int) -> None:
        self.name = name
        self.keys = keys
        self.entity = keys.entity()
        self.attestations: Attestations | None = None
        """What it attests to beside its values; None: it has no part in the data connector."""
        self._seed = seed
        self._said: dict[int, Reveal] = {}

    def commit(
        self, round_id: int, feeds: Sequence[Feed], prices: Prices, at_ns: int, offence: Offence | None
    ) -> list[bytes]:
        """The calldata of its commits."""
        if offence is Offence.GARBAGE:
            return [SubmissionFunction.SUBMIT1.value + b"\x64garbage"]
        told = self._reveal(round_id, feeds, prices, at_ns, offence)
        self._said[round_id] = told
        self._said.pop(round_id - 3, None)
        commits = [_frame(SubmissionFunction.SUBMIT1, round_id, told.commit_hash(self.entity.submit, round_id))]
        if offence is Offence.TWO_COMMITS:
            other = Reveal(keccak256(told.random), told.encoded_values)
            payload = other.commit_hash(self.entity.submit, round_id)
            commits.append(_frame(SubmissionFunction.SUBMIT1, round_id, payload))
        return commits

    def reveal(self, round_id: int, offence: Offence | None) -> list[bytes]:
        """The calldata of its reveal."""
        if offence is Offence.GARBAGE:
            return [SubmissionFunction.SUBMIT2.value + b"\x64\x00\x00garbage"]
        told = self._said.get(round_id)
        if told is None or offence is Offence.NO_REVEAL:
            return []
        if offence is Offence.MISMATCH:
            told = Reveal(keccak256(told.random), told.encoded_values)
        votes = None if self.attestations is None else self.attestations.bit_vote(round_id, self.name)
        return [_frame(SubmissionFunction.SUBMIT2, round_id, told.payload, votes)]

    def signatures(self, message: ProtocolMessage, offence: Offence | None) -> list[bytes]:
        """The calldata of its signatures of a result."""
        other = ProtocolMessage(
            message.protocol_id, message.voting_round_id, message.is_secure_random, keccak256(message.merkle_root)
        )
        signed = (
            {
                Offence.NO_SIGNATURE: (),
                Offence.OTHER_ROOT: (other,),
                Offence.TWO_ROOTS: (message, other),
            }.get(offence, (message,))
            if offence
            else (message,)
        )
        payloads = [SignaturePayload(self.sign(each.hash())).encode() for each in signed]
        if offence is Offence.BROKEN_SIGNATURE:
            payloads = [bytes([1, 27]) + bytes(64)]
        attested = [self._attested(message.voting_round_id), *[None] * len(payloads)]
        return [
            _frame(SubmissionFunction.SUBMIT_SIGNATURES, message.voting_round_id, payload, beside)
            for payload, beside in zip(payloads, attested, strict=False)
        ]

    def sign(self, message_hash: bytes) -> Signature:
        """Its policy key's signature, as the contracts take it."""
        return sign(eth_signed(message_hash), self.keys.signing_policy)

    def call(self, name: str, *arguments: Any, message_hash: bytes) -> bytes:
        """Calldata of a function that takes a signature as its last argument."""
        signature = self.sign(message_hash)
        return FUNCTION_BY_NAME[name].encode(*arguments, (signature.v, signature.r, signature.s))

    def _attested(self, round_id: int) -> bytes | None:
        """Its signature of what was attested to; None when it has no part in that."""
        if self.attestations is None:
            return None
        signature = self.sign(self.attestations.message(round_id).hash())
        return SignaturePayload(signature, self.attestations.consensus(round_id)).encode()

    def _reveal(
        self, round_id: int, feeds: Sequence[Feed], prices: Prices, at_ns: int, offence: Offence | None
    ) -> Reveal:
        chance = Random(f"{self._seed} {self.name} {round_id}")
        if offence is Offence.RANDOM_ONLY:
            return Reveal(chance.randbytes(32), b"")
        known = [prices(feed.id, at_ns) for feed in feeds]
        values = feed_values(known, [feed.decimals for feed in feeds])
        noisy = [
            None if value is None else value + value * chance.randint(-_NOISE_PPM, _NOISE_PPM) // _PPM
            for value in values
        ]
        if offence is Offence.UNPARSABLE:
            noisy += [1] * (len(feeds) + 1 - len(noisy))
        return Reveal(chance.randbytes(32), encode_values(noisy))


def send(chain: SimulatedChain, key: bytes, sender: Address, to: Address, data: bytes) -> None:
    """Sign with the account's lowest free nonce, and hand it to the chain. What the chain refuses is lost."""
    waiting = chain.pool.get(sender, {})
    nonce = chain.nonce(sender)
    while nonce in waiting:
        nonce += 1
    transaction = Transaction(
        chain_id=chain.chain_id,
        nonce=nonce,
        to=to,
        value_wei=0,
        data=data,
        gas=GAS + 16 * len(data),
        max_fee_wei=20 * chain.base_fee_wei,
        max_priority_fee_wei=max(chain.base_fee_wei // 10, GWEI),
    )
    try:
        chain.take(transaction.signed(sign(transaction.signing_hash(), key)))
    except Refusal:
        return


def _frame(function: SubmissionFunction, round_id: int, payload: bytes, beside: bytes | None = None) -> bytes:
    """The calldata of a payload of the FTSO; `beside` is the data connector's in the same call."""
    frames = [Frame(FTSO, round_id, payload)]
    if beside is not None:
        frames.append(Frame(FDC, round_id, beside))
    return calldata(function, frames)

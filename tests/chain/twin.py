"""A provider of another hand: votes, reveals, signs and finalises, with py-flare-common, eth-account and the judge's
sums. It keeps nothing on disk; who kills it makes it an offender."""

import secrets
import time
from dataclasses import dataclass, field

from eth_hash.auto import keccak

from tests.chain import twin_words
from tests.chain.account import Account
from tests.chain.entity import Entity
from tests.chain.market import vote
from tests.chain.rpc import Rpc, RpcError
from tests.chain.twin_ledger import Ledger
from tests.judge.curve import eth_signed, recover
from tests.judge.epochs import Electorate, Voter
from tests.judge.frames import FTSO, SUBMIT_SIGNATURES, frames
from tests.judge.rounds import result_of

SUBMIT_GAS = 200_000
RELAY_GAS = 1_500_000
COMMIT_SHARE = 0.6
"""Of an epoch, after which a twin commits."""
BIPS = 10_000


@dataclass
class Committed:
    random: bytes
    encoded: bytes
    is_revealed: bool = False


@dataclass
class Twin:
    rpc: Rpc
    ledger: Ledger
    entity: Entity
    relay_increase_bips: int
    mischief: dict[str, list[int]] = field(default_factory=dict)
    """What it does on purpose, by rounds counted from its first: see tests/chain/twins.py."""
    first_round: int | None = None
    committed: dict[int, Committed] = field(default_factory=dict)
    signed: set[int] = field(default_factory=set)
    finalised: set[int] = field(default_factory=set)
    messages: dict[int, bytes] = field(default_factory=dict)

    def step(self) -> None:
        """Whatever is due now."""
        now = self.ledger.calendar.round_at(int(time.time()))
        self._commit(now)
        self._reveal(now - 1)
        self._sign(now - 1)
        for round_id in (now - 2, now - 1):
            self._finalise(round_id)

    def does(self, what: str, round_id: int) -> bool:
        return self.first_round is not None and round_id - self.first_round in self.mischief.get(what, ())

    def _commit(self, round_id: int) -> None:
        calendar = self.ledger.calendar
        due = calendar.start(round_id) + COMMIT_SHARE * calendar.epoch_s
        if round_id in self.committed or time.time() < due or time.time() > calendar.start(round_id + 1) - 1.2:
            return
        electorate = self.ledger.epochs().electorate_of(round_id)
        if electorate is None or self._own(electorate) is None:
            return
        if self.first_round is None:
            self.first_round = round_id
        if self.does("absent", round_id):
            return
        values = [
            vote(self.entity.name, feed[1:].rstrip(b"\0").decode(), decimals, round_id)
            for feed, decimals in electorate.feeds
        ]
        one = Committed(secrets.token_bytes(32), twin_words.encoded_values(values))
        self.committed[round_id] = one
        submit = self.entity.submit
        self._submit(submit, twin_words.commit(submit.raw, round_id, one.random, one.encoded))
        if self.does("double", round_id):
            self._submit(submit, twin_words.commit(submit.raw, round_id, secrets.token_bytes(32), one.encoded))

    def _reveal(self, round_id: int) -> None:
        calendar, one = self.ledger.calendar, self.committed.get(round_id)
        if one is None or one.is_revealed or self.does("silent", round_id):
            return
        if self.ledger.chain.head_time_s >= calendar.start(round_id + 1):
            one.is_revealed = True
            self._submit(self.entity.submit, twin_words.reveal(round_id, one.random, one.encoded))

    def _sign(self, round_id: int) -> None:
        if round_id in self.signed or self.ledger.chain.head_time_s < self.ledger.calendar.reveal_deadline(round_id):
            return
        electorate = self.ledger.epochs().electorate_of(round_id)
        if electorate is None or self._own(electorate) is None:
            return
        self.signed.add(round_id)
        result = result_of(round_id, electorate, self.ledger.box(round_id))
        if result is None:
            return
        message = self.messages[round_id] = result.message(round_id)
        told = [message]
        if self.does("conflicting", round_id):
            told.append(message[:-1] + bytes([message[-1] ^ 1]))
        for each in told:
            made = self.entity.signing_policy.signed(keccak(each))
            self._submit(self.entity.submit_signatures, twin_words.signature(round_id, made))

    def _finalise(self, round_id: int) -> None:
        message = self.messages.get(round_id)
        if message is None or round_id in self.finalised:
            return
        electorate = self.ledger.epochs().electorate_of(round_id)
        if electorate is None or self.ledger.is_relayed(round_id):
            return
        deadline, grace = self.ledger.calendar.reveal_deadline(round_id), self.ledger.calendar.reveal_s * 20 // 45
        chosen = twin_words.selected(electorate.policy.seed, round_id, electorate.policy.weights)
        place = electorate.policy.signers.index(self.entity.signing_policy.raw)
        if place not in chosen and self.ledger.chain.head_time_s <= deadline + grace:
            return
        signatures = self._signatures(round_id, electorate, message)
        enough = _enough(electorate, signatures, self._threshold(round_id, electorate))
        if enough is not None:
            self.finalised.add(round_id)
            data = twin_words.relay(electorate.policy.encoded, message, enough)
            self._call("Relay", self.entity.signing_policy, data, RELAY_GAS)

    def _threshold(self, round_id: int, electorate: Electorate) -> int:
        """Raised while the policy stands in for a later one that is not there yet."""
        expected = self.ledger.calendar.expected_reward_epoch(round_id)
        is_newest = electorate.reward_epoch == max(self.ledger.epochs().policies)
        late = expected > electorate.reward_epoch and is_newest
        return electorate.policy.threshold * (self.relay_increase_bips if late else BIPS) // BIPS

    def _signatures(self, round_id: int, electorate: Electorate, message: bytes) -> dict[int, bytes]:
        """Right ones by place in the policy."""
        digest = eth_signed(keccak(message))
        found: dict[int, bytes] = {}
        for sent in self.ledger.sent_since(self.ledger.calendar.start(round_id + 1)):
            if sent.data[:4] != SUBMIT_SIGNATURES:
                continue
            for each in frames(sent.data[4:]):
                if (each.protocol, each.round_id, each.payload[:1]) != (FTSO, round_id, b"\x01"):
                    continue
                r, s = int.from_bytes(each.payload[2:34], "big"), int.from_bytes(each.payload[34:66], "big")
                signer = recover(digest, each.payload[1], r, s)
                if signer in electorate.policy.signers:
                    found[electorate.policy.signers.index(signer)] = each.payload[1:66]
        return found

    def _own(self, electorate: Electorate) -> Voter | None:
        return next((voter for voter in electorate.voters if voter.identity == self.entity.identity.raw), None)

    def _submit(self, account: Account, data: bytes) -> None:
        self._call("Submission", account, data, SUBMIT_GAS)

    def _call(self, contract: str, account: Account, data: bytes, gas: int) -> None:
        (place,) = self.ledger.chain.contracts[contract]
        try:
            account.send(self.rpc, "0x" + place.hex(), data, gas)
        except (RpcError, OSError) as error:
            print(f"{self.entity.name}: {contract} {error}", flush=True)


def _enough(electorate: Electorate, signatures: dict[int, bytes], threshold: int) -> list[tuple[int, bytes]] | None:
    """Heavy ones first until there is more than the threshold, then by place."""
    weights, chosen = electorate.policy.weights, list[int]()
    for place in sorted(signatures, key=lambda place: -weights[place]):
        chosen.append(place)
        if sum(weights[each] for each in chosen) > threshold:
            return [(each, signatures[each]) for each in sorted(chosen)]
    return None

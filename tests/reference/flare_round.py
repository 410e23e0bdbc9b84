"""A slow, obvious twin of a voting round: from raw transactions to offenders, random, medians and root.

It asks the questions of fsp.md sections 2 to 4 one sender and one round at a time, with other libraries' hashes and
encodings. Nothing of Chrono's own reading of the protocol is used.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from eth_abi import encode
from eth_hash.auto import keccak

from tests.reference import protocol_sums


class Sent(NamedTuple):
    """A transaction; times in seconds, calldata with its selector."""

    place: tuple[int, int]
    time_s: int
    sender: bytes
    to: bytes
    calldata: bytes


class Rules(NamedTuple):
    """Of one round: voters with their weights in policy order, feeds with their decimals in canonical order."""

    voters: Sequence[tuple[bytes, int]]
    feeds: Sequence[tuple[bytes, int]]
    random_only: bool


@dataclass
class Told:
    valid: set[bytes]
    offenders: set[bytes]
    benched: set[bytes]
    random: int | None
    is_secure: bool | None
    medians: list[int | None] | None
    root: bytes | None


@dataclass
class Twin:
    first_start_s: int
    submission: bytes
    sent: Sequence[Sent]
    rules: Callable[[int], Rules]

    def tell(self, round_id: int) -> Told:
        rules = self.rules(round_id)
        voters = {voter for voter, _ in rules.voters}
        reveals = {voter: self.valid_reveal(voter, round_id) for voter in voters}
        valid = {voter for voter in voters if reveals[voter] is not None}
        offenders = {voter for voter in voters if self.offends(voter, round_id)}
        everyone = {each.sender for each in self.sent}
        benched = {one for one in everyone if any(self.offends(one, past) for past in range(round_id - 20, round_id))}
        told = Told(valid, offenders, benched, None, None, None, None)
        if valid and sum(weight for _, weight in rules.voters):
            self.conclude(told, round_id, rules, reveals)
        return told

    def conclude(self, told: Told, round_id: int, rules: Rules, reveals: dict[bytes, bytes | None]) -> None:
        counted = told.valid - told.benched
        random = sum(int.from_bytes(reveals[voter][:32], "big") for voter in counted) % 2**256
        is_secure = not (told.offenders - told.benched) and len(counted) > 1
        weights = [weight for _, weight in rules.voters]
        leaves = [keccak(encode(["uint32", "uint256", "bool"], [round_id, random, is_secure]))]
        medians: list[int | None] = []
        for place, (feed, decimals) in enumerate(rules.feeds):
            votes = [self.vote(reveals[voter], place) for voter, _ in rules.voters]
            found = protocol_sums.median(votes, weights)
            if found is None and any(vote is not None for vote in votes):
                return
            value, turnout = (found[0], found[3] * 10_000 // sum(weights)) if found else (0, 0)
            medians.append(found[0] if found else None)
            types = ["uint32", "bytes21", "int32", "uint16", "int8"]
            leaves.append(keccak(encode(types, [round_id, feed, value, turnout, decimals])))
        told.random, told.is_secure, told.medians = random, is_secure, medians
        told.root = protocol_sums.root(leaves)

    def vote(self, reveal: bytes | None, place: int) -> int | None:
        raw = (reveal or b"")[32 + 4 * place : 36 + 4 * place]
        return int.from_bytes(raw, "big") - 2**31 if int.from_bytes(raw, "big") else None

    def offends(self, sender: bytes, round_id: int) -> bool:
        return self.commit(sender, round_id) is not None and self.valid_reveal(sender, round_id) is None

    def valid_reveal(self, sender: bytes, round_id: int) -> bytes | None:
        commit, reveal = self.commit(sender, round_id), self.reveal(sender, round_id)
        if commit is None or reveal is None:
            return None
        types = ["address", "uint32", "uint256", "bytes"]
        fixed = encode(types, ["0x" + sender.hex(), round_id, int.from_bytes(reveal[:32], "big"), reveal[32:]])
        return reveal if keccak(fixed) == commit else None

    def commit(self, sender: bytes, round_id: int) -> bytes | None:
        start = self.first_start_s + 90 * round_id
        told = self.said(sender, round_id, "6c532fae", range(start, start + 90))
        good = [payload for payload in told if len(payload) == 32]
        return good[-1] if good else None

    def reveal(self, sender: bytes, round_id: int) -> bytes | None:
        start = self.first_start_s + 90 * (round_id + 1)
        rules = self.rules(round_id)
        least = 32 if rules.random_only else 36
        fits = range(least, 33 + 4 * len(rules.feeds), 4)
        good = [each for each in self.said(sender, round_id, "9d00c9fd", range(start, start + 45)) if len(each) in fits]
        return good[-1] if good else None

    def said(self, sender: bytes, round_id: int, selector: str, times: range) -> list[bytes]:
        """Payloads of protocol 100 about the round, in the order of the chain."""
        found = []
        for each in sorted(self.sent):
            if (each.sender, each.to, each.calldata[:4].hex()) == (
                sender,
                self.submission,
                selector,
            ) and each.time_s in times:
                found += [payload for number, payload in _frames(each.calldata[4:]) if number == (100, round_id)]
        return found


def _frames(data: bytes) -> list[tuple[tuple[int, int], bytes]]:
    """Protocol, round and payload of each frame; none at all when the last one is not whole."""
    found = []
    while data:
        length = int.from_bytes(data[5:7], "big")
        if len(data) < 7 + length:
            return []
        found.append(((data[0], int.from_bytes(data[1:5], "big")), data[7 : 7 + length]))
        data = data[7 + length :]
    return found

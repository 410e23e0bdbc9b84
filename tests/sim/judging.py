"""What is wrong with what our provider sent: judged from raw transactions alone, by sums that are not Chrono's own.

Every transaction counts that was handed to any node, mined or not. Offences, values, medians and roots are those of the
slow twin of a round (eth_abi, eth_hash); transactions are read by eth_account's libraries, payloads by py-flare-common.
"""

from collections import defaultdict
from collections.abc import Iterator
from functools import cache, cached_property
from typing import Any, NamedTuple

import rlp
from eth_hash.auto import keccak
from py_flare_common.fsp.messaging import parse_submit1_tx, parse_submit2_tx, parse_submit_signature_tx

from chrono.clock import SECOND_NS
from chrono.simulation.flare.chain import SimulatedChain
from chrono.simulation.flare.entity import Entity
from chrono.simulation.flare.network import SimulatedFlare
from chrono.simulation.flare.node import SimulatedNode
from tests.judge.curve import eth_signed, recover
from tests.reference.flare_round import Rules, Sent, Twin

SUBMIT1, SUBMIT2, SIGNATURES = "6c532fae", "9d00c9fd", "57eed580"
LATEST_COMMIT_S = 84
"""After it no commit is sent for the first time, and none is raised."""
PATIENCE_S = 1
"""A commit that was signed in time may be on its way to the last node so much later."""
FTSO = 100


class Told(NamedTuple):
    """One transaction of ours that was handed to a node."""

    at_ns: int
    node: str
    data: bytes
    nonce: int


class Judge:
    """Knows a chain, and what our addresses handed to its nodes."""

    def __init__(self, flare: SimulatedFlare, nodes: list[SimulatedNode], entity: Entity) -> None:
        self._flare = flare
        self._chain: SimulatedChain = flare.chain
        self._submit: bytes = entity.submit
        self._submit_signatures: bytes = entity.submit_signatures
        self._signer: bytes = entity.signing_policy
        self._to = flare.chain.submission
        self._by_account: dict[bytes | None, list[Sent]] = {}
        told = [(at_ns, node.name, raw) for node in nodes for at_ns, raw in node.sent]
        self.told = [Told(at_ns, node, *read) for at_ns, node, raw in sorted(told) if (read := self._read(raw))]
        self._start = flare.network.timing.first_start_s
        self._epoch_s = flare.network.timing.epoch_s

    def faults(self, first: int, last: int) -> list[str]:
        """Everything that must never be, of the rounds from `first` to `last`."""
        return [
            *self._offences(first, last),
            *self._conflicts(),
            *self._randoms(),
            *self._late_commits(),
            *self._misplaced_commits(),
            *self._signatures(first, last),
            *self._roots(first, last),
        ]

    def missed(self, first: int, last: int) -> list[str]:
        """The phases that were not done, or not in time, in rounds of ours."""
        found = []
        for round_id in range(first, last + 1):
            done = self._phases(round_id)
            found += [f"round {round_id}: no {phase} in time" for phase, there in done.items() if not there]
        return found

    def offences(self, first: int, last: int) -> list[int]:
        """Rounds whose commit counts and has no reveal."""
        twin = self._twin(only=self._submit)
        return [round_id for round_id in range(first, last + 1) if twin.offends(self._submit, round_id)]

    def _offences(self, first: int, last: int) -> Iterator[str]:
        for round_id in self.offences(first, last):
            yield f"round {round_id}: a commit without its reveal"

    def _conflicts(self) -> Iterator[str]:
        """Two payloads of one kind for one round, handed to whomever."""
        said: dict[tuple[str, int, int], set[bytes]] = defaultdict(set)
        for told in self.told:
            for protocol, round_id, payload in frames(told.data[4:]):
                said[told.data[:4].hex(), protocol, round_id].add(payload)
        for (selector, protocol, round_id), payloads in said.items():
            if len(payloads) > 1:
                yield f"round {round_id}: {len(payloads)} different payloads of {selector}, protocol {protocol}"

    def _randoms(self) -> Iterator[str]:
        seen: dict[bytes, int] = {}
        for round_id, payload in self._payloads(SUBMIT2):
            if seen.setdefault(payload[:32], round_id) != round_id:
                yield f"round {round_id}: the random of round {seen[payload[:32]]} again"

    def _late_commits(self) -> Iterator[str]:
        first: dict[bytes, int] = {}
        for told in self.told:
            if told.data[:4].hex() == SUBMIT1:
                first.setdefault(told.data + told.nonce.to_bytes(8, "big"), told.at_ns)
        for data, at_ns in first.items():
            for _, round_id, _ in frames(data[4:-8]):
                after_s = at_ns / SECOND_NS - (self._start + round_id * self._epoch_s)
                if not 0 <= after_s <= LATEST_COMMIT_S * self._epoch_s / 90 + PATIENCE_S:
                    yield f"round {round_id}: a commit was first sent {after_s:.1f} s after its start"

    def _misplaced_commits(self) -> Iterator[str]:
        """A commit that was mined in another epoch than its own loses its round: it must have been sent late."""
        for sent in self.mined(self._submit):
            for _, round_id, _ in frames(sent.calldata[4:]) if sent.calldata[:4].hex() == SUBMIT1 else []:
                sent_ns = [told.at_ns for told in self.told if told.data == sent.calldata]
                if self._round_at(sent.time_s) < round_id:
                    yield f"round {round_id}: its commit stands in the epoch before it ({len(sent_ns)} sendings)"

    def _signatures(self, first: int, last: int) -> Iterator[str]:
        """Every signature is ours, over what the network finalised, or over what the chain says where nobody did."""
        for round_id, payload in self._payloads(SIGNATURES):
            message = self._message(round_id) if first <= round_id <= last else None
            if message is None:
                continue
            v, r, s = payload[1], int.from_bytes(payload[2:34], "big"), int.from_bytes(payload[34:66], "big")
            if recovered(message, v, r, s) != self._signer:
                yield f"round {round_id}: a signature of something else than the result"

    def _roots(self, first: int, last: int) -> Iterator[str]:
        """What was finalised is what a twin finds. Asked of few rounds only, as it takes its time: the last one, and
        the last before FIP.16 and the first with it."""
        finalised = [each for each in range(first, last + 1) if self._final(each) is not None]
        before = [each for each in finalised if not self._fip16(each)]
        after = [each for each in finalised if self._fip16(each)]
        asked = {*finalised[-1:], *(before[-1:] if after else []), *after[:1]}
        for round_id in sorted(asked):
            told, final = self._twin().tell(round_id), self._final(round_id)
            if final is None or final.merkle_root != told.root:
                yield f"round {round_id}: the finalised root is not that of the transactions"

    def _phases(self, round_id: int) -> dict[str, bool]:
        start_s = self._start + (round_id + 1) * self._epoch_s
        deadline_s = start_s + self._flare.network.timing.reveal_s
        twin = self._twin(only=self._submit)
        signed = any(
            round_id in {number for _, number, _ in frames(each.calldata[4:])}
            and deadline_s <= each.time_s < start_s + self._epoch_s
            and self._is_ours(each.calldata, round_id)
            for each in self.mined(self._submit_signatures)
        )
        return {
            "commit": twin.commit(self._submit, round_id) is not None,
            "reveal": twin.valid_reveal(self._submit, round_id) is not None,
            "signature": signed,
        }

    def _is_ours(self, data: bytes, round_id: int) -> bool:
        message = self._message(round_id)
        return message is not None and any(
            recovered(message, p[1], int.from_bytes(p[2:34], "big"), int.from_bytes(p[34:66], "big")) == self._signer
            for protocol, number, p in frames(data[4:])
            if (protocol, number) == (FTSO, round_id)
        )

    def _payloads(self, selector: str) -> set[tuple[int, bytes]]:
        found = set()
        for told in self.told:
            if told.data[:4].hex() == selector:
                found |= {(number, payload) for protocol, number, payload in frames(told.data[4:]) if protocol == FTSO}
        return found

    def _message(self, round_id: int) -> bytes | None:
        final = self._final(round_id)
        if final is None:
            return None
        head = bytes([FTSO]) + round_id.to_bytes(4, "big") + bytes([final.is_secure_random])
        return head + final.merkle_root

    def _final(self, round_id: int):  # type: ignore[no-untyped-def]
        return self._flare.deployment.relays.final(FTSO, round_id)

    def _round_at(self, time_s: int) -> int:
        return (time_s - self._start) // self._epoch_s

    @cached_property
    def first_sent(self) -> dict[tuple[str, int, int], int]:
        """When a frame was first handed to any node, in nanoseconds: by selector, protocol and round."""
        found: dict[tuple[str, int, int], int] = {}
        for told in self.told:
            for protocol, round_id, _ in frames(told.data[4:]):
                found.setdefault((told.data[:4].hex(), protocol, round_id), told.at_ns)
        return found

    def mined(self, account: bytes | None) -> list[Sent]:
        """The transactions of an account that stand in blocks, in their order; None: everybody's."""
        if account not in self._by_account:
            self._by_account[account] = self._found(account)
        return self._by_account[account]

    def _found(self, account: bytes | None) -> list[Sent]:
        return [
            Sent((block.head.number, index), block.head.time_s, sender, signed.transaction.to, signed.transaction.data)
            for block in self._chain.blocks
            for index, (signed, sender, _) in enumerate(block.mined)
            if account in (None, sender) and signed.transaction.to == self._to
        ]

    def _twin(self, only: bytes | None = None) -> Twin:
        return Twin(self._start, self._to, self.mined(only), self._rules)

    def _rules(self, round_id: int) -> Rules:
        electorate = self._flare.deployment.electorate(round_id)
        if electorate is None:
            return Rules([], [], False)
        fip16 = self._fip16(round_id)
        voters = [(v.submit_address, v.signing_weight if fip16 else v.capped_delegation_wei) for v in electorate.voters]
        return Rules(voters, [(bytes(f.id), f.decimals) for f in electorate.feeds], fip16)

    def _fip16(self, round_id: int) -> bool:
        """Whether a round is voted on by FIP.16. Source: fsp.md section 0.1."""
        since = self._flare.network.fip16_activation_reward_epoch
        epoch = self._flare.deployment.reward_epoch_of(round_id)
        return since is not None and epoch is not None and epoch >= since

    def _read(self, raw: bytes) -> tuple[bytes, int] | None:
        """Calldata and nonce of a transaction to Submission; None for another."""
        assert raw[0] == 2
        fields = rlp.decode(raw[1:])
        return (fields[7], int.from_bytes(fields[1], "big")) if fields[5] == self._to else None


def decoded(data: bytes) -> tuple[str, Any]:
    """What py-flare-common reads in a call: the function, and its messages of protocols 100 and 200."""
    selector, payload = data[:4].hex(), "0x" + data[4:].hex()
    parse = {SUBMIT1: parse_submit1_tx, SUBMIT2: parse_submit2_tx, SIGNATURES: parse_submit_signature_tx}[selector]
    return selector, parse(payload)


@cache
def recovered(message: bytes, v: int, r: int, s: int) -> bytes | None:
    """Who signed a message of the protocol; None when nobody can have."""
    return recover(eth_signed(keccak(message)), v, r, s)


def frames(data: bytes) -> list[tuple[int, int, bytes]]:
    """Protocol, round and payload of each frame."""
    found = []
    while data:
        length = int.from_bytes(data[5:7], "big")
        found.append((data[0], int.from_bytes(data[1:5], "big"), data[7 : 7 + length]))
        data = data[7 + length :]
    return found

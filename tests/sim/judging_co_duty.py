"""What is wrong with the data connector's part of our calls: joined or following, owed once promised, never at our cost.

Judged from raw transactions and from what its client told. That something is missing is a fault only where nothing else
stood in its way: `counted` says how often that could be judged.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from chrono.clock import SECOND_NS
from chrono.simulation.flare.entity import Entity
from chrono.simulation.flare.network import SimulatedFlare
from tests.sim.fdc_client import FUNCTIONS, FdcClient, Said
from tests.sim.judging import FTSO, SIGNATURES, SUBMIT1, SUBMIT2, Judge, frames, recovered

FDC = 200
NAMES = dict(zip((SUBMIT1, SUBMIT2, SIGNATURES), FUNCTIONS, strict=True))
REVEAL_BY_S = 17.5
"""In its window: by then our reveal has left, whatever a sub-protocol does (15 s, and 1.5 s of waiting)."""
TOLD_BY_S = {SUBMIT2: 30.0, SIGNATURES: 65.0}
"""What is told so late after the reveal window began still has time to be mined."""
SOON_S = 1.5
"""A block so soon after the reveal deadline lets both be signed in one call: they wait 5 s for each other, by a clock that
may be a second off, and the block is asked for, read and judged first."""
LEAD_S = 15.0
"""So long after a trouble everything is as before: nodes are asked again, the history is read."""


class Trouble(NamedTuple):
    """A fault from its beginning to its end."""

    name: str
    since_ns: int
    until_ns: int


class CoDuty:
    """The judge of protocol 200. `closed_through`: our journal says nothing new up to this round, for its damage."""

    def __init__(
        self, judge: Judge, flare: SimulatedFlare, entity: Entity, client: FdcClient, troubles: Sequence[Trouble]
    ) -> None:
        self.counted: Counter[str] = Counter()
        """How many rounds could be judged, by what."""
        self.closed_through = -1
        self._judge = judge
        self._flare = flare
        self._entity = entity
        self._client = client
        self._troubles = troubles
        self._timing = flare.network.timing

    def faults(self, first: int, last: int) -> list[str]:
        """Everything that must never be."""
        rounds = range(first, last + 1)
        return [
            *self._untold(),
            *(found for each in rounds for found in self._delayed(each)),
            *(found for each in rounds for found in self._lost(each)),
            *(found for each in rounds for found in self._finalised_otherwise(each)),
        ]

    def missed(self, first: int, last: int) -> list[str]:
        """What is missing in rounds in which nothing is wrong: one call for both, and both are final."""
        found = []
        for round_id in range(first, last + 1):
            for selector in NAMES:
                mined = self._mined(selector, round_id)
                apart = [FTSO] in mined and [FDC] in mined
                if [FTSO, FDC] not in mined and not (
                    apart and selector == SIGNATURES and self._is_result_late(round_id)
                ):
                    found.append(f"round {round_id}: {NAMES[selector]} of both protocols is not one transaction")
            if self._enough(round_id) and self._flare.deployment.relays.final(FDC, round_id) is None:
                found.append(f"round {round_id}: protocol {FDC} is not final")
        return found

    def _is_result_late(self, round_id: int) -> bool:
        """Whether no block told soon that the reveals are over: then the other's signature does not wait for ours."""
        deadline_s = self._window_s(round_id) + self._timing.reveal_s
        times = (block.head.time_s for block in self._flare.chain.blocks)
        return not any(deadline_s <= time_s <= deadline_s + SOON_S for time_s in times)

    def _untold(self) -> Iterator[str]:
        """Each frame of another protocol is what its client told of that round, and stands alone in its call."""
        for told in self._judge.told:
            selector, said = told.data[:4].hex(), frames(told.data[4:])
            protocols = [protocol for protocol, _, _ in said]
            if len(protocols) != len(set(protocols)) or not {*protocols} <= {FTSO, FDC}:
                yield f"a call with frames of the protocols {protocols}"
            for protocol, round_id, payload in said:
                if protocol == FDC and not self._was_told(selector, round_id, payload):
                    yield f"round {round_id}: protocol {FDC} says in {NAMES[selector]} what its client never told"

    def _was_told(self, selector: str, round_id: int, payload: bytes) -> bool:
        told = self._told(selector, round_id)
        if selector != SIGNATURES:
            return any(each.data == payload for each in told)
        if payload[0] != 1:
            return False
        v, r, s = payload[1], int.from_bytes(payload[2:34], "big"), int.from_bytes(payload[34:66], "big")
        same = (each for each in told if each.additional == payload[66:])
        return any(recovered(each.data, v, r, s) == self._entity.signing_policy for each in same)

    def _delayed(self, round_id: int) -> Iterator[str]:
        """A reveal waits for nobody longer than it may."""
        left = self._first_sent(SUBMIT1, round_id)
        if left is None or not self._is_quiet(round_id, 0.0, REVEAL_BY_S + 1):
            return
        self.counted["reveals in time"] += 1
        sent = self._first_sent(SUBMIT2, round_id)
        after_s = None if sent is None else sent / SECOND_NS - self._window_s(round_id)
        if after_s is None or after_s > REVEAL_BY_S:
            yield f"round {round_id}: with nothing but a sub-protocol to wait for, the reveal left at {after_s} s"

    def _lost(self, round_id: int) -> Iterator[str]:
        """What was told in time is mined: a bit vote, and once that is mined, its signature."""
        ended_s = {SUBMIT2: float(self._timing.reveal_s), SIGNATURES: float(self._timing.epoch_s)}
        began_s = {SUBMIT2: 0.0, SIGNATURES: float(self._timing.reveal_s)}
        owed = {SUBMIT2: bool(self._mined(SUBMIT1, round_id)), SIGNATURES: self._has(SUBMIT2, round_id)}
        for selector in (SUBMIT2, SIGNATURES):
            told = self._told(selector, round_id)
            one = len({each.data for each in told}) == 1
            if not one or not owed[selector] or round_id <= self.closed_through:
                continue
            told_s = told[0].at_ns / SECOND_NS - self._window_s(round_id)
            since_s = max(began_s[selector], min(told_s, TOLD_BY_S[selector]))
            if told_s > TOLD_BY_S[selector] or not self._is_quiet(round_id, since_s, ended_s[selector]):
                continue
            self.counted[f"{NAMES[selector]} owed"] += 1
            if not self._has(selector, round_id):
                yield f"round {round_id}: {NAMES[selector]} of protocol {FDC} was told at {told_s:.1f} s, and is nowhere"

    def _finalised_otherwise(self, round_id: int) -> Iterator[str]:
        final, attested = self._flare.deployment.relays.final(FDC, round_id), self._flare.rounds.attestations
        if final is not None and attested is not None and final != attested.message(round_id):
            yield f"round {round_id}: protocol {FDC} is final with another result"

    def _enough(self, round_id: int) -> bool:
        """Whether those who attest weigh more than the threshold, with us."""
        ruling = self._flare.deployment.ruling(round_id)
        attesting = {each.entity.signing_policy for each in self._flare.voters if each.attestations is not None}
        attesting.add(self._entity.signing_policy)
        if ruling is None:
            return False
        weights = zip(ruling.policy.voters, ruling.policy.weights, strict=True)
        return sum(weight for voter, weight in weights if voter in attesting) > ruling.threshold

    def _is_quiet(self, round_id: int, since_s: float, until_s: float) -> bool:
        """Whether nothing else was wrong then; in seconds after the reveal window began."""
        window_ns = int(self._window_s(round_id) * SECOND_NS)
        since_ns, until_ns = window_ns + int((since_s - LEAD_S) * SECOND_NS), window_ns + int(until_s * SECOND_NS)
        return not any(each.since_ns < until_ns and since_ns < each.until_ns for each in self._troubles)

    def _has(self, selector: str, round_id: int) -> bool:
        return any(FDC in protocols for protocols in self._mined(selector, round_id))

    def _mined(self, selector: str, round_id: int) -> list[list[int]]:
        """The protocols of each call of ours that is mined where it counts."""
        window_s = int(self._window_s(round_id))
        times = {
            SUBMIT1: range(window_s - self._timing.epoch_s, window_s),
            SUBMIT2: range(window_s, window_s + self._timing.reveal_s),
            SIGNATURES: range(window_s + self._timing.reveal_s, window_s + self._timing.epoch_s),
        }[selector]
        account = self._entity.submit_signatures if selector == SIGNATURES else self._entity.submit
        found = []
        for sent in self._judge.mined(account):
            said = frames(sent.calldata[4:]) if sent.calldata[:4].hex() == selector and sent.time_s in times else []
            protocols = [protocol for protocol, number, _ in said if number == round_id]
            found += [protocols] if protocols else []
        return found

    def _first_sent(self, selector: str, round_id: int) -> int | None:
        """When our own frame was first handed to a node."""
        return self._judge.first_sent.get((selector, FTSO, round_id))

    def _told(self, selector: str, round_id: int) -> Sequence[Said]:
        return self._client.said.get((round_id, NAMES[selector]), ())

    def _window_s(self, round_id: int) -> float:
        return float(self._timing.first_start_s + (round_id + 1) * self._timing.epoch_s)

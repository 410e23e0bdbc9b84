"""Everything the judge has to say about a chain."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from tests.judge.chain import Chain
from tests.judge.epochs import Electorate, Epochs
from tests.judge.offences import Conduct, Signatures, conduct
from tests.judge.rounds import Rounds, Verdict
from tests.judge.votes import Box


@dataclass
class Judgement:
    """`conduct` is by round and voter's identity; a voter stands in it for each round of its reward epochs."""

    verdicts: list[Verdict] = field(default_factory=list)
    conduct: dict[tuple[int, bytes], Conduct] = field(default_factory=dict)

    @property
    def faults(self) -> list[Verdict]:
        """Rounds that were not finalised, or with something else than what should have been signed."""
        return [verdict for verdict in self.verdicts if verdict.fault]

    @property
    def offences(self) -> dict[bytes, Counter[str]]:
        found: dict[bytes, Counter[str]] = {}
        for (_, identity), told in self.conduct.items():
            if told.offences:
                found.setdefault(identity, Counter()).update(told.offences)
        return found

    @property
    def finalised(self) -> list[Verdict]:
        return [verdict for verdict in self.verdicts if verdict.relayed]

    def of(self, identity: bytes) -> list[tuple[int, Conduct]]:
        return sorted((round_id, told) for (round_id, one), told in self.conduct.items() if one == identity)


def judge(chain: Chain, fip16_from: int | None = None, rounds: Iterable[int] | None = None) -> Judgement:
    """Of all rounds that are over, or of some. Raises: ValueError, LookupError for a chain that cannot be read."""
    epochs = Epochs(chain, fip16_from)
    box = Box(chain, epochs)
    each_round = Rounds(chain, epochs, box)
    signatures = Signatures(chain)
    found = Judgement()
    for round_id in each_round.over() if rounds is None else rounds:
        verdict = each_round.verdict(round_id)
        found.verdicts.append(verdict)
        for voter in _electorate(epochs, round_id).voters:
            found.conduct[(round_id, voter.identity)] = conduct(voter, verdict, box, signatures)
    return found


def _electorate(epochs: Epochs, round_id: int) -> Electorate:
    electorate = epochs.electorate_of(round_id)
    if electorate is None:
        raise LookupError(f"no policy for round {round_id}")
    return electorate

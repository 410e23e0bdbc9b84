"""Whether the offers of a connection come in order: late ones are dropped, gaps are told."""

from typing import Final, Literal

from chrono.ingest.venues.words import Offered, Resync, Said

Verdict = Literal["good", "late", "gap"]

MOST_LATE: Final = 5
"""So many late offers of a symbol in a row are no disorder: the venue counts anew."""


class Sequences:
    """The newest sequence of each symbol. `step` is by how much it rises each time; None when it may skip."""

    def __init__(self, step: int | None) -> None:
        self._step = step
        self._newest: dict[str, int] = {}
        self._late: dict[str, int] = {}

    def sift(self, said: list[Said]) -> list[Said]:
        """The words without the offers that come late; in place of an offer that shows a gap, a Resync."""
        kept: list[Said] = []
        for word in said:
            if isinstance(word, Offered) and word.sequence is not None:
                verdict = self.judge(word.symbol, word.sequence)
                if verdict != "good":
                    kept.extend([Resync(f"gap in {word.symbol}")] if verdict == "gap" else [])
                    continue
            kept.append(word)
        return kept

    def judge(self, symbol: str, sequence: int) -> Verdict:
        """Whether this offer follows the last; a late one is not remembered."""
        newest = self._newest.get(symbol)
        if newest is None or sequence > newest:
            self._newest[symbol] = sequence
            if self._late:
                self._late.pop(symbol, None)
            skipped = newest is not None and self._step is not None and sequence != newest + self._step
            return "gap" if skipped else "good"
        late = self._late[symbol] = self._late.get(symbol, 0) + 1
        if late < MOST_LATE:
            return "late"
        del self._newest[symbol], self._late[symbol]
        return "gap"

    def clear(self) -> None:
        """Begin anew: a new connection or subscription counts from where it likes."""
        self._newest.clear()
        self._late.clear()

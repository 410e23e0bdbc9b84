"""What the running provider counted of its reward epoch, as lines, findings and conditions. Pure: from its answer."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from chrono.cli.findings import Finding, failed, passed, warned
from chrono.cli.voting_words import Document, part_of

if TYPE_CHECKING:
    from chrono.voting.budget_fdc import FdcBudget
    from chrono.voting.budget_updates import FastUpdateBudget

_FIGURES = (
    ("budget", "anchor_misses_left", "values may still miss", "chrono ftso rounds"),
    ("fast updates left", "fast_updates_left", "updates may be missing", "look at the fast-updates client"),
    ("fdc rounds left", "fdc_rounds_left", "rounds may go unrewarded", "look at the fdc-client, and its own log"),
)
_NO_MATTER = {"nothing_asked": ("fast_updates_left", "fdc_rounds_left"), "rounds_uncounted": ("fdc_rounds_left",)}
"""Why a figure may be unknown with nothing to look at; values that nobody counted are worth a look all the same."""


def budget_lines(budget: Document) -> list[tuple[str, str]]:
    """Each budget by name, with what it was counted from."""
    return [
        ("misses left", _left(budget, "anchor_misses_left", "anchor values")),
        ("fast updates left", _left(budget, "fast_updates_left", "may be missing") + _updates(budget)),
        ("fdc rounds left", _left(budget, "fdc_rounds_left", "may go unrewarded") + _fdc(budget)),
    ]


def budget_findings(running: Document | None) -> Iterator[Finding]:
    """Each budget as `chrono ftso check` judges it."""
    if running is None:
        yield warned("budget", "not known: no provider runs here", "chrono run")
        return
    budget, epoch = part_of(running, "budget"), f"reward epoch {running.get('reward_epoch')}"
    for name, figure, words, remedy in _FIGURES:
        left, why = budget.get(figure), part_of(part_of(budget, "unknown"), figure)
        if isinstance(left, int):
            told = f"{epoch}: {left:,} {words}"
            yield passed(name, told) if left else failed(name, f"{epoch}: none of its {words} any more", remedy)
        elif figure in _NO_MATTER.get(str(why.get("code")), ()):
            yield passed(name, f"{epoch}: {why.get('message')}")
        else:
            known = why or {"message": "nobody tells", "remedy": "chrono ftso status"}
            yield warned(name, f"{epoch}: not known: {known.get('message')}", str(known.get("remedy", "")))


def counted_updates(
    running: Document | None, weight: int | None, total_weight: int | None
) -> "FastUpdateBudget | None":
    """The fast updates that the provider counted; None where it did not, or the weight is not known."""
    from chrono.voting.budget_updates import FastUpdateBudget, Updates

    told = {} if running is None else part_of(part_of(running, "budget"), "fast_updates")
    if not told or weight is None or not total_weight:
        return None
    counted = Updates(told["rounds"], told["made"], told["by_all"])
    return FastUpdateBudget(rounds=told["rounds_in_epoch"], counted=counted, weight=weight, total_weight=total_weight)


def counted_fdc(running: Document | None) -> "FdcBudget | None":
    """The rounds of the FDC that the provider counted; None where it did not."""
    from chrono.voting.budget import Hits
    from chrono.voting.budget_fdc import FdcBudget

    told = {} if running is None else part_of(part_of(running, "budget"), "fdc")
    if not told:
        return None
    counted = Hits(told["rounds"], told["rewarding"], told["rewarded"])
    return FdcBudget(rounds=told["rounds_in_epoch"], rounds_over=told["rounds_over"], counted=counted)


def _left(budget: Document, figure: str, words: str) -> str:
    left = budget.get(figure)
    if left is not None:
        return f"{left} {words}"
    why = part_of(part_of(budget, "unknown"), figure).get("message")
    return "not known" if why is None else f"not known: {why}"


def _updates(budget: Document) -> str:
    told = part_of(budget, "fast_updates")
    if not told:
        return ""
    return f"; {told.get('made')} of {told.get('by_all')} by all were ours, {told.get('enough')} are enough so far"


def _fdc(budget: Document) -> str:
    told = part_of(budget, "fdc")
    return f"; rewarded in {told.get('rewarded')} of {told.get('rewarding')} rounds" if told else ""

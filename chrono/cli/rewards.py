"""`chrono rewards`: what a reward epoch paid, computed again from what was published of it."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import rich_click as click

from chrono.cli import frame
from chrono.cli.ends import FAILED, OK, USAGE, Stop
from chrono.clock import SECOND_NS, SystemClock
from chrono.errors import ChronoError
from chrono.flare.contracts.addresses import NETWORK_NAMES
from chrono.flare.units import COIN_WEI

if TYPE_CHECKING:
    from collections.abc import Callable

    from chrono.published.findings import EpochFindings, TypeTotal
    from chrono.published.tally import Tally
    from chrono.published.walk import Walk

LISTED = 10
"""So many epochs are told one by one; of more, only those with differences."""


@click.group("rewards", context_settings=frame.CONTEXT)
def command() -> None:
    """Recompute published reward epochs."""


@frame.command(
    "verify",
    examples=[
        "chrono rewards verify reward-distribution-data.json",
        "chrono rewards verify fsp-rewards/flare --network flare",
        "chrono rewards verify data/ftso --json | jq .verified",
    ],
)
@click.argument("paths", nargs=-1, required=True, metavar="FILE|FOLDER…", type=click.Path(path_type=Path))
@click.option(
    "--network", type=click.Choice(NETWORK_NAMES), help="Only this network; also for files that do not say theirs."
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
@frame.shared_options
def verify(paths: tuple[Path, ...], network: str | None, as_json: bool) -> int:
    """Rebuild each reward epoch's Merkle tree from its claims, and compare what was published with it.

    A FILE is a reward-distribution-data.json or its -tuples.json, plain or gzipped. A FOLDER is searched for these,
    and for pairs of epochs.parquet and claims.parquet. Compared are the root, each claim's proof, amounts, types,
    duplicates, the number of weight-based claims, and for tables the number and the sum of all claims.

    Ends with 0 when everything follows from the claims, with 1 when something differs (it says which epoch and
    claim, and both sides), and with 2 when a file cannot be used and nothing differs in the others.
    """
    from chrono.published.tally import Tally
    from chrono.published.walk import Walk

    clock = SystemClock()
    started_ns = clock.monotonic_ns()
    try:
        walk = Walk(paths, network)
    except ChronoError as error:
        raise Stop(str(error), then="chrono rewards verify --help", code=USAGE) from error
    tally, findings = Tally(), []
    for found in _verified(walk):
        tally.add(found)
        findings.append(_finding(found))
    document = _document(tally, findings, walk, (clock.monotonic_ns() - started_ns) / SECOND_NS)
    if as_json:
        frame.give_json(document)
    else:
        _show(document)
    return _end(tally, walk)


command.add_command(verify)


def _verified(walk: "Walk") -> "Iterator[EpochFindings]":
    """Each epoch's findings, with a bar on stderr when somebody looks."""
    from chrono.published.verification import verify as recompute

    with _progress(len(walk)) as on_step:
        for epoch in walk:
            on_step("" if epoch is None else f"{epoch.network or ''} {epoch.reward_epoch_id}")
            if epoch is not None:
                yield recompute(epoch)


@contextmanager
def _progress(total: int) -> "Iterator[Callable[[str], None]]":
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=total)
        yield lambda told: bar.update(task, advance=1, description=told)


def _end(tally: "Tally", walk: "Walk") -> int:
    """The exit code; what could not be used is told first."""
    for error in walk.unusable:
        frame.say(f"chrono: {error}")
    if tally.verified < tally.epochs:
        frame.say(f"chrono: {tally.epochs - tally.verified} of {tally.epochs} reward epochs differ")
        return FAILED
    if walk.unusable:
        raise Stop(
            f"{len(walk.unusable)} could not be used", then="fetch what is named above again, and verify", code=USAGE
        )
    if not tally.epochs:
        raise Stop(f"there is no reward epoch of {walk.network} there", then="chrono rewards verify --help", code=USAGE)
    return OK


def _show(document: dict[str, Any]) -> None:
    """Differences and few epochs one by one, then the sums by type."""
    findings = document["findings"]
    for found in findings:
        if len(findings) <= LISTED or not found["verified"]:
            _show_finding(found)
    rows = [
        (network or "?", kind, f"{total['claims']:,}", f"{total['beneficiaries']:,}", _coins(total["wei"]))
        for network, kinds in document["totals"].items()
        for kind, total in kinds.items()
    ]
    columns = ("network", "type", "claims", "beneficiaries", "coins")
    if rows:
        frame.console().print(frame.table(columns, rows, right=columns[2:]))
    frame.say(
        f"{document['verified']:,} of {document['epochs']:,} reward epochs verified; {document['claims']:,} claims,"
        f" {document['proofs']:,} proofs; {document['wall_s']:.1f} s"
    )


def _show_finding(found: dict[str, Any]) -> None:
    verdict = "verified" if found["verified"] else "DIFFERS"
    frame.give(
        f"{found['network'] or '?'} {found['reward_epoch']}: {verdict}, root {found['root']}, {found['claims']} claims"
        f" ({found['weight_based_claims']} weight-based), {found['proofs']} proofs; {found['source']}"
    )
    for difference in found["differences"]:
        frame.give(f"  {_difference_text(difference)}")
    if found["more_differences"]:
        frame.give(f"  and {found['more_differences']} more")


def _difference_text(difference: dict[str, Any]) -> str:
    sides = f"{difference['what']}: expected {difference['expected']}, found {difference['found']}"
    if "claim" not in difference:
        return sides
    return f"claim {difference['claim']} ({difference['claim_type']} of {difference['beneficiary']}), {sides}"


def _coins(wei: str) -> str:
    """Whole coins and two places, rounded for the eye; --json has every wei."""
    return f"{Decimal(wei) / COIN_WEI:,.2f}"


def _document(tally: "Tally", findings: list[dict[str, Any]], walk: "Walk", wall_s: float) -> dict[str, Any]:
    """Everything as JSON: stable names; wei as decimal strings."""
    totals: dict[str, dict[str, Any]] = {}
    for (network, kind), total in tally.totals().items():
        totals.setdefault(network, {})[kind.name] = _total(total)
    return {
        "epochs": tally.epochs,
        "verified": tally.verified,
        "claims": tally.claims,
        "proofs": tally.proofs,
        "totals": totals,
        "findings": findings,
        "unusable": [{"file": str(error.facts["file"]), "why": str(error.facts["why"])} for error in walk.unusable],
        "wall_s": round(wall_s, 3),
    }


def _finding(found: "EpochFindings") -> dict[str, Any]:
    """One epoch as JSON; small, whatever the epoch's size."""
    import msgspec

    return {
        "network": found.network,
        "reward_epoch": found.reward_epoch_id,
        "source": found.source,
        "verified": found.verified,
        "root": f"0x{found.root.hex()}",
        "sign_rewards_message": None if found.message is None else f"0x{found.message.hex()}",
        "claims": found.claims,
        "proofs": found.proofs,
        "weight_based_claims": found.weight_based_claims,
        "totals": {kind.name: _total(total) for kind, total in found.totals.items()},
        "differences": [msgspec.to_builtins(difference) for difference in found.differences],
        "more_differences": found.more_differences,
    }


def _total(total: "TypeTotal") -> dict[str, Any]:
    return {"claims": total.claims, "beneficiaries": len(total.beneficiaries), "wei": str(total.wei)}

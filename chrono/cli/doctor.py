"""`chrono doctor`: everything that can be found out before a start, each with its remedy."""

from collections.abc import Iterator

import rich_click as click

from chrono.cli import frame
from chrono.cli.ends import DEGRADED, FAILED, OK
from chrono.cli.findings import Finding, Verdict, failed, passed, warned
from chrono.cli.whereabouts import data_dir_of_dev
from chrono.clock import SystemClock
from chrono.settings import Loaded, SettingsError

_STYLES = {Verdict.PASS: "green", Verdict.WARN: "yellow", Verdict.FAIL: "red"}


@frame.command("doctor", examples=["chrono doctor", "chrono doctor --json", "chrono doctor -c /etc/chrono/chrono.toml"])
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
@frame.shared_options
def command(as_json: bool) -> int:
    """Check this machine and the settings; nothing is changed. Every finding comes with its remedy.

    Ends with 0 when all passes, 3 when something is worth a look, 1 when Chrono could not run.
    """
    findings = list(examine())
    worst = worst_of(findings)
    if as_json:
        checks = [
            {"name": f.name, "verdict": f.verdict.value, "found": f.found, "remedy": f.remedy or None} for f in findings
        ]
        frame.give_json({"verdict": worst.value, "checks": checks})
    else:
        show_findings(findings, worst)
    return {Verdict.PASS: OK, Verdict.WARN: DEGRADED, Verdict.FAIL: FAILED}[worst]


def examine() -> Iterator[Finding]:
    """Every check, in the order in which a start would meet them."""
    from chrono.cli import machine, services, voter_checks

    yield from machine.check_python()
    try:
        loaded = frame.load()
    except SettingsError as error:
        for fault in error.faults:
            make = warned if fault.advice else failed
            yield make("settings", fault.text, "mend it; see `chrono config check`")
        yield warned("the rest", "not checked: it depends on the settings", "mend the settings first")
        return
    yield from _settings(loaded)
    yield from machine.check_data_dir(loaded.settings)
    yield from services.check_database(loaded.settings)
    yield from services.check_redis(loaded.settings)
    of_dev = [data_dir_of_dev(loaded, live=live) for live in (False, True)]
    yield from machine.check_ports(loaded.settings, of_dev)
    yield from machine.check_open_files(loaded.settings)
    yield from machine.check_clock(SystemClock())
    yield from machine.check_files(loaded)
    yield from voter_checks.check_voter(loaded.settings)


def worst_of(findings: list[Finding]) -> Verdict:
    """The verdict over all."""
    verdicts = {finding.verdict for finding in findings}
    return next((verdict for verdict in (Verdict.FAIL, Verdict.WARN) if verdict in verdicts), Verdict.PASS)


def _settings(loaded: Loaded) -> Iterator[Finding]:
    where = f"from {frame.home_path(loaded.path)}" if loaded.path else "no file; defaults and environment"
    yield passed("settings", where)
    for fault in loaded.advice:
        yield warned("settings", fault.text, "see `chrono config check`")


def show_findings(findings: list[Finding], worst: Verdict) -> None:
    """Tell them to a person, each with its remedy, and the verdict last."""
    from rich.text import Text

    console = frame.console()
    width = max(len(finding.name) for finding in findings)
    for finding in findings:
        line = Text.assemble(
            (finding.verdict.value, _STYLES[finding.verdict]), f"  {finding.name:<{width}}  {finding.found}"
        )
        console.print(line, soft_wrap=True)
        if finding.remedy:
            console.print(Text(f"      {'':<{width}}  -> {finding.remedy}"), soft_wrap=True)
    frame.say({Verdict.PASS: "all is well", Verdict.WARN: "it runs; see the remedies"}.get(worst, "see the remedies"))

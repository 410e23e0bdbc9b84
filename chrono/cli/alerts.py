"""`chrono alerts`: what is told to whom when the duty is in danger, and whether it arrives."""

import asyncio
from typing import TYPE_CHECKING

import rich_click as click

from chrono.cli import frame
from chrono.cli.ends import Stop
from chrono.clock import SystemClock

if TYPE_CHECKING:
    from chrono.alerts.alarms import Notice


@click.group("alerts", context_settings=frame.CONTEXT)
def command() -> None:
    """What is told when the duty is in danger, and whether it arrives.

    alerts.url in the settings names who is told; without it alerts stand in the log only.
    """


@frame.command("test", examples=["chrono alerts test", "chrono alerts test --json"])
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
@frame.shared_options
def test(as_json: bool) -> None:
    """Send one message marked as a test to the receiver of the settings, and say whether it was taken."""
    from chrono.alerts.message import line_of
    from chrono.alerts.sink import HttpSink

    settings = frame.load().settings
    if settings.alerts.url is None:
        told = "alerts.url is not set, so nobody is told: alerts stand in the log only"
        raise Stop(told, then="set url in [alerts] of the settings file (chrono config path)")
    notice = _notice(settings.network)
    # A failure is a ChronoError, which names what to do.
    asyncio.run(HttpSink(settings.alerts).deliver(notice))
    if as_json:
        frame.give_json({"taken": True, "id": notice.id, "text": line_of(notice)})
    else:
        frame.say("the receiver took it; see that it arrived where people read it")


@frame.command("list", examples=["chrono alerts list"])
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
@frame.shared_options
def listed(as_json: bool) -> None:
    """Every alert: what it means, and what to do when it comes."""
    from chrono.alerts.rules import RULES

    if as_json:
        told = [{"alert": rule.code, "summary": rule.summary, "remedy": rule.remedy} for rule in RULES]
        frame.give_json({"alerts": told})
        return
    rows = [(rule.code, rule.summary, rule.remedy) for rule in RULES]
    frame.console().print(frame.table(("alert", "what it means", "what to do"), rows))


for _part in (listed, test):
    command.add_command(_part)


def _notice(network: str) -> "Notice":
    from chrono.alerts.alarms import Notice, Status

    now_ns = SystemClock().now_ns()
    return Notice(
        id=f"{network}/test/{now_ns}",
        alert="test",
        status=Status.TEST,
        network=network,
        subject="",
        summary="this is a test, nothing is wrong",
        remedy="nothing is to be done",
        facts={},
        began_ns=now_ns,
    )

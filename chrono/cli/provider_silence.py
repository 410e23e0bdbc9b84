"""Why the provider is silent: what is awaited, and whether that is normal. Pure: from its answer to sentences."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final

from chrono.cli.silence import Silence
from chrono.cli.voting_words import Document, clock_text, missed, moment, part_of, rows_of

STALE_S: Final = 30.0
"""The provider tells its state at least this often while its thread turns."""

LEAST_RUNWAY_HOURS: Final = 24
"""Source: failures.md section 4, pages, 7."""

_BUDGETS: Final = (
    (
        "anchor_misses_left",
        "the budget of misses is used up",
        "fewer than 80 % of this reward epoch's values can still be within 0.5 % of the median",
        "chrono ftso rounds, for what missed",
    ),
    (
        "fast_updates_left",
        "too few fast updates were made",
        "if this reward epoch goes on as it began, they will be less than 80 % of what the weight lets expect",
        "look at the fast-updates client that runs beside Chrono",
    ),
    (
        "fdc_rounds_left",
        "the FDC has rewarded us in too few rounds",
        "if this reward epoch goes on as it began, they will be less than 60 % of those in which it rewards anyone",
        "look at the fdc-client (flare.fdc_url), and its own log",
    ),
)


def explain_provider(provider: Document, now: datetime | None = None, rounds: Sequence[Document] = ()) -> list[Silence]:
    """What the provider does not do now, and why. `now` is the server's time, `rounds` the newest, newest first."""
    return [
        *_turning(provider, now),
        *_dry_run(provider),
        *_registered(provider),
        *_missed(rounds),
        *_owed(provider),
        *_awaiting(provider),
        *_funds(provider),
        *_budget(provider),
    ]


def _turning(provider: Document, now: datetime | None) -> Iterator[Silence]:
    told = moment(provider.get("told_at"))
    if told is not None and now is not None and (now - told).total_seconds() > STALE_S:
        what = f"the provider has said nothing since {clock_text(provider.get('told_at'))}"
        yield Silence(what, "its thread does not turn, or waits for something", False, "chrono doctor, and the log")


def _dry_run(provider: Document) -> Iterator[Silence]:
    if provider.get("mode") == "dry-run":
        why = "the mode is dry-run: everything is computed and shown, nothing is signed or sent"
        yield Silence("no vote leaves", why, True, "chrono ftso check, before flare.mode = live")


def _registered(provider: Document) -> Iterator[Silence]:
    registered, epoch = part_of(provider, "registered"), provider.get("reward_epoch")
    if registered.get("current") is False:
        why = "the entity is in no signing policy of this reward epoch, so its votes do not count"
        yield Silence(f"not registered in reward epoch {epoch}", why, False, "chrono ftso check")
    if registered.get("next") is False:
        why = "the next reward epoch would begin without us"
        yield Silence("not registered for the next reward epoch", why, False, "chrono ftso check")


def _missed(rounds: Sequence[Document]) -> Iterator[Silence]:
    for row in rounds:
        reason = row.get("reason")
        if isinstance(reason, dict):
            what, then = f"round {row.get('round')} missed something", str(reason.get("remedy", ""))
            yield Silence(what, str(reason.get("message", "")), not missed(row), then if missed(row) else "")
            return


def _owed(provider: Document) -> Iterator[Silence]:
    for owed in rows_of(provider.get("owed_reveals")):
        what = f"the reveal of round {owed.get('round')} is owed until {clock_text(owed.get('until'))} UTC"
        yield Silence(what, "it is sent until two nodes hold it in a block", True)


def _awaiting(provider: Document) -> Iterator[Silence]:
    awaiting = provider.get("awaiting")
    if not isinstance(awaiting, dict):
        return
    until = clock_text(awaiting.get("until"))
    what = f"the provider waits for {awaiting.get('what')}" + (f", until {until} UTC" if until else "")
    reason = awaiting.get("reason")
    if isinstance(reason, dict):
        yield Silence(what, str(reason.get("message", "")), False, str(reason.get("remedy", "")))
    else:
        phase = f", phase {provider['phase']}" if provider.get("phase") else ""
        running = "no round runs yet" if provider.get("round") is None else f"round {provider['round']} runs{phase}"
        yield Silence(what, running, True)


def _funds(provider: Document) -> Iterator[Silence]:
    for balance in rows_of(provider.get("balances")):
        hours = balance.get("runway_hours")
        if isinstance(hours, int) and hours < LEAST_RUNWAY_HOURS:
            what = f"the account of {balance.get('role')} lasts {hours} h more"
            why = f"what it spends is more than what {balance.get('address')} holds for long"
            yield Silence(what, why, False, "send coins to it; chrono wallet fund-check")


def _budget(provider: Document) -> Iterator[Silence]:
    budget = part_of(provider, "budget")
    for name, what, why, then in _BUDGETS:
        left = budget.get(name)
        if isinstance(left, int) and left <= 0:
            yield Silence(what, why, False, then)

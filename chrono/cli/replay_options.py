"""What the options of `chrono replay` take: lengths of time, speeds, instants and lists."""

import re
from datetime import UTC, datetime
from typing import Any

import rich_click as click

from chrono.clock import MS_NS, SECOND_NS

UNITS_NS = {"ms": MS_NS, "s": SECOND_NS, "m": 60 * SECOND_NS, "h": 3600 * SECOND_NS}


class Duration(click.ParamType[int]):
    """A length of time such as 500ms, 1s, 1m, in nanoseconds."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Nanoseconds."""
        found = re.fullmatch(r"([0-9]{1,6})(ms|s|m|h)", str(value))
        if found is None or not int(found[1]):
            self.fail(f"{value!r} is no length of time; write 500ms, 1s, 1m or 1h", param, ctx)
        return int(found[1]) * UNITS_NS[found[2]]


class Speed(click.ParamType["float | None"]):
    """A multiple of the recording's pace; None for as fast as possible."""

    name = "speed"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float | None:
        """The multiple."""
        if value == "max":
            return None
        found = re.fullmatch(r"[0-9]{1,6}(\.[0-9]{1,3})?", str(value))
        if found is None or not float(value):
            self.fail(f"{value!r} is no speed; write max, or a multiple of the recording's pace such as 10", param, ctx)
        return float(value)


class Moment(click.ParamType[int]):
    """A date or an instant, nanoseconds since 1970; UTC unless it says otherwise."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Nanoseconds."""
        if isinstance(value, int):
            return value
        try:
            moment = datetime.fromisoformat(str(value))
        except ValueError:
            self.fail(f"{value!r} is no time; write 2025-10-10 or 2025-10-10T21:00:00Z", param, ctx)
        return int(moment.replace(tzinfo=moment.tzinfo or UTC).timestamp()) * SECOND_NS


class Names(click.ParamType["tuple[str, ...]"]):
    """A comma-separated list."""

    name = "list"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, ...]:
        """Its entries."""
        del param, ctx
        return tuple(name.strip() for name in str(value).split(",") if name.strip())

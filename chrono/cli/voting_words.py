"""What the server tells of rounds and of the provider, as cells and sentences. Pure: from documents to text."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from chrono.errors import DRY_RUN, NO_REVEALS, NOT_READY, STOPPING

Document = Mapping[str, Any]

COINS: Final = {"flare": "FLR", "songbird": "SGB", "coston": "CFLR", "coston2": "C2FLR"}
"""The coin that gas is paid in; on any other network it has no name."""

PRICED: Final = {"flare": "FLR/USD", "songbird": "SGB/USD"}
"""Where the coin is worth something."""

ON_PURPOSE: Final = frozenset({DRY_RUN.code, NOT_READY.code, STOPPING.code, NO_REVEALS.code})
"""Why a round was let pass though nothing is wrong here: a dry run, a start, an end, a network that was silent."""

COIN_WEI: Final = Decimal(10**18)
ROUND_COLUMNS: Final = (
    "round", "began", "phase", "within 0.5 %", "in IQR", "in band", "omitted", "gas", "cost", "margins s", "missed",
)  # fmt: skip
ROUND_NUMBERS: Final = ("within 0.5 %", "in IQR", "in band", "omitted", "gas", "cost", "margins s")
ROUND_SPARE: Final = (("gas",), ("omitted",), ("cost",), ("in band",), ("in IQR",), ("margins s",))
FEED_COLUMNS: Final = (
    "feed", "ours", "median", "off bps", "quartile 1", "quartile 3", "turnout", "0.5 %", "IQR", "band",
)  # fmt: skip
FEED_NUMBERS: Final = ("ours", "median", "off bps", "quartile 1", "quartile 3", "turnout")
FEED_SPARE: Final = (("turnout",), ("quartile 1", "quartile 3"), ("IQR",), ("band",))
SENT_COLUMNS: Final = ("phase", "status", "margin s", "gas", "cost", "attempts", "block", "transaction", "why")
SENT_NUMBERS: Final = ("margin s", "gas", "cost", "attempts", "block")
SENT_SPARE: Final = (("attempts",), ("gas",), ("block",), ("cost",), ("margin s",))
_MARKS: Final = {True: "yes", False: "NO", None: ""}


def round_cells(row: Document) -> list[str]:
    """One line of `chrono ftso rounds`."""
    feeds = row.get("feeds")
    return [
        str(row.get("round", "")),
        _began(row),
        str(row.get("phase", "")) + (" (dry run)" if row.get("mode") == "dry-run" else ""),
        *(_of(row.get(name), feeds) for name in ("hits", "in_iqr", "in_band")),
        str(row.get("omitted", "")) if feeds else "",
        _sum(row, "gas_used"),
        cost_text(row.get("fee_wei"), row.get("network")) if _sum(row, "gas_used") else "",
        margins_text(rows_of(row.get("transactions"))),
        _code(row.get("reason")),
    ]


def feed_cells(feed: Document) -> list[str]:
    """One line of `chrono ftso explain`."""
    turnout = feed.get("turnout_bips")
    ours = "omitted" if feed.get("ours") is None else str(feed["ours"])
    return [
        str(feed.get("symbol", "")),
        ours,
        *(_or_nothing(feed.get(name)) for name in ("median", "deviation_bps", "q1", "q3")),
        f"{turnout / 100:.2f} %" if isinstance(turnout, int) else "",
        *(_MARKS.get(feed.get(name), "") for name in ("hit", "in_iqr", "in_band")),
    ]


def sent_cells(sent: Document, network: object) -> list[str]:
    """One transaction of a round."""
    return [
        str(sent.get("phase", "")),
        str(sent.get("status", "")),
        _seconds(sent.get("margin_ms")),
        _or_nothing(sent.get("gas_used")),
        cost_text(sent.get("fee_wei"), network),
        _or_nothing(sent.get("attempts")),
        _or_nothing(sent.get("block")),
        str(sent.get("tx_hash", "")),
        _code(sent.get("reason")),
    ]


def closeness_text(feeds: Sequence[Document]) -> str:
    """How a round's values stood, in a line; empty while there is no result."""
    known = [feed for feed in feeds if feed.get("turnout_bips") is not None]
    if not known:
        return ""
    if all(feed.get("ours") is None for feed in known):
        return f"we gave no value for any of the {len(known)} feeds; each counts as a miss of the anchor condition"
    missed = [str(feed.get("symbol")) for feed in known if feed.get("hit") is not True]
    counts = {name: sum(feed.get(name) is True for feed in known) for name in ("hit", "in_iqr", "in_band")}
    told = (
        f"{counts['hit']} of {len(known)} values within 0.5 % of the median (what the anchor condition counts), "
        f"{counts['in_iqr']} between the quartiles, {counts['in_band']} in the secondary band"
    )
    return f"{told}; missed: {', '.join(missed)}" if missed else told


def margins_text(transactions: Iterable[Document]) -> str:
    """What was left to the deadlines of commit, reveal and signature, in seconds: `12.0/25.0/13.0`."""
    left = {sent.get("phase"): sent.get("margin_ms") for sent in transactions}
    told = [_seconds(left.get(phase)) or "-" for phase in ("submit1", "submit2", "submitSignatures")]
    return "/".join(told) if any(one != "-" for one in told) else ""


def cost_text(wei: object, network: object) -> str:
    """Wei as coins, such as `0.0045 FLR`; empty where nothing is known."""
    if wei is None:
        return ""
    coins = coins_of(wei)
    unit = COINS.get(str(network), "coins")
    return "" if coins is None else f"{coins:.6f}".rstrip("0").rstrip(".") + f" {unit}"


def coins_of(wei: object) -> Decimal | None:
    """Wei, as the API tells it, in coins; None for what is no number."""
    text = str(wei)
    return Decimal(text) / COIN_WEI if text.removeprefix("-").isdigit() else None


def usd_text(wei: object, price: Decimal | None) -> str:
    """What wei are worth; empty without a price."""
    coins = coins_of(wei)
    return "" if price is None or coins is None else f"${coins * price:.6f}"


def lasting_text(hours: object) -> str:
    """For how long an account lasts: hours when that is soon, else days."""
    if not isinstance(hours, int):
        return ""
    return f"{hours} h" if hours < 48 else f"{hours // 24} d"


def missed(row: Document) -> bool:
    """Whether something of a round was missed against our will."""
    return bool(row.get("reason")) and _code(row.get("reason")) not in ON_PURPOSE


def reason_lines(reason: object) -> list[str]:
    """Why something was missed and what helps; nothing when nothing was."""
    if not isinstance(reason, dict):
        return []
    return [f"missed: {reason.get('message')} ({reason.get('code')})", f"what to do: {reason.get('remedy')}"]


def clock_text(time: object) -> str:
    """The time of day of an RFC 3339 time."""
    at = moment(time)
    return "" if at is None else at.strftime("%H:%M:%S")


def moment(time: object) -> datetime | None:
    """An RFC 3339 time as a moment; None for anything else."""
    try:
        return datetime.fromisoformat(time) if isinstance(time, str) else None
    except ValueError:
        return None


def rows_of(value: object) -> list[Document]:
    """The objects of a list; empty for anything else."""
    return [row for row in value if isinstance(row, dict)] if isinstance(value, list) else []


def part_of(document: Document, name: str) -> Document:
    """An object inside an object; empty for anything else."""
    found = document.get(name)
    return found if isinstance(found, dict) else {}


def _began(row: Document) -> str:
    at = moment(part_of(part_of(row, "windows"), "commit").get("from"))
    return "" if at is None else at.strftime("%m-%d %H:%M:%S")


def _of(count: object, feeds: object) -> str:
    return f"{count}/{feeds}" if isinstance(count, int) and feeds else ""


def _sum(row: Document, name: str) -> str:
    found = [sent[name] for sent in rows_of(row.get("transactions")) if isinstance(sent.get(name), int)]
    return str(sum(found)) if found else ""


def _seconds(milliseconds: object) -> str:
    return f"{milliseconds / 1000:.1f}" if isinstance(milliseconds, int) else ""


def _code(reason: object) -> str:
    return str(reason.get("code", "")) if isinstance(reason, dict) else ""


def _or_nothing(value: object) -> str:
    return "" if value is None else str(value)

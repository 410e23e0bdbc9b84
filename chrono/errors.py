"""Every failure has a name, a sentence and a remedy; the same code is log field, metric label and API text."""

from typing import NamedTuple


class Reason(NamedTuple):
    """Why something did not happen: a stable code, a sentence, and what to do about it."""

    code: str
    message: str
    remedy: str


class ChronoError(Exception):
    """A failure that breaks what was asked. Carries its `reason` and the `facts` that explain it."""

    def __init__(self, reason: Reason, **facts: object) -> None:
        super().__init__(reason, facts)
        self.reason = reason
        self.facts = facts

    def __str__(self) -> str:
        told = ", ".join(f"{name}={value}" for name, value in self.facts.items())
        return f"{self.reason.message}{f' ({told})' if told else ''}; {self.reason.remedy}"


# What a caller sent
BAD_BATCH = Reason("bad_batch", "the body is not a batch of feeds", "send the JSON that api.md's Ingest shows")
BAD_MARKET = Reason("bad_market", "this is not a market", "write BASE/QUOTE in upper case, such as BTC/USD")
BAD_TIME = Reason("bad_time", "this is not a time", "write RFC 3339 UTC or epoch milliseconds")
BAD_SETTINGS = Reason("bad_settings", "the settings have faults", "mend each fault listed")

# What the market did not give
NO_SOURCES = Reason("no_sources", "no venue has a fresh price", "check `chrono venues` and the collectors")
TOO_FEW_SOURCES = Reason(
    "too_few_sources",
    "fewer independent venues than the minimum",
    "add venues, or lower the minimum knowingly",
)
NO_PATH = Reason("no_path", "no conversion leads to the asked currency", "price the missing edge, such as USDT/USD")
UNPRICED_EDGE = Reason(
    "unpriced_edge", "a conversion on the way has no value", "look at the edge with `chrono explain`"
)
GRAPH_CYCLE = Reason("graph_cycle", "conversions depend on one another in a circle", "remove one edge of the circle")
LOW_CONFIDENCE = Reason("low_confidence", "the venues do not agree", "look at `chrono explain` for who says what")
UNKNOWN_MARKET = Reason("unknown_market", "nobody has quoted this market", "see /metadata/markets for what is listed")
STALE_VALUE = Reason("stale_value", "the newest value is older than asked", "ask for an older value, or wait")

# What the house could not do
DATABASE_AWAY = Reason("database_away", "PostgreSQL does not answer", "check `chrono doctor`; writes go to the spool")
SPOOL_FULL = Reason("spool_full", "PostgreSQL is away and the spool is full", "bring PostgreSQL back or free the disk")
CACHE_AWAY = Reason("cache_away", "Redis does not answer", "check REDIS_URL; memory serves meanwhile")
DATA_DIR_BUSY = Reason(
    "data_dir_busy", "another Chrono runs on this data folder", "stop it, or choose another data_dir"
)
NO_DERIVATION = Reason("no_derivation", "no value is recorded for that time", "ask for a stored time, or none")
BAD_TAPE = Reason("bad_tape", "the file is not a tape that Chrono reads", "see `chrono replay --help` for the layouts")

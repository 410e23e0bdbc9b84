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
BAD_BATCH = Reason("bad_batch", "the body is not a batch of feeds", "see /schema/openapi.json for its form")
BAD_MARKET = Reason("bad_market", "this is not a market", "write BASE/QUOTE in upper case, such as BTC/USD")
BATCH_TOO_LARGE = Reason("batch_too_large", "more feeds than one batch may hold", "send at most 100 feeds a batch")
BAD_SIGNATURE = Reason("bad_signature", "the request is not signed as asked", "sign with the worker's secret, once")
BAD_REQUEST = Reason("bad_request", "the request is not of its form", "mend each fault listed")
NO_KEY = Reason("no_key", "this path needs a key", "send Authorization: Bearer <key>, or X-API-Key")
BAD_KEY = Reason("bad_key", "the key is not known here", "ask the operator for a key")
WRONG_CLASS = Reason(
    "wrong_class", "the caller may not call this path", "use a key of the class that the path asks for"
)
NO_ROUTE = Reason("no_route", "there is nothing under this path", "see /schema/openapi.json for what there is")
TOO_MANY_REQUESTS = Reason("too_many_requests", "more requests than the limit allows", "wait for Retry-After seconds")
BODY_TOO_LARGE = Reason("body_too_large", "the body is larger than this path takes", "send less at once")
BODY_SLOW = Reason("body_slow", "the body did not arrive in time", "send it again, faster")
BODY_ENCODED = Reason("body_encoded", "this path takes plain JSON only", "send application/json, not compressed")
NOT_ACCEPTABLE = Reason("not_acceptable", "no asked form can be given", "see the Accept values of the path")
BAD_TIME = Reason("bad_time", "this is not a time", "write RFC 3339 UTC or epoch milliseconds")
BAD_SETTINGS = Reason("bad_settings", "the settings have faults", "mend each fault listed")
RAW_PRIVATE_KEY = Reason(
    "raw_private_key",
    "a private key stands in the settings",
    "take it out, treat it as known to others, and give a reference (env:NAME or file:PATH)",
)

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
THIN_CONVERSION = Reason(
    "thin_conversion", "most of the weight went through a conversion with too few venues", "add venues to that edge"
)
GRAPH_CYCLE = Reason("graph_cycle", "conversions depend on one another in a circle", "remove one edge of the circle")
LOW_CONFIDENCE = Reason("low_confidence", "the venues do not agree", "look at `chrono explain` for who says what")
UNKNOWN_MARKET = Reason("unknown_market", "nobody has quoted this market", "see /metadata/markets for what is listed")
STALE_VALUE = Reason("stale_value", "the newest value is older than asked", "ask for an older value, or wait")

# What the house could not do
DATABASE_AWAY = Reason("database_away", "PostgreSQL does not answer", "check `chrono doctor`; writes go to the spool")
SPOOL_FULL = Reason("spool_full", "PostgreSQL is away and the spool is full", "bring PostgreSQL back or free the disk")
CACHE_AWAY = Reason("cache_away", "Redis does not answer", "check REDIS_URL; memory serves meanwhile")
PORT_TAKEN = Reason("port_taken", "another program listens on this port", "stop it, or choose another port")
DATA_DIR_BUSY = Reason(
    "data_dir_busy", "another Chrono runs on this data folder", "stop it, or choose another data_dir"
)
DATA_DIR_UNREACHABLE = Reason(
    "data_dir_unreachable",
    "PostgreSQL may not run as root, and the user it would run as cannot enter the data folder",
    "choose a data_dir under folders that everyone may enter, run Chrono as an ordinary user, or set DATABASE_URL",
)
POSTGRES_FAILED = Reason(
    "postgres_failed", "the embedded PostgreSQL does not start", "read postgres.log in the data folder"
)
DATABASE_TOO_OLD = Reason("database_too_old", "this PostgreSQL is too old", "use PostgreSQL 15 or newer")
ROW_REFUSED = Reason("row_refused", "the database cannot hold this row", "mend what the sender says in it")
SCHEMA_UNKNOWN = Reason(
    "schema_unknown", "the database was written by a newer Chrono", "upgrade Chrono, or restore a backup"
)
REDIS_UNPROTECTED = Reason(
    "redis_unprotected", "Redis is not on this machine and has no password", "set requirepass and put it into REDIS_URL"
)
BAD_CURSOR = Reason("bad_cursor", "this is not a cursor of ours", "pass `next` of the answer before, unchanged")
NO_DERIVATION = Reason("no_derivation", "no value is recorded for that time", "ask for a stored time, or none")
BAD_TAPE = Reason("bad_tape", "the file is not a tape that Chrono reads", "see `chrono replay --help` for the layouts")

# What a reader of the streams did
BAD_FRAME = Reason("bad_frame", "the message is not a frame that streams understand", "see /schema/asyncapi.json")
FRAME_TOO_LARGE = Reason("frame_too_large", "the message is too large", "subscribe in several smaller messages")
FRAME_FLOOD = Reason("frame_flood", "too many messages per second", "keep to the limit that hello names")
KEY_MISSING = Reason("key_missing", "the connection is not authorised", "send an auth frame with a key first")
KEY_LATE = Reason("key_late", "no key came in time", "send the key in the URL, a header or the first message")
TOO_MANY_MARKETS = Reason("too_many_markets", "the connection holds as many markets as it may", "subscribe to *")
STREAM_FULL = Reason("stream_full", "this instance holds as many connections as it may", "come back later")
READER_SLOW = Reason("reader_slow", "the reader stopped taking frames", "read faster, or subscribe to fewer markets")

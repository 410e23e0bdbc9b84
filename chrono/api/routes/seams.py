"""The value provider that Flare's own clients call: `POST /feed-values/{round}`, `/feed-values/`, `/volumes/`.

Answers are taken by position: as many as were asked for, in that order. A value that we do not have is an absent
key, never null: the reference client reads null as the value zero. Source: fsp.md 0.4, 0.5 and 5(a).
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Final

from msgspec import DecodeError, Raw, ValidationError, convert
from msgspec.json import Decoder

from chrono.api.access import Callers
from chrono.api.answers import Answer, Call, encoded
from chrono.api.operations import Operation, Served
from chrono.api.parameters import MOST_ROUND, WINDOW, fault, read_query, whole_number
from chrono.api.ports import ApiParts
from chrono.api.schemas_seams import FeedName, FeedRequest, LatestValues, RoundValues, VolumeList
from chrono.clock import SECOND_NS
from chrono.errors import BAD_REQUEST, ChronoError
from chrono.flare.feeds import FeedId
from chrono.market.names import Market, is_market

MOST_BODY: Final = 1024 * 1024
CREATED: Final = 201
"""What the reference value provider answers to its POSTs."""

LATEST: Final = 0
_FEEDS: Final = Decoder(FeedRequest)
_FIELDS: Final = Decoder(dict[str, Raw])
_LIST: Final = Decoder(list[Any])
_BODY_EXAMPLE: Final = {"feeds": [{"category": 1, "name": "BTC/USD"}]}


class Seams:
    """The value provider."""

    def __init__(self, parts: ApiParts) -> None:
        self._parts = parts

    async def round(self, call: Call) -> Served:
        """Values for a voting round; the same round asked twice gives the same answer. Round 0 is the latest."""
        round_id = whole_number("votingRoundId", call.path_parameter("round"), MOST_ROUND)
        feeds = _feeds(call.body)
        values = self._values(round_id, feeds)
        body = b'{"votingRoundId":%d,"data":[%b]}' % (round_id, b",".join(map(_valued, feeds, values)))
        return Answer(body, status=CREATED)

    async def latest(self, call: Call) -> Served:
        """The newest values."""
        feeds = _feeds(call.body)
        values = self._values(LATEST, feeds)
        return Answer(b'{"data":[%b]}' % b",".join(map(_valued, feeds, values)), status=CREATED)

    async def volumes(self, call: Call) -> Served:
        """What each venue traded in the last `window` seconds, base units."""
        window_ns = read_query(call.query, (WINDOW,), strict=False)["window"] * SECOND_NS
        told = [self._volumes(feed, window_ns, call.arrived_ns) for feed in _feeds(call.body)]
        return Answer(b'{"data":[%b]}' % b",".join(told), status=CREATED)

    def _values(self, round_id: int, feeds: Sequence[FeedName]) -> Sequence[Decimal | None]:
        return self._parts.rounds.values(round_id, [FeedId(feed.category, feed.name) for feed in feeds])

    def _volumes(self, feed: FeedName, window_ns: int, at_ns: int) -> bytes:
        found = self._parts.volumes(Market(feed.name), window_ns, at_ns) if is_market(feed.name) else {}
        volumes = [b'{"exchange":%b,"volume":%b}' % (encoded(venue), _number(sum_)) for venue, sum_ in found.items()]
        return b'{"feed":%b,"volumes":[%b]}' % (encoded(feed), b",".join(volumes))


def operations(parts: ApiParts) -> list[Operation]:
    """The operations of this file. Litestar serves a path with and without its last slash alike."""
    seams = Seams(parts)
    rounds = {"type": "integer", "minimum": 0, "maximum": MOST_ROUND, "example": 812576}
    return [
        Operation(
            method="POST",
            path="/feed-values/{round:str}",
            id="feedValuesOfRound",
            summary="Values for a voting round, in the order asked; the value key is absent where there is none",
            serve=seams.round,
            answers={CREATED: RoundValues},
            path_schema={"round": rounds},
            **_SEAM,
        ),
        Operation(
            method="POST",
            path="/feed-values",
            id="feedValues",
            summary="The newest values, in the order asked; the value key is absent where there is none",
            serve=seams.latest,
            answers={CREATED: LatestValues},
            **_SEAM,
        ),
        Operation(
            method="POST",
            path="/volumes",
            id="volumes",
            summary="What each venue traded within the window, base units",
            serve=seams.volumes,
            answers={CREATED: VolumeList},
            query=(WINDOW,),
            **_SEAM,
        ),
    ]


_SEAM: Final[dict[str, Any]] = {
    "tag": "Value provider",
    "callers": Callers.SEAM,
    "body": FeedRequest,
    "body_example": _BODY_EXAMPLE,
    "most_body": MOST_BODY,
}


def _feeds(body: bytes) -> Sequence[FeedName]:
    try:
        return _FEEDS.decode(body).feeds
    except (DecodeError, UnicodeDecodeError, RecursionError) as refused:
        raise ChronoError(BAD_REQUEST, faults=_faults(body)) from refused


def _faults(body: bytes) -> list[dict[str, Any]]:
    """Every feed that is not one, of a body that is wrong somewhere and may be no JSON after its first fault."""
    try:
        feeds = _LIST.decode(_FIELDS.decode(body)["feeds"])
    except (ValidationError, KeyError):
        return [fault("feeds", "no list", "a list of feeds")]
    except (DecodeError, UnicodeDecodeError, RecursionError):
        return [fault("body", "no JSON", '{"feeds":[…]}')]
    faults = []
    for index, feed in enumerate(feeds):
        try:
            convert(feed, FeedName)
        except ValidationError as refused:
            faults.append(fault(f"feeds[{index}]", feed, str(refused)[:200]))
    return faults


def _valued(feed: FeedName, value: Decimal | None) -> bytes:
    if value is None:
        return b'{"feed":%b}' % encoded(feed)
    return b'{"feed":%b,"value":%b}' % (encoded(feed), _number(value))


def _number(value: Decimal) -> bytes:
    """A JSON number in plain digits, as many as we have; readers make a double of it."""
    return f"{value:f}".encode()

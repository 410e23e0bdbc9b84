"""The shapes of the value provider, as Flare's own clients write and read them. Source: fsp.md 5(a)."""

from msgspec import Struct

from chrono.api.schemas import Count


class FeedName(Struct, frozen=True):
    """A feed by category and name, as Flare's clients write it."""

    category: int
    name: str


class FeedValue(Struct, frozen=True, omit_defaults=True):
    """One feed's value; the `value` key is absent, never null, when there is none to vote with."""

    feed: FeedName
    value: float = 0.0


class RoundValues(Struct, frozen=True, rename={"voting_round_id": "votingRoundId"}):
    """Values for a voting round, in the order asked."""

    voting_round_id: Count
    data: list[FeedValue]


class LatestValues(Struct, frozen=True):
    """The newest values, in the order asked."""

    data: list[FeedValue]


class ExchangeVolume(Struct, frozen=True):
    """What one venue traded, in base units."""

    exchange: str
    volume: float


class FeedVolumes(Struct, frozen=True):
    """One feed's volumes by venue."""

    feed: FeedName
    volumes: list[ExchangeVolume]


class VolumeList(Struct, frozen=True):
    """Volumes of the window, in the order asked."""

    data: list[FeedVolumes]


class FeedRequest(Struct, frozen=True):
    """Which feeds a value provider is asked for. Keys beside `feeds` are left unread."""

    feeds: list[FeedName]

"""Chrono's answers to feed_order.json: the canonical order of a reward epoch's feeds."""

from typing import Any

from chrono.flare.feed_order import CommunityOffer, InflationOffer, feed_order
from chrono.flare.feeds import Feed, FeedId

EPOCH = 1


def answer(case: dict[str, Any]) -> dict[str, Any]:
    inflation = [
        InflationOffer(EPOCH, tuple(map(_feed, offer["feedIds"], offer["decimals"])), ())
        for offer in case["inflationOffers"]
    ]
    community = [
        CommunityOffer(EPOCH, _feed(offer["feedId"], offer["decimals"]), int(offer["amount"]))
        for offer in case["communityOffers"]
    ]
    feeds = feed_order(EPOCH, inflation, community)
    return {"feeds": [{"id": feed.id.hex, "decimals": feed.decimals} for feed in feeds]}


def _feed(text: str, decimals: int) -> Feed:
    return Feed(FeedId.from_hex(text), decimals)

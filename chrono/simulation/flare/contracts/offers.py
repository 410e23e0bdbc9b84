"""FtsoRewardOffersManager: which feeds inflation pays for, told as each reward epoch begins. Source: fsp.md 2."""

from collections.abc import Sequence

from chrono.flare.address import Address
from chrono.flare.feed_order import CommunityOffer, InflationOffer, feed_order, pack_bands, pack_feeds
from chrono.flare.feeds import Feed, FeedId
from chrono.flare.units import COIN_WEI
from chrono.simulation.flare.calls import Call, emit, event
from chrono.simulation.flare.world import SystemContract, World

BAND_PPM = 3000
"""The secondary band of every feed: 0.3 %."""
EPOCH_AMOUNT_WEI = 10_000 * COIN_WEI


class Offers(SystemContract):
    """The list that inflation pays for can be changed; it holds from the next offer on."""

    def __init__(self, world: World) -> None:
        super().__init__("FtsoRewardOffersManager", world, {})

    @property
    def feeds(self) -> tuple[Feed, ...]:
        """The feeds of the next offer."""
        found: tuple[Feed, ...] = self.get("feeds", default=())
        return found

    def set_feeds(self, feeds: Sequence[Feed]) -> None:
        """From the next offer on these are paid for."""
        self.put("feeds", tuple(feeds))

    def add(self, feed: Feed) -> None:
        """One more from the next offer on."""
        self.set_feeds([*(each for each in self.feeds if each.id != feed.id), feed])

    def remove(self, feed: FeedId) -> None:
        """One less from the next offer on."""
        self.set_feeds([each for each in self.feeds if each.id != feed])

    def offer_inflation(self, call: Call, reward_epoch_id: int) -> None:
        """Offer for a reward epoch, all feeds together."""
        network = self.world.network
        ids, decimals = pack_feeds(self.feeds)
        bands = pack_bands([BAND_PPM] * len(self.feeds))
        terms = (EPOCH_AMOUNT_WEI, network.min_rewarded_turnout_bips, network.primary_band_share_ppm)
        shape = event("FtsoRewardOffersManager", "InflationRewardsOffered")
        emit(call, self.address, shape, reward_epoch_id, ids, decimals, *terms, bands, 0)
        told = InflationOffer(reward_epoch_id, self.feeds, (BAND_PPM,) * len(self.feeds), EPOCH_AMOUNT_WEI)
        self.put("inflation", reward_epoch_id, told)

    def offer(self, call: Call, reward_epoch_id: int, feed: Feed, amount_wei: int) -> None:
        """An offer of the community for one feed."""
        network = self.world.network
        terms = (amount_wei, network.min_rewarded_turnout_bips, network.primary_band_share_ppm, BAND_PPM)
        shape = event("FtsoRewardOffersManager", "RewardsOffered")
        back = Address(bytes(19) + b"\x01")
        emit(call, self.address, shape, reward_epoch_id, bytes(feed.id), feed.decimals, *terms, back)
        offers = (
            *self.get("community", reward_epoch_id, default=()),
            CommunityOffer(reward_epoch_id, feed, amount_wei),
        )
        self.put("community", reward_epoch_id, offers)

    def order(self, reward_epoch_id: int) -> tuple[Feed, ...]:
        """The feeds of a reward epoch, in their canonical order."""
        inflation = self.get("inflation", reward_epoch_id)
        paid = [] if inflation is None else [inflation]
        return feed_order(reward_epoch_id, paid, self.get("community", reward_epoch_id, default=()))

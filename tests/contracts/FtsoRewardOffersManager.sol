// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

import {FlareSystemsManager} from "./FlareSystemsManager.sol";
import {Resident} from "./Resident.sol";

/// Which feeds are voted on, and what for: inflation pays for the owner's list, anybody may offer for a feed.
contract FtsoRewardOffersManager is Resident {
    uint16 private constant TURNOUT_BIPS = 5_000;
    uint24 private constant PRIMARY_PPM = 400_000;
    uint24 private constant MOST_PPM = 1_000_000;
    int8 private constant USUAL_DECIMALS = 5;

    struct Offer {
        uint120 amount;
        bytes21 feedId;
        uint16 minRewardedTurnoutBIPS;
        uint24 primaryBandRewardSharePPM;
        uint24 secondaryBandWidthPPM;
        address claimBackAddress;
    }

    struct Feed {
        bool known;
        int8 decimals;
    }

    uint256 public inflationAmount;
    bytes21[] private feedIds;
    mapping(bytes21 feedId => Feed) private feeds;

    event InflationRewardsOffered(
        uint24 indexed rewardEpochId,
        bytes feedIds,
        bytes decimals,
        uint256 amount,
        uint16 minRewardedTurnoutBIPS,
        uint24 primaryBandRewardSharePPM,
        bytes secondaryBandWidthPPMs,
        uint16 mode
    );
    event RewardsOffered(
        uint24 indexed rewardEpochId,
        bytes21 feedId,
        int8 decimals,
        uint256 amount,
        uint16 minRewardedTurnoutBIPS,
        uint24 primaryBandRewardSharePPM,
        uint24 secondaryBandWidthPPM,
        address claimBackAddress
    );

    constructor(address place, uint256 amount) Resident(place) {
        inflationAmount = amount;
    }

    /// Decimals of a feed, which hold for its offers by anybody too.
    function setDecimals(bytes21 feedId, int8 decimals) public onlyOwner {
        feeds[feedId] = Feed(true, decimals);
    }

    function addFeed(bytes21 feedId, int8 decimals) external onlyOwner {
        for (uint256 i = 0; i < feedIds.length; i++) require(feedIds[i] != feedId, "feed already there");
        setDecimals(feedId, decimals);
        feedIds.push(feedId);
    }

    function removeFeed(bytes21 feedId) external onlyOwner {
        for (uint256 i = 0; i < feedIds.length; i++) {
            if (feedIds[i] == feedId) {
                feedIds[i] = feedIds[feedIds.length - 1];
                feedIds.pop();
                return;
            }
        }
        revert("feed not there");
    }

    function getFeedIds() external view returns (bytes21[] memory) {
        return feedIds;
    }

    /// A reward epoch has begun: the list as it is now holds for the next one.
    function triggerRewardEpochSwitchover(uint24 currentRewardEpochId, uint64, uint64) external onlyManager {
        bytes memory ids;
        bytes memory decimals;
        bytes memory bands;
        for (uint256 i = 0; i < feedIds.length; i++) {
            ids = abi.encodePacked(ids, feedIds[i]);
            decimals = abi.encodePacked(decimals, feeds[feedIds[i]].decimals);
            bands = abi.encodePacked(bands, uint24(500));
        }
        emit InflationRewardsOffered(
            currentRewardEpochId + 1, ids, decimals, inflationAmount, TURNOUT_BIPS, PRIMARY_PPM, bands, 0
        );
    }

    function offerRewards(uint24 nextRewardEpochId, Offer[] calldata offers) external payable {
        FlareSystemsManager manager = FlareSystemsManager(neighbour("FlareSystemsManager"));
        uint24 current = manager.getCurrentRewardEpochId();
        require(nextRewardEpochId > current, "not future reward epoch id");
        if (nextRewardEpochId == current + 1) {
            (uint64 started,,,) = manager.getRandomAcquisitionInfo(nextRewardEpochId);
            require(started == 0, "too late for next reward epoch");
        }
        uint256 sum;
        for (uint256 i = 0; i < offers.length; i++) {
            sum += offers[i].amount;
            _offer(nextRewardEpochId, offers[i]);
        }
        require(sum == msg.value, "amount offered is not the same as value sent");
    }

    function _offer(uint24 epoch, Offer calldata offer) private {
        require(offer.primaryBandRewardSharePPM <= MOST_PPM, "invalid primaryBandRewardSharePPM value");
        require(offer.secondaryBandWidthPPM <= MOST_PPM, "invalid secondaryBandWidthPPM value");
        Feed storage feed = feeds[offer.feedId];
        emit RewardsOffered(
            epoch,
            offer.feedId,
            feed.known ? feed.decimals : USUAL_DECIMALS,
            offer.amount,
            offer.minRewardedTurnoutBIPS,
            offer.primaryBandRewardSharePPM,
            offer.secondaryBandWidthPPM,
            offer.claimBackAddress == address(0) ? msg.sender : offer.claimBackAddress
        );
    }
}

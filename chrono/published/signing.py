"""Whether a published reward epoch is one to sign: it follows from its claims, and ours is as it should be.

Nobody can compute the whole epoch from the outside yet, so what can be checked is checked: the root and every proof,
the numbers, and the claim of our own identity within its bounds. Source: fsp.md section 6; flare-system-client
rewards_utils.go.
"""

from msgspec import Struct

from chrono.errors import REWARD_DATA_WRONG, ChronoError
from chrono.flare.address import Address, checksummed
from chrono.flare.networks import Network
from chrono.flare.rewards.claims import ClaimType
from chrono.flare.system_messages import WeightBasedClaims
from chrono.published.epoch import PublishedEpoch
from chrono.published.findings import EpochFindings
from chrono.published.verification import verify
from chrono.voting.epoch_words import RewardsToSign


class Bounds(Struct, frozen=True):
    """What our own fee claim of a reward epoch must lie within, in wei; `most_wei` None: no upper bound."""

    least_wei: int = 0
    most_wei: int | None = None


def rewards_to_sign(
    epoch: PublishedEpoch, *, network: Network, reward_epoch_id: int, identity: Address, bounds: Bounds | None = None
) -> RewardsToSign:
    """What is signed of a publication. Raises: ChronoError(REWARD_DATA_WRONG) with `why` when it is none to sign."""
    findings = sound(epoch, network=network, reward_epoch_id=reward_epoch_id)
    _check_own(epoch, identity, bounds or Bounds())
    claims = (WeightBasedClaims(network.chain_id, findings.weight_based_claims),)
    return RewardsToSign(claims, findings.root)


def sound(epoch: PublishedEpoch, *, network: Network, reward_epoch_id: int) -> EpochFindings:
    """A publication of which everything follows from its claims. Raises: ChronoError(REWARD_DATA_WRONG) with `why`."""
    if epoch.network not in {None, network.name}:
        raise _wrong(epoch, f"it is of {epoch.network}, not of {network.name}")
    if epoch.reward_epoch_id != reward_epoch_id:
        raise _wrong(epoch, f"it is reward epoch {epoch.reward_epoch_id}, not {reward_epoch_id}")
    findings = verify(epoch)
    if findings.differences:
        first = findings.differences[0]
        more = len(findings.differences) + findings.more_differences - 1
        told = f"{first.what}: expected {first.expected}, found {first.found}"
        raise _wrong(epoch, told + (f", and {more} more differences" if more else ""))
    return findings


def _check_own(epoch: PublishedEpoch, identity: Address, bounds: Bounds) -> None:
    """The fee claim of our identity is there, and within the bounds."""
    own = [claim for claim in epoch.claims if claim.beneficiary == identity and claim.claim_type == ClaimType.FEE]
    if not own:
        raise _wrong(epoch, f"there is no fee claim of {checksummed(identity)}")
    amount = own[0].amount
    if amount < bounds.least_wei:
        raise _wrong(epoch, f"our fee claim of {amount} wei is below {bounds.least_wei} wei")
    if bounds.most_wei is not None and amount > bounds.most_wei:
        raise _wrong(epoch, f"our fee claim of {amount} wei is above {bounds.most_wei} wei")


def _wrong(epoch: PublishedEpoch, why: str) -> ChronoError:
    return ChronoError(REWARD_DATA_WRONG, source=epoch.source, why=why)

"""Computes a published reward epoch again and says what differs. Source: fsp.md section 7, "Claiming"."""

from collections import defaultdict
from collections.abc import Iterator

from chrono.flare.merkle import MerkleTree, verify_proof
from chrono.flare.networks import UnknownNetworkError, network_of
from chrono.flare.rewards.claims import ClaimType, RewardClaim
from chrono.flare.rewards.tree import MOST_WEI, leaf, reward_root, reward_tree, weight_based_claims
from chrono.flare.system_messages import WeightBasedClaims, rewards_message
from chrono.published.epoch import PublishedClaim, PublishedEpoch
from chrono.published.findings import MOST_DIFFERENCES, Difference, EpochFindings, TypeTotal, type_name

Placed = list[tuple[int, PublishedClaim, RewardClaim]]
"""Claims with their place in the file: as they are published, and as the tree takes them."""


def verify(epoch: PublishedEpoch) -> EpochFindings:
    """Rebuild the tree from the claims; compare root, proofs, counts and sums with what is published."""
    misfits: list[Difference] = []
    claims = _claimable(epoch, misfits)
    bare = [claim for _, _, claim in claims]
    tree = reward_tree(bare)
    root, pools = reward_root(tree), weight_based_claims(bare)
    differences = [
        *_whole(epoch, root, pools),
        *misfits,
        *_duplicates(claims),
        *_wrong_proofs(epoch, claims, tree, root),
    ]
    return EpochFindings(
        source=epoch.source,
        network=epoch.network,
        reward_epoch_id=epoch.reward_epoch_id,
        root=root,
        proofs=sum(claim.proof is not None for claim in epoch.claims),
        claims=len(epoch.claims),
        totals=_totals(bare),
        weight_based_claims=pools,
        differences=tuple(differences[:MOST_DIFFERENCES]),
        more_differences=max(len(differences) - MOST_DIFFERENCES, 0),
        message=_message(epoch, pools, root),
    )


def _claimable(epoch: PublishedEpoch, misfits: list[Difference]) -> Placed:
    """The claims that the contract could read; the others are added to `misfits`."""
    claims: Placed = []
    types = set(ClaimType)
    for place, published in enumerate(epoch.claims):
        if published.claim_type not in types:
            known = ", ".join(f"{kind.value} {kind.name}" for kind in ClaimType)
            misfits.append(_about(place, published, "type", known, str(published.claim_type)))
        elif not 0 <= published.amount <= MOST_WEI:
            misfits.append(_about(place, published, "amount", f"0 to {MOST_WEI} wei", str(published.amount)))
        elif published.reward_epoch_id != epoch.reward_epoch_id:
            expected, found = str(epoch.reward_epoch_id), str(published.reward_epoch_id)
            misfits.append(_about(place, published, "epoch", expected, found))
        else:
            kind = ClaimType(published.claim_type)
            claim = RewardClaim(epoch.reward_epoch_id, published.beneficiary, published.amount, kind)
            claims.append((place, published, claim))
    return claims


def _whole(epoch: PublishedEpoch, root: bytes, pools: int) -> Iterator[Difference]:
    """Differences of the epoch as a whole."""
    if root != epoch.root:
        yield Difference("root", _hex(root), _hex(epoch.root))
    if pools != epoch.weight_based_claims:
        yield Difference("weight_based_claims", str(pools), str(epoch.weight_based_claims))
    if epoch.claim_count not in {None, len(epoch.claims)}:
        yield Difference("claim_count", str(len(epoch.claims)), str(epoch.claim_count))
    total = sum(claim.amount for claim in epoch.claims)
    if epoch.claims_sum not in {None, total}:
        yield Difference("claims_sum", f"{total} wei", f"{epoch.claims_sum} wei")


def _duplicates(claims: Placed) -> Iterator[Difference]:
    """Only one claim of each type can be in the contract for one beneficiary and epoch."""
    first: dict[tuple[bytes, ClaimType], int] = {}
    for place, published, claim in claims:
        before = first.setdefault((claim.beneficiary, claim.claim_type), place)
        if before != place:
            yield _about(place, published, "duplicate", "one claim", f"another at {before}")


def _wrong_proofs(epoch: PublishedEpoch, claims: Placed, tree: MerkleTree, root: bytes) -> Iterator[Difference]:
    """Proofs that do not lead from their claim to the published root.

    When the root itself holds, the claim is in the tree and the expected proof can be told.
    """
    for place, published, claim in claims:
        leaf_hash = leaf(claim)
        if published.proof is None or verify_proof(leaf_hash, list(published.proof), epoch.root):
            continue
        expected = [_hex(node) for node in tree.proof(leaf_hash)] if root == epoch.root else None
        yield _about(
            place,
            published,
            "proof",
            f"[{', '.join(expected)}]" if expected is not None else f"a way to the root {_hex(epoch.root)}",
            f"[{', '.join(_hex(node) for node in published.proof)}]",
        )


def _totals(claims: list[RewardClaim]) -> dict[ClaimType, TypeTotal]:
    by_type: dict[ClaimType, list[RewardClaim]] = defaultdict(list)
    for claim in claims:
        by_type[claim.claim_type].append(claim)
    return {
        kind: TypeTotal(len(some), frozenset(claim.beneficiary for claim in some), sum(claim.amount for claim in some))
        for kind, some in sorted(by_type.items())
    }


def _message(epoch: PublishedEpoch, pools: int, root: bytes) -> bytes | None:
    """The reward manager's id is the chain id."""
    if epoch.network is None:
        return None
    try:
        chain_id = network_of(epoch.network).chain_id
    except UnknownNetworkError:
        return None
    return rewards_message(epoch.reward_epoch_id, [WeightBasedClaims(chain_id, pools)], root)


def _about(place: int, claim: PublishedClaim, what: str, expected: str, found: str) -> Difference:
    return Difference(what, expected, found, place, _hex(claim.beneficiary), type_name(claim.claim_type))


def _hex(data: bytes) -> str:
    return "0x" + data.hex()

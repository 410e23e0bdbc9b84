"""Sums over many recomputed epochs, by network and claim type."""

from collections import defaultdict

from chrono.flare.rewards.claims import ClaimType
from chrono.published.findings import EpochFindings, TypeTotal


class Tally:
    """What was verified so far."""

    def __init__(self) -> None:
        self.epochs = 0
        self.verified = 0
        self.claims = 0
        self.proofs = 0
        self._claims: dict[tuple[str, ClaimType], int] = defaultdict(int)
        self._wei: dict[tuple[str, ClaimType], int] = defaultdict(int)
        self._beneficiaries: dict[tuple[str, ClaimType], set[bytes]] = defaultdict(set)

    def add(self, findings: EpochFindings) -> None:
        """Count one epoch."""
        self.epochs += 1
        self.verified += findings.verified
        self.claims += findings.claims
        self.proofs += findings.proofs
        for kind, total in findings.totals.items():
            key = (findings.network or "", kind)
            self._claims[key] += total.claims
            self._wei[key] += total.wei
            self._beneficiaries[key] |= total.beneficiaries

    def totals(self) -> dict[tuple[str, ClaimType], TypeTotal]:
        """By network ("" for an unknown one) and type; a beneficiary counts once, however many epochs it has."""
        return {
            key: TypeTotal(self._claims[key], frozenset(self._beneficiaries[key]), self._wei[key])
            for key in sorted(self._claims)
        }

"""Reward epochs as a pair of tables: epochs.parquet with one row per epoch, claims.parquet with one per claim."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl

from chrono.errors import BAD_REWARDS, ChronoError
from chrono.flare.abi import WORD_BYTES
from chrono.flare.address import ADDRESS_BYTES
from chrono.flare.rewards.tree import MOST_EPOCH
from chrono.published.epoch import PublishedClaim, PublishedEpoch

EPOCHS, CLAIMS = "epochs.parquet", "claims.parquet"

EPOCH_COLUMNS = ("network", "reward_epoch", "merkle_root", "n_weight_based_claims", "n_claims", "claims_sum_wei")
CLAIM_COLUMNS = ("network", "reward_epoch", "beneficiary", "claim_type", "amount_wei")

EPOCHS_AT_ONCE = 32
"""Of the claims, those of so many epochs are in memory."""


class Tables:
    """The pair in one folder. Columns as in EPOCH_COLUMNS and CLAIM_COLUMNS; amounts are decimal strings in wei."""

    def __init__(self, folder: Path, network: str | None = None) -> None:
        """Reads the small table whole. Raises: ChronoError(BAD_REWARDS)."""
        self.folder = folder
        self._network = network
        epochs = self._rows(EPOCHS, EPOCH_COLUMNS)
        if network is not None:
            epochs = epochs.filter(pl.col("network") == network)
        try:
            self._epochs = epochs.sort("network", "reward_epoch").collect()
        except pl.exceptions.PolarsError as error:
            raise self._unusable(EPOCHS, str(error)) from error

    def __len__(self) -> int:
        """The number of epochs."""
        return self._epochs.height

    def __iter__(self) -> Iterator[PublishedEpoch]:
        """The epochs by network and number.

        Raises: ChronoError(BAD_REWARDS), at the end also for claims of epochs that are in no row.
        """
        claims = self._rows(CLAIMS, CLAIM_COLUMNS)
        for network in self._epochs["network"].unique(maintain_order=True):
            of_network = self._epochs.filter(pl.col("network") == network)
            for some in of_network.iter_slices(EPOCHS_AT_ONCE):
                yield from self._some(network, some, claims)
        self._refuse_strays(claims)

    def _refuse_strays(self, claims: pl.LazyFrame) -> None:
        """Claims whose epoch nobody can verify must not pass for verified."""
        key = ["network", "reward_epoch"]
        found = claims.select(key).unique()
        if self._network is not None:
            found = found.filter(pl.col("network") == self._network)
        try:
            stray = found.join(self._epochs.lazy().select(key), on=key, how="anti").sort(key).collect()
        except pl.exceptions.PolarsError as error:
            raise self._unusable(CLAIMS, str(error)) from error
        if stray.height:
            network, epoch = stray.row(0)
            more = f" and {stray.height - 1} more" if stray.height > 1 else ""
            raise self._unusable(CLAIMS, f"it has claims of {network} {epoch}{more}, which {EPOCHS} does not list")

    def _some(self, network: str, epochs: pl.DataFrame, claims: pl.LazyFrame) -> Iterator[PublishedEpoch]:
        wanted = (pl.col("network") == network) & pl.col("reward_epoch").is_in(epochs["reward_epoch"].implode())
        try:
            parts = claims.filter(wanted).collect().partition_by("reward_epoch", as_dict=True, maintain_order=True)
            for epoch in epochs.iter_rows(named=True):
                yield self._epoch(epoch, parts.get((epoch["reward_epoch"],)))
        except (pl.exceptions.PolarsError, ValueError, TypeError, AttributeError) as error:
            raise self._unusable(CLAIMS, str(error)) from error

    def _epoch(self, row: dict[str, Any], claims: pl.DataFrame | None) -> PublishedEpoch:
        number = row["reward_epoch"]
        if not 0 <= number <= MOST_EPOCH:
            raise ValueError(f"{number} is no reward epoch")
        return PublishedEpoch(
            source=str(self.folder / CLAIMS),
            network=row["network"],
            reward_epoch_id=number,
            root=_bytes(row["merkle_root"], WORD_BYTES),
            weight_based_claims=row["n_weight_based_claims"],
            claims=() if claims is None else _claims(number, claims),
            claim_count=row["n_claims"],
            claims_sum=int(row["claims_sum_wei"]),
        )

    def _rows(self, name: str, columns: tuple[str, ...]) -> pl.LazyFrame:
        path = self.folder / name
        if not path.is_file():
            raise self._unusable(name, f"there is no {name} beside it")
        try:
            rows = pl.scan_parquet(path)
            lacking = [column for column in columns if column not in rows.collect_schema()]
        except pl.exceptions.PolarsError as error:
            raise self._unusable(name, str(error)) from error
        if lacking:
            raise self._unusable(name, f"it has no column {', '.join(lacking)}")
        return rows.select(columns).with_columns(
            pl.col("network").cast(pl.String), pl.col("reward_epoch").cast(pl.Int64)
        )

    def _unusable(self, name: str, why: str) -> ChronoError:
        return ChronoError(BAD_REWARDS, file=self.folder / name, why=why)


def _claims(reward_epoch_id: int, rows: pl.DataFrame) -> tuple[PublishedClaim, ...]:
    columns = (rows["beneficiary"], rows["amount_wei"], rows["claim_type"])
    return tuple(
        PublishedClaim(reward_epoch_id, _bytes(beneficiary, ADDRESS_BYTES), int(amount), int(claim_type), None)
        for beneficiary, amount, claim_type in zip(*columns, strict=True)
    )


def _bytes(text: str, size: int) -> bytes:
    """Raises: ValueError when `text` does not spell so many bytes."""
    found = bytes.fromhex(text.removeprefix("0x"))
    if len(found) != size:
        raise ValueError(f"{text[:80]} has {len(found)} bytes and not {size}")
    return found

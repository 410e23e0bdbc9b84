"""Robust price estimators: VWAP, TWAP, medians, outliers and the consensus of sources.

Columns may be NumPy arrays, Polars series, Arrow arrays or streams, `array.array`, any typed buffer,
or lists of int, float, Decimal and None. All columns of a call have the same length, n >= 1. Contiguous
buffers of the right type are read in place and never written to; do not write to them from another
thread during a call, since the interpreter is released. Integers beyond 2**53 and Decimals become the
nearest float.

`nulls="error"` refuses rows with a null (None, an Arrow null, a masked value), `nulls="skip"` leaves
them out. NaN and infinities are bad values, not nulls, and always refused; none ever comes out.

Every estimator raises `EstimateError` for bad values and `TypeError` for what is no column of numbers.
The same input gives the same bytes on every platform. The rules are in `docs/estimators.md`.

Flare's sums (from `keccak256` on) take whole numbers and bytes, and raise `ValueError` and `TypeError`.
"""

from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from typing import Any, Literal, Protocol, SupportsFloat, SupportsIndex, TypeAlias, final

__version__: str
__all__ = [
    "FEATURES",
    "AnomalyModel",
    "Column",
    "Consensus",
    "EstimateError",
    "MerkleTree",
    "Outliers",
    "Round",
    "SortitionKey",
    "Source",
    "consensus",
    "consensus_many",
    "keccak256",
    "mad",
    "mean",
    "median",
    "outliers",
    "sortition_point",
    "std_dev",
    "twap",
    "verify_credential",
    "verify_proof",
    "verify_registration",
    "vote_median",
    "vote_medians",
    "vwap",
    "weighted_median",
    "without_each",
]

FEATURES: tuple[str, ...]
"""The names of the numbers that the learned layer looks at, in their order."""

class _ArrowArray(Protocol):
    def __arrow_c_array__(self, requested_schema: Any = None) -> tuple[Any, Any]: ...

class _ArrowStream(Protocol):
    def __arrow_c_stream__(self, requested_schema: Any = None) -> Any: ...

class _Buffer(Protocol):
    # `collections.abc.Buffer` exists from Python 3.12 on; arrays have a length and items before that.
    def __len__(self) -> int: ...
    def __getitem__(self, index: int, /) -> Any: ...

_Numbers: TypeAlias = _ArrowArray | _ArrowStream | _Buffer | Sequence[SupportsFloat | Decimal | None]
_Integers: TypeAlias = _ArrowArray | _ArrowStream | _Buffer | Sequence[SupportsIndex | None]
_Ids: TypeAlias = _Integers | Sequence[str | None]
_Nulls: TypeAlias = Literal["error", "skip"]
_Learned: TypeAlias = AnomalyModel | tuple[_Numbers, float] | Literal["features"] | None

class EstimateError(ValueError):
    """No estimate can be given; the message names the argument, the index and the value."""

    reason: str
    """Stable snake_case code: empty, length_mismatch, null, not_finite, not_positive, negative,
    zero_total, unsorted, end_before_last, overflow, out_of_range, bad_option, bad_offsets or
    no_usable_point."""
    argument: str | None
    """Name of the argument at fault."""
    index: int | None
    """Row at fault, counted in the caller's column."""

def vwap(prices: _Numbers, volumes: _Numbers, /, *, nulls: _Nulls = "error") -> float:
    """The volume-weighted average price, in the unit of the prices.

    Shapes: both (n,); prices > 0, volumes >= 0. Refused when all volumes are zero.
    """

def twap(prices: _Numbers, timestamps_ns: _Integers, /, *, end_ns: int | None = None, nulls: _Nulls = "error") -> float:
    """The time-weighted average price, in the unit of the prices.

    Shapes: both (n,); times in ns (or Arrow instants), never going back. A price holds until the next
    one, the last until `end_ns` (default: the last time). A span of zero gives the last price.
    """

def median(values: _Numbers, /, *, nulls: _Nulls = "error") -> float:
    """The median; of an even number of values the mean of the middle two."""

def weighted_median(values: _Numbers, weights: _Numbers, /, *, nulls: _Nulls = "error") -> float:
    """The lowest value at which half of the weight is passed, in the unit of the values.

    Shapes: both (n,); weights >= 0, not all zero. Where half is met exactly, the mean of that value
    and the next one that has weight.
    """

def mad(values: _Numbers, /, *, nulls: _Nulls = "error") -> float:
    """The median absolute deviation from the median, raw (not multiplied by 1.4826)."""

def mean(values: _Numbers, /, *, nulls: _Nulls = "error") -> float:
    """The arithmetic mean."""

def std_dev(values: _Numbers, /, *, nulls: _Nulls = "error") -> float:
    """The standard deviation of the population (divided by n)."""

def outliers(
    prices: _Numbers,
    /,
    *,
    method: Literal["mad", "sigma", "iqr"] = "mad",
    threshold: float | None = None,
    floor_bps: float = 10.0,
    nulls: _Nulls = "error",
) -> Outliers:
    """The rows whose price lies outside the accepted band; prices > 0.

    `threshold` is in units of `scale`: default 3 for "mad" (1.4826 MAD) and "sigma", 1.5 for "iqr".
    The band is never narrower than `floor_bps` (1/10000) to each side of the centre. "sigma" cannot
    see a single outlier among ten values or fewer.
    """

def consensus(
    prices: _Numbers,
    volumes: _Numbers | None,
    timestamps_ns: _Integers,
    source_ids: _Ids,
    /,
    *,
    rates: _Numbers | None = None,
    at_ns: int | None = None,
    half_life_ns: int = 2_000_000_000,
    max_age_ns: int = 180_000_000_000,
    future_tolerance_ns: int = 5_000_000_000,
    k: float = 3.0,
    floor_bps: float = 10.0,
    min_sources: int = 3,
    max_weight: float = 0.30,
    apart_bps: float = 30.0,
    trust_floor: float = 0.1,
    learned: _Learned = None,
    nulls: _Nulls = "error",
) -> Consensus:
    """The price on which the sources of one feed agree, with everything that led to it.

    Shapes: all (n,), in any order. Prices > 0, multiplied by `rates` (> 0) where given. A volume that
    is null or 0 is unknown and leaves that point out of the volume-weighted average only. `at_ns` is
    the instant of evaluation (default: the newest time given; pass it whenever a source could lie
    about the time). `source_ids` are integers or text. A feed with fewer than `min_sources` sources
    still gets a price, with a low confidence. Refused when no point is usable.

    `learned` adds what a model finds odd: an `AnomalyModel`; or (scores, limit) as recorded, a score for
    each row's source, null for none; or "features", which judges nothing and tells the features.
    """

def without_each(
    prices: _Numbers,
    volumes: _Numbers | None,
    timestamps_ns: _Integers,
    source_ids: _Ids,
    /,
    *,
    rates: _Numbers | None = None,
    at_ns: int | None = None,
    half_life_ns: int = 2_000_000_000,
    max_age_ns: int = 180_000_000_000,
    future_tolerance_ns: int = 5_000_000_000,
    k: float = 3.0,
    floor_bps: float = 10.0,
    min_sources: int = 3,
    max_weight: float = 0.30,
    apart_bps: float = 30.0,
    trust_floor: float = 0.1,
    learned: _Learned = None,
    nulls: _Nulls = "error",
) -> dict[int | str, float | None]:
    """The price that `consensus` would give without each source, by id.

    None where nothing is left without it, and for a source of which no point counts.
    """

def consensus_many(
    prices: _Numbers,
    volumes: _Numbers | None,
    timestamps_ns: _Integers,
    source_ids: _Ids,
    offsets: _Integers,
    /,
    *,
    rates: _Numbers | None = None,
    at_ns: int | None = None,
    half_life_ns: int = 2_000_000_000,
    max_age_ns: int = 180_000_000_000,
    future_tolerance_ns: int = 5_000_000_000,
    k: float = 3.0,
    floor_bps: float = 10.0,
    min_sources: int | _Integers | None = None,
    max_weight: float = 0.30,
    apart_bps: float = 30.0,
    trust_floor: float = 0.1,
    learned: _Learned = None,
    nulls: _Nulls = "error",
) -> Round:
    """The consensus of every feed of a round, in one call.

    Feed f owns the rows `offsets[f]:offsets[f + 1]`; offsets (feeds + 1,) start at 0 and end at n.
    `min_sources` is one number or one per feed (default 3). A feed without a result is null in every
    column and tells its reason; it never costs the others. Refused: columns of different length, bad
    offsets, bad options.
    """

@final
class Consensus:
    """The agreed price of one feed. Prices are in the unit of the feed."""

    @property
    def price(self) -> float:
        """The vote, inside the inner range of all fresh estimates."""
    @property
    def vwap(self) -> float | None:
        """The volume-weighted part of the vote; None without volumes."""
    @property
    def twap(self) -> float:
        """The time-weighted part of the vote."""
    @property
    def median(self) -> float:
        """The median of the used estimates."""
    @property
    def weighted_median(self) -> float:
        """The weighted median of the used estimates."""
    @property
    def mean(self) -> float:
        """The mean of the used estimates."""
    @property
    def std_dev(self) -> float:
        """The population standard deviation of the used estimates."""
    @property
    def level(self) -> float:
        """Where the newest prices of all sources stood before now: the median over the window."""
    @property
    def spread_bps(self) -> float:
        """Highest minus lowest used estimate, in 1/10000 of the price."""
    @property
    def confidence(self) -> float:
        """0 (do not use) to 1."""
    @property
    def n_used(self) -> int:
        """Sources used."""
    @property
    def n_points(self) -> int:
        """Points of the used sources."""
    @property
    def at_ns(self) -> int:
        """The instant for which the price holds."""
    @property
    def excluded(self) -> tuple[tuple[int, str], ...]:
        """Rows left out, ascending: (row, reason), the reason being null, out_of_range, future,
        stale, outlier, jump, frozen, deviation or anomaly.
        """
    @property
    def sources(self) -> tuple[Source, ...]:
        """Every source, by ascending id."""
    def to_dict(self) -> dict[str, Any]:
        """Everything as plain dicts, lists and numbers."""
    def _repr_html_(self) -> str: ...
    def __eq__(self, other: object, /) -> bool: ...

@final
class Source:
    """What one source said and what became of it."""

    @property
    def id(self) -> int | str:
        """As given in `source_ids`."""
    @property
    def estimate(self) -> float | None:
        """Its own robust price; None when no point of it counts."""
    @property
    def weight(self) -> float:
        """Its share of the vote; 0 when it is not used."""
    @property
    def n_points(self) -> int:
        """Its points within the age limits."""
    @property
    def newest_age_ns(self) -> int:
        """Age of its newest point; negative when that lies ahead of `at_ns`."""
    @property
    def flags(self) -> list[str]:
        """What was found against it, left out for it or not: outlier, jump, frozen, deviation, anomaly."""
    @property
    def trust(self) -> float:
        """Between the floor and 1: how far it stood with the others lately."""
    @property
    def score(self) -> float | None:
        """Of the learned layer; None without one."""
    @property
    def features(self) -> list[float] | None:
        """What the learned layer looks at, as `FEATURES` names it; None without one."""
    @property
    def verdict(self) -> str:
        """ "used", or the reason why it was left out."""
    def to_dict(self) -> dict[str, Any]:
        """Everything as a plain dict."""

@final
class AnomalyModel:
    """A learned anomaly model: trained elsewhere, checked, and ready to score. Raises: EstimateError."""

    @staticmethod
    def histograms(
        tables: Sequence[tuple[Sequence[float], Sequence[float]]], /, *, tolerance: float, limit: float
    ) -> AnomalyModel:
        """One histogram per feature: ascending edges (n + 1,) and the score of each bin (n,).

        `tolerance` is how many bin widths outside the edges still belong to the outer bin.
        """
    @staticmethod
    def forest(
        roots: _Integers,
        features: _Integers,
        values: _Numbers,
        lefts: _Integers,
        rights: _Integers,
        /,
        *,
        average_depth: float,
        offset: float,
        limit: float,
    ) -> AnomalyModel:
        """An isolation forest: `roots` (trees,), the others (nodes,), children behind their parents.

        A leaf has the feature -1, and the depth that it stands for as its value.
        """
    @property
    def limit(self) -> float:
        """The score above which a source is an anomaly."""
    def score(self, features: _Numbers, /) -> Column:
        """The score of each row of features; the rows stand in one flat column, five numbers each."""

@final
class Outliers:
    """The band of accepted prices and the rows outside it; its length is their number."""

    @property
    def indices(self) -> list[int]:
        """Rows outside the band, ascending."""
    @property
    def center(self) -> float:
        """The median ("mad", "iqr") or the mean ("sigma")."""
    @property
    def scale(self) -> float:
        """One unit of the threshold: 1.4826 MAD, sigma, or the distance of the quartiles."""
    @property
    def low(self) -> float:
        """The lowest accepted price."""
    @property
    def high(self) -> float:
        """The highest accepted price."""
    @property
    def n(self) -> int:
        """Prices that were judged."""
    @property
    def method(self) -> str: ...
    @property
    def threshold(self) -> float: ...
    def to_dict(self) -> dict[str, Any]:
        """Everything as a plain dict."""
    def __len__(self) -> int: ...

@final
class Column:
    """A read-only column of results: a sequence, Arrow data, and (without nulls) a buffer."""

    @property
    def null_count(self) -> int: ...
    def to_list(self) -> list[Any]:
        """The values as a list; nulls are None."""
    def __len__(self) -> int: ...
    def __getitem__(self, index: int, /) -> Any: ...
    def __iter__(self) -> Iterator[Any]: ...
    def __arrow_c_array__(self, requested_schema: Any = None) -> tuple[Any, Any]: ...

@final
class Round:
    """The results of a round as columns, one row per feed; `round[i]` is the result of one feed,
    None where there is none.
    """

    @property
    def price(self) -> Column: ...
    @property
    def vwap(self) -> Column: ...
    @property
    def twap(self) -> Column: ...
    @property
    def median(self) -> Column: ...
    @property
    def weighted_median(self) -> Column: ...
    @property
    def mean(self) -> Column: ...
    @property
    def std_dev(self) -> Column: ...
    @property
    def level(self) -> Column: ...
    @property
    def spread_bps(self) -> Column: ...
    @property
    def confidence(self) -> Column: ...
    @property
    def n_used(self) -> Column: ...
    @property
    def n_points(self) -> Column: ...
    @property
    def at_ns(self) -> Column: ...
    @property
    def reason(self) -> list[str | None]:
        """Why a feed has no price (a code of `EstimateError.reason`); None where it has one."""
    @property
    def detail(self) -> list[str | None]:
        """The same as a sentence; rows are counted in the caller's columns."""
    @property
    def source_offsets(self) -> Column:
        """Feed f owns the rows `source_offsets[f]:source_offsets[f + 1]` of the `source_` columns."""
    @property
    def source_id(self) -> Column | list[str]: ...
    @property
    def source_estimate(self) -> Column: ...
    @property
    def source_weight(self) -> Column: ...
    @property
    def source_n_points(self) -> Column: ...
    @property
    def source_newest_age_ns(self) -> Column: ...
    @property
    def source_flags(self) -> Column:
        """Bits: 1 outlier, 2 jump, 4 frozen, 8 deviation, 16 anomaly."""
    @property
    def source_trust(self) -> Column: ...
    @property
    def source_score(self) -> Column: ...
    @property
    def source_features(self) -> Column:
        """Five numbers a source, in the order of `FEATURES`; null without a learned layer."""
    @property
    def source_verdict(self) -> list[str]: ...
    @property
    def excluded_offsets(self) -> Column:
        """The same for the `excluded_` columns."""
    @property
    def excluded_index(self) -> Column: ...
    @property
    def excluded_reason(self) -> list[str]: ...
    def to_dict(self) -> dict[str, list[Any]]:
        """Every column as a list."""
    def __len__(self) -> int: ...
    def __getitem__(self, index: int, /) -> Consensus | None: ...
    def __iter__(self) -> Iterator[Consensus | None]: ...

def keccak256(data: bytes, /) -> bytes:
    """Keccak-256 of `data`, 32 bytes: the hash of every Flare and Ethereum message. Not SHA-3."""

_Votes: TypeAlias = tuple[int, int | None, int | None, int]

def vote_median(values: Sequence[int | None], weights: Sequence[int], /) -> _Votes | None:
    """The network's weighted median: (median, first quartile, third quartile, participating weight).

    Shapes: both (n,), n >= 0, one row per voter; integers of any width, weights >= 0. A value of None is
    no vote. None when there is no result: nobody voted, or a single vote without weight. The quartiles
    are None when several votes have no weight between them. Raises: ValueError.
    """

def vote_medians(columns: Sequence[Sequence[int | None]], weights: Sequence[int], /) -> list[_Votes | None]:
    """The same for every feed: one column of values each, the weights of the voters read once."""

@final
class MerkleTree:
    """The Merkle tree of Flare's rounds and reward claims; its length is the number of leaves.

    Leaves are hashes of 32 bytes in any order; equal ones count once. Raises: ValueError for another length.
    """

    def __new__(cls, leaves: Iterable[bytes], /) -> MerkleTree: ...
    @property
    def root(self) -> bytes | None:
        """The root, 32 bytes; None without leaves."""
    @property
    def leaves(self) -> list[bytes]:
        """The leaves, ascending, each once."""
    def proof(self, leaf: bytes, /) -> list[bytes]:
        """The siblings from the leaf up to the root. Raises: ValueError when the leaf is not in the tree."""
    def proofs(self) -> list[list[bytes]]:
        """The proof of every leaf, in the order of `leaves`."""
    def __len__(self) -> int: ...

def verify_proof(leaf: bytes, proof: list[bytes], root: bytes, /) -> bool:
    """Whether the proof leads from the leaf to the root; never for anything that has not 32 bytes."""

_Point: TypeAlias = tuple[int, int]
_Credential: TypeAlias = tuple[int, int, int, int]

@final
class SortitionKey:
    """A key of the fast updates' sortition on alt_bn128. The secret stays inside and is wiped with it.

    `secret`: 32 bytes, most significant first, above 0 and below the group's order. Raises: ValueError.
    Every sum takes a time that depends on the secret: let nobody measure it.
    """

    def __new__(cls, secret: bytes, /) -> SortitionKey: ...
    @property
    def public_key(self) -> _Point:
        """The public key, (x, y)."""
    def gamma(self, seed: int, block: int, replicate: int, /) -> _Point:
        """The secret times the point of the draw; its x is the score."""
    def prove(self, seed: int, block: int, replicate: int, /, *, nonce: bytes | None = None) -> _Credential:
        """(gamma.x, gamma.y, c, s), with 32 bytes of nonce (taken modulo the order) or a random one.

        A nonce that is used twice gives the secret away. Raises: ValueError, OSError without randomness.
        """
    def register(self, identity: bytes, /, *, nonce: bytes | None = None) -> tuple[int, int, int]:
        """(s, r.x, r.y): the Schnorr proof of the secret for an identity's address of 20 bytes."""
    def winners(
        self, seed: int, first_block: int, cutoffs: Sequence[int], weight: int, /
    ) -> list[tuple[int, int, int]]:
        """(block, replicate, score) of every draw with score <= cutoff, ascending.

        One cutoff for each block from `first_block` on; replicates 0 to weight - 1, weight <= 4096. The
        interpreter is released: cut an epoch into pieces to show progress or to stop.
        """

def sortition_point(seed: int, block: int, replicate: int, /) -> _Point:
    """The point that a draw hashes to: h."""

def verify_credential(public_key: _Point, seed: int, block: int, replicate: int, credential: _Credential, /) -> bool:
    """Whether the contract takes this proof for this draw; the score is not compared."""

def verify_registration(public_key: _Point, identity: bytes, proof: tuple[int, int, int], /) -> bool:
    """Whether the contract registers this key for this identity."""

"""The JSON in which reward epochs are published: with named fields, or as the tuples of the contract call.

Plain or gzipped, by content and not by name.
Source: fsp.md section 7, "Claiming"; FTSO-Scaling reward-distribution-data.ts.
"""

import gzip
import zlib
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from chrono.errors import BAD_REWARDS, ChronoError
from chrono.flare.networks import NETWORKS
from chrono.flare.rewards.tree import MOST_EPOCH
from chrono.published.epoch import PublishedClaim, PublishedEpoch

MOST_BYTES = 256 * 1024 * 1024
"""Of one file, unpacked; the largest published one has less than 1 MB."""

GZIP = b"\x1f\x8b"

Hash = Annotated[str, Meta(pattern="^0x[0-9a-fA-F]{64}$")]
Beneficiary = Annotated[str, Meta(pattern="^0x[0-9a-fA-F]{40}$")]
Wei = Annotated[str, Meta(pattern="^-?[0-9]{1,80}$")]
Numeral = Annotated[str, Meta(pattern="^[0-9]{1,9}$")]


class _Body(Struct, rename="camel"):
    beneficiary: Beneficiary
    amount: Wei | int
    claim_type: int | Numeral
    reward_epoch_id: int | Numeral


class _Named(Struct, rename="camel"):
    merkle_proof: list[Hash]
    body: _Body


_Values = tuple[int | Numeral, Beneficiary, Wei | int, int | Numeral]
_Tuple = tuple[list[Hash], _Values]


class _Head(Struct, rename="camel"):
    """What both forms share."""

    reward_epoch_id: Annotated[int, Meta(ge=0, le=MOST_EPOCH)]
    merkle_root: Hash
    no_of_weight_based_claims: int
    reward_claims: list[msgspec.Raw]
    network: str | None = None


def read_document(path: Path, most_bytes: int | None = None) -> PublishedEpoch:
    """The reward epoch of one file. Raises: ChronoError(BAD_REWARDS) with what is wrong and where."""
    return document_of(unpacked(path, most_bytes or MOST_BYTES), str(path), network_of_folder(path))


def document_of(body: bytes, source: str, network: str | None = None) -> PublishedEpoch:
    """The reward epoch of a document; `network` is meant where it does not say its own. Raises: as read_document."""
    try:
        head = msgspec.json.decode(body, type=_Head)
        claims = tuple(_claim(raw, place) for place, raw in enumerate(head.reward_claims))
    except RecursionError as error:
        raise ChronoError(BAD_REWARDS, file=source, why="it is nested too deeply") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ChronoError(BAD_REWARDS, file=source, why=error) from error
    return PublishedEpoch(
        source=source,
        network=head.network or network,
        reward_epoch_id=head.reward_epoch_id,
        root=_bytes(head.merkle_root),
        weight_based_claims=head.no_of_weight_based_claims,
        claims=claims,
    )


def network_of_folder(path: Path) -> str | None:
    """The network whose name a folder above has, as in flare/390/reward-distribution-data.json; the nearest."""
    known = {network.name for network in NETWORKS}
    return next((folder.name for folder in path.absolute().parents if folder.name in known), None)


def unpacked(path: Path, most_bytes: int) -> bytes:
    """What a file holds, plain or gzipped. Raises: ChronoError(BAD_REWARDS)."""
    try:
        with path.open("rb") as file:
            packed = file.read(len(GZIP)) == GZIP
        with gzip.open(path, "rb") if packed else path.open("rb") as file:
            body = file.read(most_bytes + 1)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise ChronoError(BAD_REWARDS, file=path, why=f"the gzip stream is damaged: {error}") from error
    except OSError as error:
        raise ChronoError(BAD_REWARDS, file=path, why=error.strerror) from error
    if not body:
        raise ChronoError(BAD_REWARDS, file=path, why="it is empty")
    if len(body) > most_bytes:
        raise ChronoError(BAD_REWARDS, file=path, why=f"it unpacks to more than {most_bytes} bytes")
    return body


def _claim(raw: msgspec.Raw, place: int) -> PublishedClaim:
    """One claim of either form. Raises: msgspec.ValidationError that names the claim."""
    try:
        if bytes(raw).lstrip().startswith(b"["):
            proof, (epoch, beneficiary, amount, claim_type) = msgspec.json.decode(raw, type=_Tuple)
        else:
            named = msgspec.json.decode(raw, type=_Named)
            proof, body = named.merkle_proof, named.body
            epoch, beneficiary, amount = body.reward_epoch_id, body.beneficiary, body.amount
            claim_type = body.claim_type
    except msgspec.ValidationError as error:
        raise msgspec.ValidationError(f"{error}, in claim {place}") from error
    siblings = tuple(_bytes(sibling) for sibling in proof)
    return PublishedClaim(int(epoch), _bytes(beneficiary), int(amount), int(claim_type), siblings)


def _bytes(text: str) -> bytes:
    return bytes.fromhex(text[2:])

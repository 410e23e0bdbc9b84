"""A key on disk: a keystore of version 3 (scrypt), with the role and network that it is for written beside it.

Any Ethereum wallet opens the file; Chrono opens only what it wrote itself, for the role and network asked. A checksum
over the whole file tells a damaged file from a wrong password. Source: Web3 Secret Storage Definition, version 3.
"""

from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta, Struct

from chrono.clock import to_rfc3339
from chrono.errors import KEYSTORE_DAMAGED, KEYSTORE_FOREIGN, WRONG_PASSWORD, ChronoError
from chrono.flare.address import Address, checksummed, parse_address
from chrono.flare.fast_updates.sortition import GROUP_ORDER
from chrono.flare.signatures import CURVE_ORDER, address_of
from chrono.keys.foreign import recursion_limit_kept
from chrono.keys.private_files import read_private, write_private
from chrono.keys.roles import WITHOUT_ACCOUNT, Role
from chrono.keys.secret_key import SecretKey
from chrono.settings.kinds import Secret
from chrono_core import SortitionKey

VERSION: Final = 3
SCRYPT_N: Final = 1 << 18
"""About a second and 256 MiB for each try at the password."""
_MOST_N: Final = 1 << 20
"""A damaged or hostile file must not take all memory."""

IV_DIGITS: Final = 32

_Bytes16 = Annotated[str, Meta(pattern=r"^[0-9a-f]{32}\Z")]
_Bytes32 = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}\Z")]


class _Iv(Struct, frozen=True):
    iv: _Bytes16


class _Scrypt(Struct, frozen=True):
    dklen: Annotated[int, Meta(ge=32, le=32)]
    n: Annotated[int, Meta(ge=2, le=_MOST_N)]
    p: Annotated[int, Meta(ge=1, le=16)]
    r: Annotated[int, Meta(ge=1, le=8)]
    salt: Annotated[str, Meta(pattern=r"^([0-9a-f]{2}){8,64}\Z")]


class _Crypto(Struct, frozen=True):
    cipher: Annotated[str, Meta(pattern=r"^aes-128-ctr\Z")]
    cipherparams: _Iv
    ciphertext: _Bytes32
    kdf: Annotated[str, Meta(pattern=r"^scrypt\Z")]
    kdfparams: _Scrypt
    mac: _Bytes32


class _Ours(Struct, frozen=True):
    role: Role
    network: str
    public: str
    created: str
    checksum: _Bytes32


class _Document(Struct, frozen=True):
    version: int
    crypto: _Crypto
    chrono: _Ours


class Keystore(Struct, frozen=True):
    """What a keystore says without its password. `public`: the address with its checksum; of a sortition key its
    point, as `0x` and 128 hex digits.
    """

    path: Path
    role: Role
    network: str
    public: str
    created: str

    @property
    def address(self) -> Address | None:
        """The account; None for a sortition key, which has none."""
        return None if self.role in WITHOUT_ACCOUNT else parse_address(self.public)


def create_keystore(
    folder: Path, role: Role, network: str, key: SecretKey, password: Secret, *, now_ns: int, scrypt_n: int = SCRYPT_N
) -> Keystore:
    """Write the key's file, durably and never over another; the key stays open.

    Raises: ChronoError(KEYSTORE_EXISTS, KEYSTORE_OPEN), OSError when the disk refuses.
    """
    with recursion_limit_kept():
        from eth_keyfile.keyfile import create_keyfile_json

    secret: Any = password.encode()  # eth-keyfile before 0.9 says str, and would take the bytes of another encoding
    public = public_of(role, key)
    document: dict[str, Any] = create_keyfile_json(
        key.reveal(), secret, version=VERSION, kdf="scrypt", iterations=scrypt_n
    )
    # eth-keyfile before 0.9 writes the number without its leading zeros: one file in 256 would be no keystore.
    document["crypto"]["cipherparams"]["iv"] = document["crypto"]["cipherparams"]["iv"].zfill(IV_DIGITS)
    if role in WITHOUT_ACCOUNT:
        del document["address"]
    else:
        document["address"] = document["address"].lower()
    ours = {"role": role.value, "network": network, "public": public, "created": to_rfc3339(now_ns)}
    document["chrono"] = ours
    ours["checksum"] = _checksum(document)
    path = folder / f"{role.value}-{public.lower()[:42]}.json"
    write_private(path, msgspec.json.format(msgspec.json.encode(document)) + b"\n")
    return Keystore(path, role, network, public, ours["created"])


def read_keystore(path: Path) -> Keystore:
    """What the file says, its checksum seen to; no password is needed.

    Raises: ChronoError(KEYSTORE_ABSENT, KEYSTORE_OPEN, KEYSTORE_FOREIGN, KEYSTORE_DAMAGED).
    """
    ours = _document(path)[1].chrono
    keystore = Keystore(path, ours.role, ours.network, ours.public, ours.created)
    try:
        keystore.address  # noqa: B018 - reads it
    except ValueError as fault:
        raise ChronoError(KEYSTORE_DAMAGED, file=str(path), why=str(fault)) from None
    return keystore


def open_keystore(keystore: Keystore, password: Secret) -> SecretKey:
    """The key, seen to be the one that the file names.

    Raises: ChronoError(WRONG_PASSWORD) and those of `read_keystore`.
    """
    with recursion_limit_kept():
        from eth_keyfile.keyfile import decode_keyfile_json

    document, parsed = _document(keystore.path)
    order = order_of(keystore.role)
    secret: Any = password.encode()  # as in `create_keystore`
    try:
        key = SecretKey(decode_keyfile_json(document, secret), order=order)
    except ValueError:
        raise ChronoError(WRONG_PASSWORD, file=str(keystore.path)) from None
    if public_of(keystore.role, key) != parsed.chrono.public or parsed.chrono.role is not keystore.role:
        key.close()
        raise ChronoError(KEYSTORE_DAMAGED, file=str(keystore.path), why="it holds another key than it says")
    return key


def order_of(role: Role) -> int:
    """What a key of this role lies below."""
    return GROUP_ORDER if role in WITHOUT_ACCOUNT else CURVE_ORDER


def public_of(role: Role, key: SecretKey) -> str:
    """What may be known of a key: its address, or its point."""
    if role in WITHOUT_ACCOUNT:
        return "0x" + "".join(f"{each:064x}" for each in SortitionKey(key.reveal()).public_key)
    return checksummed(address_of(key.reveal()))


def _document(path: Path) -> tuple[dict[str, Any], _Document]:
    """The file as JSON and as what it must be."""
    data = read_private(path)
    try:
        document = msgspec.json.decode(data)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        raise ChronoError(KEYSTORE_DAMAGED, file=str(path), why="not JSON") from None
    if not isinstance(document, dict) or document.get("version") != VERSION or "chrono" not in document:
        raise ChronoError(KEYSTORE_FOREIGN, file=str(path), why="no keystore of version 3 that Chrono wrote")
    try:
        parsed = msgspec.convert(document, _Document)
    except msgspec.ValidationError as fault:
        raise ChronoError(KEYSTORE_DAMAGED, file=str(path), why=str(fault)) from None
    if parsed.chrono.checksum != _checksum(document):
        raise ChronoError(KEYSTORE_DAMAGED, file=str(path), why="its checksum differs")
    return document, parsed


def _checksum(document: dict[str, Any]) -> str:
    """SHA-256 of everything but the checksum itself. It guards against rot, not against a forger."""
    ours = {name: value for name, value in document["chrono"].items() if name != "checksum"}
    return sha256(msgspec.json.encode({**document, "chrono": ours}, order="sorted")).hexdigest()

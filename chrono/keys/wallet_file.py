"""A keystore of version 3 as other wallets write it, opened for one command: a cold key where there is no Ledger.

The file says how much work opening it is; a damaged or hostile one must not take all memory or all day.
Source: Web3 Secret Storage Definition, version 3.
"""

from pathlib import Path
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta, Struct

from chrono.errors import WALLET_FILE_FOREIGN, WRONG_PASSWORD, ChronoError
from chrono.keys.foreign import recursion_limit_kept
from chrono.keys.private_files import read_private
from chrono.keys.secret_key import SecretKey
from chrono.settings.kinds import Secret

VERSION: Final = 3
_MOST_N: Final = 1 << 20
_MOST_ROUNDS: Final = 10_000_000

_Counter = Annotated[str, Meta(pattern=r"^(0x)?([0-9a-fA-F]{2}){1,16}\Z")]
"""Of 16 bytes; some wallets leave its leading zeros out."""
_Bytes32 = Annotated[str, Meta(pattern=r"^(0x)?[0-9a-fA-F]{64}\Z")]
_Salt = Annotated[str, Meta(pattern=r"^(0x)?([0-9a-fA-F]{2}){1,64}\Z")]
_Length = Annotated[int, Meta(ge=32, le=32)]


class _Iv(Struct, frozen=True):
    iv: _Counter


class _ScryptWork(Struct, frozen=True):
    n: Annotated[int, Meta(ge=2, le=_MOST_N)]
    p: Annotated[int, Meta(ge=1, le=16)]
    r: Annotated[int, Meta(ge=1, le=8)]
    salt: _Salt
    dklen: _Length


class _Pbkdf2Work(Struct, frozen=True):
    c: Annotated[int, Meta(ge=1, le=_MOST_ROUNDS)]
    prf: Annotated[str, Meta(pattern=r"^hmac-sha256\Z")]
    salt: _Salt
    dklen: _Length


class _Sealed(Struct, frozen=True):
    cipher: Annotated[str, Meta(pattern=r"^aes-128-ctr\Z")]
    cipherparams: _Iv
    ciphertext: _Bytes32
    mac: _Bytes32


class _Scrypt(_Sealed, frozen=True, tag_field="kdf", tag="scrypt"):
    kdfparams: _ScryptWork


class _Pbkdf2(_Sealed, frozen=True, tag_field="kdf", tag="pbkdf2"):
    kdfparams: _Pbkdf2Work


class _Document(Struct, frozen=True):
    version: Annotated[int, Meta(ge=VERSION, le=VERSION)]
    crypto: _Scrypt | _Pbkdf2


def open_wallet_file(path: Path, password: Secret) -> SecretKey:
    """The key in the file, which only we may reach.

    Raises: ChronoError(KEYSTORE_ABSENT, KEYSTORE_OPEN, KEYSTORE_FOREIGN) as any key's file, WALLET_FILE_FOREIGN,
    WRONG_PASSWORD.
    """
    with recursion_limit_kept():
        from eth_keyfile.keyfile import decode_keyfile_json

    document = _checked(path)
    secret: Any = password.encode()  # eth-keyfile before 0.9 says str, and would take the bytes of another encoding
    try:
        return SecretKey(decode_keyfile_json(document, secret))
    except ValueError:
        raise ChronoError(WRONG_PASSWORD, file=str(path)) from None


def _checked(path: Path) -> dict[str, Any]:
    """The file as JSON, seen to be a keystore that can be opened with bounded work."""
    data = read_private(path)
    try:
        document = _lowered(msgspec.json.decode(data, type=dict[str, Any]))
        msgspec.convert(document, _Document)
    except (msgspec.DecodeError, msgspec.ValidationError, RecursionError, UnicodeDecodeError) as fault:
        raise ChronoError(WALLET_FILE_FOREIGN, file=str(path), why=str(fault)) from None
    return document


def _lowered(told: dict[str, Any]) -> dict[str, Any]:
    """With all names in small letters, for old wallets write `Crypto`; what is opened is what was looked at."""
    return {name.lower(): _lowered(value) if isinstance(value, dict) else value for name, value in told.items()}

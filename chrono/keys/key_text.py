"""A key as a person has it: 64 hex digits, or the words of a mnemonic (BIP-39) with their path (BIP-44)."""

import secrets
from typing import Final

from chrono.errors import BAD_KEY_TEXT, ChronoError
from chrono.keys.foreign import recursion_limit_kept
from chrono.keys.keystore import order_of
from chrono.keys.roles import WITHOUT_ACCOUNT, Role
from chrono.keys.secret_key import KEY_BYTES, SecretKey
from chrono.settings.kinds import Secret

WORDS: Final = (12, 15, 18, 21, 24)
PATH: Final = "m/44'/60'/0'/0/{index}"
"""Where most wallets keep their accounts."""


def new_key(role: Role) -> SecretKey:
    """A fresh key from the system's randomness."""
    order = order_of(role)
    while True:
        try:
            return SecretKey(bytearray(secrets.token_bytes(KEY_BYTES)), order=order)
        except ValueError:  # beyond the order: three of four for alt_bn128
            continue


def read_key(text: Secret, role: Role, *, index: int = 0) -> SecretKey:
    """The key that the text spells; `index` is the account of a mnemonic.

    Raises: ChronoError(BAD_KEY_TEXT), which never repeats the text.
    """
    # No part of the text stands in a name of its own: a traceback may show what names hold.
    count = len(text.split())
    if count == 1:
        return _from_hex(Secret(text.strip()), role)
    if count not in WORDS:
        raise ChronoError(BAD_KEY_TEXT, why=f"{count} words")
    if role in WITHOUT_ACCOUNT:
        raise ChronoError(BAD_KEY_TEXT, why="a sortition key is hex: wallets derive none for its curve")
    return _from_mnemonic(Secret(" ".join(text.split()).lower()), role, index)


def _from_hex(text: Secret, role: Role) -> SecretKey:
    try:
        secret = bytearray.fromhex(text.removeprefix("0x").removeprefix("0X"))
    except ValueError:
        raise ChronoError(BAD_KEY_TEXT, why="not hex") from None
    return _key(secret, role)


def _from_mnemonic(words: Secret, role: Role, index: int) -> SecretKey:
    with recursion_limit_kept():
        from eth_account import Account
    from eth_utils.exceptions import ValidationError

    Account.enable_unaudited_hdwallet_features()
    try:
        secret = bytearray(Account.from_mnemonic(words.reveal(), account_path=PATH.format(index=index)).key)
    except (ValidationError, ValueError):
        why = "the words are no mnemonic: one is misspelt or missing, or they are out of order"
        raise ChronoError(BAD_KEY_TEXT, why=why) from None
    return _key(secret, role)


def _key(secret: bytearray, role: Role) -> SecretKey:
    try:
        return SecretKey(secret, order=order_of(role))
    except ValueError as fault:
        raise ChronoError(BAD_KEY_TEXT, why=str(fault)) from None

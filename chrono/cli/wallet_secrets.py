"""How the wallet commands get at passwords and keys: by reference or from a person, never from an argument."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import rich_click as click

from chrono.cli.ends import FAILED, REFUSED, USAGE, Stop
from chrono.cli.safety import is_for_safety
from chrono.errors import ChronoError
from chrono.settings import Secret, environment

SHORTEST_PASSWORD: Final = 10
MOST_STDIN: Final = 4096


@contextmanager
def guided(then: str) -> Iterator[None]:
    """A failure in it ends the command with what to do next; what is refused for safety with that exit code."""
    try:
        yield
    except ChronoError as failed:
        code = REFUSED if is_for_safety(failed) else FAILED
        raise Stop(str(failed), then=then, code=code) from None


def given_key_text(reference: str | None) -> Secret:
    """The key or mnemonic from stdin; at a terminal it is asked for, and not shown. Raises: Stop."""
    if reference == "fd:0":
        raise Stop("stdin cannot be the key and its password", then="chrono wallet import --help", code=USAGE)
    return hidden("Private key or mnemonic") if sys.stdin.isatty() else Secret(sys.stdin.read(MOST_STDIN))


def given_password(reference: str | None, asked: str) -> Secret:
    """The password that `--password` leads to; without it, what a person types. Raises: ChronoError, Stop."""
    if reference is None:
        return hidden(asked)
    from chrono.keys.passwords import read_password

    return read_password(reference, environment(), Path.cwd())


def new_password(reference: str | None) -> Secret:
    """A password to make a keystore with: long enough, and typed twice. Raises: ChronoError, Stop."""
    password = given_password(reference, "Password for the new keystore")
    if len(password) < SHORTEST_PASSWORD:
        told = f"a password has at least {SHORTEST_PASSWORD} characters: it is all that guards a copied file"
        raise Stop(told, then="the same command with a longer password", code=USAGE)
    if reference is None and hidden("The same again") != password:
        raise Stop("the two passwords differ", then="the same command", code=USAGE)
    return password


def hidden(asked: str) -> Secret:
    """What a person types, not shown. Raises: Stop where nobody can be asked."""
    if not sys.stdin.isatty():
        told = "there is no terminal to ask for the password at"
        raise Stop(told, then="the same command with --password env:NAME (or file:, fd:, keychain:)", code=USAGE)
    return Secret(click.prompt(asked, hide_input=True, err=True))

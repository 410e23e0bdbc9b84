"""Where the password of a keystore comes from: the Keychain of macOS, a file descriptor, a file, the environment.

Never an argument: the processes of a machine can read one another's arguments.
"""

import os
import platform
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from chrono.errors import PASSWORD_UNREADABLE, ChronoError
from chrono.settings.kinds import Secret
from chrono.settings.secrets import UnreadableSecret, resolve

LARGEST: Final = 4096
KEYCHAIN_DEADLINE_S: Final = 60
"""The Keychain may ask the person at the machine."""
_SECURITY: Final = "/usr/bin/security"
_NOT_FOUND: Final = 44
"""How `security` ends when the Keychain has no such item."""


def read_password(reference: str, environ: Mapping[str, str], folder: Path, *, security: str | None = None) -> Secret:
    """The password that `keychain:SERVICE`, `fd:N`, `file:PATH` or `env:NAME` leads to; paths count from `folder`.

    One line break at its end does not belong to it. `security` is the Keychain's command, given in tests.
    Raises: ChronoError(PASSWORD_UNREADABLE), which never repeats the text given: it may be the password itself.
    """
    scheme, _, target = reference.partition(":")
    if scheme == "fd":
        return _from_descriptor(target)
    if scheme == "keychain":
        return _from_keychain(target, security or _security())
    if scheme not in ("env", "file"):
        raise _unreadable("a password is given by reference: keychain:SERVICE, fd:N, file:PATH or env:NAME")
    try:
        return Secret(resolve(reference, environ, folder))
    except UnreadableSecret as fault:
        raise _unreadable(str(fault)) from None


def _from_descriptor(target: str) -> Secret:
    """Everything up to the end of an open descriptor, which is then closed."""
    if not (target.isascii() and target.isdecimal()) or len(target) > len(str(2**31)):
        raise _unreadable("fd: is followed by the number of an open file descriptor")
    try:
        with os.fdopen(int(target), "rb") as stream:
            data = stream.read(LARGEST + 1)
    except (OSError, OverflowError) as fault:
        told = fault.strerror if isinstance(fault, OSError) else "no such number"
        raise _unreadable(f"file descriptor {target}: {told}") from None
    return _password(data, f"file descriptor {target}")


def _from_keychain(service: str, security: str) -> Secret:
    if not service:
        raise _unreadable("keychain: is followed by the name of the service that the password is stored under")
    asked = [security, "find-generic-password", "-s", service, "-w"]
    try:
        done = subprocess.run(  # noqa: S603 - a fixed program; the service's name is an argument of its own
            asked, env={}, stdin=subprocess.DEVNULL, capture_output=True, timeout=KEYCHAIN_DEADLINE_S, check=False
        )
    except OSError as fault:
        raise _unreadable(f"the Keychain's command does not start: {fault.strerror}") from None
    except subprocess.TimeoutExpired:
        raise _unreadable(f"the Keychain did not answer in {KEYCHAIN_DEADLINE_S} s") from None
    if done.returncode == _NOT_FOUND:
        store = f"security add-generic-password -a chrono -s {service} -w"
        raise _unreadable(f"the Keychain has no password for {service}; `{store}` asks for it and stores it")
    if done.returncode:
        raise _unreadable(f"the Keychain did not give the password for {service} (code {done.returncode}); unlock it")
    return _password(done.stdout, f"the Keychain's {service}")


def _security() -> str:
    if platform.system() != "Darwin":
        raise _unreadable("there is a Keychain on macOS only; use fd:N, file:PATH or env:NAME")
    return _SECURITY


def _password(data: bytes, where: str) -> Secret:
    try:
        text = data.removesuffix(b"\n").removesuffix(b"\r").decode()
    except UnicodeDecodeError:
        raise _unreadable(f"{where}: not UTF-8 text") from None
    if not text or len(data) > LARGEST:
        raise _unreadable(f"{where}: {'longer than a password' if text else 'empty'}")
    return Secret(text)


def _unreadable(why: str) -> ChronoError:
    return ChronoError(PASSWORD_UNREADABLE, why=why)

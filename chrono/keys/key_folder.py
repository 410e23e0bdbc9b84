"""The folder with the keystores of one network: finding the keys of a role, adding one, never two roles for one key."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from msgspec import Struct

from chrono.errors import (
    COLD_ROLE,
    KEYSTORE_ABSENT,
    KEYSTORE_EXISTS,
    KEYSTORE_FOREIGN,
    KEYSTORE_SHARED,
    ChronoError,
)
from chrono.keys.keystore import SCRYPT_N, Keystore, create_keystore, public_of, read_keystore
from chrono.keys.private_files import check_folder
from chrono.keys.roles import COLD, SEVERAL, TURNING, Role
from chrono.keys.secret_key import SecretKey
from chrono.settings.kinds import Secret

FOLDER: Final = "keys"
"""Below the data folder; in it, a folder for each network."""

GENERATIONS: Final = 2
"""Keys of a turning role at a time: that of the reward epoch that ends, and that of the one that begins."""


class KeyFolder(Struct, frozen=True):
    """The keystores of one network: one for each role, with its successor beside it; several senders of updates."""

    path: Path
    network: str

    @classmethod
    def below(cls, data_dir: str | Path, network: str) -> "KeyFolder":
        """The folder of a network below the data folder; it need not be there yet."""
        return cls(Path(data_dir) / FOLDER / network, network)

    def keystores(self) -> list[Keystore]:
        """Every keystore, by role and address; none when the folder is not there.

        Raises: ChronoError of the first file that is unsound: what cannot be read may be the key that is missed.
        """
        found = []
        for _, each in self.survey():
            if isinstance(each, ChronoError):
                raise each
            found.append(each)
        return sorted(found, key=lambda each: (list(Role).index(each.role), each.public))

    def of(self, role: Role) -> list[Keystore]:
        """The keystores of a role: for most roles one, two while it turns. Raises: KEYSTORE_ABSENT for none."""
        found = [each for each in self.keystores() if each.role is role]
        if not found:
            raise ChronoError(KEYSTORE_ABSENT, role=role.value, folder=str(self.path))
        return found

    def add(
        self,
        role: Role,
        key: SecretKey,
        password: Secret,
        *,
        now_ns: int,
        beside: bool = False,
        scrypt_n: int = SCRYPT_N,
    ) -> Keystore:
        """Keep a new key, `beside` the one there is if that is meant.

        Raises: ChronoError(COLD_ROLE, KEYSTORE_EXISTS, KEYSTORE_SHARED, KEYSTORE_OPEN).
        """
        self.check_free(role, beside=beside)
        public = public_of(role, key)
        for other in self.keystores():
            if other.public == public and other.role is not role:
                raise ChronoError(KEYSTORE_SHARED, address=public, role=other.role.value)
        return create_keystore(self.path, role, self.network, key, password, now_ns=now_ns, scrypt_n=scrypt_n)

    def check_free(self, role: Role, *, beside: bool = False) -> None:
        """See that a key of this role may be added, `beside` another one. Raises: COLD_ROLE, KEYSTORE_EXISTS."""
        if role in COLD:
            raise ChronoError(COLD_ROLE, role=role.value)
        taken = [each for each in self.keystores() if each.role is role]
        most = GENERATIONS if beside and role in TURNING else 1
        if len(taken) >= most and role not in SEVERAL:
            raise ChronoError(KEYSTORE_EXISTS, role=role.value, file=str(taken[0].path))

    def survey(self) -> Iterator[tuple[Path, Keystore | ChronoError]]:
        """Every file, with what it says or why it is unsound. Raises: ChronoError(KEYSTORE_OPEN) for the folder."""
        if not self.path.is_dir():
            return
        check_folder(self.path)
        for path in sorted(self.path.glob("[!.]*.json")):
            try:
                yield path, self._read(path)
            except ChronoError as unsound:
                yield path, unsound

    def _read(self, path: Path) -> Keystore:
        keystore = read_keystore(path)
        if keystore.network != self.network:
            raise ChronoError(KEYSTORE_FOREIGN, file=str(path), why=f"it is for {keystore.network}")
        return keystore

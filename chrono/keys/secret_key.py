"""A private key in memory: it says nothing about itself, cannot be copied or stored, and is wiped when it is closed.

Python may leave copies behind where it hands bytes on (each signature needs one); what is held here longer than a
call is one bytearray, and that is overwritten.
"""

from types import TracebackType
from typing import Final, NoReturn, Self

from chrono.flare.signatures import CURVE_ORDER

KEY_BYTES: Final = 32


class SecretKey:
    """32 bytes of secret. `order` is what it must lie below: that of secp256k1 unless another is given."""

    __slots__ = ("_secret",)

    def __init__(self, secret: bytes | bytearray, *, order: int = CURVE_ORDER) -> None:
        """Take the secret over; a bytearray is wiped. Raises: ValueError for one that is no key of this order."""
        self._secret = bytearray(secret)
        if isinstance(secret, bytearray):
            wipe(secret)
        del secret
        if len(self._secret) != KEY_BYTES or not 0 < int.from_bytes(self._secret, "big") < order:
            self.close()
            raise ValueError("this is no private key: it has 32 bytes, is not zero, and lies below the group's order")

    @property
    def closed(self) -> bool:
        """Whether it is wiped."""
        return not self._secret

    def reveal(self) -> bytes:
        """The secret, for the call that needs it and for nothing else. Raises: ValueError when it is wiped."""
        if self.closed:
            raise ValueError("the key is closed")
        return bytes(self._secret)

    def close(self) -> None:
        """Wipe it."""
        wipe(self._secret)
        self._secret = bytearray()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def __del__(self) -> None:
        if hasattr(self, "_secret"):
            wipe(self._secret)

    def __repr__(self) -> str:
        return "SecretKey('***')"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a private key is not copied or stored")


def wipe(secret: bytearray) -> None:
    """Overwrite the bytes in their place."""
    secret[:] = bytes(len(secret))

"""The kinds of values that settings have: numbers with their bounds, names of networks, and text that hides itself."""

from typing import Annotated, Literal

from msgspec import Meta

Port = Annotated[int, Meta(ge=0, le=65535)]
Positive = Annotated[int, Meta(ge=1, le=2_147_483_647)]
PositiveFloat = Annotated[float, Meta(gt=0, le=1e9)]
Chain = Literal["flare", "songbird", "coston", "coston2", "local"]
Gwei = Annotated[int, Meta(ge=1, le=1_000_000_000)]


class Secret(str):
    """Text that does not print by accident: its repr and f-strings of it show stars.

    It is a str for whoever takes one (drivers, `encode`, `hmac`); `str()` and `reveal()` give the plain text.
    """

    __slots__ = ()

    def __repr__(self) -> str:
        return "Secret('***')"

    def __format__(self, _spec: str) -> str:
        return "***"

    def reveal(self) -> str:
        """The text itself: for a driver, never for a log."""
        return str(self)

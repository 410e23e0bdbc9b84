"""What is wrong with the settings: every fault at once, each with its place, value, expectation and a guess."""

from difflib import get_close_matches

from msgspec import Struct

from chrono.errors import BAD_SETTINGS, RAW_PRIVATE_KEY, ChronoError


class Fault(Struct, frozen=True, kw_only=True):
    """One thing to mend. `where` is `file:line`, `env NAME` or `flag --name`; `value` is masked already.

    `advice` means that Chrono starts all the same; `refused` that it must not, for safety.
    """

    where: str
    key: str
    value: str | None
    expected: str
    suggestion: str | None = None
    advice: bool = False
    refused: bool = False

    @property
    def text(self) -> str:
        """The fault as one line for a person."""
        what = f"{self.key} = {self.value}" if self.value is not None else self.key
        guess = f"; did you mean {self.suggestion}?" if self.suggestion else ""
        return f"{self.where}: {f'{what}: ' if what else ''}{self.expected}{guess}"


class SettingsError(ChronoError):
    """The settings cannot be used. Carries every fault, not just the first."""

    def __init__(self, faults: tuple[Fault, ...]) -> None:
        reason = RAW_PRIVATE_KEY if any(fault.refused for fault in faults) else BAD_SETTINGS
        super().__init__(reason)
        self.faults = faults

    @property
    def refused(self) -> bool:
        """Whether a fault is a danger and not merely a mistake."""
        return any(fault.refused for fault in self.faults)

    def __str__(self) -> str:
        told = "\n".join(f"  {fault.text}" for fault in self.faults if not fault.advice)
        return f"{self.reason.message}; {self.reason.remedy}:\n{told}"


def nearest(word: str, choices: list[str], *, cutoff: float = 0.6) -> str | None:
    """The choice that `word` was probably meant to be, if one is near enough (1 is equal, 0 has nothing in common)."""
    found = get_close_matches(word, choices, n=1, cutoff=cutoff)
    return found[0] if found else None

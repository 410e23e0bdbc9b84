"""How a command ends: its exit code, and for a failure what happened and which command comes next."""

OK = 0
FAILED = 1
USAGE = 2
DEGRADED = 3
"""`doctor` and `status`: it runs, but not as it should."""
REFUSED = 4
"""Not done for safety."""
INTERRUPTED = 130


class Stop(Exception):  # noqa: N818 - it ends a command, for a reason that was foreseen
    """An expected failure: told in one line without a traceback, followed by the next command to try."""

    def __init__(self, message: str, *, then: str, code: int = FAILED) -> None:
        super().__init__(message)
        self.message = message
        self.then = then
        self.code = code


class ReaderGone(Exception):  # noqa: N818 - nothing went wrong: whoever read our output has enough
    """Nobody reads our output any more, as behind `| head`."""

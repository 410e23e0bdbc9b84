"""What a simulated voter may do wrong in a round, on demand."""

from enum import StrEnum


class Offence(StrEnum):
    """A fault, or an offence. What is punished follows from fsp.md sections 2 and 7."""

    SILENT = "silent"
    """It sends nothing at all."""
    LATE_COMMIT = "late_commit"
    """Its commit comes in the next voting epoch, and counts for nothing."""
    NO_REVEAL = "no_reveal"
    LATE_REVEAL = "late_reveal"
    """At the deadline, which is past it."""
    MISMATCH = "mismatch"
    """It reveals other values than it committed to."""
    UNPARSABLE = "unparsable"
    """Its reveal has more values than there are feeds."""
    RANDOM_ONLY = "random_only"
    """Its reveal has no values: from FIP.16 on it is one all the same, before it is unparsable."""
    GARBAGE = "garbage"
    """What it sends as a commit and a reveal are no frames."""
    TWO_COMMITS = "two_commits"
    """It commits twice, and reveals the first."""
    NO_SIGNATURE = "no_signature"
    BROKEN_SIGNATURE = "broken_signature"
    """Its signature is nobody's."""
    OTHER_ROOT = "other_root"
    """It signs a root that nobody else finds."""
    TWO_ROOTS = "two_roots"
    """It signs the right one and another."""

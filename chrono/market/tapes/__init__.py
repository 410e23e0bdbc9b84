"""Tapes: recordings of what venues said, read in the order in which it became known, in bounded memory."""

from chrono.market.tapes.opening import open_tape
from chrono.market.tapes.tape import EVERYTHING, Event, Selection, Survey, Tape, merged

__all__ = ["EVERYTHING", "Event", "Selection", "Survey", "Tape", "merged", "open_tape"]

"""How the frames of one connection are read: by a parser of its own where the venue needs one, and in order."""

from chrono.ingest.venues.sequences import Sequences
from chrono.ingest.venues.spec import Stream
from chrono.ingest.venues.words import Offered, Said


class Hearing:
    """Reads frames. `anew` is called with every connection and subscription: nothing earlier is leant on."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._sequences = Sequences(stream.sequence_step)
        self.anew()

    def anew(self) -> None:
        """Begin anew."""
        new_parser = self._stream.new_parser
        self._parse = self._stream.parse if new_parser is None else new_parser()
        self._sequences.clear()

    def read(self, data: bytes) -> list[Said]:
        """What one frame says: offers that come late are dropped, a gap is told as a Resync."""
        said = self._parse(data)
        for word in said:
            if type(word) is Offered and word.sequence is not None:
                return self._sequences.sift(said)
        return said

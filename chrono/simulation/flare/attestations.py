"""What a simulated network attests to in each round, beside its anchor feeds: the data connector's votes and results.

The real one gathers requests and computes which of them enough voters confirmed; here both are drawn from a seed.
Source: fsp.md sections 4 and 5(c).
"""

from random import Random

from chrono.flare.frames import FDC
from chrono.flare.protocol_message import ProtocolMessage

_MOST_REQUESTS = 40


class Attestations:
    """Bit votes and results by round: whoever asks finds the same."""

    def __init__(self, seed: int) -> None:
        self._seed = seed

    def bit_vote(self, round_id: int, voter: str) -> bytes:
        """Which requests of a round a voter confirms: how many there are (2 bytes), and a bit of each."""
        count, confirmed = self._confirmed(round_id)
        unseen = Random(f"{self._seed} {voter} {round_id} unseen").getrandbits(count)
        return _encoded(count, confirmed & ~unseen)

    def consensus(self, round_id: int) -> bytes:
        """The bit vote of all voters together, which travels beside each signature."""
        return _encoded(*self._confirmed(round_id))

    def message(self, round_id: int) -> ProtocolMessage:
        """What is signed and finalised of a round."""
        root = Random(f"{self._seed} {round_id} attested").randbytes(32)
        return ProtocolMessage(FDC, round_id, False, root)

    def _confirmed(self, round_id: int) -> tuple[int, int]:
        chance = Random(f"{self._seed} {round_id} requests")
        count = chance.randint(1, _MOST_REQUESTS)
        return count, chance.getrandbits(count)


def _encoded(count: int, bits: int) -> bytes:
    return count.to_bytes(2, "big") + bits.to_bytes(-(-count // 8), "big")

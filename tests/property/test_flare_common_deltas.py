"""100,000 random fast updates beside py-flare-common's reader (which is called an encoder there)."""

import os
import random

from py_flare_common.ftso.fast_updates import encode_update_array

from chrono.flare.fast_updates.deltas import decode_deltas, encode_deltas

SEED = int(os.environ.get("CHRONO_FUZZ_SEED", "20251121"))
CASES = 100_000


def test_deltas_read_and_written_are_those_of_py_flare_common():
    dice = random.Random(SEED)
    for number in range(CASES):
        data = dice.randbytes(dice.choice((0, 1, 2, 5, 16, 20)))
        told = f"CHRONO_FUZZ_SEED={SEED}, case {number}: {data.hex()}"
        read = decode_deltas(data)
        assert read == encode_update_array(list(data)), told
        deltas = read[: dice.randint(0, len(read))]
        written = encode_deltas(deltas)
        assert encode_update_array(list(written)) == deltas + [0] * (-len(deltas) % 4), told

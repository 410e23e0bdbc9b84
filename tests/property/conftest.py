"""How many examples a property gets: a hundred, twenty times as many with CHRONO_FUZZ=long; no time limit for any."""

from hypothesis import settings

from tests.fakes.fuzzing import TIMES

settings.register_profile("chrono", max_examples=100 * TIMES, deadline=None)
settings.load_profile("chrono")

"""A data folder holds one market's prices: the real ones, or invented ones."""

from pathlib import Path

import pytest

from chrono.errors import DATA_DIR_OF_ANOTHER_MARKET, ChronoError
from chrono.serving import REAL, SIMULATED, claim


@pytest.mark.parametrize(("first", "then"), [(REAL, SIMULATED), (SIMULATED, REAL)])
def test_a_folder_with_prices_of_one_market_is_refused_to_the_other(tmp_path: Path, first: str, then: str) -> None:
    claim(tmp_path, first)
    claim(tmp_path, first)
    with pytest.raises(ChronoError) as refused:
        claim(tmp_path, then)
    assert refused.value.reason is DATA_DIR_OF_ANOTHER_MARKET
    assert refused.value.facts["holds"] == first

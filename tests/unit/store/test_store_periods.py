"""Which days a partition holds, and what it is called."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chrono.store.partitions import Kept, Period

DAILY = Kept("price_feeds", '"timestamp"', monthly=False, retention_days=90)
MONTHLY = Kept("candles_1m", "bucket", monthly=True, retention_days=730)
DAYS = st.dates(min_value=date(1990, 1, 1), max_value=date(2200, 1, 1))


@given(DAYS)
@pytest.mark.parametrize("kept", [DAILY, MONTHLY])
def test_periods_tile_time(kept, day):
    period = kept.period(day)
    assert period.first <= day < period.end
    assert kept.period(period.end).first == period.end
    assert kept.period(period.first - timedelta(days=1)).end == period.first


@given(DAYS)
@pytest.mark.parametrize("kept", [DAILY, MONTHLY])
def test_a_name_tells_its_period(kept, day):
    assert kept.period_of(kept.partition(kept.period(day))) == kept.period(day)


@given(DAYS)
def test_tomorrow_is_wanted_today(day):
    for kept in (DAILY, MONTHLY):
        assert kept.period(day + timedelta(days=1)) in kept.wanted(day)
        assert kept.period(day) in kept.wanted(day)
        assert kept.period(day - timedelta(days=1)) in kept.wanted(day)


@pytest.mark.parametrize("name", ["price_feeds_default", "trades_p20251009", "price_feeds_p2025x", "price_feeds_p"])
def test_the_default_partition_and_foreign_tables_have_no_period(name):
    assert DAILY.period_of(name) is None


def test_a_month_ends_where_the_next_begins_also_in_december_and_february():
    assert Period.month(date(2025, 12, 31)) == Period(date(2025, 12, 1), date(2026, 1, 1))
    assert Period.month(date(2024, 2, 29)) == Period(date(2024, 2, 1), date(2024, 3, 1))

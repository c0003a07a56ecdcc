"""A moment is a moment, in whatever zone it is written: periods, paces and scales are counted in UTC."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from watcher.charts.axes import time_ticks
from watcher.domain.credits.allowance import Allowance, CreditPlan, Window
from watcher.domain.rules.types.budget import BudgetRule, Use, pace_since
from watcher.service.schedule_items import call_budget, credit_budget

ZONES = [
    ZoneInfo(name) for name in ("Europe/Zurich", "Australia/Lord_Howe", "America/New_York", "Pacific/Apia")
]
MOMENTS = [
    datetime(2026, 10, 25, 0, 30, tzinfo=UTC),  # Zurich shows 02:30 twice
    datetime(2026, 3, 29, 1, 10, tzinfo=UTC),
    datetime(2026, 10, 31, 23, 45, tzinfo=UTC),  # the last hour of a month in UTC, not elsewhere
    datetime(2026, 12, 31, 10, 5, tzinfo=UTC),
    datetime(2026, 3, 1, 0, 0, tzinfo=UTC),
]
HALF_PAST = timezone(timedelta(hours=5, minutes=30))
RENEWED = datetime(2026, 1, 31, 23, 15, tzinfo=UTC)
MONTHLY, DAILY = CreditPlan(20_000, resets_on=31), CreditPlan(4_000, "day", renewed=RENEWED)
RUNS_OUT = BudgetRule.model_validate({"id": "out", "source": "coins", "runs_out_within": "12d"})

COUNTED: dict[str, Callable[[datetime], object]] = {
    "periods of a month": MONTHLY.bounds,
    "periods of a day": DAILY.bounds,
    "a month that begins when it was seen to": CreditPlan(9, renewed=RENEWED).bounds,
    "the reserve": MONTHLY.kept,
    "the pace of late": lambda now: pace_since(MONTHLY, now),
    "runs_out_within": lambda now: (
        RUNS_OUT.judge(Use(MONTHLY, 9_000, 1_000, now - timedelta(days=1), now), firing=False).because
    ),
    "credits for the cadence": lambda now: credit_budget(MONTHLY, 100, 0.001, now),
    "calls for the cadence": lambda now: call_budget(Allowance(None, (Window(300, 60),)), 0.5, now),
    "times of an axis": lambda now: time_ticks(now - timedelta(days=3), now, 6),
    "months of an axis": lambda now: time_ticks(now - timedelta(days=300), now, 6),
}


@pytest.mark.parametrize("what", COUNTED)
def test_the_zone_that_a_time_is_written_in_changes_nothing(what: str) -> None:
    count = COUNTED[what]
    for moment in MOMENTS:
        for zone in (*ZONES, HALF_PAST):
            assert count(moment.astimezone(zone)) == count(moment)


@pytest.mark.parametrize(
    "plan", [MONTHLY, DAILY, CreditPlan(9, renewed=RENEWED), CreditPlan(9, resets_on=29)]
)
def test_periods_follow_one_another_without_gap_or_overlap(plan: CreditPlan) -> None:
    start, end = plan.bounds(datetime(2027, 12, 15, tzinfo=UTC))
    for _ in range(40):  # over a leap year
        assert start < end
        assert plan.bounds(start) == plan.bounds(end - timedelta(microseconds=1)) == (start, end)
        start, end = end, plan.bounds(end)[1]
    assert plan.reserve == Decimal("0.1")

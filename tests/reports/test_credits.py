"""How credits go and will go: the ledger of a period, its pace, and its days."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from tests.contract.given import plan
from tests.store.given import opened
from watcher.domain.credits.allowance import Booking, CreditPlan, Grant, Purpose
from watcher.domain.records import replace
from watcher.domain.scheduler.outlook import OUTLOOK, Outlook
from watcher.reports.credits import CreditBurn, burn, use_of
from watcher.store.sqlite.queries import SqliteQueries

MINUTES = timedelta(minutes=5)
NOW = datetime(2026, 3, 11, 12, 0, tzinfo=UTC)
LIMIT = 31_000


async def spend(folder: Path, a_day: int, days: int) -> CreditBurn:
    path = folder / "watcher.db"
    async with opened(path) as store:
        for hours in range(days * 24, 0, -6):
            at = NOW - timedelta(hours=hours)
            granted = await store.reserve(
                Booking("coinstats", 1, a_day // 4, Purpose.SCHEDULED, at), plan(10**9)
            )
            assert isinstance(granted, Grant)
        await store.keep_facts("coinstats", {OUTLOOK: Outlook(0.0, 15_500.0, 1.0, {}).dump()}, NOW)
    with SqliteQueries(path) as reader:
        return burn(reader, "coinstats", CreditPlan(LIMIT), NOW)


async def test_what_is_left_falls_with_the_ledger_and_the_forecast_follows(
    tmp_path: Path,
) -> None:
    found = await spend(tmp_path, 1000, 20)
    assert found.remaining == LIMIT - 10_500  # this period's ten and a half days only
    assert found.left[0].value == LIMIT
    assert found.left[-1] == (NOW, Decimal(found.remaining))
    values = [point.value for point in found.left if point.value is not None]
    assert values == sorted(values, reverse=True)
    assert found.gone is None
    assert abs(found.a_day - 1000) < 100
    assert found.forecast[0] == found.left[-1]
    assert found.forecast[-1].at == found.end
    assert found.planned == 500


async def test_credits_that_will_not_last_are_gone_before_the_period_ends(tmp_path: Path) -> None:
    found = await spend(tmp_path, 2500, 10)
    assert found.gone is not None
    assert NOW < found.gone < found.end
    assert found.forecast[-1] == (found.gone, Decimal(0))
    assert found.at_end == 0


async def test_the_days_of_the_ledger_are_listed_newest_first_in_utc(tmp_path: Path) -> None:
    found = await spend(tmp_path, 1000, 40)
    days = [each.day for each in found.days]
    assert days[0] == datetime(2026, 3, 11, tzinfo=UTC)
    assert days == sorted(days, reverse=True)
    assert len(days) in (31, 32)
    assert (found.days[1].credits, found.days[1].requests) == (1000, 4)


async def test_before_anything_is_spent_the_forecast_is_level(tmp_path: Path) -> None:
    found = await spend(tmp_path, 0, 1)
    assert (found.remaining, found.at_end, found.gone) == (LIMIT, LIMIT, None)


async def test_what_minutes_cost_is_not_taken_for_a_day(tmp_path: Path) -> None:
    """Five minutes after the first poll of a plan of 200 million that takes 4,147,200 a day."""
    path, month = tmp_path / "watcher.db", 31 * 86400.0
    outlook = Outlook(0.0, 4_147_200.0 * 31, 1.0, {}, length=month, began=(NOW - MINUTES).timestamp())
    async with opened(path) as store:
        await store.reserve(Booking("coinstats", 1, 17_307, Purpose.SCHEDULED, NOW - MINUTES), plan(10**9))
        await store.keep_facts("coinstats", {OUTLOOK: outlook.dump()}, NOW)
    with SqliteQueries(path) as reader:
        found = burn(reader, "coinstats", CreditPlan(200_000_000), NOW)
        use = use_of(reader, "coinstats", CreditPlan(200_000_000), NOW)
    assert abs(found.a_day - 4_147_200) < 20_000
    assert abs(found.at_end - (200_000_000 - 20.5 * 4_147_200)) < 500_000
    assert abs(use.pace - 48) < 0.3


def test_what_was_observed_for_long_enough_is_the_pace() -> None:
    outlook = Outlook(0.0, 31e6, 1.0, {}, length=31 * 86400.0, began=(NOW - timedelta(days=2)).timestamp())
    day = timedelta(days=1)
    assert outlook.pace(NOW - day, 86_400, NOW) == 1
    assert Outlook.load(outlook.dump()) == outlook
    older = replace(outlook, began=None)
    assert older.pace(NOW - day, 86_400, NOW) == 1, "an older store does not say since when"

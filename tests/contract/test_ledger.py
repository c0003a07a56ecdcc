"""What every store promises about credits and calls."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tests.contract.given import NOW, after, book, plan
from watcher.domain.credits.allowance import Allowance, Booking, CreditPlan, CreditRefusal, Purpose, Window
from watcher.ports.store import Settlement, Store

FREE = Allowance()


async def spent(store: Store, source: str = "coinstats") -> int:
    return await store.spent(source, datetime(2026, 3, 1, tzinfo=UTC))


async def test_what_is_booked_is_spent_until_it_is_settled(store: Store) -> None:
    await book(store, 40, plan(100))

    assert await spent(store) == 40


async def test_the_cap_is_never_passed_and_may_be_reached(store: Store) -> None:
    assert await book(store, 60, plan(100))

    assert await book(store, 41, plan(100)) is None
    assert await book(store, 40, plan(100))
    assert await book(store, 1, plan(100)) is None
    assert await spent(store) == 100


async def test_a_refusal_books_nothing_and_says_why_and_until_when(store: Store) -> None:
    refusal = await store.reserve(Booking("coinstats", 1, 200, Purpose.SCHEDULED, NOW), plan(100))

    assert isinstance(refusal, CreditRefusal)
    assert refusal.until == datetime(2026, 4, 1, tzinfo=UTC)
    assert "credits" in refusal.reason
    assert await spent(store) == 0


@pytest.mark.parametrize(
    "purpose", [Purpose.SCHEDULED, Purpose.SWEEP, Purpose.HINTED, Purpose.HINTING, Purpose.RATES]
)
async def test_what_nobody_asked_for_leaves_the_reserve_alone(store: Store, purpose: Purpose) -> None:
    allowance = plan(100, reserve="0.5")
    assert await book(store, 50, allowance)

    assert await book(store, 1, allowance, purpose=purpose) is None
    assert await book(store, 50, allowance, purpose=Purpose.BY_HAND)


@pytest.mark.parametrize(("charged", "expected"), [(None, 40), (40, 40), (0, 0), (25, 25), (400, 400)])
async def test_what_was_charged_corrects_what_was_booked(
    store: Store, charged: int | None, expected: int
) -> None:
    grant = await book(store, 40, plan(1000))
    assert grant

    await store.fail(Settlement(grant, after(seconds=1), charged, failure="timeout"))

    assert await spent(store) == expected


async def test_a_request_settled_twice_is_corrected_once(store: Store) -> None:
    grant = await book(store, 40, plan(1000))
    assert grant

    for charged in (10, 10, 0):
        await store.fail(Settlement(grant, after(seconds=1), charged))

    assert await spent(store) == 10


async def test_a_new_period_begins_with_nothing_spent(store: Store) -> None:
    assert await book(store, 100, plan(100), datetime(2026, 3, 31, 23, 59, 59, 999000, tzinfo=UTC))

    assert await book(store, 100, plan(100), datetime(2026, 4, 1, tzinfo=UTC))
    assert await book(store, 1, plan(100), datetime(2026, 4, 1, 0, 0, 1, tzinfo=UTC)) is None


async def test_a_correction_belongs_to_the_period_of_its_booking(store: Store) -> None:
    grant = await book(store, 40, plan(100), datetime(2026, 3, 31, 23, 59, tzinfo=UTC))
    assert grant

    await store.fail(Settlement(grant, datetime(2026, 4, 1, 0, 1, tzinfo=UTC), 60))

    assert await store.spent("coinstats", datetime(2026, 4, 1, tzinfo=UTC)) == 0
    assert await spent(store) == 60


async def test_a_clock_set_back_gives_no_credits_back(store: Store) -> None:
    assert await book(store, 100, plan(100), after(days=3))

    assert await book(store, 1, plan(100), NOW) is None


async def test_a_clock_set_back_gives_no_calls_back(store: Store) -> None:
    allowance = Allowance(windows=(Window(1, 60),))
    assert await book(store, 0, allowance, after(minutes=30))

    assert await book(store, 0, allowance, NOW) is None


@pytest.mark.parametrize("window", [Window(2, 60), Window(2, 86_400)])
async def test_calls_booked_while_the_clock_ran_ahead_fill_the_window_once_and_not_for_a_year(
    store: Store, window: Window
) -> None:
    allowance, length = Allowance(windows=(window,)), window.seconds
    assert await book(store, 0, allowance, after(days=365))
    assert await book(store, 0, allowance, after(days=365, seconds=1))

    assert await book(store, 0, allowance, NOW) is None
    assert await book(store, 0, allowance, after(seconds=length / 2)) is None
    late = length + 3600  # long windows are counted in whole hours
    assert await book(store, 0, allowance, after(seconds=late))
    assert await book(store, 0, allowance, after(seconds=late + 1))
    assert await book(store, 0, allowance, after(seconds=late + 2)) is None


async def test_a_clock_set_back_twice_gives_no_calls_back(store: Store) -> None:
    allowance = Allowance(windows=(Window(1, 60),))
    assert await book(store, 0, allowance, after(days=10))
    assert await book(store, 0, allowance, NOW) is None
    assert await book(store, 0, allowance, after(days=20))

    assert await book(store, 0, allowance, after(minutes=5)) is None


async def test_each_source_has_its_own_ledger(store: Store) -> None:
    assert await book(store, 100, plan(100))

    assert await book(store, 100, plan(100), source="other")
    assert (await spent(store), await spent(store, "other")) == (100, 100)


async def test_calls_are_counted_in_a_window_that_rolls(store: Store) -> None:
    allowance = Allowance(windows=(Window(2, 60),))
    assert await book(store, 0, allowance, NOW)
    assert await book(store, 0, allowance, after(seconds=30))

    assert await book(store, 0, allowance, after(seconds=59.999)) is None
    assert await book(store, 0, allowance, after(seconds=60))
    assert await book(store, 0, allowance, after(seconds=61)) is None


async def test_the_calls_of_a_day_are_never_more_than_allowed(store: Store) -> None:
    allowance = Allowance(windows=(Window(2, 86_400),))
    assert await book(store, 0, allowance, NOW)
    assert await book(store, 0, allowance, after(hours=1))

    assert await book(store, 0, allowance, after(hours=23, minutes=59)) is None
    assert await book(store, 0, allowance, after(hours=26))


async def test_every_limit_counts_at_once(store: Store) -> None:
    allowance = Allowance(CreditPlan(1000), (Window(100, 60), Window(1, 3600)))
    assert await book(store, 1, allowance)

    assert await book(store, 1, allowance, after(minutes=2)) is None


async def test_without_limits_everything_is_granted(store: Store) -> None:
    grants = [await book(store, 10**6, FREE) for _ in range(3)]

    assert len({grant.id for grant in grants if grant}) == 3


async def test_a_request_is_under_way_from_its_booking_until_it_is_settled(store: Store) -> None:
    assert not await store.under_way("coinstats", NOW)
    grant = await book(store, 40, plan(100))
    assert grant
    assert await store.under_way("coinstats", NOW)
    assert not await store.under_way("teos", NOW)

    await store.fail(Settlement(grant, after(seconds=5), 40))

    assert await store.under_way("coinstats", after(seconds=3)), "it was, then"
    assert not await store.under_way("coinstats", after(seconds=5))


async def test_a_request_that_was_cut_off_is_given_up_after_a_while(store: Store) -> None:
    assert await book(store, 40, plan(100))

    assert await store.under_way("coinstats", after(minutes=10))
    assert not await store.under_way("coinstats", after(minutes=20))

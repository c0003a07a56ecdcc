"""What requests cost, periods, and the reserve."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watcher.domain.credits.allowance import (
    Allowance,
    CreditPlan,
    CreditRefusal,
    Purpose,
    Spending,
    Window,
    may_spend,
)

MOMENTS = st.datetimes(datetime(2023, 1, 1), datetime(2030, 1, 1)).map(lambda at: at.replace(tzinfo=UTC))  # noqa: DTZ001


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


PERIODS = st.sampled_from(["month", "day"])


@given(now=MOMENTS, day=st.integers(1, 31), seen=st.none() | MOMENTS, period=PERIODS)
def test_every_moment_lies_in_one_period_and_periods_meet(
    now: datetime, day: int, seen: datetime | None, period: str
) -> None:
    plan = CreditPlan(1000, period, day, renewed=seen)
    start, end = plan.bounds(now)
    assert start <= now < end
    assert plan.bounds(end)[0] == end
    assert plan.bounds(start)[0] == start
    assert plan.bounds(start - timedelta(milliseconds=1))[1] == start


def test_a_short_month_resets_on_its_last_day() -> None:
    plan = CreditPlan(1000, resets_on=31)
    assert plan.bounds(at("2024-02-29T10:00")) == (at("2024-02-29"), at("2024-03-31"))
    assert plan.bounds(at("2025-02-27T10:00")) == (at("2025-01-31"), at("2025-02-28"))


def test_a_renewal_that_was_seen_says_when_periods_begin() -> None:
    plan = CreditPlan(1000, resets_on=1, renewed=at("2026-03-15T08:30"))
    assert plan.bounds(at("2026-03-15T08:30")) == (at("2026-03-15T08:30"), at("2026-04-15T08:30"))
    assert plan.bounds(at("2026-03-15T08:29")) == (at("2026-02-15T08:30"), at("2026-03-15T08:30"))


def test_the_schedule_leaves_the_reserve_alone_and_people_may_use_it() -> None:
    allowance, now = Allowance(CreditPlan(1000)), at("2026-03-10T12:00")
    spent = Spending(890)
    assert may_spend(allowance, spent, 10, Purpose.SCHEDULED, now) is None
    assert isinstance(may_spend(allowance, spent, 20, Purpose.SCHEDULED, now), CreditRefusal)
    assert may_spend(allowance, spent, 110, Purpose.BY_HAND, now) is None
    assert isinstance(may_spend(allowance, spent, 111, Purpose.CONFIRMATION, now), CreditRefusal)


def test_what_was_used_of_the_reserve_is_not_kept_once_more() -> None:
    allowance, now = Allowance(CreditPlan(1000)), at("2026-03-10T12:00")
    used_up = Spending(960, aside=100)
    assert may_spend(allowance, used_up, 40, Purpose.SCHEDULED, now) is None
    half_used = Spending(910, aside=50)
    assert may_spend(allowance, half_used, 40, Purpose.SCHEDULED, now) is None
    assert isinstance(may_spend(allowance, half_used, 41, Purpose.SCHEDULED, now), CreditRefusal)


def test_the_reserve_is_the_schedules_in_the_end() -> None:
    plan = CreditPlan(1000)
    assert plan.kept(at("2026-03-20T00:00")) == 100
    assert 45 <= plan.kept(at("2026-03-26T20:00")) <= 55
    assert plan.kept(at("2026-03-31T00:00")) == 0, "what is left of it would not pay a request"


@given(now=MOMENTS, spent=st.integers(0, 1000), cost=st.integers(1, 400))
def test_a_refusal_says_when_asking_again_makes_sense(now: datetime, spent: int, cost: int) -> None:
    allowance = Allowance(CreditPlan(1000))
    refusal = may_spend(allowance, Spending(spent), cost, Purpose.SCHEDULED, now)
    if refusal is None:
        return
    assert allowance.credits is not None
    end = allowance.credits.bounds(now)[1]
    assert now <= refusal.until <= end
    if refusal.until < end - timedelta(hours=1):
        later = refusal.until + timedelta(hours=1)
        assert may_spend(allowance, Spending(spent), cost, Purpose.SCHEDULED, later) is None


@given(now=MOMENTS, spent=st.integers(0, 1200), cost=st.integers(1, 400), purpose=st.sampled_from(Purpose))
def test_nothing_is_granted_beyond_the_limit(now: datetime, spent: int, cost: int, purpose: Purpose) -> None:
    if may_spend(Allowance(CreditPlan(1000)), Spending(spent), cost, purpose, now) is None:
        assert spent + cost <= 1000


@pytest.mark.parametrize(("calls", "refused"), [((9, 99), False), ((10, 50), True), ((5, 100), True)])
def test_every_window_counts(calls: tuple[int, int], refused: bool) -> None:
    allowance = Allowance(windows=(Window(10, 60), Window(100, 86400)))
    answer = may_spend(allowance, Spending(0, calls), 0, Purpose.BY_HAND, at("2026-03-10"))
    assert (answer is not None) == refused


def test_what_costs_nothing_is_never_refused_for_want_of_credits() -> None:
    gone = Spending(credits=2000, calls=())
    assert may_spend(Allowance(CreditPlan(1000)), gone, 0, Purpose.SCHEDULED, at("2026-03-10")) is None


def test_a_window_that_is_full_says_a_moment_that_is_yet_to_come() -> None:
    now = at("2026-03-10")
    refused = may_spend(Allowance(None, (Window(5, 20),)), Spending(0, (5,)), 0, Purpose.SCHEDULED, now)
    assert refused is not None
    assert refused.until == now + timedelta(seconds=20)


def test_a_refusal_ends_when_the_reserve_has_shrunk_by_enough_or_with_the_period() -> None:
    plan, now = CreditPlan(1000), at("2026-04-10")
    start, end = plan.bounds(now)
    assert plan.room(50, 900, now) == end - (end - start) / 3 / 2  # half of the reserve is left to spend
    assert plan.room(40, 960, now) == end - (end - start) / 3 * 39 / 100  # a smaller reserve keeps nothing
    assert plan.room(41, 960, now) == end
    assert plan.room(50, 900, end - timedelta(hours=1)) == end - timedelta(hours=1)


def test_the_period_of_december_ends_with_the_year() -> None:
    assert CreditPlan(1000).bounds(at("2026-12-31")) == (at("2026-12-01"), at("2027-01-01"))


def test_what_the_reserve_refuses_may_be_asked_for_once_it_has_shrunk_and_not_first_with_the_period() -> None:
    plan, now = CreditPlan(1000), at("2026-04-10")
    refused = may_spend(Allowance(plan), Spending(900), 50, Purpose.SCHEDULED, now)
    assert refused is not None
    assert refused.until == plan.room(50, 900, now) < plan.bounds(now)[1]
    assert "kept in reserve" in refused.reason

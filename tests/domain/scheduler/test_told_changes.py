"""The forecast counts on what hints tell, and on polls for the rest."""

from __future__ import annotations

import math

import pytest

from watcher.domain.scheduler import Budget, Item, ToldChanges, plan

TOLD = ToldChanges(0.9, 0.95, 20.0)
BUDGET = Budget(30_000, 30_000, 30 * 86400.0)


def items(count: int, at_least_every: float = math.inf) -> list[Item]:
    return [Item(str(number), 40, at_least_every=at_least_every) for number in range(count)]


def test_a_change_waits_for_the_provider_if_it_is_told_and_for_a_poll_if_not() -> None:
    assert TOLD.wait(1000.0) == pytest.approx(0.9 * 20 + 0.1 * 500)
    assert TOLD.seen(1000.0, 10.0) == pytest.approx(0.1 * 0.01)
    assert TOLD.seen(1000.0, 20.0) == pytest.approx(0.9 + 0.1 * 0.02)


def test_no_hint_makes_a_change_wait_for_longer() -> None:
    assert TOLD.wait(10.0) == pytest.approx(5.0)


def test_without_hints_it_waits_for_half_the_interval_also_where_that_has_no_end() -> None:
    nothing = ToldChanges(0.0, 0.0, math.inf)
    assert nothing.wait(1000.0) == 500.0
    assert nothing.wait(math.inf) == math.inf


@pytest.mark.parametrize(("rate", "delay"), [(0.0001, 20.0), (0.01, 500.0)])
def test_what_is_told_of_a_hot_account_waits_for_half_its_usual_interval(rate: float, delay: float) -> None:
    assert TOLD.gathered(rate, 1000.0).delay == delay


def test_credits_that_told_accounts_do_not_need_go_to_the_others() -> None:
    calm, hinted = plan(items(2), BUDGET), plan(items(2), BUDGET, told={"0": TOLD})
    assert hinted.rows[0].interval / hinted.rows[1].interval == pytest.approx(math.sqrt(10))
    assert hinted.rows[1].interval < calm.rows[1].interval
    assert hinted.per_period == pytest.approx(calm.per_period)
    assert hinted.mean_delay < calm.mean_delay
    assert hinted.p95_delay > hinted.mean_delay


def test_what_hints_take_is_not_spent_twice_and_never_more_than_half() -> None:
    whole = plan(items(2), BUDGET).per_period
    pace = BUDGET.pace
    assert plan(items(2), BUDGET, aside=0.3 * pace).per_period == pytest.approx(0.7 * whole)
    assert plan(items(2), BUDGET, aside=3 * pace).per_period == pytest.approx(0.5 * whole)


def test_promises_that_can_be_paid_are_not_stretched_by_hints() -> None:
    promised = items(10, at_least_every=86400.0)
    assert plan(promised, BUDGET, aside=0.6 * BUDGET.pace).feasibility.stretch == 1.0
    dear = items(100, at_least_every=86400.0)
    without, with_hints = plan(dear, BUDGET), plan(dear, BUDGET, aside=0.5 * BUDGET.pace)
    assert without.feasibility.stretch == pytest.approx(4, rel=0.01)
    assert with_hints.feasibility.stretch == pytest.approx(8, rel=0.01)

"""The provider's count against the ledger."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watcher.domain.credits.allowance import CreditPlan
from watcher.domain.credits.provider_count import Metered, Usage, applied, correction, noted

PLAN = CreditPlan(20_000)
NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
START = PLAN.bounds(NOON)[0]
LATER = NOON + timedelta(hours=3)


def test_what_others_used_is_booked_at_once() -> None:
    metered = noted(None, Usage(20_000, 700), NOON, PLAN)
    assert correction(None, metered, 400, START, quiet=True) == (300, metered)
    assert correction(None, metered, 400, START, quiet=False) == (300, metered)


def test_only_what_two_readings_agree_on_is_given_back() -> None:
    nothing, first = correction(None, noted(None, Usage(20_000, 100), NOON, PLAN), 180, START, quiet=True)
    assert (nothing, first.ahead) == (0, 80)
    second = noted(first, Usage(20_000, 300), LATER, PLAN)
    assert correction(first, second, 420, START, quiet=True)[0] == -80
    assert correction(first, second, 340, START, quiet=True)[0] == -40
    assert correction(first, second, 420, START, quiet=False)[0] == 0


def test_a_request_under_way_is_never_given_back() -> None:
    first = correction(None, noted(None, Usage(20_000, 0), NOON, PLAN), 40, START, quiet=False)[1]
    second = noted(first, Usage(20_000, 40), LATER, PLAN)
    assert correction(first, second, 80, START, quiet=True)[0] == 0


def test_a_fall_where_it_was_expected_changes_no_period() -> None:
    eve, day = datetime(2026, 3, 31, 23, tzinfo=UTC), datetime(2026, 4, 1, 2, tzinfo=UTC)
    after = noted(Metered(eve, 20_000, 15_000), Usage(20_000, 80), day, PLAN)
    assert after.renewed is None
    assert applied(PLAN, after) == PLAN


def test_a_fall_elsewhere_is_the_renewal_and_is_kept() -> None:
    after = noted(Metered(NOON, 20_000, 15_000), Usage(20_000, 80), LATER, PLAN)
    assert after.renewed == LATER
    assert applied(PLAN, after).bounds(LATER) == (LATER, datetime(2026, 4, 10, 15, tzinfo=UTC))
    again = noted(after, Usage(20_000, 200), LATER + timedelta(hours=3), PLAN)
    assert again.renewed == LATER
    assert Metered.load(again.dump()) == again


@pytest.mark.parametrize("sold", [4_000, 20_000, 300_000, 1_000_000])
def test_a_renewal_is_seen_however_much_more_the_provider_sells(sold: int) -> None:
    plan = CreditPlan(4_000)
    assert noted(Metered(NOON, sold, 2_900), Usage(sold, 80), LATER, plan).renewed == LATER
    assert noted(Metered(NOON, sold, 2_900), Usage(sold, 2_860), LATER, plan).renewed is None


def test_a_refund_is_no_renewal() -> None:
    assert noted(Metered(NOON, 20_000, 15_000), Usage(20_000, 14_960), LATER, PLAN).renewed is None


def test_the_smaller_limit_is_kept_to() -> None:
    assert applied(PLAN, Metered(NOON, 5_000, 0)).limit == 5_000
    assert applied(PLAN, Metered(NOON, 500_000, 0)).limit == 20_000


@pytest.mark.parametrize("text", [None, "", "nonsense", "[]", "{}", '{"at": 1}'])
def test_a_fact_that_cannot_be_read_is_no_fact(text: str | None) -> None:
    assert Metered.load(text) is None


@given(used=st.integers(0, 20_000), booked=st.integers(0, 25_000), before=st.integers(0, 20_000))
def test_the_ledger_never_ends_below_the_providers_count(used: int, booked: int, before: int) -> None:
    known = Metered(NOON, 20_000, before, ahead=max(booked - before, 0))
    after = noted(known, Usage(20_000, used), LATER, PLAN)
    assert booked + correction(known, after, booked, START, quiet=True)[0] >= used


def test_a_figure_is_kept_with_and_without_a_renewal() -> None:
    for renewed in (None, NOON):
        metered = Metered(LATER, 20_000, 700, 40, renewed)
        assert Metered.load(metered.dump()) == metered


def test_without_a_figure_the_plan_is_the_one_that_was_configured() -> None:
    assert applied(PLAN, None) == PLAN


def test_a_renewal_on_the_day_that_was_seen_does_not_move_that_day() -> None:
    seen = datetime(2026, 3, 20, 8, tzinfo=UTC)
    expected = datetime(2026, 4, 20, 8, tzinfo=UTC)
    hour = timedelta(hours=1)
    before = Metered(expected - hour, 20_000, 9000, 0, seen)
    assert noted(before, Usage(20_000, 0), expected + 3 * hour, PLAN).renewed == seen
    assert noted(before, Usage(20_000, 0), expected, PLAN).renewed == seen
    early = Metered(expected - 9 * hour, 20_000, 9000, 0, seen)
    assert noted(early, Usage(20_000, 0), expected - 5 * hour, PLAN).renewed == expected - 5 * hour


def test_a_renewal_that_is_read_at_its_own_moment_is_the_one_expected() -> None:
    first = PLAN.bounds(NOON)[1]
    before = Metered(NOON, 20_000, 9000)
    assert noted(before, Usage(20_000, 0), first, PLAN).renewed is None


def test_what_two_readings_agree_on_is_given_back_from_the_first_moment_of_the_period_on() -> None:
    first = Metered(START, 20_000, 100, 80)
    second = noted(first, Usage(20_000, 100), LATER, PLAN)
    assert correction(first, second, 180, START, quiet=True)[0] == -80
    assert correction(first, second, 180, START + timedelta.resolution, quiet=True)[0] == 0


@pytest.mark.parametrize(
    ("before", "now", "renewal"),
    [(0, 0, False), (1, 0, True), (5, 0, True), (5, 1, False), (5, 5, False), (0, 7, False)],
)
def test_a_fall_to_nothing_is_a_renewal_and_nothing_that_stays_is_none(
    before: int, now: int, renewal: bool
) -> None:
    metered = noted(Metered(NOON, 20_000, before), Usage(20_000, now), LATER, PLAN)
    assert metered.renewed == (LATER if renewal else None)

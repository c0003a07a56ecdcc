"""Water-filling, the promises' stretch, and the filter, each against what is known."""

from __future__ import annotations

import math
import random

import pytest

from watcher.domain.scheduler import Item, feasibility
from watcher.domain.scheduler.change_rates import DAY, HOUR, ChangeRates, RatePosterior
from watcher.domain.scheduler.seasonality import Season
from watcher.domain.scheduler.shadow_price import Demand, Need, interval, solve, spending


def needs(seed: int, n: int = 12, longest: float = 1.0) -> list[tuple[float, Need]]:
    """(weighted rate, need): a spread of rates, weights and costs."""
    rng = random.Random(seed)
    out = []
    for _ in range(n):
        value, cost = math.exp(rng.gauss(0, 1.5)) * rng.choice([1, 3]), rng.choice([40.0, 400.0])
        out.append((value, Need(math.sqrt(cost / value), cost, longest / 4, longest)))
    return out


def delay(pairs: list[tuple[float, Need]], intervals: list[float]) -> float:
    return sum(value * x for (value, _), x in zip(pairs, intervals, strict=True)) / 2


def test_without_limits_the_price_is_the_closed_form() -> None:
    pairs = [(value, Need(need.base, need.cost, 1e-9, 1e9)) for value, need in needs(1)]
    rate = 3000.0
    price = solve([need for _, need in pairs], rate)
    expected = sum(math.sqrt(need.cost * value) for value, need in pairs) / rate
    assert price == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("seed", range(3))
def test_no_affordable_schedule_beats_the_water_filled_one(seed: int) -> None:
    pairs, rng, rate = needs(seed), random.Random(seed), 6000.0
    only = [need for _, need in pairs]
    price = solve(only, rate)
    best = [interval(need, price) for need in only]
    assert spending(only, price) == pytest.approx(rate, rel=1e-9)
    assert any(x == need.shortest for x, need in zip(best, only, strict=True))
    assert any(x == need.longest for x, need in zip(best, only, strict=True))
    for _ in range(3000):
        # a random rival: shift spending between two accounts, within their limits
        i, j = rng.sample(range(len(only)), 2)
        moved = rng.random() * only[i].cost / best[i]
        rival = list(best)
        rival[i] = only[i].cost / (only[i].cost / best[i] - moved)
        rival[j] = only[j].cost / (only[j].cost / best[j] + moved)
        if all(need.shortest <= x <= need.longest for x, need in zip(rival, only, strict=True)):
            assert delay(pairs, rival) >= delay(pairs, best) * (1 - 1e-9)


@pytest.mark.parametrize("seed", range(5))
def test_the_running_demand_agrees_with_the_exact_price(seed: int) -> None:
    only = [need for _, need in needs(seed, 60)]
    demand = Demand()
    for need in [*only, *only]:
        demand.add(need)
    for need in only:
        demand.add(need, -1)
    least, most = (spending(only, price) for price in (1e9, 1e-9))
    for share in (0.01, 0.2, 0.5, 0.8, 0.99):
        rate = least + share * (most - least)
        assert spending(only, demand.solve(rate)) == pytest.approx(rate, rel=0.02)
    assert demand.solve(most * 1.01) == solve(only, most * 1.01) == 0.0
    assert demand.solve(least * 0.99) == solve(only, least * 0.99) == math.inf


def test_what_cannot_be_kept_is_said_in_numbers() -> None:
    items = [Item(str(k), cost=40, at_least_every=DAY) for k in range(500)]
    report = feasibility(items, 500_000, 30 * DAY)
    assert not report.fits
    assert (report.needed, report.allowed, report.drop) == (600_000, 500_000, 84)
    assert report.stretch * 24 == pytest.approx(28.8, rel=1e-4)


def test_fixed_intervals_give_way_last() -> None:
    items = [Item("cron", cost=1, fixed=HOUR), *(Item(str(k), cost=1, at_least_every=HOUR) for k in range(9))]
    tight = feasibility(items, 120, DAY)
    assert tight.stretch == pytest.approx(9 * 24 / (120 - 24), rel=1e-4)
    scarce = feasibility(items, 24, DAY)
    assert 9 * 24 / scarce.stretch + 24 / (scarce.stretch / 4) == pytest.approx(24, rel=1e-4)


def test_no_credits_stretch_promises_for_ever_and_divide_by_nothing() -> None:
    report = feasibility([Item("a", at_least_every=HOUR)], 0, DAY)
    assert (report.stretch, report.drop, report.fits) == (math.inf, 1, False)
    assert feasibility([], 0, DAY).fits


@pytest.mark.parametrize("a_day", [0.2, 3.0, 40.0])
def test_a_steady_rate_is_found(a_day: float) -> None:
    rng, rates, belief, found = random.Random(5), ChangeRates(3 * HOUR), None, []
    rates.count(None)
    gap = 3 * HOUR
    for _ in range(600):
        changed = rng.random() < -math.expm1(-a_day / DAY * gap)
        belief, rate = rates.update(belief, gap, gap, changed=changed)
        found.append(rate * DAY)
    late = found[300:]
    assert a_day / 1.6 < sum(late) / len(late) < a_day * 1.6
    low, high = rates.span(belief)
    assert low < rate < high * 1.5


def test_a_burst_is_followed_at_once_and_forgotten_in_hours() -> None:
    rates, belief = ChangeRates(3 * HOUR), None
    rates.count(None)
    for _ in range(200):
        belief, calm = rates.update(belief, 3 * HOUR, 3 * HOUR, changed=False)
    for _ in range(4):
        belief, burst = rates.update(belief, HOUR / 4, HOUR / 4, changed=True)
    assert burst > 30 * calm
    for _ in range(8):
        belief, after = rates.update(belief, 3 * HOUR, 3 * HOUR, changed=False)
    assert after < burst / 10


def test_a_newcomer_starts_from_what_the_others_have_in_common() -> None:
    def prior_after(*, changed: bool) -> float:
        rates = ChangeRates(3 * HOUR)
        beliefs: list[RatePosterior | None] = [None] * 20
        for _ in beliefs:
            rates.count(None)
        for _ in range(30):
            for k, belief in enumerate(beliefs):
                beliefs[k] = rates.update(belief, 3 * HOUR, 3 * HOUR, changed=changed)[0]
            rates.pool(20)
        return rates.prior()

    assert prior_after(changed=True) > 10 * prior_after(changed=False)


def test_a_belief_survives_being_written_down_to_the_last_bit() -> None:
    rates = ChangeRates(HOUR)
    rates.count(None)
    belief, _ = rates.update(None, HOUR, HOUR, changed=True)
    again = RatePosterior.load(belief.dump())
    assert (again.cells, again.history) == (belief.cells, belief.history)
    assert (again.weights, again.polled) == (belief.weights, belief.polled)


def test_a_damaged_belief_is_refused() -> None:
    with pytest.raises(ValueError, match="shape"):
        RatePosterior.load(["", "", [1.0], 0.0])


def test_seasonal_time_runs_both_ways_and_a_week_stays_a_week() -> None:
    season = Season()
    start = 1_735_516_800.0
    for day in range(40):
        for hour in range(24):
            at = start + day * DAY + hour * HOUR
            for _ in range(8):
                season.learn(at, at + HOUR, 5 / DAY, changed=10 <= hour < 16)
        season.refresh(start + (day + 1) * DAY)
    assert season.profile[12] > 3 * season.profile[2]
    assert season.exposure(start, start + 7 * DAY) == pytest.approx(7 * DAY)
    for begin in (start, start + 3.3 * DAY, start + 6.99 * DAY):
        for amount in (1.0, HOUR, 1.5 * DAY, 30 * DAY):
            assert season.between(begin, season.after(begin, amount)) == pytest.approx(amount, abs=1e-3)
    again = Season(season.dump())
    assert again.exposure(start, start + 5 * HOUR) == season.exposure(start, start + 5 * HOUR)

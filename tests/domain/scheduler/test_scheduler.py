"""The scheduler on a virtual clock, against worlds that change at random."""

from __future__ import annotations

import json
import math
import random
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from watcher.domain.records import replace
from watcher.domain.scheduler import Budget, Item, Scheduler, plan
from watcher.domain.scheduler.forecast import even

HOUR, DAY = 3600.0, 86400.0
START = 1_735_689_600.0
MONTH = 30 * DAY
PERIOD_END = START + MONTH


def items(n: int = 20, **changes: float) -> list[Item]:
    return [replace(Item(f"w{k}", 40, 1, 300, DAY), **changes) for k in range(n)]  # type: ignore[arg-type]


def budget(limit: float, *, share: float = 1.0) -> Budget:
    return Budget(limit, limit * share, START + MONTH * share, MONTH)


def seen(watched: Sequence[Item]) -> dict[str, float]:
    return {item.key: START for item in watched}


@dataclass
class World:
    """Changes at random, and what polling them came to."""

    watched: Sequence[Item]
    rates: dict[str, float]
    days: float
    seed: int = 1
    polls: dict[str, list[float]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        rng, end = random.Random(self.seed), START + self.days * DAY
        self.changes: dict[str, list[float]] = {}
        for item in self.watched:
            times, rate = [], self.rates[item.key] / DAY
            at = START + rng.expovariate(rate)
            while at < end:
                times.append(at)
                at += rng.expovariate(rate)
            self.changes[item.key] = times
            self.polls[item.key] = []
        self.cost = {item.key: item.cost for item in self.watched}
        self.spent = 0.0

    def changed(self, key: str, at: float) -> bool:
        before = self.polls[key][-1] if self.polls[key] else START
        return bisect_right(self.changes[key], at) > bisect_right(self.changes[key], before)

    def run(
        self,
        cadence: Scheduler,
        until: float,
        *,
        fails: Callable[[str, float], bool] = lambda _key, _at: False,
    ) -> list[tuple[float, str]]:
        """Poll as told until that time; what was polled when."""
        now, told = START if not self.told else self.told[-1][0], []
        while (due := cadence.due(now)) is not None and due[0] < until:
            now, key = due
            changed = None if fails(key, now) else self.changed(key, now)
            cadence.observe(key, now, changed)
            self.spent += self.cost[key]
            if changed is not None:
                self.polls[key].append(now)
            told.append((now, key))
        self.told += told
        return told

    told: list[tuple[float, str]] = field(default_factory=list)

    def gaps(self, key: str) -> list[float]:
        times = [START, *self.polls[key]]
        return [b - a for a, b in pairwise(times)]

    def mean_delay(self) -> float:
        delays = []
        for key, times in self.changes.items():
            for at in times:
                after = bisect_right(self.polls[key], at)
                if after < len(self.polls[key]):
                    delays.append(self.polls[key][after] - at)
        return sum(delays) / len(delays)


def world(n: int = 20, days: float = 30, *, sigma: float = 2.0, seed: int = 1, **changes: float) -> World:
    watched, rng = items(n, **changes), random.Random(seed)
    return World(watched, {item.key: math.exp(rng.gauss(0.0, sigma)) for item in watched}, days, seed)


# ---------------------------------------------------------------- the budget


@settings(max_examples=25)
@given(
    limit=st.sampled_from([0, 39, 40, 1_000, 5_000, 24_000, 30_000, 200_000]),
    odds=st.floats(0, 1),
    seed=st.integers(0, 999),
    costs=st.lists(st.sampled_from([40, 80, 400]), min_size=1, max_size=8),
)
def test_the_budget_is_never_exceeded_whatever_is_seen(
    limit: float, odds: float, seed: int, costs: list[int]
) -> None:
    watched = [Item(str(k), cost, 1, 300, DAY) for k, cost in enumerate(costs)]
    rng, length = random.Random(seed), 3 * DAY
    cadence = Scheduler(watched, Budget(limit, limit, START + length, length), START)
    spent, now, period = 0.0, START, 0
    for _ in range(400):
        due = cadence.due(now)
        if due is None:
            break
        assert due[0] >= now
        now, key = due
        if int((now - START) // length) != period:
            period, spent = int((now - START) // length), 0.0
        spent += watched[int(key)].cost
        assert spent <= limit
        cadence.observe(key, now, rng.choice([None, rng.random() < odds, rng.random() < odds]))


def test_nearly_all_of_the_budget_is_used_and_no_promise_broken() -> None:
    w = world(seed=3)
    w.run(Scheduler(w.watched, budget(100_000), START, seen=seen(w.watched)), PERIOD_END)
    assert 0.98 * 100_000 <= w.spent <= 100_000
    assert max(max(w.gaps(item.key)) for item in w.watched) <= DAY + 1
    assert min(min(w.gaps(item.key)) for item in w.watched) >= 300 - 1e-6


def test_it_sees_changes_much_sooner_than_an_even_spread() -> None:
    w = world(40, sigma=2.0, seed=5)
    w.run(Scheduler(w.watched, budget(400_000), START, seen=seen(w.watched)), PERIOD_END)
    even = 40 * 40 / (400_000 / MONTH) / 2
    assert w.mean_delay() < even / 1.7


def test_without_credits_nothing_is_due_and_nothing_breaks() -> None:
    cadence = Scheduler(items(3), budget(0), START)
    assert cadence.due(START) is None
    cadence.observe("w0", START + 5, None)
    assert cadence.due(START + 3 * DAY) is None
    assert cadence.interval("w0") > 1000 * DAY


def test_without_a_limit_everything_is_polled_at_its_minimum() -> None:
    watched = items(3)
    cadence = Scheduler(watched, Budget(math.inf, math.inf, PERIOD_END, MONTH), START, seen=seen(watched))
    w = World(watched, dict.fromkeys((item.key for item in watched), 1.0), 1)
    w.run(cadence, START + DAY)
    assert all(len(w.polls[item.key]) == pytest.approx(287, abs=2) for item in watched)


def test_an_empty_list_is_never_due() -> None:
    assert Scheduler([], budget(1000), START).due(START) is None


def test_calls_are_a_currency_too() -> None:
    w = World(items(5, cost=1.0, min_every=10), {f"w{k}": 200.0 for k in range(5)}, 2)
    cadence = Scheduler(w.watched, Budget(3000, 3000, START + DAY, DAY), START, seen=seen(w.watched))
    w.run(cadence, START + 2 * DAY)
    assert 0.98 * 6000 <= w.spent <= 6000


# ---------------------------------------------------------------- promises


def test_promises_that_cost_twice_the_budget_are_stretched_evenly() -> None:
    w = world(20, days=60)
    cadence = Scheduler(w.watched, budget(12_000), START, seen=seen(w.watched))
    w.run(cadence, START + 2 * MONTH)
    assert 0.98 * 24_000 <= w.spent <= 24_000
    worst = [max(w.gaps(item.key)) / HOUR for item in w.watched]
    assert max(worst) < 51
    assert min(worst) > 40
    report = cadence.feasibility()
    assert (report.needed, report.allowed, report.drop) == (24_000, 12_000, 10)


def test_a_hot_account_cannot_eat_what_is_promised_to_others() -> None:
    watched = [Item("hot", 40, 100, 300, DAY), *items(20)]
    w = World(watched, {item.key: 500.0 if item.key == "hot" else 0.05 for item in watched}, 30)
    w.run(Scheduler(watched, budget(30_000), START, seen=seen(watched)), PERIOD_END)
    assert max(max(w.gaps(item.key)) for item in watched) <= DAY + 1
    assert w.spent <= 30_000


def test_fixed_intervals_are_kept_while_the_rest_learns() -> None:
    watched = [Item("fixed", 40, fixed=2 * HOUR), *items(10)]
    w = World(watched, {item.key: 1.0 for item in watched}, 30)
    cadence = Scheduler(watched, budget(60_000), START, seen=seen(watched))
    w.run(cadence, PERIOD_END)
    assert {round(gap) for gap in w.gaps("fixed")} == {round(2 * HOUR)}
    assert cadence.forecast(["fixed"]).rows[0].why == "fixed"


def test_spending_of_others_stretches_promises_and_a_renewal_ends_it() -> None:
    watched = items(10)
    cadence = Scheduler(watched, budget(20_000), START, seen=seen(watched))
    w = World(watched, {item.key: 1.0 for item in watched}, 60)
    w.run(cadence, START + 10 * DAY)
    assert cadence.stretch == 1
    cadence.set_budget(Budget(20_000, 2_000, PERIOD_END, MONTH), START + 10 * DAY)
    assert cadence.stretch > 3
    before = w.spent
    w.run(cadence, PERIOD_END)
    assert 1_900 <= w.spent - before <= 2_000
    w.run(cadence, START + 31 * DAY)
    assert cadence.stretch == 1


def test_an_early_renewal_is_spent_and_a_late_one_waited_for() -> None:
    watched = items(10)
    cadence = Scheduler(watched, budget(20_000), START, seen=seen(watched))
    w = World(watched, {item.key: 1.0 for item in watched}, 60)
    w.run(cadence, START + 20 * DAY)
    slow = cadence.interval("w0")
    cadence.set_budget(Budget(20_000, 20_000, START + 25 * DAY, MONTH), START + 20 * DAY)
    assert cadence.interval("w0") < slow
    w.run(cadence, START + 25 * DAY - HOUR)
    # the provider has not renewed yet and says: nothing left, ask again in two days
    cadence.set_budget(Budget(20_000, 0, START + 27 * DAY, MONTH), START + 25 * DAY - HOUR)
    due = cadence.due(START + 25 * DAY)
    assert due is not None
    assert due[0] >= START + 27 * DAY


def test_another_limit_changes_the_pace_at_once() -> None:
    watched = items(10, at_least_every=7 * DAY)
    cadence = Scheduler(watched, budget(20_000), START, seen=seen(watched))
    before = cadence.interval("w3")
    cadence.set_budget(Budget(40_000, 40_000, PERIOD_END, MONTH), START)
    assert cadence.interval("w3") == pytest.approx(before / 2, rel=0.1)


# ---------------------------------------------------------------- restarts and edits


def restarted(cadence: Scheduler, watched: Sequence[Item], now: float, left: Budget) -> Scheduler:
    return Scheduler(watched, left, now, state=json.loads(json.dumps(cadence.dump())))


def test_a_restart_changes_nothing() -> None:
    one, two = world(10, seed=4), world(10, seed=4)
    a = Scheduler(one.watched, budget(40_000), START, seen=seen(one.watched))
    b = Scheduler(two.watched, budget(40_000), START, seen=seen(two.watched))
    one.run(a, START + 9 * DAY)
    two.run(b, START + 9 * DAY)
    b = restarted(b, two.watched, START + 9 * DAY, Budget(40_000, b.remaining, PERIOD_END, MONTH))
    assert [b.interval(k) for k in one.polls] == pytest.approx([a.interval(k) for k in one.polls], rel=0.05)
    first, second = one.run(a, START + 9.5 * DAY), two.run(b, START + 9.5 * DAY)
    assert [key for _, key in second[:5]] == [key for _, key in first[:5]]
    one.run(a, PERIOD_END)
    two.run(b, PERIOD_END)
    assert two.spent == pytest.approx(one.spent, rel=0.02)
    assert two.mean_delay() == pytest.approx(one.mean_delay(), rel=0.1)
    assert max(max(two.gaps(item.key)) for item in two.watched) <= DAY + 1


def test_edits_keep_what_was_learnt_and_newcomers_come_first() -> None:
    w = world(20, seed=6)
    cadence = Scheduler(w.watched, budget(100_000), START, seen=seen(w.watched))
    w.run(cadence, START + 10 * DAY)
    at = START + 10 * DAY
    learnt = {key: cadence.rate(key)[0] for key in w.polls}
    edited = [*w.watched[5:], Item("new", 40, 1, 300, DAY)]
    cadence = restarted(cadence, edited, at, Budget(100_000, cadence.remaining, PERIOD_END, MONTH))
    assert all(cadence.rate(item.key)[0] == learnt[item.key] for item in edited[:-1])
    low, high = min(learnt.values()), max(learnt.values())
    assert low < cadence.rate("new")[0] < high
    assert cadence.due(at) == (at, "new")
    assert set(cadence.dump()["accounts"]) == {item.key for item in edited}
    cadence.observe("w0", at, changed=True)  # a poll of a removed account that was still under way


def test_an_account_never_read_is_read_at_once() -> None:
    watched = items(10)
    cadence = Scheduler(watched, budget(100_000), START)
    first = []
    for _ in watched:
        due = cadence.due(START)
        assert due is not None
        assert due[0] == START
        cadence.observe(due[1], START, changed=False)
        first.append(due[1])
    assert set(first) == {item.key for item in watched}


def test_first_readings_that_would_eat_the_budget_are_spread() -> None:
    cadence = Scheduler(items(100, at_least_every=math.inf), budget(8_000), START)
    now = START
    for _ in range(10):
        due = cadence.due(now)
        assert due is not None
        now = due[0]
        cadence.observe(due[1], now, changed=False)
    assert now > START + 6 * HOUR


def test_a_state_of_another_version_is_refused() -> None:
    with pytest.raises(ValueError, match="version"):
        Scheduler(items(1), budget(1000), START, state={"version": 99})


def test_the_state_is_small_and_plain_json() -> None:
    w = world(10)
    cadence = Scheduler(w.watched, budget(100_000), START, seen=seen(w.watched))
    w.run(cadence, START + DAY)
    state = cadence.dump()
    assert json.loads(json.dumps(state)) == state
    assert len(json.dumps(state["accounts"]["w0"])) < 1200


# ---------------------------------------------------------------- failures and clocks


def test_a_failed_poll_is_tried_again_soon_but_not_hammered() -> None:
    w = World(items(1, at_least_every=DAY), {"w0": 1.0}, 30)
    cadence = Scheduler(w.watched, budget(10_000), START, seen=seen(w.watched))
    w.run(cadence, START + 5 * DAY)
    usual = cadence.interval("w0")
    failed = w.run(cadence, START + 8 * DAY, fails=lambda _key, _at: True)
    waits = [b[0] - a[0] for a, b in pairwise(failed)]
    assert waits[0] <= usual
    assert len(failed) <= 3 * DAY / usual + 8
    assert max(waits) <= DAY + 1
    assert w.spent <= 10_000


def test_a_failure_teaches_nothing() -> None:
    cadence = Scheduler(items(2), budget(100_000), START, seen={"w0": START, "w1": START})
    before = cadence.rate("w0")
    cadence.observe("w0", START + HOUR, None)
    assert cadence.rate("w0") == before


def test_a_poll_that_was_not_charged_is_given_back() -> None:
    cadence = Scheduler(items(2), budget(1000), START)
    cadence.observe("w0", START, None, charged=False)
    assert cadence.remaining == 1000


@pytest.mark.parametrize("charged", [False, True])
def test_who_is_refused_when_the_credits_are_gone_is_asked_again_after_the_renewal(charged: bool) -> None:
    watched = [Item("only", 40)]
    cadence = Scheduler(watched, Budget(400, 0, START + DAY, DAY), START, seen=seen(watched))
    cadence.observe("only", START + HOUR, None, charged=charged)
    cadence.set_budget(Budget(400, 400, START + 2 * DAY, DAY), START + DAY)
    due = cadence.due(START + DAY)
    assert due is not None
    assert due[0] < START + 1.5 * DAY


def test_an_account_under_way_is_not_due_again() -> None:
    watched = [Item("only", 1, fixed=1.0)]
    cadence = Scheduler(watched, Budget(1e5, 1e5, START + DAY, DAY), START, seen=seen(watched))
    assert cadence.due(START) == (START + 1, "only")
    cadence.take("only", START + 1)
    assert cadence.due(START + 30) is None
    cadence.observe("only", START + 31, changed=False)
    assert cadence.due(START + 31) == (START + 31, "only")


def test_a_clock_that_steps_back_does_not_stop_the_polls() -> None:
    w = world(10)
    cadence = Scheduler(w.watched, budget(100_000), START, seen=seen(w.watched))
    now = START
    for now_, key in w.run(cadence, START + 5 * DAY):
        now = now_
        assert key in w.polls
    due = cadence.due(now - 3 * DAY)
    assert due is not None
    assert due[0] < now - 3 * DAY + 12 * HOUR


def test_a_clock_that_leaps_costs_at_most_one_poll_an_account() -> None:
    w = world(10)
    cadence = Scheduler(w.watched, budget(100_000), START, seen=seen(w.watched))
    w.run(cadence, START + 2 * DAY)
    at, polled = START + 20 * DAY, []
    while (due := cadence.due(at)) is not None and due[0] <= at:
        cadence.observe(due[1], at, changed=False)
        polled.append(due[1])
    assert len(polled) == len(set(polled)) == 10


# ---------------------------------------------------------------- what it says


def test_reasons_and_numbers_of_a_forecast() -> None:
    watched = [*items(10), Item("eager", 40, 1e9, 4 * HOUR, DAY)]
    w = World(watched, {item.key: 40.0 if item.key == "w0" else 0.05 for item in watched}, 30)
    cadence = Scheduler(watched, budget(60_000), START, seen=seen(watched))
    assert cadence.forecast(["w0"]).rows[0].why == "learning"
    w.run(cadence, START + 20 * DAY)
    rows = {row.key: row for row in cadence.forecast().rows}
    assert rows["w0"].why == "hot"
    assert rows["eager"].why == "at its minimum"
    assert {rows[f"w{k}"].why for k in range(1, 10)} <= {"quiet", "at its promise", "learning"}
    assert sum(row.share for row in rows.values()) == pytest.approx(1)
    assert rows["w0"].expected_delay == rows["w0"].interval / 2
    assert rows["w0"].at_least <= 40 <= rows["w0"].at_most * 2


def test_a_plan_before_the_first_poll_spends_what_there_is() -> None:
    made = plan(items(20), budget(100_000))
    assert made.per_period == pytest.approx(100_000)
    assert made.mean_delay == pytest.approx(even(items(20), budget(100_000)) / 2, rel=1e-6)
    double = plan(items(20), budget(200_000))
    assert double.mean_delay == pytest.approx(made.mean_delay / 2, rel=1e-6)
    assert plan([], budget(1000)).rows == ()
    assert plan(items(2), budget(0)).feasibility.stretch == math.inf


def test_a_plan_uses_what_was_learnt_and_comes_true() -> None:
    w = world(30, days=60, sigma=1.5, seed=9)
    cadence = Scheduler(w.watched, budget(200_000), START, seen=seen(w.watched))
    w.run(cadence, PERIOD_END)
    made = plan(w.watched, budget(200_000), state=cadence.dump())
    assert made.mean_delay < even(w.watched, budget(200_000)) / 2
    w.run(cadence, START + 2 * MONTH)
    assert w.mean_delay() == pytest.approx(made.mean_delay, rel=0.25)


def test_fairness_zero_treats_all_alike() -> None:
    w = world(10, days=10)
    cadence = Scheduler(w.watched, budget(100_000), START, seen=seen(w.watched), fairness=0.0)
    w.run(cadence, START + 10 * DAY)
    intervals = [cadence.interval(item.key) for item in w.watched]
    assert max(intervals) == pytest.approx(min(intervals))


def test_a_decision_does_not_walk_the_list(monkeypatch: pytest.MonkeyPatch) -> None:
    watched = items(2000, at_least_every=30 * DAY)
    cadence = Scheduler(watched, budget(1_000_000), START, seen=seen(watched))
    counted = 0
    original: Callable[[Item], float] = vars(Item)["longest"].fget

    def longest(item: Item) -> float:
        nonlocal counted
        counted += 1
        return original(item)

    monkeypatch.setattr(Item, "longest", property(longest))
    now = START
    for _ in range(300):
        due = cadence.due(now)
        assert due is not None
        now = due[0]
        cadence.observe(due[1], now, changed=False)
    assert counted / 300 < 40

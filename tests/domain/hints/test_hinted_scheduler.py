"""The schedule and the polls that hints call for, on one budget."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest

from tests.domain.hints.given import DAY, HOUR, MONTH, START, World, budget, desk, items, knowing, scheduler
from watcher.domain.hints.desk import GAP, RETRY
from watcher.domain.hints.scheduler import HintedScheduler
from watcher.domain.scheduler import Budget

NOW = START + HOUR


def hinted(made: HintedScheduler, key: str = "w0", now: float = NOW) -> float:
    """When an account is polled of which is told now."""
    made.hint(key, "push", now)
    due = made.due(now)
    assert due is not None
    assert due[1] == key
    assert made.hinted(key)
    return due[0]


# ---------------------------------------------------------------- who is polled


def test_what_a_hint_tells_of_is_polled_at_once() -> None:
    assert hinted(scheduler(items(), budget(1000))) == NOW


def test_an_account_that_ticks_ask_for_is_polled_upon_a_hint_and_never_else() -> None:
    made = scheduler(items(ticked=True), budget(1000))
    assert made.due(NOW) is None
    assert hinted(made) == NOW
    made.take("w0", NOW)
    assert made.due(NOW) is None
    made.observe("w0", NOW, changed=True)
    assert made.due(NOW) is None


def test_an_account_that_was_never_read_is_read_once_whoever_asks() -> None:
    made = scheduler(items(1), budget(4000), new=True)
    made.hint("w0", "push", START)
    due = made.due(START)
    assert due == (START, "w0")
    made.take("w0", START)
    made.observe("w0", START, changed=True)
    due = made.due(START)
    assert due is not None
    assert due[0] >= START + GAP


def test_an_account_under_way_is_not_due_for_a_hint_before_its_answer() -> None:
    made = scheduler(items(1), budget(4000), new=True)
    made.take("w0", START)
    made.hint("w0", "push", START + 1)
    made.gap(["w0"], START + 1)
    due = made.due(START + 1)
    assert due is None or due[0] == math.inf
    made.observe("w0", START + 3, changed=False)
    assert made.due(START + 3) == (START + 3, "w0")


def test_accounts_whose_hints_may_be_missing_one_by_one_are_spread_as_well() -> None:
    made = scheduler(items(20, ticked=True), budget(4000))
    for number in range(20):
        made.gap([f"w{number}"], NOW)
    times = []
    while (due := made.desk.due(NOW)) is not None:
        times.append(due[0])
        made.desk.take(due[1], due[0], by_hint=False)
    assert len(times) == 20
    assert sum(time < NOW + 60 for time in times) <= 2


def test_after_a_clock_was_set_back_hints_are_polled_at_once_as_before() -> None:
    """What they took in a day must not be taken for what they took in the hour since the start."""
    made, now = scheduler(items(ticked=True), budget(4000)), START - 30 * DAY
    for turn in range(10):
        now += HOUR
        key = f"w{turn}"
        assert hinted(made, key, now) == now
        made.take(key, now)
        made.observe(key, now, changed=True)


def test_a_poll_by_hand_of_an_account_that_is_due_later_leaves_the_hint_in_its_place() -> None:
    made = scheduler(items(2, ticked=True), budget(100))
    made.desk.lag["push"] = knowing(desk()).lag["push"]
    assert hinted(made) > NOW + 10
    made.observe("w0", NOW + 1, changed=False)
    assert made.desk.accounts["w0"].pending is not None
    due = made.due(NOW + 1)
    assert due is not None
    assert due[0] < NOW + 60


def test_a_failed_poll_is_tried_again_and_no_sooner_because_the_budget_is_read_again() -> None:
    made = scheduler(items(1), budget(4000))
    made.take("w0", hinted(made))
    made.observe("w0", NOW, None)
    made.set_budget(budget(4000), NOW + 1)
    assert made.due(NOW + 1) == (NOW + RETRY, "w0")


def test_a_poll_that_was_refused_is_given_back() -> None:
    for ticked in (True, False):
        made = scheduler(items(1, ticked=ticked), budget(4000))
        before = made.remaining
        made.take("w0", hinted(made))
        assert made.remaining == before - 40
        made.observe("w0", NOW, None, charged=False)
        assert made.remaining == before
        assert made._taken == 0


# ---------------------------------------------------------------- money


@pytest.mark.parametrize("ticked", [True, False])
@pytest.mark.parametrize("limit", [0, 39, 79])
def test_a_hint_that_cannot_be_paid_does_not_hold_up_who_asks(limit: float, ticked: bool) -> None:
    made = scheduler(items(3, ticked=ticked), Budget(limit, limit, START + DAY, DAY))
    for key in ("w0", "w1", "w2"):
        made.hint(key, "push", NOW)
    made.gap(["w0"], NOW)
    spent, now = 0.0, NOW
    for _ in range(6):
        due = made.due(now)
        if due is None or due[0] >= START + DAY:
            break
        now = due[0]
        made.take(due[1], now)
        made.observe(due[1], now, changed=False)
        spent += 40
    else:
        pytest.fail("it never ends")
    assert spent <= limit


def test_a_hint_that_cannot_be_paid_is_looked_into_when_there_is_money() -> None:
    made = scheduler(items(1, ticked=True), Budget(40, 0, START + 9 * DAY, 30 * DAY))
    made.hint("w0", "push", NOW)
    assert made.due(NOW) == (START + 9 * DAY, "w0")
    made.set_budget(Budget(40, 40, START + 9 * DAY, 30 * DAY), NOW + 60)
    assert made.due(NOW + 60) == (NOW + 60, "w0")


def test_a_hint_that_no_budget_pays_waits_for_another_budget() -> None:
    made = scheduler(items(1), Budget(30, 30, START + DAY, DAY))
    made.hint("w0", "push", NOW)
    assert made.due(NOW) is None
    made.set_budget(Budget(300, 300, START + DAY, DAY), NOW + 60)
    assert made.due(NOW + 60) == (NOW + 60, "w0")


def test_without_credits_for_more_than_promises_hints_wait_and_nothing_is_infinite() -> None:
    """The price of an interval is infinite then."""
    watched = items(2, promise=DAY)
    made = scheduler(watched, Budget(2 * 40 * 30, 2 * 40 * 30, START + MONTH, MONTH))
    made.gap(["w0", "w1"], NOW)
    made.hint("w0", "push", NOW)
    for key in ("w0", "w1"):
        assert 0 < made.ordinary(key) <= MONTH
    assert all(math.isfinite(entry[0]) for entry in made.desk._heap)


def test_a_ticked_account_never_takes_what_is_promised_to_others() -> None:
    watched = [*items(1, promise=DAY), *[item for item in items(2, ticked=True) if item.key == "w1"]]
    made = scheduler(watched, Budget(40 * 30, 40 * 30, START + MONTH, MONTH))
    made.hint("w1", "push", NOW)
    due = made.due(NOW)
    assert due is not None
    assert due[1] == "w0"


def test_a_look_ahead_does_not_fill_the_bucket_of_waste() -> None:
    made = scheduler(items(3), budget(400), waste=0.1)
    made._waste.take(10_000, START)
    left = made._waste._at(START)
    made.hint("w0", "push", START)
    for _ in range(100):
        made.due(START)
    assert made._waste._at(START) == left


def test_a_promise_that_can_be_paid_is_kept_whatever_hints_tell() -> None:
    world = World(items(6, promise=DAY), budget(6 * 40 * 1.5), 5, changes=100)
    made = world.run()
    assert made.stretch == 1
    for item in world.watched:
        times = [START, *(at for at, key, _, _ in world.polls if key == item.key)]
        assert max(b - a for a, b in pairwise(times)) <= DAY + 1
    assert sum(by_hint for _, _, by_hint, _ in world.polls) > 10


def test_promises_that_cannot_be_paid_leave_hints_at_most_half_of_what_is_left() -> None:
    world = World(items(6, promise=DAY), budget(6 * 40 * 0.5), 10, changes=3)
    made = world.run()
    assert made.stretch > 1
    shares = sum(by_hint for _, _, by_hint, _ in world.polls) / len(world.polls)
    assert shares > 0
    assert made._promisable >= made.remaining / 2


# ---------------------------------------------------------------- clocks


def test_after_a_clock_was_set_back_hints_do_not_wait_for_it_to_catch_up() -> None:
    made = scheduler(items(2), budget(4000))
    later = START + 10 * DAY
    made.take("w0", hinted(made, now=later))
    made.observe("w0", later, changed=True)
    made.hint("w1", "push", later)
    assert made.due(START + DAY) == (START + DAY, "w1")
    made.take("w1", START + DAY)
    made.observe("w1", START + DAY, changed=True)
    assert hinted(made, now=START + DAY + 1) == START + DAY + GAP


def test_ten_days_later_all_that_was_told_of_is_polled_once() -> None:
    made = scheduler(items(5), budget(4000))
    for key in ("w0", "w1", "w2"):
        made.hint(key, "push", NOW)
    now, polled = NOW + 10 * DAY, []
    while (due := made.due(now)) is not None and due[0] <= now:
        made.take(due[1], now)
        polled.append(due[1])
        made.observe(due[1], now, changed=False)
    assert len(polled) == len(set(polled)) <= 5
    assert {"w0", "w1", "w2"} <= set(polled)


def test_what_hints_take_is_left_aside_in_the_period_that_has_begun() -> None:
    made = scheduler(items(2), budget(1000, days=1))
    made.put_aside(0.001, START + DAY + 5)
    assert made._budget.ends == START + 2 * DAY
    assert made.remaining == 1000


def test_a_poll_that_takes_the_place_of_a_scheduled_one_is_not_set_aside_twice() -> None:
    """Else a month of lies leaves a quarter of the credits to its last days."""
    world = World(items(10), budget(2000), 8, lies=lambda _key: 50.0)
    world.run()
    assert world.spent >= 0.9 * 2000 * 8

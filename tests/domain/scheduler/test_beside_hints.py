"""What the schedule does for those who hear of changes from elsewhere, and who is polled in which order."""

from __future__ import annotations

import json
import random

import pytest

from watcher.domain.hints.scheduler import HintedScheduler
from watcher.domain.scheduler import Budget, Evidence, Item, Scheduler
from watcher.domain.scheduler.items import Candidate
from watcher.domain.scheduler.poll_order import PollOrder
from watcher.domain.scheduler.progress import Progress
from watcher.domain.scheduler.seasonality import Season

DAY = 86400.0
START = 1_735_689_600.0
MONTH = 30 * DAY
MONEY = Budget(20_000, 20_000, START + MONTH, MONTH)


def watched(count: int = 10, *, ticked: bool = False, promise: float = float("inf")) -> list[Item]:
    return [Item(f"w{n}", 40, min_every=300, at_least_every=promise, ticked=ticked) for n in range(count)]


def made(items: list[Item], money: Budget = MONEY, **kept: object) -> Scheduler:
    return Scheduler(items, money, START, seen={item.key: START for item in items}, **kept)  # type: ignore[arg-type]


def hinted(items: list[Item]) -> HintedScheduler:
    seen = {item.key: START for item in items}
    coverage = {item.key: ["push"] for item in items}
    return HintedScheduler(items, MONEY, START, coverage=coverage, waste=0.4, seen=seen)


# ---------------------------------------------------------------- what a poll says of the change rate


def rate_of(evidence: Evidence) -> float:
    """Changes a day, as believed after a month in which each poll came right after a change, one a day."""
    schedule, now, rng = made(watched(1)), START, random.Random(4)
    for _ in range(40):
        now += rng.expovariate(1 / DAY)
        schedule.observe("w0", now, changed=True, evidence=evidence)
    return schedule.rate("w0")[0] * DAY


def test_polls_that_changes_caused_themselves_do_not_make_an_account_look_busy() -> None:
    assert 0.6 <= rate_of(Evidence.EVENT) <= 1.6
    assert rate_of(Evidence.BIT) > 1.5 * rate_of(Evidence.EVENT)


def test_a_poll_that_came_too_early_teaches_nothing_but_is_a_poll() -> None:
    schedule = made(watched(1))
    before = schedule.rate("w0")
    schedule.observe("w0", START + DAY, changed=False, evidence=Evidence.NONE)
    assert schedule.rate("w0") == before
    due = schedule.due(START + DAY)
    assert due is not None
    assert due[0] > START + DAY


@pytest.mark.parametrize("ticked", [True, False])
def test_the_chance_of_a_change_grows_with_time_and_is_one_in_the_end(ticked: bool) -> None:
    schedule = hinted(watched(1, ticked=ticked))
    for day in range(1, 15):
        schedule.observe("w0", START + day * DAY, changed=day % 2 == 0)
    now = START + 15 * DAY
    chances = [schedule.chance("w0", now, now + span) for span in (0, 60, DAY / 4, DAY, 20 * DAY, 1e9)]
    assert chances == sorted(chances)
    assert chances[0] < 1e-6
    assert 0.2 < chances[3] < 0.8
    assert chances[-1] > 0.99


# ---------------------------------------------------------------- accounts that ticks ask for


def test_a_ticked_account_is_never_due_and_takes_no_part_in_what_is_planned() -> None:
    auto = watched(3, promise=DAY)
    both = [*auto, Item("t", 40, at_least_every=DAY, ticked=True)]
    alone, beside = made(auto), made(both)
    assert beside.feasibility() == alone.feasibility()
    assert beside.due(START) == alone.due(START)
    for item in auto:
        assert beside.interval(item.key) == pytest.approx(alone.interval(item.key))
    assert made(watched(3, ticked=True)).due(START + 10 * DAY) is None


def test_of_a_ticked_account_the_change_rate_is_learnt_and_kept() -> None:
    schedule = made(watched(1, ticked=True))
    for hour in range(1, 100):
        schedule.observe("w0", START + hour * 3600, changed=hour % 12 == 0)
    schedule.observe("w0", START + 100 * 3600, None)
    assert 1 < schedule.rate("w0")[0] * DAY < 4
    again = made(watched(1, ticked=True), state=json.loads(json.dumps(schedule.dump())))
    assert again.rate("w0") == schedule.rate("w0")


def test_a_poll_of_a_ticked_account_out_of_turn_is_paid() -> None:
    schedule = made(watched(1, ticked=True))
    schedule.take("w0", START)
    assert schedule.remaining == MONEY.remaining - 40


# ---------------------------------------------------------------- what hints tell of is not planned for


def test_an_account_that_is_told_of_is_polled_more_rarely_by_the_root_of_what_is_not() -> None:
    schedule = hinted(watched())
    before, ordinary = schedule.interval("w0"), schedule.ordinary("w0")
    assert before == pytest.approx(ordinary)
    schedule.trust("w0", 0.04)
    assert schedule.interval("w0") / schedule.ordinary("w0") == pytest.approx(5, rel=1e-6)
    schedule.trust("w0", 1.0)
    assert schedule.interval("w0") == pytest.approx(before, rel=0.05)


def test_trust_that_is_gained_and_lost_leaves_an_account_where_it_was_due() -> None:
    schedule = hinted(watched())
    before = schedule._known["w3"].due
    schedule.trust("w3", 0.1)
    assert schedule._known["w3"].due > before
    schedule.trust("w3", 1.0)
    assert schedule._known["w3"].due == pytest.approx(before)


def test_after_a_restart_it_is_planned_as_if_no_hint_told_until_hints_are_trusted_again() -> None:
    schedule, plain = hinted(watched()), hinted(watched())
    for number, item in enumerate(watched()):
        schedule.trust(item.key, 0.1 * (number + 1))
    again = Scheduler(watched(), MONEY, START, state=json.loads(json.dumps(schedule.dump())))
    for item in watched():
        assert again.interval(item.key) == pytest.approx(plain.interval(item.key), rel=0.1)
        assert again._known[item.key].due == pytest.approx(plain._known[item.key].due)


# ---------------------------------------------------------------- what hints take is not planned with


def spending(schedule: Scheduler, items: list[Item]) -> float:
    return sum(item.cost / schedule.interval(item.key) for item in items)


def test_what_is_put_aside_is_not_planned_with() -> None:
    items = watched()
    schedule = made(items)
    assert spending(schedule, items) == pytest.approx(MONEY.pace, rel=0.1)
    schedule.put_aside(0.4 * MONEY.pace, START)
    assert spending(schedule, items) == pytest.approx(0.6 * MONEY.pace, rel=0.1)
    schedule.put_aside(0.0, START)
    assert spending(schedule, items) == pytest.approx(MONEY.pace, rel=0.1)


def test_promises_that_can_be_paid_go_before_what_is_put_aside() -> None:
    items = watched(promise=DAY)
    schedule = made(items)  # 10 x 40 x 30 = 12,000 of 20,000 are promised
    schedule.put_aside(10 * MONEY.pace, START)
    assert schedule.stretch == 1
    assert max(schedule.interval(item.key) for item in items) <= DAY


@pytest.mark.parametrize(("share", "left"), [(0.2, 0.8), (10.0, 0.5)])
def test_promises_that_cannot_be_paid_leave_hints_what_they_take_up_to_a_half(
    share: float, left: float
) -> None:
    items = watched(promise=DAY / 4)  # 48,000 of 20,000
    schedule = made(items)
    before = schedule.stretch
    assert before > 2
    schedule.put_aside(share * MONEY.pace, START)
    assert schedule.stretch == pytest.approx(before / left, rel=0.15)


# ---------------------------------------------------------------- who is polled in which order


def order(speed: float = 1.0) -> tuple[PollOrder, list[Candidate]]:
    """A pace at which progress is time."""
    pace = Progress(START, Season())
    pace.speed = speed
    accounts = [Candidate(item, START - DAY, 1 / DAY, 1.0) for item in watched(3)]
    for number, account in enumerate(accounts):
        account.due = 100.0 * (number + 1)
    return PollOrder(pace), accounts


def test_who_falls_due_first_by_progress_is_first() -> None:
    queue, (one, two, three) = order()
    for account in (three, one, two):
        queue.early(account)
    first = queue.first(START)
    assert first is not None
    assert first[1] is one
    queue.drop(one)
    one.due = 1000.0
    queue.early(one)
    first = queue.first(START)
    assert first is not None
    assert first[1] is two


def test_who_is_due_but_was_asked_just_now_waits_for_the_shortest_interval() -> None:
    queue, (one, *_) = order()
    one.asked, one.due = START, 0.0
    queue.early(one)
    assert queue.first(START) == (START + 300, one)
    assert not one.early
    assert queue.first(START + 400) == (START + 400, one)


def test_at_no_progress_nobody_is_due_but_those_who_wait_for_a_time() -> None:
    queue, (one, two, _) = order(speed=0.0)
    queue.early(one)
    assert queue.first(START) is None
    queue.wait(two, START + 5)
    assert queue.first(START) == (START + 5, two)
    assert queue.waiting() == [two]
    assert queue.first(START) is None


def test_who_waits_for_money_is_not_due_until_there_is_some() -> None:
    queue, (one, two, _) = order()
    queue.park(one)
    queue.park(two)
    queue.early(two)  # it found some
    assert queue.last_parked(40) is one
    assert queue.last_parked(39) is None
    assert queue.unpark() == [one]
    assert queue.unpark() == []


def test_places_that_are_not_valid_any_more_are_forgotten() -> None:
    queue, (one, two, _) = order()
    for _ in range(200):
        queue.early(one)
    queue.early(two)
    queue.tidy(3)
    assert len(queue._early) == 2
    first = queue.first(START)
    assert first is not None
    assert first[1] is one

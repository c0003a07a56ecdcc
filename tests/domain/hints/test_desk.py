"""When a hinted account is polled, and when it is left to wait."""

from __future__ import annotations

import pytest

from tests.domain.hints.given import DAY, HOUR, START, desk, knowing, looks, poll
from watcher.domain.hints.desk import FIRST_DOUBT, GAP, RETRY, HintDesk
from watcher.domain.scheduler import Evidence

# ---------------------------------------------------------------- when


def test_a_cold_account_is_polled_at_once() -> None:
    made = desk()
    assert made.hint("a", "push", START)
    assert made.due(START) == (START, "a")


def test_a_hot_account_is_gathered_for_its_ordinary_interval() -> None:
    made = desk(rate=10 / HOUR)
    made.accounts["a"].last = START - 600
    made.hint("a", "push", START)
    assert not made.hint("a", "push", START + 60)
    assert made.due(START) == (START - 600 + HOUR, "a")


def test_no_hint_polls_sooner_than_ten_seconds_after_the_last_poll_by_a_hint() -> None:
    made = desk("a", "b")
    for key in ("a", "b"):
        made.hint(key, "push", START)
        poll(made, START, changed=True)
    made.hint("a", "push", START + 1)
    made.gap("b", START + 1, 0.0)
    assert made.due(START + 1) == (START + GAP, "a")
    poll(made, START + GAP, changed=True)
    due = made.due(START + 1)
    assert due is not None
    assert due[0] >= START + GAP


def test_a_hint_is_looked_into_at_once_however_short_a_time_ago_the_schedule_polled() -> None:
    made = desk()
    made.observe("a", START, START, changed=True, by_hint=False)
    made.hint("a", "push", START + 1)
    assert made.due(START + 1) == (START + 1, "a")


def test_a_gap_is_looked_into_once_within_an_ordinary_interval() -> None:
    made = desk("a", "b")
    made.accounts["b"].last = START - 1
    made.gap("a", START, 0.5)
    made.gap("b", START, 0.5)
    assert poll(made, START, changed=False) == "a"  # it was last polled long ago
    assert poll(made, START + HOUR / 2, changed=False) == "b"
    assert made.due(START + HOUR / 2) is None


def test_a_word_of_nobody_who_is_watched_or_from_whom_nothing_is_expected_costs_nothing() -> None:
    made = desk()
    assert not made.hint("stranger", "push", START)
    assert not made.hint("a", "other", START)
    made.gap("stranger", START, 0.0)
    made.failed("stranger", START)
    assert made.observe("stranger", START, START, changed=True, by_hint=False) is Evidence.BIT
    assert made.due(START) is None


def test_a_hint_that_is_pending_already_is_no_news_whoever_tells() -> None:
    made = desk(sources="push other")
    assert made.hint("a", "push", START)
    assert not made.hint("a", "other", START + 1)
    assert made.accounts["a"].pending is not None
    assert made.accounts["a"].pending.by == ["push", "other"]


# ---------------------------------------------------------------- looks


def test_while_the_lag_is_unknown_looks_are_made_at_growing_ages() -> None:
    assert looks(desk()) == [0, 10, 20, 30, 60, 120]  # none sooner than 10 s after another


def test_when_the_lag_is_known_the_first_look_waits_for_it_and_there_are_few() -> None:
    ages = looks(knowing(desk()))
    assert 13 <= ages[0] <= 25
    assert len(ages) <= 4


def test_where_changes_are_shown_at_once_no_look_waits_however_much_is_known() -> None:
    made = desk()
    for _ in range(30):
        made.lag["push"].learn(-1, 0.05)
    assert looks(made)[0] == 0


def test_looks_at_what_is_hardly_worth_a_poll_end_sooner() -> None:
    warm = looks(knowing(desk(rate=1 / HOUR / 3)))
    assert len(warm) < len(looks(knowing(desk())))


def test_a_change_ends_the_looks() -> None:
    made = desk()
    made.hint("a", "push", START)
    poll(made, START, changed=False)
    poll(made, START + 10, changed=True)
    assert made.due(START + 10) is None
    assert made.accounts["a"].barren == 0


def test_a_hint_that_came_while_a_poll_was_under_way_is_looked_into_again() -> None:
    for changed in (True, False):
        made = desk()
        made.take("a", START, by_hint=False)
        made.hint("a", "push", START + 1)
        assert made.due(START + 1) is None  # there is one poll at a time
        made.observe("a", START, START + 2, changed=changed, by_hint=False)
        assert made.due(START + 2) == (START + 2, "a")


def test_a_second_hint_that_came_while_its_poll_was_under_way_is_looked_into_again() -> None:
    made = desk()
    made.hint("a", "push", START)
    made.take("a", START, by_hint=True)
    made.hint("a", "push", START + 1)
    made.observe("a", START, START + 2, changed=True, by_hint=True)
    assert made.due(START + 2) == (START + GAP, "a")


def test_missed_hints_told_of_while_a_poll_was_under_way_are_looked_into_again() -> None:
    made = desk()
    made.take("a", START, by_hint=False)
    made.gap("a", START + 1, 0.0)
    made.observe("a", START, START + 2, changed=False, by_hint=False)
    assert made.due(START + 2) == (START + 2 + HOUR, "a")


def test_a_poll_of_any_cause_answers_a_hint() -> None:
    made = desk()
    made.hint("a", "push", START)
    made.observe("a", START, START, changed=True, by_hint=False)
    assert made.due(START) is None


# ---------------------------------------------------------------- doubt and failures


def nothing_came(made: HintDesk, times: int) -> float:
    """So many hints came to nothing; when the last poll was."""
    now = START
    for _ in range(times):
        now += 2 * DAY
        made.hint("a", "push", now)
        while (due := made.due(now)) is not None:
            now = due[0]
            poll(made, now, changed=False)
    return now


@pytest.mark.parametrize(("times", "wait"), [(1, FIRST_DOUBT), (2, 4 * FIRST_DOUBT), (3, 16 * FIRST_DOUBT)])
def test_after_hints_that_came_to_nothing_the_next_one_waits(times: int, wait: float) -> None:
    made = desk()
    last = nothing_came(made, times)
    made.hint("a", "push", last + 20)
    assert made.due(last + 20) == (last + wait, "a")


def test_doubt_ends_at_the_ordinary_interval() -> None:
    made = desk()
    last = nothing_came(made, 9)
    made.hint("a", "push", last + 20)
    assert made.due(last + 20) == (last + HOUR, "a")


def test_doubt_grows_with_the_log_of_a_flood() -> None:
    made = desk()
    made.hint("a", "push", START)
    for second in range(999):
        made.hint("a", "push", START + second / 1000)
    while (due := made.due(START)) is not None:
        poll(made, due[0], changed=False)
        last = due[0]
    made.accounts["a"].barren, made.accounts["a"].lies = 5, 5000
    made.hint("a", "push", last + 20)
    assert made.due(last + 20) == (last + 4 * HOUR, "a")


def test_a_hint_that_comes_true_ends_the_doubt() -> None:
    made = desk()
    last = nothing_came(made, 3) + DAY
    made.hint("a", "push", last)
    poll(made, last, changed=True)
    made.hint("a", "push", last + DAY)
    assert made.due(last + DAY) == (last + DAY, "a")


def test_a_change_that_is_found_by_chance_does_not_end_the_doubt() -> None:
    made = desk(rate=20 / HOUR, chance=1.0)
    made.accounts["a"].barren = made.accounts["a"].lies = 3
    for _ in range(400):
        made.trust["push"].hint(0.0, 1.0)
    made.hint("a", "push", START)
    poll(made, START, changed=True)
    assert made.accounts["a"].barren == 3


def test_a_failed_poll_is_tried_again_with_patience() -> None:
    made = desk()
    made.hint("a", "push", START)
    now, waits = START, []
    for _ in range(9):
        made.take("a", now, by_hint=True)
        made.failed("a", now)
        due = made.due(now)
        assert due is not None
        waits.append(due[0] - now)
        now = due[0]
    assert waits[:4] == [RETRY, 2 * RETRY, 4 * RETRY, 8 * RETRY]
    assert max(waits) == HOUR
    made.take("a", now, by_hint=True)
    made.observe("a", now, now, changed=False, by_hint=True)
    assert made.accounts["a"].failures == 0


# ---------------------------------------------------------------- what it says of the change rate


def test_a_change_that_a_lone_hint_told_of_is_an_event() -> None:
    made = desk()
    made.hint("a", "push", START)
    made.take("a", START, by_hint=True)
    assert made.observe("a", START, START, changed=True, by_hint=True) is Evidence.EVENT


def test_a_poll_whose_answer_may_be_hidden_still_says_nothing() -> None:
    made = knowing(desk(), *[120.0] * 30)
    made.hint("a", "push", START)
    assert made.observe("a", START + 20, START + 20, changed=False, by_hint=False) is Evidence.NONE


def test_a_gathered_burst_counts_as_one_bit() -> None:
    made = desk()
    for second in range(3):
        made.hint("a", "push", START + second)
    assert made.observe("a", START + 5, START + 5, changed=True, by_hint=False) is Evidence.BIT


# ---------------------------------------------------------------- clocks, and many accounts


def test_after_a_clock_was_set_back_no_hint_waits_for_it_to_catch_up() -> None:
    made = desk("a", "b")
    poll_at, back = START + 9 * DAY, START
    made.hint("a", "push", poll_at)
    poll(made, poll_at, changed=True)
    made.hint("b", "push", poll_at)
    made.trust["push"].silent_since = poll_at
    made.rewind(back)
    assert made.trust["push"].silent_since == back
    assert made.due(back) == (back, "b")
    made.hint("a", "push", back + 1)
    poll(made, back, changed=True)
    assert made.due(back + 1) == (back + GAP, "a")


def test_what_is_due_is_forgotten_when_it_is_not_any_more() -> None:
    made = desk(*map(str, range(10)))
    for turn in range(2000):
        made.hint(str(turn % 10), "push", START + turn)
        made.postpone(str(turn % 10), START + turn + 30 * DAY)
    assert len(made._heap) <= 2 * 10 + 65


def test_an_age_beyond_all_known_lags_is_not_waited_for_out_of_curiosity() -> None:
    made = knowing(desk())
    for turn in range(100):
        now = START + turn * DAY
        made.hint("a", "push", now)
        made.take("a", now + 1000, by_hint=True)
        made.observe("a", now + 1000, now + 1000, changed=False, by_hint=True)
        assert made.accounts["a"].pending is None


def test_a_hint_of_a_pending_account_costs_next_to_nothing() -> None:
    """100,000 a second are told of, and of each account at most one poll is planned."""
    made = desk()
    made.hint("a", "push", START)
    place = made.due(START)
    for count in range(1000):
        made.hint("a", "push", START + count / 100_000)
    assert len(made._heap) == 1
    assert made.due(START) == place

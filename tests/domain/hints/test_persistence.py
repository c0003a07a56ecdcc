"""What was learnt of hints outlasts a restart; what was damaged changes nothing."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.domain.hints.given import DAY, START, World, budget, desk, items, knowing, scheduler
from watcher.domain.hints.desk import HintDesk
from watcher.domain.hints.persistence import HintStandings, dump, restore


def learnt() -> HintDesk:
    """One that knows of everything that can be known."""
    made = knowing(desk("a", "b", "c", sources="push other"))
    for number, key in enumerate("abab"):
        now = START + number * DAY
        made.hint(key, "push", now)
        made.take(key, now, by_hint=True)
        made.observe(key, now, now + 1, changed=number < 3, by_hint=True)
    made.accounts["a"].barren, made.accounts["a"].lies = 2, 5
    made.hint("a", "push", START + 5 * DAY)
    made.gap("c", START + 5 * DAY, 0.5)
    return made


STATE = json.loads(json.dumps(dump(learnt())))


def again(state: Any, *keys: str, sources: str = "push other") -> HintDesk:
    made = desk(*(keys or ("a", "b", "c")), sources=sources)
    restore(made, state, START + 6 * DAY)
    return made


def test_what_was_learnt_is_the_same_after_a_restart() -> None:
    made, before = again(STATE), learnt()
    kept = json.loads(json.dumps(dump(made)))
    assert kept["accounts"] == STATE["accounts"]
    for name, (trust, (odds, count, _turn)) in kept["sources"].items():
        assert [trust, odds, count] == [STATE["sources"][name][0], *STATE["sources"][name][1][:2]]
    for key in "abc":
        assert made.untold(key) == before.untold(key)


def test_hints_that_waited_are_told_again_and_so_is_that_some_may_be_missing() -> None:
    made = again(STATE, "b", "c")
    assert made.accounts["b"].pending is not None
    assert made.accounts["b"].pending.by == ["push"]
    assert made.accounts["c"].pending is not None
    assert made.accounts["c"].pending.by == []
    assert made.due(START + 6 * DAY) is not None


def test_sources_and_accounts_that_are_not_there_any_more_vanish() -> None:
    made = again(STATE, "a", sources="other")
    assert set(made.accounts) == {"a"}
    assert set(made.trust) == set(made.lag) == {"other"}
    assert made.accounts["a"].pending is None
    assert "push" not in dump(made)["sources"]


def test_a_schedule_goes_on_with_the_same_decisions() -> None:
    world = World(items(5), budget(1000), 6, told=lambda key: float(key < "w3"))
    before = world.run()
    kept = json.loads(json.dumps([before.dump_hints(), before.dump()]))
    now = world.polls[-1][0]
    after = scheduler(world.watched, world.money, hints=kept[0], state=kept[1])
    for made in (before, after):
        made.set_budget(world.money, now)
    for item in world.watched:
        assert after.desk.untold(item.key) == before.desk.untold(item.key)
        assert after.ordinary(item.key) == pytest.approx(before.ordinary(item.key), rel=0.1)


def test_accounts_of_which_nothing_is_known_take_no_room() -> None:
    assert dump(desk("a", "b"))["accounts"] == {}


def test_a_state_of_another_version_is_refused() -> None:
    with pytest.raises(ValueError, match="version"):
        again({**STATE, "version": 2})


def places(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in a JSON-able value."""
    found = [at]
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in inner:
        found += places(each, (*at, key))
    return found


JUNK = st.one_of(
    st.none(),
    st.booleans(),
    st.sampled_from(
        [-1, 10**400, 1e308, -0.5, float("nan"), float("inf"), "", "push", [], {}, [[]], [1] * 7]
    ),
    st.lists(st.integers() | st.text(max_size=2) | st.floats(), max_size=7),
    st.dictionaries(st.text(max_size=2), st.integers(), max_size=2),
)


@given(place=st.sampled_from(places(STATE)), junk=JUNK, data=st.booleans())
def test_a_damaged_state_is_refused_whole_or_can_be_worked_with(
    place: tuple[Any, ...], junk: Any, data: bool
) -> None:
    state: Any = copy.deepcopy(STATE)
    if place:
        inner = state
        for key in place[:-1]:
            inner = inner[key]
        if data and isinstance(inner, dict):
            del inner[place[-1]]
        else:
            inner[place[-1]] = junk
    else:
        state = junk
    made = desk("a", "b", "c", sources="push other")
    fresh = json.dumps(dump(made))
    try:
        restore(made, state, START + 6 * DAY)
    except (ValueError, KeyError, TypeError):
        assert json.dumps(dump(made)) == fresh
        return
    now = START + 7 * DAY
    for key in "abc":
        assert 0 < made.untold(key) <= 1
        made.hint(key, "push", now)
        made.observe(key, now + 20, now + 20, changed=True, by_hint=True)
        made.hint(key, "other", now + 60)
        made.observe(key, now + 90, now + 90, changed=False, by_hint=False)
        due = made.due(now + 90)
        assert due is None or now <= due[0] < now + 30 * DAY
    json.dumps(dump(made), allow_nan=False)


@settings(max_examples=25)
@given(text=st.one_of(st.none(), st.text(max_size=5), JUNK.map(json.dumps)))
def test_people_are_shown_nothing_of_what_cannot_be_read(text: str | None) -> None:
    assert HintStandings.load(text) is None


def test_people_are_shown_what_was_kept() -> None:
    shown = HintStandings.load(json.dumps(STATE))
    assert shown is not None
    assert set(shown.sources) == {"push", "other"}
    lag, longest = shown.sources["push"].lag, shown.sources["push"].longest_lag
    assert lag is not None
    assert longest is not None
    assert 0 <= lag <= longest <= 20
    assert shown.sources["other"].lag is None
    assert 0 < shown.untold["a"] < 1

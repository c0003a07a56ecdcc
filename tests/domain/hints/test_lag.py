"""The provider's lag is learnt from looks, also when it changes."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.domain.hints.given import DAY, START, World, budget, items
from watcher.domain.hints.lag import AGES, ProviderLag, Stakes


def known(lag: float = 15.0, looks: int = 40) -> ProviderLag:
    made = ProviderLag()
    for _ in range(looks):
        made.learn(lag - 2, lag)
    return made


def middle(lag: ProviderLag) -> tuple[float, float]:
    return lag.quantile(0.5), lag.quantile(0.9)


def world(lag: float, days: float, **changes: Any) -> World:
    return World(items(12), budget(12 * 40 * 4), days, lag=lag, **changes)


def test_a_lag_of_which_the_hint_takes_a_part_is_learnt() -> None:
    lag = world(15, 10, late=(2.0, 15.0)).run().desk.lag["push"]
    half, most = middle(lag)
    assert 3 <= half <= 10  # 15 s less 2 to 15 s
    assert 10 <= most <= 17


def test_a_lag_that_becomes_longer_is_learnt_anew() -> None:
    tried = world(15, 10)
    assert middle(tried.run(START + 5 * DAY).desk.lag["push"])[1] <= 17
    tried.lag = 120
    half, most = middle(tried.run().desk.lag["push"])
    assert half >= 60
    assert 90 <= most <= 180


def test_a_lag_that_becomes_shorter_is_learnt_anew() -> None:
    tried = world(120, 10)
    assert middle(tried.run(START + 5 * DAY).desk.lag["push"])[0] >= 60
    tried.lag = 15
    assert middle(tried.run().desk.lag["push"])[0] <= 20


def test_of_warm_accounts_too_a_lag_that_becomes_longer_is_learnt_anew() -> None:
    """Of each some hints are looked into up to the oldest age, though it is not worth it."""
    tried = world(15, 12, changes=2.0)
    tried.run(START + 5 * DAY)
    tried.lag = 120
    assert middle(tried.run().desk.lag["push"])[0] >= 60


@pytest.mark.parametrize("age", [30.0, 60.0, 600.0, 1e6])
def test_changes_that_nobody_looked_for_sooner_say_nothing_of_the_lag(age: float) -> None:
    lag = known()
    for _ in range(200):
        lag.learn(-1, age)
    assert 10 <= lag.quantile(0.5) <= 20


def test_nothing_is_known_before_some_changes_and_the_first_look_is_at_once() -> None:
    lag = ProviderLag()
    assert not lag.known
    assert lag.first(Stakes(0.8, 60, 0.03, 1800)) == 0
    for _ in range(8):
        lag.learn(13, 15)
    assert lag.known


def test_now_and_then_a_look_is_made_sooner_to_learn_of_a_provider_that_became_faster() -> None:
    lag, stakes = known(), Stakes(0.9, 60, 0.03, 1800)
    ages = [lag.first(stakes) for _ in range(40)]
    assert sorted(set(ages)) == [ages[0] / 2, ages[0]]
    assert ages.count(ages[0]) == 38


def test_a_dear_poll_waits_longer_than_a_cheap_one() -> None:
    lag = known()
    for late in (20.0, 25.0, 30.0, 40.0, 60.0):
        lag.learn(late - 2, late)
    cheap, dear = (lag.first(Stakes(0.9, price, 0.03, 1800)) for price in (1.0, 600.0))
    assert cheap <= dear


def test_three_looks_are_enough_to_learn_of_another_lag() -> None:
    lag = known(15, 500)
    for _ in range(3):
        lag.learn(60, 120)
    assert lag.quantile(0.5) >= 60


def test_one_strange_look_is_not_another_lag() -> None:
    lag = known(15, 500)
    lag.learn(60, 120)
    assert lag.quantile(0.8) <= 20


@given(looks=st.lists(st.tuples(st.floats(-1, 2000), st.floats(0, 2000)), max_size=60))
def test_whatever_is_seen_the_shares_are_shares(looks: list[tuple[float, float]]) -> None:
    lag = ProviderLag()
    for hidden, shown in looks:
        lag.learn(hidden, shown)
    tails = [lag.tail(age) for age in AGES]
    assert all(-1e-9 <= b <= a + 1e-9 <= 1 + 2e-9 for a, b in pairwise(tails))
    assert lag.quantile(0.5) in AGES
    assert lag.first(Stakes(0.5, 60, 0.1, 1800)) <= AGES[-1]
    later = lag.after(lag.quantile(0.95))
    assert later is None or later > lag.quantile(0.95) + 1


def test_what_is_learnt_is_the_same_after_a_restart() -> None:
    lag = known()
    again = ProviderLag.load(lag.dump())
    assert again.dump() == lag.dump()
    assert [again.tail(age) for age in AGES] == [lag.tail(age) for age in AGES]

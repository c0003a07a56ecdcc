"""What people are told where not all can be kept: whole sentences with numbers, or nothing."""

from __future__ import annotations

import logging
import re
from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fakes import FakeClock
from watcher.domain.credits.allowance import Allowance, CreditPlan, Window
from watcher.domain.model import Account
from watcher.domain.scheduler import Budget
from watcher.domain.scheduler.items import Candidate, Item
from watcher.domain.scheduler.promises import Promises
from watcher.queues.memory import PollQueue
from watcher.service.auto_schedule import AutoScheduler
from watcher.service.schedule_items import AutoItem, FixedItems, SourceDemand, calls_a_second
from watcher.store.memory.store import MemoryStore

WINDOWS = st.sampled_from(
    [(), (Window(300, 60),), (Window(300, 60), Window(30_000, 86_400)), (Window(1, 86_400),)]
)
COSTS = st.sampled_from([1.0, 40.0, 400.0])
LENGTHS = st.sampled_from([timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=12)])
RATES = st.sampled_from([0.0, 1e-6, 0.003, 0.35, 1.0, 50.0])
SENTENCE = re.compile(
    r"s: the intervals that were set or promised cost "
    r"([1-9][\d,]* of [1-9][\d,]* (credits|calls) a (month|day)"
    r"|[\d,]+ (credits|calls) until 20\d\d-\S+ \S+ UTC, more than are left): "
    r"(they are stretched evenly, the longest (to \d\S* (h|d|min|s)|to [\d.]+m?s|beyond 20\S+ \S+ UTC))?"
    r"((^|; |(?<=: ))(less than )?[1-9]\d?% of the ticks of "
    r"(cron lines and of sweeps|fixed intervals and cron lines) are kept)?"
    r"(; next to nothing is left for [1-9]\d* on auto without at_least_every)?; `watcher plan` shows each"
)


class Spent(MemoryStore):
    def __init__(self, spent: int) -> None:
        super().__init__()
        self._spent = spent

    async def spent(self, source: str, since: datetime) -> int:
        return self._spent


def accounts(
    letter: str, count: int, cost: float, every: timedelta | None, least: timedelta
) -> list[AutoItem]:
    return [
        AutoItem(Account("s", "c", f"{letter}{n}"), cost, at_least_every=every, min_every=least)
        for n in range(count)
    ]


def at_once(letter: str, count: int, cost: float, every: timedelta) -> FixedItems:
    return FixedItems([Account("s", "c", f"{letter}{n}") for n in range(count)], cost, every)


@settings(max_examples=150)
@given(data=st.data())
async def test_no_sentence_has_an_empty_list_or_a_plan_of_nothing(data: st.DataObject) -> None:
    limit = data.draw(st.none() | st.sampled_from([1, 39, 1000, 20_000, 10_000_000]))
    windows = data.draw(WINDOWS)
    allowance = Allowance(None if limit is None else CreditPlan(limit), windows)
    spent = 0 if limit is None else data.draw(st.sampled_from([0, limit // 2, limit, limit + 40]))
    fixed = data.draw(LENGTHS)
    schedule = AutoScheduler(
        "s", allowance,
        SourceDemand(
            accounts(
                "a", data.draw(st.integers(0, 2)), data.draw(COSTS), data.draw(st.none() | LENGTHS), fixed
            ),
            [at_once("f", data.draw(st.integers(0, 2)), data.draw(COSTS), fixed)] if limit else (),
            data.draw(RATES),
        ),
        Spent(spent), FakeClock(), PollQueue(),
    )  # fmt: skip
    said: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: said.append(record.getMessage())  # type: ignore[method-assign]
    log = logging.getLogger("watcher.service.auto_schedule")
    log.addHandler(handler)
    try:
        await schedule.begin()
    finally:
        log.removeHandler(handler)
    assert len(said) <= 1
    for sentence in said:
        assert SENTENCE.fullmatch(sentence), sentence
        assert ": ; " not in sentence


@pytest.mark.parametrize("spare", [1.0, 1.0000001, 0.9999999])
async def test_ticks_that_take_just_what_there_is_are_not_worth_a_word(
    caplog: pytest.LogCaptureFixture, spare: float
) -> None:
    """Nothing is left for the cadence, and nothing is asked of it: once a sentence with nothing in it."""
    allowance = Allowance(None, (Window(300, 60), Window(30_000, 86_400)))
    taken = calls_a_second(allowance) * spare
    schedule = AutoScheduler(
        "s", allowance, SourceDemand(taken=taken), MemoryStore(), FakeClock(), PollQueue()
    )
    with caplog.at_level(logging.WARNING):
        await schedule.begin()
    assert [record.getMessage() for record in caplog.records] == []


def test_where_nothing_is_promised_nothing_is_stretched() -> None:
    """Whatever is left: only a promise can be stretched."""
    none, some = Item("a"), Item("b", at_least_every=3600)
    promises = Promises()
    for budget in (Budget(0, 0, 1e6), Budget(0, -5, 1e6)):
        promises.settle([], 0, budget)
        assert promises.stretch == 1
        promises.settle([Candidate(none, 0, 1e-5, 1.0)], 0, budget)
        assert promises.stretch == 1
        promises.settle([Candidate(some, 0, 1e-5, 1.0)], 0, budget)
        assert promises.stretch > 1e6


async def test_accounts_for_which_nothing_is_left_are_told(caplog: pytest.LogCaptureFixture) -> None:
    soon = timedelta(minutes=1)
    schedule = AutoScheduler(
        "s", Allowance(CreditPlan(20_000)),
        SourceDemand(accounts("a", 2, 40, None, soon), [at_once("f", 1, 40, soon)]),
        Spent(0), FakeClock(), PollQueue(),
    )  # fmt: skip
    with caplog.at_level(logging.WARNING):
        await schedule.begin()
    (said,) = [record.getMessage() for record in caplog.records]
    assert "; next to nothing is left for 2 on auto without at_least_every;" in said

"""Outages are remembered for as long as charts reach back, at no cost to a poll."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from tests.contract.given import COLD, ETH, HOT, NOW, after, alert, changed, known
from tests.store.given import opened, rows
from tests.store.test_chart_data import poll, tracks
from watcher.domain.alerts.lifecycle import AlertState
from watcher.domain.decision import Decision
from watcher.domain.evaluation.builtin_notices import EXHAUSTED_RULE, FAILING_RULE
from watcher.domain.history.timeline import Gap
from watcher.domain.model import Account
from watcher.domain.records import replace
from watcher.ports.queries import ChartQuery
from watcher.store.sqlite.store import SqliteStore

LATER = timedelta(days=60)
"""When the poll log has forgotten."""


async def read(store: SqliteStore, hours: float, account: Account = HOT) -> None:
    at = after(hours=hours)
    changes = (changed(account, ETH, None, "5", at),) if not hours else ()
    await poll(store, Decision(at, accounts=(known(account, at, ethereum="5"),), changes=changes))


async def missed(store: SqliteStore, read_at: float, *hours: float) -> None:
    for number, hour in enumerate(hours, 1):
        state = known(HOT, after(hours=read_at), ethereum="5")
        state = state._replace(last_attempt=after(hours=hour), misses=number, miss="timeout")
        await poll(store, Decision(after(hours=hour), accounts=(state,)))


async def forgotten(store: SqliteStore) -> None:
    while await store.tidy(NOW + LATER):
        pass


def spells(path: Path, since: datetime = NOW, until: datetime = NOW + LATER) -> tuple[Gap, ...]:
    return tracks(path, ChartQuery((HOT,), since, until, wallet="hot")).looked[HOT].spells


async def test_three_failed_polls_in_a_row_are_remembered_when_the_poll_log_is_gone(path: Path) -> None:
    async with opened(path) as store:
        await read(store, 0)
        await missed(store, 0, 1, 2, 3, 4)
        assert spells(path) == ()  # it may still be read
        await read(store, 5)
        await read(store, 6)
        await missed(store, 6, 7, 8)  # two are every network's
        await read(store, 9)
        await forgotten(store)
        assert rows(path, "SELECT count(*) FROM requests") == [(0,)]
    assert spells(path) == (Gap(NOW, after(hours=5)),)
    assert spells(path, after(hours=5)) == ()
    assert spells(path, NOW - LATER, NOW) == ()


async def test_polls_that_succeed_write_no_row_and_a_clock_set_back_none_either(path: Path) -> None:
    async with opened(path) as store:
        await read(store, 0)
        for hours in range(1, 20):
            await read(store, hours)
        await missed(store, 19, 20, 21, 22)
        await read(store, 18)
    assert rows(path, "SELECT count(*) FROM spells") == [(0,)]


@pytest.mark.parametrize("rule", [FAILING_RULE, EXHAUSTED_RULE])
async def test_the_notice_about_a_source_says_when_none_of_its_accounts_were_read(
    path: Path, rule: str
) -> None:
    """Of a source that fails one account at a time is asked for: the others have no failed polls."""
    failed = replace(
        alert(), rule=rule, subject="coinstats", fired_at=after(hours=2), resolved_at=after(hours=8),
        state=AlertState.RESOLVED,
    )  # fmt: skip
    other = replace(failed, id="a2", subject="teos")
    still = replace(failed, id="a3", state=AlertState.FIRING, fired_at=after(hours=9), resolved_at=None)
    async with opened(path) as store:
        await read(store, 0)
        await store.conclude([], lambda *_: Decision(NOW, alerts=(failed, other, still)))
        await forgotten(store)
    assert spells(path) == (Gap(after(hours=2), after(hours=8)),)


async def test_what_is_older_than_any_chart_is_dropped(path: Path) -> None:
    async with opened(path) as store:
        await read(store, 0)
        await read(store, 0, COLD)
        await missed(store, 0, 1, 2, 3)
        await read(store, 4)
        while await store.tidy(NOW + timedelta(days=365)):
            pass
        assert rows(path, "SELECT count(*) FROM spells") == [(1,)]
        while await store.tidy(NOW + timedelta(days=401)):
            pass
    assert rows(path, "SELECT count(*) FROM spells") == [(0,)]

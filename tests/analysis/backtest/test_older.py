"""History older than the poll log: readings are assumed where something was kept, silence is not judged."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from tests.analysis.backtest.given import (
    World,
    backtested,
    daemon,
    history,
    live,
    minutes,
    rule,
    told_by_backtest,
    told_by_daemon,
)
from tests.domain.given import BOND, DESK, ETH, HOT, SOL, SWEEP
from tests.fakes import START, FakeClock
from watcher.analysis.backtest import unknowns
from watcher.domain.history.reconstruction import assumed_polls
from watcher.domain.model import MissReason

RULES = [
    rule(id="low", type="threshold", match={"assets": ["ETH"]}, below="1"),
    rule(id="rich", type="threshold", metric="value_usd", above="21000", match={"wallets": ["fund"]}),
    rule(id="moved", type="change", by="10%"),
    rule(id="gone", type="asset", event="disappears"),
    rule(id="silent", type="no_data", longer_than="17m"),
]


async def recorded(path: Path) -> None:
    clock, world = FakeClock(), World()
    steps = {
        7.0: lambda w: w.amounts[HOT].update({ETH: "0.5"}),
        22.0: lambda w: w.amounts[HOT].update({ETH: "3"}),
        41.0: lambda w: w.amounts[SWEEP].pop(SOL),
        61.0: lambda w: w.prices.update({ETH: "2201"}),
        121.0: lambda w: w.prices.update({ETH: "1900"}),
        131.0: lambda w: w.missing.update({DESK: MissReason.TIMEOUT}),
        161.0: lambda w: w.missing.clear(),
        171.0: lambda w: w.amounts[DESK].update({BOND: "500"}),
    }
    async with daemon(path, clock, world, RULES):
        await live(clock, world, steps, 200)


async def test_what_changes_say_is_told_at_the_same_times(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "watcher.db"
    await recorded(path)
    known = told_by_daemon(path)
    with sqlite3.connect(path) as conn:
        conn.execute("UPDATE requests SET outcomes = NULL")
        conn.execute("DELETE FROM runs")

    played = await backtested(path, RULES, START + minutes(200), monkeypatch)

    assert "silent" in {row[1] for row in known}
    told = [row[:4] for row in told_by_backtest(played)]
    assert told == [row[:4] for row in known if row[1] != "silent"]


async def test_from_the_first_known_poll_on_silence_is_judged_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "watcher.db"
    await recorded(path)
    with sqlite3.connect(path) as conn:
        conn.execute("UPDATE requests SET outcomes = NULL WHERE id <= (SELECT max(id) / 3 FROM requests)")
        conn.execute("DELETE FROM runs")

    played = await backtested(path, RULES, START + minutes(200), monkeypatch)

    assert {row[1:4] for row in told_by_backtest(played)} == {row[1:4] for row in told_by_daemon(path)}


async def test_what_is_assumed_is_said(tmp_path: Path) -> None:
    path = tmp_path / "watcher.db"
    await recorded(path)
    everything = history(path)

    assert not any("no_data" in words for words in unknowns(everything, START + minutes(60), RULES))
    assert any("no_data" in words for words in unknowns(everything, START - minutes(60), RULES))
    credits_rule = rule(id="credits", type="budget", source="coinstats", used="80%")
    assert "rules about credits (budget) are left out" in unknowns(everything, START, [credits_rule])


async def test_nothing_is_assumed_of_the_time_before_an_account_was_seen(tmp_path: Path) -> None:
    path = tmp_path / "watcher.db"
    await recorded(path)
    everything = history(path)

    records = assumed_polls(everything, START + minutes(200))

    assert [record.at for record in records] == sorted(record.at for record in records)
    first = {change.account: change.after_at for change in reversed(everything.changes)}
    assert all(record.at >= first[account] for record in records for account in record.read)

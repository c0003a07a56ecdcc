"""Rules that look back, the whole way: poller, history on disk, restarts, crashes between."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.domain.given import ETH, HOT, WALLETS, reading
from tests.fakes import FakeClock, FakeSource
from tests.service.given import make_engine, make_poller
from tests.store.given import by_hand, rows
from watcher.domain.credits.allowance import Purpose
from watcher.domain.evaluation.memo import Memo
from watcher.domain.evaluation.rule_index import Rules
from watcher.domain.model import Account, Asset, Outcome, subject_key
from watcher.domain.rules import TYPES, Rule
from watcher.domain.values.errors import StoreError
from watcher.ports.queue import Batch
from watcher.reports.rule_distance import AssetSubject, RuleDistance
from watcher.service.polling import Poller
from watcher.store.sqlite.queries import SqliteQueries
from watcher.store.sqlite.store import SqliteStore

TEN = timedelta(minutes=10)


def rule(kind: str, **fields: Any) -> Rule:
    return TYPES[kind].model_validate({"id": kind, **fields})


class Bench:
    """One account, a source that answers what it is told to, and the store on disk."""

    def __init__(self, path: Path, *rules: Rule) -> None:
        self.path, self.rules, self.clock = path, rules, FakeClock()
        self.held = "0"
        self.scales: Mapping[Asset, int] = {}

    @asynccontextmanager
    async def running(self, *rules: Rule) -> AsyncIterator[Poller]:
        """The daemon from start to end, perhaps under other rules."""
        store = await SqliteStore.open(self.path, exclusive=True)
        self.rules = rules or self.rules
        chosen = Rules(self.rules, {HOT: WALLETS[HOT]}, ("ops",))
        source = FakeSource(answers=self._answer)
        try:
            await make_engine(store, chosen, self.clock).take_effect()
            yield make_poller(source, store, chosen, self.clock)
        finally:
            await store.close()

    def _answer(self, account: Account) -> Outcome | None:
        return reading(account, {ETH: self.held})._replace(scales=self.scales)

    async def poll(self, poller: Poller, held: str, after: timedelta = TEN) -> None:
        self.held = held
        self.clock.set_back(-after)
        await poller.poll(Batch((HOT,), Purpose.SCHEDULED))

    async def see(self, held: str, after: timedelta = TEN) -> None:
        """One poll by a process of its own: everything in between is on disk."""
        async with self.running() as poller:
            await self.poll(poller, held, after)

    def told(self) -> list[str]:
        """The titles of all messages, in their order."""
        return [title for (title,) in rows(self.path, "SELECT title FROM messages ORDER BY id")]


@contextmanager
def reports(bench: Bench) -> Iterator[tuple[RuleDistance, AssetSubject]]:
    """What reports say of the account's asset."""
    with SqliteQueries(bench.path) as reader:
        past, rules = reader.past(), Rules(bench.rules, {HOT: WALLETS[HOT]}, ("ops",))
        subject = AssetSubject(
            subject_key(HOT, ETH), "", "hot", HOT, past.accounts[HOT], ETH, "ETH", alert_label=""
        )
        yield RuleDistance(Memo().under(rules, past), reader, bench.clock.now(), past), subject


CHANGES = {
    "window": rule("change", by="10%", within="1h", direction="out"),
    "drift": rule("change", by="10%", since="notified", direction="out"),
}


@pytest.mark.parametrize("name", CHANGES)
async def test_a_move_in_steps_is_told_once_whatever_restarts(tmp_path: Path, name: str) -> None:
    bench = Bench(tmp_path / "w.db", CHANGES[name])
    for held in ("100", "95", "90", "90", "89", "81"):
        await bench.see(held)

    assert [title[:7] for title in bench.told()] == ["−10 ETH", "−9 ETH "]


@pytest.mark.parametrize("name", CHANGES)
async def test_one_process_tells_what_many_would(tmp_path: Path, name: str) -> None:
    bench = Bench(tmp_path / "w.db", CHANGES[name])
    async with bench.running() as poller:
        for held in ("100", "95", "90", "90", "89", "81"):
            await bench.poll(poller, held)

    assert [title[:7] for title in bench.told()] == ["−10 ETH", "−9 ETH "]


@pytest.mark.parametrize("table", ["marks", "deliveries", "changes"])
@pytest.mark.parametrize("name", CHANGES)
async def test_what_is_told_and_what_is_remembered_are_kept_together_or_not_at_all(
    tmp_path: Path, name: str, table: str
) -> None:
    bench = Bench(tmp_path / "w.db", CHANGES[name])
    await bench.see("100")
    await bench.see("95")
    before = rows(bench.path, "SELECT * FROM marks")
    with by_hand(bench.path) as conn:
        conn.execute(f"CREATE TRIGGER broken BEFORE INSERT ON {table} BEGIN SELECT RAISE(ABORT, 'no'); END")

    with pytest.raises(StoreError, match="no"):
        await bench.see("90")

    assert rows(bench.path, "SELECT * FROM marks") == before
    assert bench.told() == []
    with by_hand(bench.path) as conn:
        conn.execute("DROP TRIGGER broken")
    await bench.see("90")
    await bench.see("89.9")
    assert len(bench.told()) == 1


async def test_an_edited_rule_sends_nothing_and_a_removed_one_forgets(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "w.db", CHANGES["drift"])
    await bench.see("100")
    await bench.see("95")
    assert rows(bench.path, "SELECT rule, amount, symbol FROM v_marks") == [("change", "100", "ETH")]

    async with bench.running(rule("change", by="5%", since="notified")) as poller:
        await bench.poll(poller, "94")
    assert bench.told() == []
    assert rows(bench.path, "SELECT amount FROM marks") == [("95",)]

    async with bench.running(CHANGES["window"].model_copy(update={"id": "other"})):
        pass
    assert rows(bench.path, "SELECT count(*) FROM marks") == [(0,)]


RUNWAY = rule("runway", shorter_than="5d", trailing="3d", clear_longer_than="8d")


@pytest.mark.parametrize("restarts", [False, True])
async def test_a_runway_fires_and_resolves_from_stored_history(tmp_path: Path, *, restarts: bool) -> None:
    bench = Bench(tmp_path / "w.db", RUNWAY)
    seen = ("9", "8", "7", "6", "5", "4", "4.5", "30")
    async with bench.running() as poller:
        for held in () if restarts else seen:
            await bench.poll(poller, held, timedelta(days=1))
    for held in seen if restarts else ():
        await bench.see(held, timedelta(days=1))

    assert bench.told() == [
        "hot: lasts about 4 days at 1 ETH a day over the last 72 h",
        "hot: lasts about 90 days at 0.333 ETH a day over the last 72 h",
    ]


async def test_after_a_change_of_unit_reports_measure_no_move_from_the_old_unit(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "w.db", CHANGES["window"])
    bench.scales = {ETH: 100}
    await bench.see("250")
    await bench.see("245")
    bench.scales = {ETH: 1000}
    for held in ("24.5", "24.4", "24.3"):
        await bench.see(held)

    with reports(bench) as (found, subject):
        near = found.near(CHANGES["window"], subject)

    assert bench.told() == ["ETH: one unit is 1,000 sparks now; nothing moved"]
    assert (near.distance, near.words) == (
        Decimal("-0.8"),
        "the largest move in 7 d",
    )  # 5 of 250; 10 % is told


async def test_after_a_change_of_unit_reports_judge_a_runway_by_what_the_daemon_judges_it_by(
    tmp_path: Path,
) -> None:
    bench = Bench(tmp_path / "w.db", RUNWAY)
    bench.scales = {ETH: 100}
    for held in ("270", "260", "250"):
        await bench.see(held, timedelta(hours=12))
    bench.scales = {ETH: 1000}
    await bench.see("25", timedelta(hours=12))
    await bench.see("10", timedelta(hours=36))

    with reports(bench) as (found, subject):
        verdict = found.verdict(RUNWAY, subject, firing=False)
        distance = found.near(RUNWAY, subject).distance

    words = "lasts about 24 hours at 10 ETH a day over the last 36 h"
    assert bench.told()[-1] == f"hot: {words}"
    assert verdict.because == words
    assert distance == Decimal("-0.8")


@pytest.mark.parametrize("table", ["alerts", "deliveries"])
async def test_an_alert_that_was_not_kept_fires_with_the_next_reading(tmp_path: Path, table: str) -> None:
    """By time alone: a third of the window is known, nothing moved, and the store fails just then."""
    bench = Bench(tmp_path / "w.db", RUNWAY)
    async with bench.running() as poller:
        for held in ("10", "5"):
            await bench.poll(poller, held)
        with by_hand(bench.path) as conn:
            conn.execute(
                f"CREATE TRIGGER broken BEFORE INSERT ON {table} BEGIN SELECT RAISE(ABORT, 'no'); END"
            )
        with pytest.raises(StoreError, match="no"):
            await bench.poll(poller, "5", timedelta(days=1))
        assert bench.told() == []
        with by_hand(bench.path) as conn:
            conn.execute("DROP TRIGGER broken")
        await bench.poll(poller, "5")
        await bench.poll(poller, "5")

    assert len(bench.told()) == 1


async def test_what_another_process_kept_is_looked_through_anew(tmp_path: Path) -> None:
    """A third of the window is known by the daemon's next reading, since a change of unit that a poll by hand
    has seen; by what the daemon itself had seen, nothing could be said before the next move."""
    bench = Bench(tmp_path / "w.db", RUNWAY)
    bench.scales = {ETH: 100}
    async with bench.running() as daemon:
        for hours in (1, 48):
            await bench.poll(daemon, "270", timedelta(hours=hours))
        beside = await SqliteStore.open(bench.path, exclusive=False)
        rules = Rules(bench.rules, {HOT: WALLETS[HOT]}, ("ops",))
        by_hand_ = make_poller(FakeSource(answers=bench._answer), beside, rules, bench.clock)
        bench.scales = {ETH: 1000}
        for held in ("27", "15"):
            await bench.poll(by_hand_, held)
        await beside.close()
        await bench.poll(daemon, "15", timedelta(hours=24))

    assert bench.told()[-1].startswith("hot: lasts about ")

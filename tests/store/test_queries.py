"""What people and scripts read while the daemon writes, and what they change in the outbox."""

from __future__ import annotations

import asyncio
import sqlite3
import stat
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.contract.given import (
    COLD,
    ETH,
    HOT,
    NOW,
    THIRTY,
    after,
    alert,
    book,
    by,
    changed,
    delivery,
    keep,
    known,
    plan,
)
from tests.store.given import by_hand, content, first_line, opened, overwrite, process, rows
from tests.store.test_processes import WRITER
from watcher.domain.alerts.lifecycle import AlertState
from watcher.domain.credits.allowance import Purpose
from watcher.domain.messages.delivery import DeliveryState
from watcher.domain.model import Asset, Quote
from watcher.domain.records import replace
from watcher.domain.values.errors import StoreError
from watcher.ports.store import Settlement
from watcher.store.sqlite.backup import backup
from watcher.store.sqlite.commands import SqliteCommands
from watcher.store.sqlite.queries import SqliteQueries
from watcher.store.sqlite.views import COLUMNS, VIEWS


async def test_the_reader_sees_what_the_daemon_wrote_a_moment_ago(path: Path) -> None:
    async with opened(path, exclusive=True) as store:
        with SqliteQueries(path) as reader:
            assert not reader.past().accounts

            state = known(HOT, ethereum="1")
            await keep(
                store, accounts=(state,), changes=(changed(HOT, ETH, None, "1"),), symbols={ETH: "ETH"}
            )

            past = reader.past()
            assert past.accounts == {HOT: state}
            assert past.symbols == {ETH: "ETH"}


async def test_the_reader_cannot_write(path: Path) -> None:
    async with opened(path):
        with SqliteQueries(path) as reader, pytest.raises(sqlite3.OperationalError, match="readonly"):
            reader._conn.execute("DELETE FROM facts")


async def test_a_reader_holds_no_daemon_up(path: Path) -> None:
    async with opened(path, exclusive=True) as store:
        with SqliteQueries(path) as reader:
            reader.past()
            assert await book(store, 1, plan(10))
            with reader.asked():
                reader._conn.execute("SELECT * FROM spending").fetchall()
                assert await book(store, 1, plan(10))
                assert reader._conn.execute("SELECT sum(credits) FROM spending").fetchone() == (1,)


async def test_history_is_newest_first_without_baselines(path: Path) -> None:
    async with opened(path) as store:
        token = Asset("all", "t")
        await keep(store, accounts=(known(HOT), known(COLD)), symbols={ETH: "ETH"})
        await keep(store, changes=(changed(HOT, ETH, None, "1"), changed(COLD, token, None, "1")))
        await keep(store, changes=(changed(HOT, ETH, "1", THIRTY, after(hours=1)),))
        await keep(store, changes=(changed(COLD, token, "1", "3", after(hours=2)),))
        await keep(store, changes=(changed(HOT, ETH, THIRTY, "0", after(hours=3)),))

    with SqliteQueries(path) as reader:
        assert [each.after for each in reader.history(10)] == [0, 3, THIRTY]
        assert [each.after for each in reader.history(2)] == [0, 3]
        assert [each.after for each in reader.history(10, [HOT])] == [0, THIRTY]
        assert [each.after for each in reader.history(1, [COLD])] == [3]
        assert [each.after for each in reader.history(10, since=after(hours=2))] == [0, 3]
        newest = reader.history(1)[0]
    expected = changed(HOT, ETH, THIRTY, "0", after(hours=3))
    assert newest == expected._replace(symbol="ETH")


async def test_history_marks_what_is_interest(path: Path) -> None:
    async with opened(path) as store:
        await keep(store, accounts=(known(HOT, ethereum="1"),), changes=(changed(HOT, ETH, None, "1"),))
        interest = changed(HOT, ETH, "1", "1.0001")._replace(drift=True)
        transfer = changed(HOT, ETH, "1.0001", "2", after(days=1))
        await keep(store, accounts=(known(HOT, ethereum="2"),), changes=(interest, transfer))
        with SqliteQueries(path) as reader:
            assert [each.drift for each in reader.history(10)] == [False, True]


async def test_the_poll_log_says_what_was_asked_and_what_came_of_it(path: Path) -> None:
    async with opened(path) as store:
        first = await book(store, 80, plan(1000))
        assert first
        await book(store, 40, plan(1000), after(minutes=5), purpose=Purpose.BY_HAND)
        await store.fail(Settlement(first, after(seconds=2), 60, readings=1, misses=1, failure="half of it"))

    with SqliteQueries(path) as reader:
        newest, oldest = reader.requests(10)
        assert reader.spent("coinstats", datetime(2026, 3, 1, tzinfo=UTC)) == 100
        assert len(reader.requests(1)) == 1
    assert (newest.purpose, newest.cost, newest.charged, newest.ended_at) == ("by hand", 40, None, None)
    assert (oldest.cost, oldest.charged, oldest.readings, oldest.misses) == (80, 60, 1, 1)
    assert (oldest.failure, oldest.reserved_at, oldest.ended_at) == ("half of it", NOW, after(seconds=2))


async def test_alerts_that_ended_stay_in_the_record_unless_they_never_fired(path: Path) -> None:
    over = replace(alert("a1"), state=AlertState.RESOLVED, resolved_at=after(hours=1))
    ended = replace(over, subject="b", closed=True)
    untold, edited = replace(ended, id="a2", fired_at=None, told_at=None), replace(ended, id="a4")
    async with opened(path) as store:
        await keep(store, alerts=(over, untold, edited, alert("a3", subject="c")))

    with SqliteQueries(path) as reader:
        assert {each.id for each in reader.alerts(10)} == {"a1", "a3", "a4"}
        assert over in reader.alerts(10)
        assert [each.id for each in reader.past().alerts.values()] == ["a3"]


async def test_deliveries_are_counted_and_listed_by_state(path: Path) -> None:
    names = ("d1", "d2", "d3", "d4")
    owed = [delivery(name, created=after(seconds=number)) for number, name in enumerate(names)]
    async with opened(path) as store:
        await keep(store, deliveries=tuple(owed))
        await store.settle([replace(owed[0], state=DeliveryState.SENT, sent=NOW)])
        await store.settle([replace(owed[1], state=DeliveryState.GIVEN_UP, last_error="gone")])

    with SqliteQueries(path) as reader:
        counts = reader.counts()
        assert (counts.pending, counts.sent, counts.given_up) == (2, 1, 1)
        assert counts.oldest_pending == owed[2].created
        assert [each.id for each in reader.deliveries(None, 3)] == ["d4", "d3", "d2"]
        assert [each.last_error for each in reader.deliveries("given_up", 9)] == ["gone"]


async def test_what_was_given_up_can_be_tried_again_beside_the_daemon(path: Path) -> None:
    async with opened(path, exclusive=True) as store:
        await keep(store, deliveries=(delivery("d1"), delivery("d2")))
        await store.settle([replace(delivery("d1"), state=DeliveryState.GIVEN_UP, attempts=99)])
        await store.settle([replace(delivery("d2"), state=DeliveryState.SENT, sent=NOW)])

        found = SqliteCommands(path, by(after(days=2))).retry(["d1", "d2", "nothing"])

        assert found == ["d1"]
        assert [each.id for each in await store.due("ops", after(days=2), 9)] == ["d1"]


async def test_a_delivery_is_known_by_how_its_id_begins_while_it_can_be_changed(path: Path) -> None:
    async with opened(path, exclusive=True) as store:
        await keep(store, deliveries=(delivery("ab1"), delivery("ab2"), delivery("cd1")))
        await store.settle([replace(delivery("cd1"), state=DeliveryState.SENT, sent=NOW)])
        with SqliteQueries(path) as reader:
            assert list(reader.named_deliveries("AB")) == ["ab1", "ab2"]
            assert [list(reader.named_deliveries(each)) for each in ("ab2", "cd", "%", "")] == [
                ["ab2"],
                [],
                [],
                [],
            ]


async def test_what_was_dropped_stays_dropped_unless_it_had_gone_out(path: Path) -> None:
    async with opened(path, exclusive=True) as store:
        await keep(store, deliveries=(delivery("d1"), delivery("d2")))

        assert SqliteCommands(path, by(NOW)).drop(["d1", "d2"]) == ["d1", "d2"]
        await store.settle([replace(delivery("d1"), attempts=1, last_error="timeout")])
        await store.settle([replace(delivery("d2"), state=DeliveryState.SENT, attempts=1, sent=NOW)])

        assert await store.due("ops", after(days=9), 9) == []
    assert rows(path, "SELECT id, state FROM deliveries ORDER BY id") == [("d1", "dropped"), ("d2", "sent")]


def test_the_outbox_of_no_store_is_an_error(path: Path) -> None:
    with pytest.raises(StoreError, match="no store yet"):
        SqliteCommands(path, by(NOW)).drop(["d1"])
    assert not path.exists()


async def test_the_views_have_the_documented_columns(path: Path) -> None:
    async with opened(path):
        pass

    found = {}
    with by_hand(path) as conn:
        for (view,) in conn.execute("SELECT name FROM sqlite_master WHERE type = 'view'").fetchall():
            columns = [row[1] for row in conn.execute(f"PRAGMA table_info({view})")]
            found[view] = columns

    assert found == {view: list(columns) for view, columns in COLUMNS.items()}
    assert set(found) == set(VIEWS)
    assert all(meaning for columns in COLUMNS.values() for meaning in columns.values())


async def test_the_views_show_exact_amounts_and_times_in_utc(path: Path) -> None:
    async with opened(path) as store:
        quotes = {ETH: Quote(THIRTY, NOW)}
        change = changed(HOT, ETH, None, THIRTY)
        await keep(store, accounts=(known(HOT, ethereum="1"),), changes=(change,), quotes=quotes)
        await keep(store, deliveries=(delivery("d1"),), alerts=(alert("a1"),))
        await book(store, 40, plan(100))

    stamp = "2026-03-10T12:00:00.123Z"
    assert rows(path, "SELECT amount, price_usd, price_at, last_changed FROM v_balances") == [
        (str(THIRTY), str(THIRTY), stamp, stamp)
    ]
    assert rows(path, "SELECT before, after, before_at, after_at FROM v_history") == [
        (None, str(THIRTY), None, stamp)
    ]
    assert rows(path, "SELECT last_reading, last_attempt FROM v_accounts") == [(stamp, stamp)]
    assert rows(path, "SELECT reserved_at, ended_at FROM v_requests") == [(stamp, None)]
    assert rows(path, "SELECT hour, credits FROM v_spending") == [("2026-03-10T12:00:00.000Z", 40)]
    assert rows(path, "SELECT since, resolved_at FROM v_alerts") == [(stamp, None)]
    assert rows(path, "SELECT created, title FROM v_outbox") == [(stamp, "hot: ΔETH")]


async def test_a_backup_taken_beside_a_writing_daemon_is_whole(path: Path) -> None:
    target = path.with_name("copy.db")
    with process(WRITER, path) as running:
        try:
            assert first_line(running) == "busy"
            await asyncio.wait_for(asyncio.to_thread(backup, path, target), 30)
        finally:
            running.kill()

    async with opened(target) as store:
        amount = (await store.load([HOT])).accounts[HOT].amounts[ETH]
    assert rows(target, "SELECT count(*) FROM deliveries") == [(amount,)]
    assert rows(target, "SELECT count(*) FROM changes") == [(amount,)]
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert not path.with_name("copy.db.partial").exists()


async def test_a_backup_overwrites_nothing(path: Path) -> None:
    async with opened(path):
        pass
    target = path.with_name("copy.db")
    overwrite(target, b"precious")

    with pytest.raises(StoreError, match="overwrites nothing"):
        backup(path, target)

    assert content(target) == b"precious"


def test_a_backup_of_nothing_is_an_error_and_leaves_nothing(path: Path) -> None:
    with pytest.raises(StoreError, match="no store yet"):
        backup(path, path.with_name("copy.db"))
    with pytest.raises(StoreError, match="does not exist"):
        backup(path, path.parent / "nowhere" / "copy.db")

    assert list(path.parent.iterdir()) == []

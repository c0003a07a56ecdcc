"""The file: private, durable, of one version, all or nothing."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import stat
from decimal import Decimal
from pathlib import Path

import pytest

from tests.contract.given import (
    COLD,
    ETH,
    HOT,
    NOW,
    after,
    alert,
    always,
    book,
    changed,
    delivery,
    keep,
    known,
    plan,
)
from tests.store.given import by_hand, content, opened, overwrite, rows
from watcher.domain.decision import Decision
from watcher.domain.model import Asset, Quote
from watcher.domain.rules.lookback import Baseline
from watcher.domain.values.errors import StoreBusyError, StoreError
from watcher.ports.store import Settlement
from watcher.store.codec import canonical
from watcher.store.sqlite import connection
from watcher.store.sqlite.backend import SqliteSettings
from watcher.store.sqlite.queries import SqliteQueries
from watcher.store.sqlite.store import SqliteStore
from watcher.store.sqlite.transactions import Transactions


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        ("0", "0"), ("-0.00", "0"), ("0E+9", "0"), ("1.50", "1.5"), ("1.0", "1"), ("100", "100"),
        ("1E+5", "100000"), ("1E-18", "0.000000000000000001"), ("-2.500", "-2.5"),
        ("123456789012345678901.234567891", None),
    ],
)  # fmt: skip
def test_equal_amounts_have_one_text_and_every_digit(amount: str, text: str | None) -> None:
    assert canonical(Decimal(amount)) == (text or amount)
    assert Decimal(canonical(Decimal(amount))) == Decimal(amount)


async def test_nobody_else_can_read_the_store(path: Path) -> None:
    before = os.umask(0)
    try:
        async with opened(path, exclusive=True) as store:
            await keep(store, accounts=(known(HOT),))
            files = {each.name: stat.S_IMODE(each.stat().st_mode) for each in path.parent.iterdir()}
    finally:
        os.umask(before)

    assert set(files) == {"watcher.db", "watcher.db-wal", "watcher.db-shm", "watcher.db.lock"}
    assert set(files.values()) == {0o600}


async def test_a_relative_path_starts_at_the_configuration(tmp_path: Path) -> None:
    store = await (
        SqliteSettings(path=Path("deep/er/w.db")).backend(tmp_path / "watcher.yaml").open(exclusive=False)
    )
    await store.close()

    assert (tmp_path / "deep/er/w.db").is_file()


async def test_what_was_concluded_is_there_after_a_restart(path: Path) -> None:
    state = known(HOT, ethereum="0.123456789012345678901234567891")
    async with opened(path) as store:
        change = changed(HOT, ETH, None, state.amounts[ETH])
        quote = Quote(Decimal("2000.10"), NOW)
        await keep(store, accounts=(state,), changes=(change,), quotes={ETH: quote}, symbols={ETH: "ETH"})
        await keep(store, alerts=(alert("a1"),), deliveries=(delivery("d1"),))

    async with opened(path) as store:
        past = await store.load([HOT])

        assert past.accounts == {HOT: state}
        assert past.quotes[ETH] == quote
        assert past.symbols[ETH] == "ETH"
        assert list(past.alerts.values()) == [alert("a1")]
        assert await store.due("ops", NOW, 9) == [delivery("d1")]


PARTS = ["accounts", "changes", "balances", "prices", "marks", "alerts", "messages", "deliveries", "requests"]


@pytest.mark.parametrize("table", PARTS)
async def test_a_conclusion_is_kept_as_a_whole_or_not_at_all(path: Path, table: str) -> None:
    async with opened(path) as store:
        await keep(store, accounts=(known(HOT, ethereum="1"),), changes=(changed(HOT, ETH, None, "1"),))
        grant = await book(store, 40, plan(1000))
        assert grant
        event = "UPDATE" if table in ("accounts", "requests") else "INSERT"
        with by_hand(path) as conn:
            conn.execute(
                f"CREATE TRIGGER broken BEFORE {event} ON {table} BEGIN SELECT RAISE(ABORT, 'no'); END"
            )
        before = _everything(path)
        conclusion = Decision(
            NOW,
            accounts=(known(HOT, ethereum="2"), known(COLD, t="3")),
            changes=(changed(HOT, ETH, "1", "2"), changed(COLD, Asset("all", "t"), None, "3")),
            quotes={ETH: Quote(Decimal(2000), NOW)},
            symbols={ETH: "ETH"},
            marks=(Baseline("drift", "f1", HOT, ETH, Decimal(2), NOW),),
            alerts=(alert("a1"),),
            deliveries=(delivery("d1"),),
        )

        with pytest.raises(StoreError, match="no"):
            await store.conclude([HOT, COLD], always(conclusion), Settlement(grant, NOW, 10))

        assert _everything(path) == before
        past = await store.load([HOT, COLD])
        assert past.accounts == {HOT: known(HOT, ethereum="1")}
        assert not past.alerts
        with by_hand(path) as conn:
            conn.execute("DROP TRIGGER broken")
        await store.conclude([HOT, COLD], always(conclusion), Settlement(grant, NOW, 10))
        assert (await store.load([COLD])).accounts == {COLD: known(COLD, t="3")}


def _everything(path: Path) -> list[object]:
    return [
        rows(path, f"SELECT * FROM {table}")  # noqa: S608
        for table in (*PARTS, "assets", "spending")
    ]


async def test_what_another_process_wrote_is_seen(path: Path) -> None:
    async with opened(path) as one, opened(path) as other:
        await keep(one, accounts=(known(HOT, ethereum="1"),), changes=(changed(HOT, ETH, None, "1"),))
        assert (await other.load([HOT])).accounts

        await keep(other, accounts=(known(HOT, ethereum="2"),), changes=(changed(HOT, ETH, "1", "2"),))
        await keep(
            one, accounts=(known(COLD, t="3"),), changes=(changed(COLD, Asset("all", "t"), None, "3"),)
        )

        for store in (one, other):
            past = await store.load([HOT, COLD])
            assert past.accounts[HOT].amounts == {ETH: 2}
            assert past.accounts[COLD].amounts == {Asset("all", "t"): 3}


async def test_polling_what_does_not_change_adds_no_history(path: Path) -> None:
    async with opened(path) as store:
        await keep(store, accounts=(known(HOT, ethereum="1"),), changes=(changed(HOT, ETH, None, "1"),))
        for minute in range(50):
            await keep(store, accounts=(known(HOT, after(minutes=minute), ethereum="1"),))

    assert rows(path, "SELECT count(*) FROM changes") == [(1,)]
    assert rows(path, "SELECT count(*) FROM balances") == [(1,)]


async def test_a_file_of_a_newer_version_is_left_alone(path: Path) -> None:
    async with opened(path):
        pass
    with by_hand(path) as conn:
        conn.execute("PRAGMA user_version = 99")
    before = content(path)

    with pytest.raises(StoreError, match="newer watcher"):
        await SqliteStore.open(path, exclusive=False)
    with pytest.raises(StoreError, match="99"):
        SqliteQueries(path)

    assert content(path) == before


async def test_an_older_file_is_copied_before_it_is_changed(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(path) as store:
        await keep(store, accounts=(known(HOT),))
    monkeypatch.setattr("watcher.store.sqlite.upgrade.VERSION", connection.VERSION + 1)

    async with opened(path) as store:
        assert (await store.load([HOT])).accounts

    copy = path.with_name(f"watcher.db.before-{connection.VERSION + 1}.bak")
    assert rows(copy, "PRAGMA user_version") == [(connection.VERSION,)]
    assert rows(copy, "SELECT address FROM accounts") == [(HOT.address,)]
    assert rows(path, "PRAGMA user_version") == [(connection.VERSION + 1,)]
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600


async def test_the_database_of_another_program_is_left_alone(path: Path) -> None:
    with by_hand(path) as conn:
        conn.execute("CREATE TABLE theirs (a)")

    with pytest.raises(StoreError, match="another program"):
        await SqliteStore.open(path, exclusive=False)

    assert rows(path, "SELECT name FROM sqlite_master") == [("theirs",)]


async def test_a_file_that_is_no_database_is_said_to_be_none(path: Path) -> None:
    overwrite(path, b"wallets: []\n" * 500)

    with pytest.raises(StoreError, match="not a watcher store"):
        await SqliteStore.open(path, exclusive=False)


async def test_a_damaged_file_is_said_to_be_damaged_with_the_remedy(path: Path) -> None:
    async with opened(path) as store:
        for number in range(300):
            await keep(store, accounts=(known(HOT._replace(address=f"0x{number}")),))
    sound = content(path)
    overwrite(path, sound[:8192] + b"\xa5" * (len(sound) - 8192))

    with pytest.raises(StoreError, match=r"damaged.*watcher backup"):
        await SqliteStore.open(path, exclusive=False)


async def test_a_folder_in_place_of_the_store_is_called_one(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"is a folder; the store is a file in one"):
        await SqliteStore.open(tmp_path, exclusive=False)
    with pytest.raises(StoreError, match=r"is a folder"), SqliteQueries(tmp_path) as reader:
        reader.past()


async def test_a_folder_that_cannot_be_made_is_an_error_of_the_store(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(StoreError, match="file"):
        await SqliteStore.open(tmp_path / "file" / "watcher.db", exclusive=True)


async def test_a_locked_store_says_that_trying_again_can_help(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "BUSY_SECONDS", 0.05)
    async with opened(path) as store:
        with by_hand(path) as conn:
            conn.execute("BEGIN IMMEDIATE")
            with pytest.raises(StoreBusyError, match="another process"):
                await book(store, 40, plan(100))
            assert not (await store.load([HOT])).accounts
            conn.execute("COMMIT")

        assert await book(store, 40, plan(100))


async def test_a_full_disk_books_nothing_keeps_what_was_and_trying_again_can_help(path: Path) -> None:
    async with opened(path) as store:
        assert await book(store, 40, plan(1000))

        def full(core: Transactions) -> None:
            core.conn.execute("PRAGMA cache_size = 0")
            core.conn.execute("PRAGMA max_page_count = 1")  # SQLite makes it what the file has

        await store._do(full)

        async def fill() -> None:
            for _ in range(1000):
                await book(store, 0, plan(1000))

        with pytest.raises(StoreBusyError, match="disk is full; make room"):
            await fill()
        count = await store.spent("coinstats", NOW)
        await store._do(lambda core: core.conn.execute("PRAGMA max_page_count = 1000000"))

        assert await store.spent("coinstats", NOW) == count
        assert await book(store, 40, plan(1000))


async def test_a_closed_store_refuses_work(path: Path) -> None:
    async with opened(path) as store:
        pass

    with pytest.raises(StoreError, match="closed"):
        await store.load([HOT])
    await store.close()


async def test_closing_finishes_what_was_asked_before(path: Path) -> None:
    store = await SqliteStore.open(path, exclusive=True)
    asked = [asyncio.create_task(book(store, 1, plan(1000))) for _ in range(50)]
    await asyncio.sleep(0)

    await store.close()

    assert all(await asyncio.gather(*asked))
    assert rows(path, "SELECT sum(credits) FROM spending") == [(50,)]


async def test_work_that_was_cancelled_is_still_done_as_a_whole(path: Path) -> None:
    async with opened(path) as store:
        working = asyncio.create_task(keep(store, accounts=(known(HOT),), deliveries=(delivery("d1"),)))
        await asyncio.sleep(0)
        working.cancel()
        with pytest.raises(asyncio.CancelledError):
            await working

        kept = bool((await store.load([HOT])).accounts), bool(await store.due("ops", NOW, 1))

        assert kept in ((True, True), (False, False))


async def test_the_store_survives_a_power_cut(path: Path) -> None:
    async with opened(path) as store:
        assert store._core is not None

        def asked(name: str) -> object:
            assert store._core is not None
            return store._core.conn.execute(f"PRAGMA {name}").fetchone()[0]

        pragmas = ("journal_mode", "synchronous", "foreign_keys", "auto_vacuum")
        found = [await store._do(lambda _core, name=name: asked(name)) for name in pragmas]  # type: ignore[misc]

    assert found == ["wal", 2, 1, 2]


async def test_text_that_is_no_text_does_not_stop_the_watching(path: Path) -> None:
    async with opened(path) as store:
        grant = await book(store, 40, plan(100))
        assert grant
        await keep(store, symbols={ETH: "E\ud800H"})

        await store.fail(Settlement(grant, NOW, None, failure="bad header \udcff"))

    assert rows(path, "SELECT symbol FROM assets") == [("E?H",)]
    assert rows(path, "SELECT failure FROM requests") == [("bad header ?",)]


async def test_history_is_found_by_index(path: Path) -> None:
    """A question to history must not cost more as history grows."""
    async with opened(path):
        pass
    asked = [
        "SELECT after FROM changes WHERE account = 1 AND asset = 1 AND after_at <= 9 ORDER BY after_at DESC",
        "SELECT before FROM changes WHERE account = 1 AND asset = 1 AND after_at > 1 ORDER BY after_at, id",
        "SELECT amount FROM marks WHERE account = 1 AND asset = 1 AND rule = 'a'",
        "SELECT price FROM prices WHERE asset = 1 AND at <= 9 ORDER BY at DESC LIMIT 1",
        "SELECT count(*) FROM requests WHERE source = 'a' AND reserved_at > 9",
        "SELECT sum(credits) FROM spending WHERE source = 'a' AND hour >= 9",
        "SELECT id FROM deliveries WHERE channel = 'a' AND state = 'pending' AND due <= 9 ORDER BY created",
    ]
    for sql in asked:
        steps = " ".join(row[3] for row in rows(path, f"EXPLAIN QUERY PLAN {sql}"))
        assert "SEARCH" in steps, steps
        assert "SCAN" not in steps, steps
        assert "TEMP B-TREE" not in steps, steps


def test_a_reader_says_that_there_is_no_store_yet(path: Path) -> None:
    with pytest.raises(StoreError, match="no store yet"):
        SqliteQueries(path)
    assert not path.exists()


def test_sqlite_is_new_enough() -> None:
    assert sqlite3.sqlite_version_info >= (3, 35), "RETURNING"

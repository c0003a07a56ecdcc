"""A store that is copied into another one is the same there: every row, every answer, and what comes next."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.contract.lives import Life, answers, live
from tests.domain.given import START
from tests.store.given import opened, rows
from tests.store.postgres.given import rows as of_database
from watcher.domain.values.errors import StoreError, StoreInUseError
from watcher.ports.copying import TABLES, CopiedTable, Row, StoreFilling
from watcher.ports.store import StoreBackend
from watcher.store import KINDS
from watcher.store.copying import copy, copy_store


def file(path: Path) -> StoreBackend:
    return KINDS["sqlite"].model_validate({"path": path}).backend(path.parent / "watcher.yaml")


def schema(url: str, name: str = "watcher") -> StoreBackend:
    return KINDS["postgresql"].model_validate({"url": url, "schema": name}).backend(Path("watcher.yaml"))


def everything(backend: StoreBackend) -> dict[str, Any]:
    with backend.contents() as contents:
        found: dict[str, Any] = {table.name: sorted(contents.rows(table), key=repr) for table in TABLES}
        return {**found, "numbers": contents.numbers()}


@pytest.fixture
async def lived(tmp_path: Path) -> tuple[StoreBackend, dict[str, Any]]:
    """A file to which much has happened, and what it answers."""
    path = tmp_path / "watcher.db"
    async with opened(path) as store:
        life = Life(store)
        async for _ in live([life], seed=5):
            pass
        with store.queries() as queries:
            return file(path), {"at": life.last, **answers(queries, life.last)}


def test_a_copy_there_and_back_has_every_row_and_gives_every_answer(
    lived: tuple[StoreBackend, dict[str, Any]], database: str, tmp_path: Path
) -> None:
    one, answered = lived
    there, back = schema(database), file(tmp_path / "back.db")

    went = copy_store(one, there)
    came = copy_store(there, back)

    assert went == came
    assert [each.table for each in went] == [table.name for table in TABLES]
    assert everything(one) == everything(there) == everything(back)
    for store in (there, back):
        with store.queries() as queries:
            found = answers(queries, answered["at"])
        assert found == {question: answer for question, answer in answered.items() if question != "at"}


def test_what_can_be_copied_is_all_that_a_file_keeps(tmp_path: Path) -> None:
    with file(tmp_path / "watcher.db").filling():
        pass
    columns = (
        "SELECT m.name, c.name FROM sqlite_master m JOIN pragma_table_info(m.name) c WHERE m.type = 'table'"
    )
    kept = {(table, column) for table, column in rows(tmp_path / "watcher.db", columns)}
    own = {"sqlite_sequence", "_sqlite_migrations"}
    numbers = {("deliveries", "number"), ("hinted", "id")}
    copied = {(table.name, column) for table in TABLES for column in table.columns}
    assert {each for each in kept if each[0] not in own} == copied - numbers


def test_numbers_go_on_where_they_were(
    lived: tuple[StoreBackend, dict[str, Any]], database: str, tmp_path: Path
) -> None:
    """Also where the last rows are gone: their numbers are not given out again."""
    one, _ = lived
    with sqlite3.connect(str(one)) as conn:
        conn.execute("DELETE FROM audit WHERE id > 3")
    last = rows(Path(str(one)), "SELECT seq FROM sqlite_sequence WHERE name = 'audit'")
    there, back = schema(database), file(tmp_path / "back.db")

    copy_store(one, there)
    copy_store(there, back)

    assert rows(tmp_path / "back.db", "SELECT seq FROM sqlite_sequence WHERE name = 'audit'") == last
    assert last[0][0] > 3


def test_what_is_not_empty_is_not_filled(
    lived: tuple[StoreBackend, dict[str, Any]], database: str, tmp_path: Path
) -> None:
    one, _ = lived
    there = schema(database)
    copy_store(one, there)
    before = everything(there)

    with pytest.raises(StoreError, match="schema watcher is not empty"):
        copy_store(one, there)
    with pytest.raises(StoreError, match="is there already"):
        copy_store(there, one)

    assert everything(there) == before
    assert not list(tmp_path.glob("*.partial*"))


class Careless:
    """A store in which amounts come out otherwise than they went in."""

    def __init__(self, filling: StoreFilling) -> None:
        self._filling = filling

    def __getattr__(self, name: str) -> Any:
        return getattr(self._filling, name)

    def fill(self, table: CopiedTable, rows: Iterable[Row]) -> None:
        worn = ((account, asset, f"{amount}1", since) for account, asset, amount, since in rows)
        self._filling.fill(table, worn if table.name == "balances" else rows)


@pytest.mark.parametrize("where", ["sqlite", "postgresql"])
def test_a_copy_that_differs_is_not_kept(
    lived: tuple[StoreBackend, dict[str, Any]], database: str, tmp_path: Path, where: str
) -> None:
    one, _ = lived
    target = file(tmp_path / "other.db") if where == "sqlite" else schema(database)

    with (
        pytest.raises(StoreError, match="table balances: a row came otherwise than it went; nothing is kept"),
        one.contents() as contents,
        target.filling() as filling,
    ):
        copy(contents, Careless(filling))

    if where == "sqlite":
        assert not list(tmp_path.glob("other.db*"))
    else:
        copy_store(one, target)  # it is as empty as before


async def test_a_file_on_which_a_daemon_works_is_not_copied(tmp_path: Path) -> None:
    async with opened(tmp_path / "watcher.db", exclusive=True):
        with pytest.raises(StoreInUseError, match="another watcher daemon"):
            copy_store(file(tmp_path / "watcher.db"), file(tmp_path / "copy.db"))

    assert not (tmp_path / "copy.db").exists()


async def test_no_daemon_begins_while_its_file_is_copied(tmp_path: Path) -> None:
    async with opened(tmp_path / "watcher.db"):
        pass
    with file(tmp_path / "watcher.db").contents(), pytest.raises(StoreInUseError):
        async with opened(tmp_path / "watcher.db", exclusive=True):
            pass
    async with opened(tmp_path / "watcher.db", exclusive=True):
        pass


EXACT = ["0", "123456789012345678901234567890.123456789012345678901234567890123456", "0.1", "1" + "0" * 60]


async def test_each_digit_and_each_sign_that_can_be_kept_is_kept(tmp_path: Path, database: str) -> None:
    """PostgreSQL has no NUL in text: it becomes a sign of its own, and is compared as that."""
    async with opened(tmp_path / "watcher.db"):
        pass
    with sqlite3.connect(tmp_path / "watcher.db") as conn:
        conn.execute("INSERT INTO accounts (id, source, chain, address) VALUES (1, 's', 'c', 'a')")
        for number, amount in enumerate(EXACT, start=1):
            conn.execute("INSERT INTO assets (id, chain, token) VALUES (?, 'c', ?)", (number, f"t{number}"))
            conn.execute("INSERT INTO balances VALUES (1, ?, ?, 7)", (number, amount))
        texts = ("tab\tnew\nline \\N \\. ünïcödé 🪙", "nul\0nul")
        conn.executemany("INSERT INTO facts VALUES ('s', ?, ?, 1)", [(each[:3], each) for each in texts])
    there, back = schema(database), tmp_path / "back.db"

    copy_store(file(tmp_path / "watcher.db"), there)
    copy_store(there, file(back))

    assert [amount for (amount,) in rows(back, "SELECT amount FROM balances ORDER BY asset")] == EXACT
    kept = {value for (value,) in rows(back, "SELECT value FROM facts")}
    assert kept == {texts[0], "nul\N{REPLACEMENT CHARACTER}nul"}


async def test_what_was_learnt_of_accounts_goes_with_them(tmp_path: Path, database: str) -> None:
    """In a file it is one fact; where many plan each account has a row, but for who was never read."""
    path, back = tmp_path / "watcher.db", tmp_path / "back.db"
    fact = '{"version":1,"accounts":{"ethereum:0xaa":{"rate":0.10000000000000001},"all:0xbb":{"rate":2}}}'
    async with opened(path) as store:
        await store.keep_facts("coinstats", {"cadence": fact}, START)
        await store.keep_facts("teos", {"cadence": "torn"}, START)
    with sqlite3.connect(path) as conn:
        conn.execute("INSERT INTO accounts (source, chain, address) VALUES ('coinstats', 'ethereum', '0xaa')")
    there = schema(database)
    copy_store(file(path), there)
    copy_store(there, file(back))

    found = "SELECT source, value FROM facts ORDER BY source"
    assert rows(back, found) == rows(path, found)
    assert of_database(database, "SELECT learnt FROM cadence") == [('{"rate":0.1}',)]

    of_database(database, "UPDATE cadence SET learnt = '{\"rate\":7}'")
    copy_store(there, file(tmp_path / "later.db"))
    (_, text), (_, torn) = rows(tmp_path / "later.db", found)
    assert json.loads(text)["accounts"] == {"ethereum:0xaa": {"rate": 7}, "all:0xbb": {"rate": 2}}
    assert torn == "torn"


@pytest.mark.parametrize("way", ["from", "to"])
async def test_a_database_on_which_members_work_is_neither_copied_nor_filled(
    tmp_path: Path, database: str, way: str
) -> None:
    there, one = schema(database), file(tmp_path / "watcher.db")
    async with opened(tmp_path / "watcher.db"):
        pass
    with there.filling():
        pass
    with psycopg.connect(database, autocommit=True, options="-c search_path=watcher") as member:
        member.execute("INSERT INTO members (name, since, seen) VALUES ('ann', 1, 1)")
        member.execute("SELECT pg_advisory_lock(lock_class('name'), hashtext('ann'))")
        with pytest.raises(
            StoreInUseError, match=r"1 member \(ann\) at work on schema watcher; stop all of them"
        ):
            copy_store(*((there, file(tmp_path / "copy.db")) if way == "from" else (one, there)))
    copy_store(one, there)
    with there.contents(), psycopg.connect(database, options="-c search_path=watcher") as member:
        planning = member.execute(
            "SELECT pg_try_advisory_lock(lock_class('role'), hashtext('plan'))"
        ).fetchone()
        assert planning == (False,), "nobody plans while it is copied"


async def test_it_is_told_how_far_it_is(tmp_path: Path) -> None:
    heard: list[float] = []
    async with opened(tmp_path / "watcher.db") as store:
        await store.keep_facts("s", {str(number): "x" for number in range(1500)}, START)

    copy_store(file(tmp_path / "watcher.db"), file(tmp_path / "copy.db"), heard.append)

    assert len(heard) == 3
    assert heard == sorted(heard)
    assert heard[-1] <= 1

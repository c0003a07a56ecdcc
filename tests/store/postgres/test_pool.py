"""No thread waits for ever for a server that is gone, and no work begins on a connection that has ended."""

from __future__ import annotations

import asyncio
import math
import select
from collections.abc import AsyncIterator, Iterator

import pytest

from tests.chaos.database import frozen
from tests.chaos.members import server
from tests.postgresql import MISSING, Cluster, programs
from tests.relay import Relay, relaying
from tests.store.postgres.given import opened, pool, rows
from watcher.domain.values.errors import StoreBusyError, StoreError
from watcher.store.postgres.pool import PATIENCE, Pool, _percents, take_as_long

LONG = 30.0
"""Seconds after which a test has failed that waits for the end of something."""


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    if programs() is None:
        pytest.skip(MISSING)
    with server() as running:
        yield running


@pytest.fixture
async def way(cluster: Cluster) -> AsyncIterator[Relay]:
    async with relaying(cluster.port) as relay:
        yield relay


def through(way: Relay) -> str:
    return f"postgresql://postgres@127.0.0.1:{way.port}/postgres?sslmode=disable"


def ask(pool: Pool, sql: str = "SELECT 1", patience: float = PATIENCE) -> object:
    with pool.connection() as conn:
        conn.patience = patience
        return next(iter(conn.execute(sql)))[0]


async def test_a_server_that_says_nothing_any_more_is_given_up(way: Relay) -> None:
    one = pool(through(way))
    await asyncio.to_thread(ask, one)
    way.cut_off()
    async with asyncio.timeout(LONG):
        with pytest.raises(StoreBusyError, match="the connection was lost"):
            await asyncio.to_thread(ask, one, patience=0.2)
    way.mend()
    assert await asyncio.to_thread(ask, one) == 1


def test_a_server_that_stands_still_is_given_up_in_the_middle_of_a_transaction(database: str) -> None:
    def stands_still() -> None:
        with pool(database).connection() as conn:
            conn.patience = 0.2
            with conn.pipeline(), conn.transaction(), frozen(conn.info.backend_pid):
                conn.execute("SELECT 1").fetchone()

    with pytest.raises(StoreBusyError, match="the connection was lost"):
        stands_still()


def test_who_is_slow_and_says_so_is_waited_for(database: str) -> None:
    with pool(database).connection() as conn:
        conn.patience = 0.4
        rows = conn.execute("SELECT pg_sleep(0.05), repeat('a', 100000) FROM generate_series(1, 20)")
        assert len(rows.fetchall()) == 20


async def test_who_waits_for_an_answer_waits_no_longer_once_all_connections_are_cut(way: Relay) -> None:
    one = pool(through(way), 2)
    await asyncio.to_thread(ask, one)
    way.cut_off()
    waiting = asyncio.create_task(asyncio.to_thread(ask, one))
    while not one._busy:  # noqa: ASYNC110
        await asyncio.sleep(0)
    await asyncio.to_thread(one.cut)
    async with asyncio.timeout(LONG):
        with pytest.raises(StoreBusyError, match="the connection was lost"):
            await waiting
    way.mend()
    assert await asyncio.to_thread(ask, one) == 1


@pytest.mark.parametrize("how", ["restarted", "ended"])
def test_what_the_server_ended_while_it_was_at_rest_is_not_worked_on(cluster: Cluster, how: str) -> None:
    one = pool(f"postgresql://postgres@127.0.0.1:{cluster.port}/postgres", 2)
    with one.connection() as first, one.connection() as second:
        lines = [each.fileno() for each in (first, second)]
        processes = [each.info.backend_pid for each in (first, second)]
    if how == "restarted":
        cluster.kill()
        cluster.start()
    else:
        for each in processes:
            rows(cluster.url(), "SELECT pg_terminate_backend(%s)", each)
    for line in lines:
        assert select.select([line], [], [], LONG)[0]
    assert ask(one) == 1


def test_what_takes_its_time_may_do_so_until_its_transaction_has_ended(database: str) -> None:
    one = pool(database)
    with one.connection() as conn, conn.transaction():
        take_as_long(conn)
        assert conn.execute("SHOW statement_timeout").fetchone() == ("0",)
        assert conn.patience == math.inf
    with one.connection() as again:
        assert again is conn
        assert again.patience == PATIENCE
        assert again.execute("SHOW statement_timeout").fetchone() == ("30s",)


def test_a_pool_that_was_closed_gives_nothing_and_ends_what_comes_back(database: str) -> None:
    one = pool(database)
    with one.connection() as conn:
        one.close()
    assert conn.closed
    with pytest.raises(StoreError, match="the store is closed"):
        ask(one)


async def test_a_store_is_closed_although_its_server_does_not_answer(
    way: Relay, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("watcher.store.postgres.store.GRACE", 0.2)
    async with opened(through(way)) as store:
        way.cut_off()
        waiting = asyncio.ensure_future(store._do(lambda core: ask(core._pool)))
        while not store._pool._busy:  # noqa: ASYNC110
            await asyncio.sleep(0)
        async with asyncio.timeout(LONG):
            await store.close()
            with pytest.raises(StoreError, match="the store is closed"):
                await waiting


def test_a_colon_before_a_name_marks_a_value_and_all_else_is_left_as_it_is() -> None:
    sql = "SELECT a::text || ': ' FROM t WHERE a LIKE '{\"r\":[%' AND b = :b AND (c > :c1 OR c <= :b)"
    taken = (
        "SELECT a::text || ': ' FROM t WHERE a LIKE '{\"r\":[%%' AND b = %(b)s AND (c > %(c1)s OR c <= %(b)s)"
    )
    assert _percents(sql) == taken

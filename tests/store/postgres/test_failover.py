"""Nothing is remembered of a server that lost it, and no answer is judged twice whose commit was in doubt."""

from __future__ import annotations

import asyncio
import select
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.chaos.database import copied
from tests.chaos.members import server
from tests.contract.given import ETH, HOT, NOW, after, changed, keep, known, plan
from tests.postgresql import MISSING, programs
from tests.store.postgres.given import opened, rows
from watcher.domain.credits.allowance import Booking, Grant, Purpose
from watcher.domain.decision import Decision, Snapshot
from watcher.ports.store import Recall, Settlement, Store
from watcher.store.postgres import transactions
from watcher.store.postgres.pool import Connection, Pool


async def reserve(store: Store, source: str = "coinstats") -> Grant:
    answer = await store.reserve(Booking(source, 1, 40, Purpose.SCHEDULED, NOW), plan(1000))
    assert isinstance(answer, Grant)
    return answer


@pytest.mark.skipif(programs() is None, reason=MISSING)
async def test_what_a_copy_lacks_that_took_over_is_not_remembered() -> None:
    with server() as first, copied(first) as copy:
        hosts = f"127.0.0.1:{first.port},127.0.0.1:{copy.cluster.port}"
        async with opened(f"postgresql://postgres@{hosts}/postgres?target_session_attrs=read-write") as store:
            await keep(store, accounts=(known(HOT, ethereum="1"),), changes=(changed(HOT, ETH, None, "1"),))
            await asyncio.to_thread(copy.follow)
            copy.fall_behind()
            lost = known(HOT, after(seconds=9), ethereum="7")
            await keep(store, accounts=(lost,), changes=(changed(HOT, ETH, "1", "7"),))
            await reserve(store, "teos")
            assert (await store.load([HOT])).accounts[HOT].amounts[ETH] == 7

            await asyncio.to_thread(first.kill)
            await asyncio.to_thread(copy.promote)

            await store.attempts([HOT])  # waits until one of them is there
            assert (await store.load([HOT])).accounts[HOT].amounts[ETH] == 1
            again = known(HOT, after(seconds=20), ethereum="5")
            await keep(store, accounts=(again,), changes=(changed(HOT, ETH, "1", "5"),))
            assert (await store.load([HOT])).accounts[HOT].amounts[ETH] == 5
            await reserve(store, "teos")
        assert ("teos",) in rows(copy.cluster.url(), "SELECT source FROM gate"), "nothing holds two apart"


@pytest.mark.parametrize("kept", [False, True])
async def test_an_answer_whose_commit_nobody_confirmed_is_judged_once(
    database: str, kept: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its connection ends just before, or just after, the server has kept it."""
    async with opened(database) as store:
        grant = await reserve(store)
        judged: list[Snapshot] = []

        def decide(past: Snapshot, _recall: Recall) -> Decision:
            judged.append(past)
            return Decision(NOW, accounts=(known(HOT, ethereum=str(len(judged))),))

        lost = lose_one(monkeypatch, database, kept=kept)
        settlement = Settlement(grant, NOW, 30, 1)
        decision = await store.conclude_read(lambda: ([HOT], decide, settlement))
        assert lost
        assert len(judged) == (1 if kept else 2)
        assert decision.accounts == (known(HOT, ethereum=str(len(judged))),)
    assert rows(database, "SELECT charged FROM requests") == [(30,)]
    assert rows(database, "SELECT sum(credits) FROM spending") == [(30,)]


def lose_one(monkeypatch: pytest.MonkeyPatch, url: str, *, kept: bool) -> list[int]:
    """End the connection of the next transaction, at its end."""
    lost: list[int] = []

    def lose(conn: Connection) -> None:
        lost.append(conn.info.backend_pid)
        rows(url, "SELECT pg_terminate_backend(%s)", conn.info.backend_pid)
        assert select.select([conn.fileno()], [], [], 30)[0]

    @contextmanager
    def losing(pool: Pool) -> Iterator[Connection]:
        with pool.connection() as conn:
            with conn.pipeline():
                conn.execute("BEGIN")
                yield conn
                if not lost and not kept:
                    lose(conn)
                conn.execute("COMMIT")
            if not lost and kept:
                lose(conn)
                conn.execute("SELECT 1")

    monkeypatch.setattr(transactions, "_transaction", losing)
    return lost

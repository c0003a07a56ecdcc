"""What a store does is measured by its kind, and what was done anew is counted."""

from __future__ import annotations

import psycopg
import pytest

from tests.store.postgres.given import SCHEMA, opened, pool
from watcher.store.postgres.errors import StoreConflictError
from watcher.store.postgres.pool import Connection
from watcher.store.postgres.transactions import TRIES, repeated


async def test_each_thing_that_is_done_is_measured_under_its_name(database: str) -> None:
    async with opened(database) as store:
        await store.facts("coins")
        await store.live_alerts()
        await store.live_alerts()
        seconds = store.figures.seconds
    assert (sum(seconds["facts"].counts), sum(seconds["live_alerts"].counts)) == (1, 2)
    assert seconds["live_alerts"].total > 0


def test_what_was_done_anew_is_counted_by_why(database: str) -> None:
    there = pool(database)

    def work(conn: Connection) -> None:
        conn.execute("DO $$ BEGIN RAISE EXCEPTION 'quicker' USING ERRCODE = '40001'; END $$")

    with pytest.raises(StoreConflictError):
        repeated(there, work)
    assert there.figures.retries == {"40001": TRIES}
    there.close()


async def test_what_members_have_before_them_is_known(database: str) -> None:
    async with opened(database) as store:
        with store.queries() as asked:
            assert asked.work() == ({"todo": 0, "doing": 0}, 0.0)
        with psycopg.connect(database, autocommit=True, options=f"-c search_path={SCHEMA}") as conn:
            conn.execute("INSERT INTO sums (rule, subject, read) VALUES ('r', 's', true)")
            conn.execute("UPDATE sums SET at = at - 5000")
            conn.execute("INSERT INTO procrastinate_jobs (queue_name, task_name) VALUES ('ask a b', 'ask')")
        with store.queries() as asked:
            work = asked.work()
    assert work is not None
    assert work.jobs == {"todo": 1, "doing": 0}
    assert 5 <= work.sum_lag < 60

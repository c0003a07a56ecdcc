"""What whoever tells a channel leaves is there for the next, and nobody else writes it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.fakes import START
from tests.store.postgres.given import pool, rows
from watcher.domain.values.errors import StoreError
from watcher.ports.channel_lane import LaneState, ToldThen
from watcher.ports.members import Lease, tell
from watcher.store.postgres.jobs import PostgresSharedWork
from watcher.store.postgres.migrate import migrate

FULL = LaneState(
    told=(ToldThen(START, 1, 0), ToldThen(START + timedelta(seconds=7), 12, 3)),
    paused_until=START + timedelta(minutes=10),
    asked_to_wait=True,
    failures=4,
    apart=frozenset({"dlv-1", "dlv-2"}),
)


async def test_what_was_left_is_found_by_the_next(database: str) -> None:
    migrate(pool(database))
    work = PostgresSharedWork(pool(database))
    lead(database, "one", 1)
    lane = work.lane("ops", Lease(tell("ops"), 1, "one"))
    assert await lane.last() == LaneState()
    for state in (FULL, LaneState(), FULL):
        await lane.keep(state)
        assert await work.lane("ops", Lease(tell("ops"), 2, "two")).last() == state
    assert await work.lane("desk", Lease(tell("desk"), 1, "one")).last() == LaneState()
    work.close()


async def test_who_lost_a_channel_leaves_nothing_there(database: str) -> None:
    migrate(pool(database))
    work = PostgresSharedWork(pool(database))
    lead(database, "two", 2)
    await work.lane("ops", Lease(tell("ops"), 2, "two")).keep(FULL)
    with pytest.raises(StoreError, match="tell ops is led by another"):
        await work.lane("ops", Lease(tell("ops"), 1, "one")).keep(LaneState())
    assert await work.lane("ops", Lease(tell("ops"), 2, "two")).last() == FULL
    work.close()


def lead(url: str, member: str, term: int) -> None:
    rows(url, "INSERT INTO leases (role, member, term) VALUES (%s, %s, %s)", tell("ops"), member, term)

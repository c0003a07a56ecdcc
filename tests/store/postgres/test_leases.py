"""Who stands still in the middle of writing: what it has locked is free again, and roles go on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress

import psycopg

from tests.store.postgres.given import opened, pool
from watcher.ports.members import PLAN
from watcher.store.postgres.election import Ballot
from watcher.store.postgres.leases import end_silent

LOCKED = "SELECT FROM leases WHERE role = %s FOR SHARE"
CHANGED = "UPDATE leases SET since = 0 WHERE role = %s"


@contextmanager
def ballot(url: str) -> Iterator[Ballot]:
    found = Ballot(pool(url))
    try:
        yield found
    finally:
        found.close()


async def test_who_stands_still_in_the_middle_of_writing_is_ended(database: str) -> None:
    async with opened(database):
        pass
    with ballot(database) as first, closing(pool(database).connect()) as other:
        first.take("one", [PLAN], 1)
        still = pool(database).connect()
        with closing(still), suppress(psycopg.Error), still.pipeline(), still.transaction():
            still.execute(LOCKED, (PLAN,)).fetchone()
            assert end_silent(other, silent=60) == 0
            assert end_silent(other, silent=0) == 1
            assert other.execute(CHANGED, (PLAN,)).rowcount == 1


async def test_a_role_whose_last_leader_writes_still_is_left_until_it_has_ended(database: str) -> None:
    async with opened(database):
        pass
    with ballot(database) as first, ballot(database) as second, ballot(database) as third:
        first.take("one", [PLAN], 1)
        with closing(pool(database).connect()) as writing, writing.transaction():
            writing.execute(LOCKED, (PLAN,))
            first.leave([PLAN])
            assert second.take("two", [PLAN], 1) == {}
        assert second.take("two", [PLAN], 1) == {PLAN: 2}
        second.leave([PLAN])
        assert third.take("three", [PLAN], 1) == {PLAN: 3}

"""Of those who share a database one leads each role, until the server hears from it no more."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import cast

import psycopg
import pytest

from tests.postgresql import Cluster
from tests.store.postgres.given import SCHEMA, backend, opened, pool, rows
from watcher.domain.values.errors import StoreError, StoreInUseError
from watcher.ports.members import PLAN, Identity, Lease
from watcher.store.postgres import members as module
from watcher.store.postgres.leases import check_lease
from watcher.store.postgres.members import PostgresMembers

LANES = ("tell a", "tell b", "tell c", "tell d")
PATIENCE = 30.0


@pytest.fixture(autouse=True)
def brisk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "EVERY", 0.05)
    monkeypatch.setattr(module, "FIRST_WAIT", 0.05)
    monkeypatch.setattr(module, "GHOST", 0.2)


def identity(name: str, *wanted: str, rules: str = "same") -> Identity:
    return Identity(name, wanted or (PLAN,), rules, "1.0.0")


@asynccontextmanager
async def member(
    url: str, name: str, *wanted: str, rules: str = "same", schema: str = SCHEMA
) -> AsyncIterator[PostgresMembers]:
    async with opened(url, schema) as store:
        members = store.members
        assert isinstance(members, PostgresMembers)
        await members.introduce(lambda: identity(name, *wanted, rules=rules))
        yield members


async def gained(members: PostgresMembers, role: str = PLAN) -> Lease:
    async with asyncio.timeout(PATIENCE):
        return await members.gained(role)


async def lost(members: PostgresMembers, lease: Lease) -> None:
    async with asyncio.timeout(PATIENCE):
        await members.lost(lease)


def end_session(url: str, name: str) -> None:
    """Ends the connection by which a member leads; each other one is at rest."""
    with psycopg.connect(url, autocommit=True) as conn:
        found = conn.execute("SELECT pid FROM pg_locks WHERE locktype = 'advisory'").fetchall()
        assert found, name
        for (pid,) in found:
            conn.execute("SELECT pg_terminate_backend(%s)", (pid,))


async def test_who_introduces_itself_alone_leads_at_once(database: str) -> None:
    async with member(database, "one") as one:
        assert one.leads(PLAN)
        assert await gained(one) == Lease(PLAN, 1, "one")


async def test_one_leads_and_the_next_one_takes_over_with_a_higher_term(database: str) -> None:
    async with member(database, "two") as two:
        async with member(database, "one"):
            assert two.leads(PLAN)
        async with member(database, "one") as one:
            assert not one.leads(PLAN)
            await two.close()
            assert await gained(one) == Lease(PLAN, 2, "one")


async def test_what_is_led_is_lost_with_the_connection_and_taken_anew(database: str) -> None:
    async with member(database, "one") as one:
        lease = await gained(one)
        end_session(database, "one")
        await lost(one, lease)
        assert (await gained(one)).term == 2
        assert one.trouble == ""


async def test_two_schemas_of_one_database_have_nothing_to_do_with_each_other(database: str) -> None:
    async with member(database, "one") as one, member(database, "one", schema="other") as other:
        assert one.leads(PLAN)
        assert other.leads(PLAN)


async def test_two_members_of_one_name_are_not_at_work_together(database: str) -> None:
    async with member(database, "one"):
        with pytest.raises(StoreInUseError, match="a member named one is at work already; give each machine"):
            async with member(database, "one"):
                pass
    async with member(database, "one") as again:
        assert again.leads(PLAN)


async def test_channels_are_shared_out_and_taken_up_from_who_goes(database: str) -> None:
    async with member(database, "one", *LANES) as one:
        assert all(map(one.leads, LANES))
        async with member(database, "two", *LANES) as two:
            for role in LANES[2:]:
                lease = Lease(role, 1, "one")
                await lost(one, lease)
                await one.release(lease)
                await gained(two, role)
            assert [role for role in LANES if one.leads(role)] == [*LANES[:2]]
        for role in LANES:
            await gained(one, role)


async def test_a_member_with_other_rules_than_who_plans_leads_nothing_and_says_why(database: str) -> None:
    async with (
        member(database, "one", PLAN),
        member(database, "two", PLAN, *LANES, rules="other") as two,
    ):
        assert not any(map(two.leads, LANES))
        assert two.trouble.startswith("one plans by other rules or another watch list")
        await two.introduce(lambda: identity("two", PLAN, *LANES))
        await gained(two, LANES[0])
        assert two.trouble == ""


async def test_a_member_that_the_schema_has_left_behind_gives_up_its_roles(database: str) -> None:
    async with member(database, "one") as one:
        lease = await gained(one)
        rows(database, "UPDATE schema_version SET min_version = version + 1")
        await lost(one, lease)
        assert "written by a newer watcher" in one.trouble


async def test_who_is_at_work_is_known_to_all_who_ask_the_database(database: str) -> None:
    async with opened(database) as store:
        async with member(database, "one", PLAN, "tell a"):
            with store.queries() as asked:
                (found,) = asked.members()
            assert (found.name, found.at_work, found.leads) == ("one", True, (PLAN, "tell a"))
            assert (found.fingerprint, found.version) == ("same", "1.0.0")
        with store.queries() as asked:
            assert asked.members() == []


async def test_who_went_without_a_word_stays_known_as_away(database: str) -> None:
    async with opened(database) as store:
        members = cast(PostgresMembers, store.members)
        await members.introduce(lambda: identity("one"))
        members._drop()  # as if its machine had lost its power
        await members.close()
        with store.queries() as asked:
            (found,) = asked.members()
    assert (found.name, found.at_work, found.leads) == ("one", False, ())


async def test_who_is_away_for_a_week_is_forgotten(database: str) -> None:
    async with opened(database) as store, member(database, "one"):
        rows(database, "INSERT INTO members (name, since, seen) VALUES ('two', 0, now_ms() - 700000000)")
        rows(database, "INSERT INTO members (name, since, seen) VALUES ('three', 0, now_ms() - 500000000)")
        clock = store.members.clock
        assert clock is not None
        while await store.tidy(clock.now()):
            pass
        with store.queries() as asked:
            assert [each.name for each in asked.members()] == ["one", "three"]


async def test_after_a_restart_of_the_server_somebody_leads_again(postgresql: Cluster, database: str) -> None:
    async with member(database, "one") as one:
        lease = await gained(one)
        await asyncio.to_thread(postgresql.kill)
        await lost(one, lease)
        async with asyncio.timeout(PATIENCE):
            while ", since " not in one.away:  # noqa: ASYNC110 (it is said while nobody waits)
                await asyncio.sleep(0.01)
        await asyncio.to_thread(postgresql.start)
        assert (await gained(one)).term == 2


HOLDER = """
import sys, time
from tests.store.postgres.given import pool
from watcher.ports.members import Identity
from watcher.store.postgres import election
election._OURS["idle_session_timeout"] = "300ms"
ballot = election.Ballot(pool(sys.argv[1]))
me = Identity("frozen", ("plan",), "same")
ballot.beat(me, 0.0, joins=True)
print(ballot.take("frozen", ["plan"], 1), flush=True)
try:
    while True:
        ballot.beat(me, 0.0, joins=False)
        time.sleep(0.05)
except Exception as error:
    print(error, flush=True)
"""


async def test_who_stands_still_is_led_for_by_another_and_finds_out_when_it_wakes(database: str) -> None:
    async with opened(database):
        pass
    words = [sys.executable, "-c", HOLDER, database]
    holder = subprocess.Popen(words, stdout=subprocess.PIPE, text=True, cwd=Path.cwd())  # noqa: ASYNC220
    try:
        assert holder.stdout is not None
        assert await asyncio.to_thread(holder.stdout.readline) == "{'plan': 1}\n"
        async with member(database, "one") as one:
            assert not one.leads(PLAN)
            holder.send_signal(signal.SIGSTOP)
            assert await gained(one) == Lease(PLAN, 2, "one")
            holder.send_signal(signal.SIGCONT)
            said = await asyncio.to_thread(holder.stdout.readline)
            assert "the connection was lost" in said
    finally:
        holder.kill()
        holder.communicate()


async def test_who_lost_a_role_cannot_write_on_its_behalf(database: str) -> None:
    async with member(database, "one") as one:
        lease = await gained(one)
        connections = pool(database, 1)
        with connections.connection() as conn, conn.transaction():
            check_lease(conn, lease)
            end_session(database, "one")
            await lost(one, lease)
            again = asyncio.create_task(gained(one))
            await asyncio.sleep(0.2)
            assert not again.done(), "what was begun under the lease may end first"
        assert (await again).term == 2
        with (
            pytest.raises(StoreError, match="plan is led by another"),
            connections.connection() as conn,
            conn.transaction(),
        ):
            check_lease(conn, lease)
        connections.close()


async def test_who_polls_by_hand_tells_only_what_no_member_tells(database: str) -> None:
    async with member(database, "one", *LANES[:2]) as one:
        with backend(database).only_deliverer(["b", "c"]) as alone:
            assert not alone
        with backend(database).only_deliverer(["c", "d"]) as alone:
            assert alone
            async with member(database, "two", *LANES[2:]) as two:
                assert not any(map(two.leads, LANES))
                assert all(map(one.leads, LANES[:2]))
    with backend(database).only_deliverer([]) as alone:
        assert alone, "no channel, and nobody to be in the way of"

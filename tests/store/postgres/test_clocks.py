"""Members whose machines' clocks are apart have one time, and whose clock is wrong leads nothing."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest

from tests.store.postgres.given import backend, opened, rows
from watcher.cli._common import time_of
from watcher.ports.members import PLAN, Identity
from watcher.reports.members import member_rows
from watcher.service.clock import SystemClock
from watcher.store.postgres import members as module
from watcher.store.postgres.members import PostgresMembers
from watcher.store.postgres.store import PostgresStore

PATIENCE = 30.0
AT_ONCE = timedelta(seconds=2)


@pytest.fixture(autouse=True)
def brisk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "EVERY", 0.05)


@asynccontextmanager
async def member(url: str, name: str, offset: float = 0.0) -> AsyncIterator[PostgresStore]:
    """A member whose machine's clock is so far ahead."""
    async with opened(url) as store:
        members = store.members
        assert isinstance(members, PostgresMembers)
        members._clock._of_machine = lambda: time.time() + offset
        await members.introduce(lambda: Identity(name, (PLAN, "tell a"), "same", "1.0.0"))
        yield store


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not true():  # noqa: ASYNC110 (nobody tells when)
            await asyncio.sleep(0.01)


def troubles(store: PostgresStore) -> dict[str, str]:
    clock = store.members.clock
    assert clock is not None
    with store.queries() as asked:
        return {row["member"]: row["trouble"] for row in member_rows(asked.members(), clock.now())}


@pytest.mark.parametrize("offset", [-3605.0, -5.0, 5.0, 3605.0])
async def test_all_have_the_time_of_the_server(database: str, offset: float) -> None:
    async with member(database, "one") as one, member(database, "two", offset) as two:
        for each in (one, two):
            ((server,),) = rows(database, "SELECT clock_timestamp()")
            assert each.members.clock is not None
            assert abs(each.members.clock.now() - server) < AT_ONCE


@pytest.mark.parametrize(("offset", "said"), [(-5.0, "5s behind"), (5.0, "5s ahead")])
async def test_a_clock_that_is_a_little_off_is_told_and_keeps_nobody_from_leading(
    database: str, offset: float, said: str
) -> None:
    async with member(database, "two", offset) as two, member(database, "one") as one:
        await until(lambda: "clock" in troubles(one)["two"])
        assert said.split()[1] in troubles(one)["two"]
        assert two.members.leads(PLAN)
        assert two.members.trouble == ""


@pytest.mark.parametrize(("offset", "said"), [(-3605.0, "1 h behind"), (3605.0, "1 h ahead of")])
async def test_whose_clock_is_wrong_leaves_what_it_led_and_says_why_until_it_is_set(
    database: str, offset: float, said: str
) -> None:
    async with member(database, "two", offset) as two, member(database, "one") as one:
        members = two.members
        assert isinstance(members, PostgresMembers)
        for role in (PLAN, "tell a"):
            lease = await members.gained(role) if members.leads(role) else None
            if lease is not None:
                await members.lost(lease)
                await members.release(lease)
            await one.members.gained(role)
        await until(lambda: "clock" in members.trouble)
        assert members.trouble.startswith(f"the clock of this machine is {said}")
        members._clock._of_machine = time.time
        await until(lambda: members.trouble == "")
        await until(lambda: members.leads("tell a") or one.members.leads("tell a"))


async def test_who_is_alone_with_a_wrong_clock_leads_and_it_is_told(database: str) -> None:
    async with member(database, "one", 3605.0) as one:
        assert one.members.leads(PLAN)
        await until(lambda: troubles(one)["one"] != "")
        assert troubles(one) == {"one": "the clock of its machine is 1 h ahead"}


@pytest.mark.parametrize("hours", [-1, 1])
async def test_a_verb_on_a_machine_whose_clock_is_wrong_has_the_time_of_the_server(
    database: str, monkeypatch: pytest.MonkeyPatch, hours: int
) -> None:
    wrong = datetime.now(UTC) + timedelta(hours=hours)
    monkeypatch.setattr(SystemClock, "now", lambda _: wrong)
    ((server,),) = rows(database, "SELECT clock_timestamp()")
    assert abs(time_of(backend(database)) - server) < AT_ONCE

"""A member that does not reach the server leads nothing, says so, and comes back."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeVar, cast

import pytest

from tests.fakes import FakeClock
from watcher.domain.values.errors import StoreBusyError
from watcher.ports.members import PLAN, Identity
from watcher.store.postgres.clock import DatabaseClock
from watcher.store.postgres.election import Standing
from watcher.store.postgres.members import LONGEST_WAIT, SILENT, PostgresMembers

T = TypeVar("T")


class Server:
    """Answers, is silent, or is away."""

    def __init__(self) -> None:
        self.term, self.away, self.tried = 0, False, 0
        self.answers = asyncio.Event()
        self.answers.set()
        self.line, self._other = socket.socketpair()

    def connect(self) -> Any:
        self.tried += 1
        if self.away:
            raise StoreBusyError("db: the server cannot be reached")
        return self

    async def run(self, work: Callable[[], T]) -> T:
        await self.answers.wait()
        return work()

    def fileno(self) -> int:
        return self.line.fileno()

    def called(self, _name: str) -> bool:
        return True

    def beat(self, _identity: Identity, _offset: float, *, joins: bool) -> Standing:
        if self.away:
            raise StoreBusyError("db: the connection was lost")
        return Standing(1000.0, 1, "", ())

    def take(self, _name: str, roles: Sequence[str], _most: int) -> Mapping[str, int]:
        self.term += bool(roles)
        return dict.fromkeys(roles, self.term)

    def leave(self, _roles: Sequence[str]) -> None:
        pass

    def abandon(self) -> None:
        pass

    def close(self, _name: str = "") -> None:
        pass

    def end(self) -> None:
        self.line.close()
        self._other.close()


@asynccontextmanager
async def a_member(clock: FakeClock, server: Server) -> AsyncIterator[PostgresMembers]:
    members = PostgresMembers(
        server.connect, "db", 1, DatabaseClock(clock.monotonic), timer=cast(Any, clock),
        run=cast(Any, server.run),
    )  # fmt: skip
    await members.introduce(lambda: Identity("one", (PLAN,)))
    try:
        yield members
    finally:
        server.answers.set()
        ending = asyncio.create_task(members.close())
        await clock.advance(5)
        await ending
        server.end()


async def test_without_an_answer_for_eight_seconds_nothing_is_led(caplog: pytest.LogCaptureFixture) -> None:
    clock, server = FakeClock(), Server()
    async with a_member(clock, server) as one:
        lease = await one.gained(PLAN)
        losing = asyncio.create_task(one.lost(lease))
        server.answers.clear()
        await clock.advance(SILENT - 0.5)
        assert one.leads(PLAN)
        assert not losing.done()
        await clock.advance(0.6)
        assert losing.done()
        assert not one.leads(PLAN)
    assert "db: the server has not answered for 8 s" in caplog.text


async def test_who_stood_still_knows_before_anything_else_that_it_leads_nothing() -> None:
    clock, server = FakeClock(), Server()
    async with a_member(clock, server) as one:
        assert one.leads(PLAN)
        clock._elapsed += SILENT  # nobody was woken meanwhile
        assert not one.leads(PLAN)


async def test_an_outage_is_said_once_and_then_each_minute(caplog: pytest.LogCaptureFixture) -> None:
    clock, server = FakeClock(), Server()
    caplog.set_level(logging.INFO)
    async with a_member(clock, server) as one:
        server.away = True
        await clock.advance(199)
        said = [record.message for record in caplog.records if record.levelno >= logging.WARNING]
        assert one.away.startswith("db: the server cannot be reached, since ")
        server.away = False
        await clock.advance(LONGEST_WAIT + 1)
        assert one.leads(PLAN)
        assert one.away == ""
    assert len(said) == 4
    assert said[0] == "db: the connection was lost; nothing is asked or told until it is back"
    assert "db is back after 3." in caplog.text


async def test_a_server_that_starts_anew_is_found_within_seconds_and_asked_seldom() -> None:
    clock, server = FakeClock(), Server()
    async with a_member(clock, server) as one:
        server.away = True
        await clock.advance(600)
        assert server.tried < 600 / (LONGEST_WAIT / 2) + 10
        server.away = False
        await clock.advance(LONGEST_WAIT)
        assert one.leads(PLAN)

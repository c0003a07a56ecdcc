"""A server that is away, or keeps nothing, is said once and then each minute, and outlasted."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any, cast

import pytest

from tests.fakes import FakeClock
from watcher.domain.values.errors import StoreBusyError, StoreError
from watcher.store.postgres.errors import StoreConflictError, StoreReadOnlyError, StoreRefusedError
from watcher.store.postgres.outage import LONGEST_WAIT, Outage

AWAY = StoreBusyError("db: the server cannot be reached")
FULL = StoreReadOnlyError("db: the disk of the server is full")


class Server:
    """Fails as it is told to; counts the attempts."""

    def __init__(self, *errors: StoreError) -> None:
        self.errors, self.tried = list(errors), 0
        self.always: StoreError | None = None

    async def work(self) -> str:
        self.tried += 1
        if self.always is not None:
            raise self.always
        if self.errors:
            raise self.errors.pop(0)
        return "done"


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def outage(clock: FakeClock) -> Outage:
    return Outage("db", cast(Any, clock), clock)


async def given(clock: FakeClock, work: Callable[[], Any], seconds: float) -> asyncio.Task[Any]:
    task: asyncio.Task[Any] = asyncio.ensure_future(work())
    await clock.advance(seconds)
    return task


@pytest.mark.parametrize("error", [AWAY, StoreRefusedError("db: the server refuses the user")])
async def test_what_was_begun_is_done_once_the_server_is_back(
    clock: FakeClock, outage: Outage, error: StoreError
) -> None:
    server = Server(error, error)
    task = await given(clock, lambda: outage.outlast(server.work), 0)
    assert not task.done()
    assert outage.words.startswith(f"{error}, since ")
    await clock.advance(3)
    assert await task == "done"
    assert server.tried == 3
    assert outage.words == ""


async def test_an_outage_is_one_line_and_then_one_a_minute_whoever_meets_it(
    clock: FakeClock, outage: Outage, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    server = Server()
    server.always = AWAY
    tasks = [await given(clock, lambda: outage.outlast(server.work), 0) for _ in range(5)]
    await clock.advance(185 + LONGEST_WAIT)
    server.always = None
    await clock.advance(LONGEST_WAIT)
    assert [await task for task in tasks] == ["done"] * 5
    said = [record.getMessage() for record in caplog.records]
    assert said[0] == "db: the server cannot be reached; nothing is asked or told until it is back"
    assert 3 <= len(said[1:-1]) <= 4
    assert all(each.startswith("db: the server cannot be reached; for ") for each in said[1:-1])
    assert said[-1].startswith("db is back after ")


async def test_a_server_that_comes_and_goes_is_no_flood_of_lines(
    clock: FakeClock, outage: Outage, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    for _ in range(50):
        outage.lost(AWAY)
        await clock.advance(0.5)
        outage.over()
    assert len(caplog.records) == 2


async def test_another_cause_is_said_although_the_last_outage_was_just_now(
    outage: Outage, caplog: pytest.LogCaptureFixture
) -> None:
    outage.lost(AWAY)
    outage.over()
    outage.lost(FULL)
    errors = [each.getMessage() for each in caplog.records if each.levelno == logging.ERROR]
    assert [each.partition(";")[0] for each in errors] == [str(AWAY), str(FULL)]


async def test_it_is_tried_seldom_while_it_lasts_and_at_once_when_another_has_reached_it(
    clock: FakeClock, outage: Outage
) -> None:
    server = Server()
    server.always = AWAY
    task = await given(clock, lambda: outage.outlast(server.work), 600)
    assert 20 <= server.tried <= 55
    server.always = None
    outage.over()
    await clock.advance(0)
    assert await task == "done"


async def test_an_answer_is_kept_for_so_long_and_no_longer(clock: FakeClock, outage: Outage) -> None:
    server = Server()
    server.always = AWAY
    task = await given(clock, lambda: outage.outlast(server.work, within=60), 59)
    assert not task.done()
    await clock.advance(2)
    with pytest.raises(StoreBusyError, match="cannot be reached"):
        await task


async def test_who_is_quicker_is_no_outage_and_an_answer_outlasts_even_that(
    clock: FakeClock, outage: Outage
) -> None:
    quicker = StoreConflictError("db: others keep writing the same")
    with pytest.raises(StoreConflictError):
        await outage.outlast(Server(quicker).work)
    assert outage.words == ""
    task = await given(clock, lambda: outage.outlast(Server(quicker).work, within=60), 2)
    assert await task == "done"


async def test_that_a_full_server_can_be_read_helps_nobody(clock: FakeClock, outage: Outage) -> None:
    outage.lost(FULL)
    reading = await given(clock, lambda: outage.outlast(Server().work, writes=False), 300)
    assert not reading.done()
    assert outage.words.startswith("db: the disk of the server is full")
    writing = await given(clock, lambda: outage.outlast(Server().work), 1)
    assert await writing == "done"
    assert await reading == "done"


async def test_what_is_wrong_whenever_it_is_tried_is_told_at_once(clock: FakeClock, outage: Outage) -> None:
    with pytest.raises(StoreError, match="damaged"):
        await outage.outlast(Server(StoreError("db: damaged")).work)
    assert outage.words == ""

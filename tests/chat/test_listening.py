"""Listening goes on whatever it stumbles over, and all who heard of an alert hear who takes care of it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.chat.given import written
from tests.contract.given import alert, delivery, keep, message
from tests.fakes import FakeClock
from tests.notify.bot_api import TelegramServer
from watcher.chat.actions import ChatActions
from watcher.chat.listening import FIRST_WAIT, LONGEST_WAIT, ChatListener, pause
from watcher.chat.orders import Order
from watcher.chat.rooms import ChatRooms
from watcher.commands.alerts import acknowledge
from watcher.config.configuration import configure
from watcher.domain.audit import Actor
from watcher.domain.messages.delivery import Delivery, DeliveryState
from watcher.domain.records import replace
from watcher.domain.values.errors import StoreBusyError
from watcher.ports.chat import BotError, ChatAnswer, Ear, Said
from watcher.ports.store import Store
from watcher.sim import Simulation

PEOPLE = {"11": "alice"}


@dataclass
class ScriptedBot:
    """A bot that breaks as it is told, then listens for ever; what it announces is kept."""

    name: str = "ops"
    breaks: list[Exception | None] = field(default_factory=list)
    """None: it stops without a word."""
    connects: bool = False
    listened: int = 0
    told: list[tuple[str, list[str], bool]] = field(default_factory=list)
    fails: Exception | None = None

    async def listen(self, ear: Ear) -> None:
        self.listened += 1
        if self.breaks:
            error = self.breaks.pop(0)
            if error is not None:
                raise error
            return
        ear.connected()
        await asyncio.Event().wait()

    async def announce(self, text: str, deliveries: Sequence[Delivery], *, settled: bool) -> None:
        self.told.append((text, [each.id for each in deliveries], settled))
        if self.fails is not None:
            raise self.fails


class BrokenActions:
    """Actions that fail in one way."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def do(self, order: Order, who: str, now: datetime, via: str) -> Any:
        raise self._error


def listener(bot: ScriptedBot, actions: Any = None, clock: FakeClock | None = None) -> ChatListener:
    rooms = ChatRooms(actions, clock or FakeClock())
    rooms.add(bot)
    return ChatListener(bot, PEOPLE, rooms, lambda: 0.5)


@asynccontextmanager
async def at_work(*jobs: Any) -> AsyncIterator[None]:
    tasks = [asyncio.create_task(job()) for job in jobs]
    try:
        yield
    finally:
        for each in tasks:
            each.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def test_a_bot_that_breaks_is_listened_to_again_ever_later_and_told_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    clock, bot = FakeClock(), ScriptedBot(breaks=[BotError("Bad Gateway")] * 4)
    ear = listener(bot, clock=clock)
    with caplog.at_level(logging.INFO):
        async with at_work(ear.run):
            for times in range(1, 5):
                await clock.settle()
                assert bot.listened == times
                assert ear.trouble == "channel ops: nobody is heard there: Bad Gateway"
                await clock.advance(0.9 * FIRST_WAIT * 2 ** (times - 1))
                assert bot.listened == times, "not yet"
                await clock.advance(0.1 * FIRST_WAIT * 2 ** (times - 1) + 0.001)
            assert (bot.listened, ear.trouble) == (5, "")
    lines = [each.getMessage() for each in caplog.records]
    assert lines == [
        "channel ops: nobody is heard there: Bad Gateway",
        "channel ops: people are heard again",
    ]


async def test_the_wait_that_a_service_asks_for_is_kept() -> None:
    clock, bot = FakeClock(), ScriptedBot(breaks=[BotError("Too Many Requests", 90.0)])
    async with at_work(listener(bot, clock=clock).run):
        await clock.advance(89)
        assert bot.listened == 1
        await clock.advance(2)
        assert bot.listened == 2


@pytest.mark.parametrize("error", [RuntimeError("a fault of ours"), None])
async def test_whatever_a_bot_stumbles_over_ends_nothing(error: Exception | None) -> None:
    clock, bot = FakeClock(), ScriptedBot(breaks=[error])
    ear = listener(bot, clock=clock)
    async with at_work(ear.run):
        await clock.settle()
        assert ear.trouble
        await clock.advance(10)
        assert bot.listened == 2


def test_the_wait_between_two_tries_ends_growing() -> None:
    assert [pause(each, 0.5) for each in (1, 2, 3)] == [1.0, 2.0, 4.0]
    assert pause(1000, 0.5) == LONGEST_WAIT


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (StoreBusyError("the store is locked"), "this could not be done now; try again"),
        (RuntimeError("a fault of ours"), "this failed; the log says why"),
    ],
)
async def test_an_order_that_fails_is_answered_and_told_in_no_chat(error: Exception, words: str) -> None:
    bot = ScriptedBot()
    ear = listener(bot, BrokenActions(error))
    assert await ear.hear(Said("11", "/ack 1a2b")) == ChatAnswer(words)
    assert bot.told == []


async def test_strangers_are_noted_once_a_minute(caplog: pytest.LogCaptureFixture) -> None:
    clock = FakeClock()
    ear = listener(ScriptedBot(), clock=clock)
    for _ in range(5):
        assert await ear.hear(Said("666\x1b[31m", "/status")) is None
    await clock.advance(61)
    assert await ear.hear(Said("667", "/status")) is None
    told = [each.getMessage() for each in caplog.records]
    assert len(told) == 2
    assert "\x1b" not in told[0]
    assert "667" in told[1]


def owed(identity: str, channel: str) -> Delivery:
    return replace(delivery(identity), channel=channel, message=message("a1"))


@asynccontextmanager
async def rooms_over(
    folder: Path, clock: FakeClock, *bots: ScriptedBot
) -> AsyncIterator[tuple[ChatRooms, Store]]:
    async with Simulation() as sim:
        configuration = configure(written(folder, sim, TelegramServer(port=9)), {})
    store = await configuration.settings.backend.open(exclusive=True)
    told = (owed("d1", "ops"), owed("d2", "desk"), owed("d3", "mail"))
    await keep(store, alerts=(alert("a1", account=None),), deliveries=told)
    receipts = {"d1": "1:1", "d2": "2:2", "d3": ""}
    await store.settle(
        [
            replace(each, state=DeliveryState.SENT, sent=clock.now(), receipt=receipts[each.id])
            for each in told
        ]
    )
    rooms = ChatRooms(ChatActions(configuration, store), clock)
    for bot in bots:
        rooms.add(bot)
    try:
        yield rooms, store
    finally:
        await store.close()


async def test_what_is_done_in_one_chat_is_told_in_all_that_heard_of_the_alert(tmp_path: Path) -> None:
    clock, here, there, other = FakeClock(), ScriptedBot("ops"), ScriptedBot("desk"), ScriptedBot("night")
    async with rooms_over(tmp_path, clock, here, there, other) as (rooms, _):
        answer = await ChatListener(here, PEOPLE, rooms).hear(Said("11", "/ack a1 on it"))
        await clock.settle()
    assert answer is not None
    assert answer.done
    ((text, ids, settled),) = here.told
    assert text.startswith("alice acknowledged at ")
    assert ": on it\n" in text
    assert (ids, settled) == (["d1"], True)
    assert [each[1] for each in there.told] == [["d2"]]
    assert other.told == []


async def test_a_silence_of_no_alert_is_told_in_all_chats(tmp_path: Path) -> None:
    clock, here, there = FakeClock(), ScriptedBot("ops"), ScriptedBot("desk")
    async with rooms_over(tmp_path, clock, here, there) as (rooms, _):
        await ChatListener(here, PEOPLE, rooms).hear(Said("11", "/silence wallet=hot 1h"))
        await clock.settle()
    assert len(here.told) == len(there.told) == 1


@pytest.mark.parametrize("via", ["page", "command line", "link in mail", ""])
async def test_who_acknowledges_elsewhere_is_told_in_the_chats_once(tmp_path: Path, via: str) -> None:
    clock, here, other = FakeClock(), ScriptedBot("ops"), ScriptedBot("night")
    async with rooms_over(tmp_path, clock, here, other) as (rooms, store), at_work(rooms.follow):
        await clock.settle()
        acknowledge(store, Actor("Ada", via, clock.now() + timedelta(seconds=1)), ["a1"])
        for _ in range(3):
            rooms.others_wrote.set()
            await looked(clock, rooms)
    ((text, ids, settled),) = here.told
    assert text.startswith("Ada acknowledged at ")
    assert (f"({via})" in text) == bool(via)
    assert (ids, settled, other.told) == (["d1"], True, [])


async def test_what_was_acknowledged_in_a_chat_is_not_told_a_second_time(tmp_path: Path) -> None:
    clock, here = FakeClock(), ScriptedBot("ops")
    async with rooms_over(tmp_path, clock, here) as (rooms, _), at_work(rooms.follow):
        await clock.advance(1)
        await ChatListener(here, PEOPLE, rooms).hear(Said("11", "/ack a1"))
        for _ in range(3):
            rooms.others_wrote.set()
            await looked(clock, rooms)
    assert len(here.told) == 1


async def test_a_chat_that_cannot_be_told_costs_the_others_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    clock, here, there = FakeClock(), ScriptedBot("ops", fails=RuntimeError("no")), ScriptedBot("desk")
    async with rooms_over(tmp_path, clock, here, there) as (rooms, _):
        answer = await ChatListener(here, PEOPLE, rooms).hear(Said("11", "/ack a1"))
        await clock.settle()
    assert answer is not None
    assert len(there.told) == 1
    assert "unexpected error while telling what was done" in caplog.text


async def looked(clock: FakeClock, rooms: ChatRooms) -> None:
    """Wait until `follow` has looked and waits again: it asks the store in a thread."""
    async with asyncio.timeout(60):
        while rooms.others_wrote.is_set() or not clock.waiting:  # noqa: ASYNC110 (it rests in the store)
            await asyncio.sleep(0.001)
    await clock.settle()

"""Listening in chats: one task for each bot, and what is heard done by who may, and told to all.

A bot that is down changes nothing for alerts: its task waits and begins anew.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable, Mapping
from datetime import timedelta

from watcher.chat.actions import CHAT
from watcher.chat.orders import Order, Verb, read_order
from watcher.chat.rooms import ChatRooms
from watcher.domain.values.errors import InputError, StoreError
from watcher.domain.values.formatting import moment
from watcher.domain.values.text import clean
from watcher.ports.chat import Bot, BotError, ChatAnswer, Said

log = logging.getLogger(__name__)

FIRST_WAIT, LONGEST_WAIT = 1.0, 300.0
"""Seconds before a bot is listened to again, doubling."""

OLDEST_SILENCE = timedelta(hours=1)
"""A silence that was asked for longer ago is not set: it would begin now, and for nobody knows what."""

STRANGERS_EVERY = 60.0
"""Seconds between two lines of the log about strangers of one channel."""


class ChatListener:
    """Listens to one bot, and judges what it hears: an `Ear`."""

    def __init__(
        self,
        bot: Bot,
        people: Mapping[str, str],
        rooms: ChatRooms,
        chance: Callable[[], float] = random.random,
    ) -> None:
        """`people`: the service's id of a person → the name. `chance`: spreads the waits."""
        self._bot, self._people, self._rooms, self._chance = bot, people, rooms, chance
        self._failures = 0
        self._strangers_told: float | None = None
        self._why = ""

    @property
    def trouble(self) -> str:
        """Why people are not heard; empty if they are."""
        return f"channel {self._bot.name}: nobody is heard there: {self._why}" if self._why else ""

    async def run(self) -> None:
        """Listen, and begin anew whenever it breaks."""
        while True:
            wait = await self._once()
            self._failures += 1
            await self._rooms.clock.sleep(max(wait, pause(self._failures, self._chance())))

    async def _once(self) -> float:
        """Listen until it breaks; how many seconds the service asks to be left alone."""
        wait = 0.0
        try:
            await self._bot.listen(self)
            why = "the bot stopped listening"
        except BotError as error:
            why, wait = clean(str(error)), error.retry_after or 0.0
        except Exception as error:
            # The one broad catch of this loop: whatever a bot stumbles over must end nothing else.
            log.exception("unexpected error while listening in channel %s", self._bot.name)
            why = f"unexpected: {type(error).__name__}"
        if why != self._why:
            log.warning("channel %s: nobody is heard there: %s", self._bot.name, why)
        self._why = why
        return wait

    def connected(self) -> None:
        if self._why:
            log.info("channel %s: people are heard again", self._bot.name)
        self._failures, self._why = 0, ""

    async def hear(self, said: Said) -> ChatAnswer | None:
        """Do what was said; see `Ear`."""
        who = self._people.get(said.person)
        if who is None:
            self._note_stranger(said.person)
            return None
        try:
            order = read_order(said.text)
            self._check_age(order, said)
            now, via = self._rooms.clock.now(), f"{CHAT} {self._bot.name}"
            outcome = await asyncio.to_thread(self._rooms.actions.do, order, who, now, via)
        except InputError as error:
            return ChatAnswer(clean("; ".join(part for part in (error.what, error.remedy) if part)))
        except StoreError as error:
            log.warning("channel %s: what %s asked for was not done: %s", self._bot.name, who, error)
            return ChatAnswer("this could not be done now; try again")
        except Exception:
            # The one broad catch here: an order that we stumble over would be brought again and again.
            log.exception("unexpected error over what %s asked for in channel %s", who, self._bot.name)
            return ChatAnswer("this failed; the log says why")
        if outcome.told:
            log.info("channel %s: %s", self._bot.name, clean(outcome.told.replace("\n", ": ")))
            self._rooms.announce(outcome, self._bot)
        return ChatAnswer(outcome.text, done=bool(outcome.told))

    def _check_age(self, order: Order, said: Said) -> None:
        """What counts from now on must have been asked for lately; to acknowledge is never too late."""
        if order.verb is not Verb.SILENCE or said.at is None:
            return
        if self._rooms.clock.now() - said.at > OLDEST_SILENCE:
            raise InputError(
                f"you asked for this at {moment(said.at)}, and it was heard only now", "say it again"
            )

    def _note_stranger(self, person: str) -> None:
        now = self._rooms.clock.monotonic()
        if self._strangers_told is not None and now - self._strangers_told < STRANGERS_EVERY:
            return
        self._strangers_told = now
        words = "channel %s: %s, who is not among `people`, tried to answer; nothing was done, nor said"
        log.warning(words, self._bot.name, clean(person)[:40] or "somebody")


def pause(failures: int, chance: float) -> float:
    """Seconds until a bot is listened to again after so many failures; `chance` in 0..1 spreads it."""
    wait: float = min(FIRST_WAIT * 2 ** min(failures - 1, 20), LONGEST_WAIT)
    return wait * (0.8 + 0.4 * chance)

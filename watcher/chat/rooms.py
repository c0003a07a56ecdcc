"""Rooms: all the chats in which people may answer. What is done in one, or elsewhere, is told in them."""

from __future__ import annotations

import asyncio
import logging
from datetime import datetime

from watcher.chat.actions import ChatActions, Outcome
from watcher.domain.values.errors import StoreError
from watcher.ports.chat import Bot
from watcher.ports.clock import Clock

log = logging.getLogger(__name__)

AGAIN = 5.0
"""Seconds until the store is asked again that gave no answer."""


class ChatRooms:
    """Tells all chats what was done about an alert that they heard of."""

    def __init__(self, actions: ChatActions, clock: Clock) -> None:
        self.actions, self.clock = actions, clock
        self._bots: list[Bot] = []
        self._telling: set[asyncio.Task[None]] = set()
        self.others_wrote = asyncio.Event()
        """Somebody may have acknowledged something elsewhere: on the page, by a link, on the command line."""

    def add(self, bot: Bot) -> None:
        self._bots.append(bot)

    def announce(self, outcome: Outcome, heard_in: Bot | None = None) -> None:
        """Tell it in the chat where it was ordered, and in those that heard of the alert; what is about no
        alert, in all. Whoever did it does not wait until all have heard."""
        for bot in self._bots:
            its = [each for each in outcome.deliveries if each.channel == bot.name and each.receipt]
            if its or bot is heard_in or (heard_in is not None and not outcome.deliveries):
                telling = bot.announce(outcome.told, its, settled=outcome.settled)
                task = asyncio.create_task(telling, name=f"chat {bot.name} announces")
                self._telling.add(task)
                task.add_done_callback(self._has_told)

    async def follow(self) -> None:
        """Tell what people acknowledge elsewhere, from now on."""
        since, known, wait = self.clock.now(), frozenset[str](), None
        try:
            while True:
                await self.clock.wait(self.others_wrote, wait)
                self.others_wrote.clear()
                try:
                    since, known = await self._look(since, known)
                    wait = None
                except StoreError as error:
                    log.debug("who acknowledged something elsewhere is not known now: %s", error)
                    wait = AGAIN
        finally:
            for each in self._telling:
                each.cancel()

    async def _look(self, since: datetime, known: frozenset[str]) -> tuple[datetime, frozenset[str]]:
        """Tell what was acknowledged since then; from when to look the next time, and what is known then."""
        found = await asyncio.to_thread(self.actions.acknowledged, since)
        for each in found:
            if each.outcome is not None and not each.ids <= known:
                self.announce(each.outcome)
        last = max((each.at for each in found), default=since)
        return last, frozenset().union(*(each.ids for each in found if each.at == last))

    def _has_told(self, task: asyncio.Task[None]) -> None:
        """What was done is done, whether or not it could be told."""
        self._telling.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("unexpected error while telling what was done", exc_info=error)

"""Hint posts: what is posted to any member reaches the one that plans."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Mapping

from watcher.domain.values.errors import StoreError
from watcher.ports.clock import Clock
from watcher.ports.hints import Posted, Posting, Receipt
from watcher.ports.shared_work import SharedWork

log = logging.getLogger(__name__)

LOOK = 1.0
MOST = 1000
"""Posts that wait for a store that does not answer; the oldest are dropped."""


class PostForwarder:
    """A hint source as a member has it that does not plan: what it takes goes on as it came."""

    def __init__(self, name: str, source: Posting, work: SharedWork, clock: Clock) -> None:
        """`source` says what is to be taken; nobody listens to it here."""
        self._name, self._source, self._work, self._clock = name, source, work, clock
        self._waiting: deque[Posted] = deque(maxlen=MOST)
        self._news = asyncio.Event()

    def receive(self, posted: Posted) -> Receipt:
        receipt = self._source.receive(posted)
        if receipt.status == 200:
            self._waiting.append(posted)
            self._news.set()
        return receipt

    async def run(self) -> None:
        """Hand on what comes, until cancelled."""
        while True:
            await self._news.wait()
            self._news.clear()
            try:
                while self._waiting:
                    await self._work.post(self._name, self._waiting[0])
                    self._waiting.popleft()
            except StoreError as error:
                log.warning("hints %s: what was posted waits: %s", self._name, error)
                self._news.set()
                await self._clock.sleep(LOOK)


async def take_posts(postings: Mapping[str, Posting], work: SharedWork, clock: Clock) -> None:
    """Take what was posted to others, until cancelled."""
    while True:
        try:
            for name, posted in await work.posts():
                if name in postings:
                    postings[name].receive(posted)
        except StoreError as error:
            log.warning("what was posted to other members is not known now: %s", error)
        await clock.sleep(LOOK)

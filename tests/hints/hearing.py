"""Somebody who listens to a hint source, connection after connection, as the daemon does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress

from watcher.ports.hints import Alive, Bookmark, Hint, HintGap, HintSource, HintSourceError, Told

PATIENCE = 20.0
"""Seconds until what is waited for must have come."""


class Hearing:
    """What was heard, and why connections ended. `hints`: by their ids, so each one once."""

    def __init__(self) -> None:
        self.told: list[Told] = []
        self.failures: list[HintSourceError] = []
        self.hints: dict[str, Hint] = {}
        self.facts: Mapping[str, str] = {}
        self._news = asyncio.Event()

    @property
    def gaps(self) -> list[HintGap]:
        return [each for each in self.told if isinstance(each, HintGap)]

    @property
    def addresses(self) -> list[str]:
        """Where something moved, in the order in which it was heard."""
        return [hint.where.address for hint in self.hints.values()]

    async def until(self, met: Callable[[], object]) -> None:
        """Wait until something is heard that was waited for."""
        try:
            async with asyncio.timeout(PATIENCE):
                while not met():
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            ended = [each.why for each in self.failures[-3:]]
            raise AssertionError(f"not heard; connections ended: {ended}; told: {self.told[-9:]}") from None

    async def count(self, hints: int) -> None:
        """Wait until so many hints were heard."""
        await self.until(lambda: len(self.hints) >= hints)

    async def failed(self, words: str) -> HintSourceError:
        """Wait until a connection ended in these words."""
        await self.until(lambda: any(words in each.why for each in self.failures))
        return next(each for each in self.failures if words in each.why)

    async def alive(self) -> None:
        """Wait until a connection is made that nothing was missed before, or a gap was told for what was."""
        heard = len(self.told)
        await self.until(lambda: any(isinstance(each, Alive | HintGap) for each in self.told[heard:]))

    async def listen(self, source: HintSource, pause: float) -> None:
        while True:
            try:
                async for told in source.listen():
                    self._hear(told)
            except HintSourceError as error:
                self.failures.append(error)
            self._news.set()
            await asyncio.sleep(pause)

    def _hear(self, told: Told) -> None:
        self.told.append(told)
        if isinstance(told, Hint):
            self.hints.setdefault(told.id, told)
        elif isinstance(told, Bookmark):
            self.facts = told.facts
        self._news.set()


@asynccontextmanager
async def hearing(source: HintSource, pause: float = 0.02) -> AsyncIterator[Hearing]:
    """Listen as long as the block runs; `pause`: seconds between two connections."""
    heard = Hearing()
    task = asyncio.create_task(heard.listen(source, pause))
    try:
        yield heard
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        await source.close()

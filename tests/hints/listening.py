"""A listener for tests: hears a source of hints as the daemon does, one item after the other."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TypeVar

from watcher.ports.hints import Hint, HintSource, HintSourceError, Told

T = TypeVar("T", bound=Told)

DEADLINE = 10.0


class Heard:
    """What one connection tells. `end`: the error that ended it."""

    def __init__(self, source: HintSource) -> None:
        self.told: list[Told] = []
        self._more = asyncio.Condition()
        self._taken = 0
        self._source = source
        self._end: HintSourceError | None = None
        self.task = asyncio.create_task(self._listen())

    async def next(self, kind: type[T]) -> T:
        """The next item of this kind; what is of another kind is passed over."""
        async with asyncio.timeout(DEADLINE), self._more:
            while True:
                while self._taken < len(self.told):
                    self._taken += 1
                    if isinstance(found := self.told[self._taken - 1], kind):
                        return found
                if self._end is not None:
                    raise self._end
                await self._more.wait()

    async def end(self) -> HintSourceError:
        """The error that ends the connection."""
        async with asyncio.timeout(DEADLINE):
            await asyncio.wait([self.task])
        assert self._end is not None, f"it ended without a word: {self.task}"
        return self._end

    @property
    def hints(self) -> list[Hint]:
        return [each for each in self.told if isinstance(each, Hint)]

    async def _listen(self) -> None:
        try:
            async for told in self._source.listen():
                async with self._more:
                    self.told.append(told)
                    self._more.notify_all()
        except HintSourceError as error:
            async with self._more:
                self._end = error
                self._more.notify_all()


@asynccontextmanager
async def listening(source: HintSource) -> AsyncIterator[Heard]:
    """One connection, for as long as the block runs."""
    heard = Heard(source)
    try:
        yield heard
    finally:
        heard.task.cancel()
        await asyncio.gather(heard.task, return_exceptions=True)

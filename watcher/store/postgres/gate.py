"""Gate of a source that all members ask with one key: one row, and starts that are given out one by one.

A start is given out before it comes, so each who asks waits for one of its own. Who waited long looks again
before it asks: others may have been told to pause meanwhile. Times are the database's; what is waited for is
how far off they are.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, LiteralString, Protocol

from watcher.domain.alerts.source_health import Streak
from watcher.ports.clock import Clock
from watcher.ports.gate import Sleep, StreakChange
from watcher.store.codec import from_ms, to_ms

FRESH = 1.0
"""Seconds for which what was seen of the others is new enough."""

_MAKE = "INSERT INTO gate (source) VALUES (%(source)s) ON CONFLICT DO NOTHING"
_TURN = (
    "UPDATE gate SET next_start = greatest(now_ms(), next_start, paused_until) + %(spacing)s"
    " WHERE source = %(source)s RETURNING next_start - %(spacing)s - now_ms(),"
    " paused_until - now_ms(), failures, asleep_until, asleep_because, asleep_cost, streak"
)
_LOOK = (
    "SELECT next_start - now_ms(), paused_until - now_ms(), failures, asleep_until, asleep_because,"
    " asleep_cost, streak FROM gate WHERE source = %(source)s"
)
_PAUSE = (
    "UPDATE gate SET paused_until = greatest(paused_until, now_ms() + %(pause)s) WHERE source = %(source)s"
)
# Of many that are under way and fail for one cause, one counts: the others began before its pause.
_FAILED = (
    "UPDATE gate SET failures = greatest(failures + (paused_until <= now_ms())::integer, 1)"
    " WHERE source = %(source)s RETURNING failures"
)
_SUCCEEDED = "UPDATE gate SET failures = 0 WHERE source = %(source)s"
_SLEEP = (
    "UPDATE gate SET asleep_until = %(until)s, asleep_because = %(because)s, asleep_cost = %(cost)s"
    " WHERE source = %(source)s"
)


class Statements(Protocol):
    """Does statements in one transaction; the rows of the last."""

    def __call__(self, *statements: LiteralString, **values: Any) -> Awaitable[list[tuple[Any, ...]]]: ...


ChangeStreak = Callable[[str, Callable[[str], str]], Awaitable[tuple[str, str]]]
"""Changes the failures in a row of a source in one transaction: what they were, and are now."""


class SharedGate:
    """One source's gate, as `ports.gate.Gate`."""

    def __init__(self, source: str, clock: Clock, run: Statements, change: ChangeStreak) -> None:
        self._clock, self._source, self._run, self._change = clock, source, run, change
        self._streak = ""
        self.next_start = 0.0
        self.asleep: Sleep | None = None
        self._failures = 0
        self._seen = float("-inf")
        self._made = False

    async def turn(self, spacing: float) -> None:
        while True:
            row = await self._do(_TURN, spacing=round(spacing * 1000))
            wait = self._note(row)
            if wait > 0:
                await self._clock.sleep(wait)
            if wait <= FRESH or await self._paused() <= 0:
                return

    async def look(self) -> None:
        if self._clock.monotonic() - self._seen >= FRESH:
            self._note(await self._do(_LOOK))

    async def pause(self, seconds: float) -> None:
        self.next_start = max(self.next_start, self._clock.monotonic() + seconds)
        await self._do(_PAUSE, pause=round(seconds * 1000))

    async def failed(self) -> int:
        self._failures = int((await self._do(_FAILED))[0])
        return self._failures

    async def succeeded(self) -> None:
        if self._failures:
            self._failures = 0
            await self._do(_SUCCEEDED)

    async def streak(self, grow: Callable[[Streak | None], Streak | None]) -> StreakChange:
        if not self._streak and grow(None) is None:
            return StreakChange(None, None)  # as nearly always

        def change(text: str) -> str:
            after = grow(Streak.load(text) if text else None)
            return after.dump() if after is not None else ""

        before, after = await self._change(self._source, change)
        self._streak = after
        return StreakChange(*(Streak.load(each) if each else None for each in (before, after)))

    async def sleep(self, sleep: Sleep) -> None:
        self.asleep = sleep
        await self._do(_SLEEP, until=to_ms(sleep.until), because=sleep.because, cost=sleep.cost)

    async def wake(self) -> None:
        self.asleep = None
        await self._do(_SLEEP, until=None, because="", cost=0)

    async def _paused(self) -> float:
        row = await self._do(_LOOK)
        self._note(row)
        return float(row[1]) / 1000

    def _note(self, row: tuple[Any, ...]) -> float:
        """Take over what the row says; how far off its start is, in seconds."""
        wait, paused, failures, until, because, cost, streak = row
        now = self._clock.monotonic()
        self._seen, self._failures, self._streak = now, failures, streak
        self.next_start = now + max(wait, paused, 0) / 1000
        self.asleep = Sleep(from_ms(until), because, cost) if until is not None else None
        return float(wait) / 1000

    async def _do(self, statement: LiteralString, **values: Any) -> tuple[Any, ...]:
        """The row that a statement gives, of the gate's own row."""
        make = () if self._made else (_MAKE,)
        rows = await self._run(*make, statement, source=self._source, **values)
        self._made = True
        return rows[0] if rows else ()

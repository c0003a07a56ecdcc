"""Hint listening: one task for each hint source, from its connection to the inbox of whoever plans polls.

A source makes one connection at a time. Here it is waited between two of them, hints are matched to accounts
and known again, and what must outlive the process is kept. A hint goes no further than the inbox: what is
held is said by the poll.
"""

from __future__ import annotations

import asyncio
import logging
import random
import traceback
from collections.abc import AsyncGenerator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import groupby
from operator import attrgetter

from watcher.domain.model import Account
from watcher.domain.values.durations import span
from watcher.domain.values.errors import StoreError
from watcher.domain.values.text import clean
from watcher.ports.hint_state import STATE, HintSourceState
from watcher.ports.hints import (
    LONGEST_ID,
    Bookmark,
    Hint,
    HintGap,
    HintInbox,
    HintSource,
    HintSourceError,
    HintWord,
    Told,
)
from watcher.ports.store import hints_of
from watcher.service.engine import RuleEngine
from watcher.service.hint_health import STOOD, HintHealth
from watcher.service.hint_matching import HintIndex, ToldBefore

log = logging.getLogger(__name__)

FIRST_WAIT, LONGEST_WAIT = 0.5, 30.0
"""Seconds before the next connection, doubling."""

FIRST_REFUSED, LONGEST_REFUSED = 2.0, 900.0
"""The same where a person must act: a wrong password must lock nobody out."""

OLDEST = timedelta(minutes=15)
"""What happened longer ago is worth a look at the ordinary pace, and no poll at once."""

SLICE = 100
"""Hints taken in one turn of the event loop: some two milliseconds' work."""

REST = 0.01
"""Seconds left to others after each slice, at the most: as many as it took, so hints get half of the time.

By the event loop's clock, as work is: a loop that never rests starves the store's thread, which waits for the
interpreter anew after each statement.
"""

TICK = 5.0
"""Seconds between two looks at how the source fares, and two writings of how far it has told everything."""

KEPT_EVERY = 15.0
"""Seconds between two writings of its state, where nothing but counts changed."""


class HintListener:
    """Listens to one hint source for as long as `run` runs, and hands over what it tells."""

    def __init__(
        self,
        source: HintSource,
        accounts: Sequence[Account],
        inboxes: Mapping[str, HintInbox],
        engine: RuleEngine,
        *,
        facts: Mapping[str, str],
    ) -> None:
        """`inboxes`: by the name of the polled source. `facts`: what an earlier run kept of this one."""
        self.source, self._index, self._inboxes = source, HintIndex(accounts), inboxes
        self._store, self._clock, self._metrics = engine.store, engine.clock, engine.metrics
        self._health, self._told_before = HintHealth(source.name, engine), ToldBefore()
        self.state = _taken_up(HintSourceState.load(facts.get(STATE)), engine)
        source.remember({name: fact for name, fact in facts.items() if name != STATE})
        self._marks: dict[str, str] = {}
        """How far it has told everything, as far as that is not kept yet."""
        self._news = asyncio.Event()
        self._kept: float | None = None
        """When the state was written down last, by the monotonic clock; None: it changed since."""

    async def run(self) -> None:
        """Listen until cancelled."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._listen())
                group.create_task(self._look_after())
        finally:
            await asyncio.shield(self._keep(ending=True))

    # ------------------------------------------------------------------ connections

    async def _listen(self) -> None:
        failures = 0
        while True:
            began = self._clock.monotonic()
            try:
                await self._connection()
                why, refused = "the connection ended", False
            except HintSourceError as error:
                why, refused = clean(error.why), error.refused
            except Exception as error:  # noqa: BLE001
                # The one broad catch of this loop: a fault of one integration must not end the others.
                # Not its words: a library may have written a URL with its key into them.
                where = "".join(traceback.format_tb(error.__traceback__))
                what = type(error).__name__
                log.error("hints %s: unexpected %s\n%s", self.source.name, what, where)  # noqa: TRY400
                why, refused = f"internal error: {what}", False
            if self.state.up_since is not None and self._clock.monotonic() - began >= STOOD:
                failures = 0
            failures += 1
            self._down(why, refused=refused)
            await self._clock.sleep(pause(failures, refused=refused))

    async def _connection(self) -> None:
        telling, work = self.source.listen(), asyncio.get_running_loop().time
        taken, began = 0, work()
        try:
            async for told in telling:
                self._up()
                self._take(told)
                taken += 1
                if taken % SLICE == 0:  # a flood must hold up nobody
                    await asyncio.sleep(min(work() - began, REST))
                    began = work()
        finally:
            if isinstance(telling, AsyncGenerator):
                await telling.aclose()

    def _up(self) -> None:
        state, now = self.state, self._clock.now()
        state.last_alive = now
        if state.up_since is None:
            before = state.down_since or now
            after = f", after {span((now - before).total_seconds())}" if state.why else ""
            log.info("hints %s: connected%s", self.source.name, after)
            state.up_since, state.down_since, state.why, state.refused = now, None, "", False
            self._change()

    def _down(self, why: str, *, refused: bool) -> None:
        state = self.state
        if state.up_since is not None or state.why != why:
            say = log.warning if refused else log.info
            say("hints %s: not heard: %s", self.source.name, why)
            self._change()
        if state.up_since is not None:
            state.up_since, state.down_since = None, self._clock.now()
        state.why, state.refused = why, refused

    def _change(self) -> None:
        self._kept = None
        self._news.set()

    # ------------------------------------------------------------------ what is told

    def _take(self, told: Told) -> None:
        if isinstance(told, Hint):
            self._hint(told)
        elif isinstance(told, HintGap):
            self.state.count("gaps", self._clock.now())
            if self._metrics is not None:
                self._metrics.hint_gaps[self.source.name] += 1
            log.info("hints %s: some may be missing: %s", self.source.name, clean(told.why))
            self._missed(self._index.accounts)
        elif isinstance(told, Bookmark):
            self._marks.update(told.facts)

    def _hint(self, hint: Hint) -> None:
        now, accounts = self._clock.now(), self._index.about(hint.where)
        self.state.last_hint = now
        result = self._result(hint, accounts, now) if accounts else "unknown"
        self.state.count(result, now)
        if self._metrics is not None:
            self._metrics.hinted(self.source.name, result, now)

    def _result(self, hint: Hint, accounts: Sequence[Account], now: datetime) -> str:
        """Hand the hint over to those who plan; what became of it."""
        identity = clean(hint.id[:LONGEST_ID])
        if self._told_before(identity, hint.where):
            return "duplicate"
        if hint.happened is not None and now - hint.happened > OLDEST:
            self._missed(accounts)
            return "late"
        word = HintWord(self.source.name, now, identity)
        news = [self._inboxes[account.source].hinted(account, word) for account in accounts]
        return "taken" if any(news) else "gathered"

    def _missed(self, accounts: Sequence[Account]) -> None:
        now = self._clock.now()
        for source, some in groupby(sorted(accounts), key=attrgetter("source")):
            self._inboxes[source].missed(list(some), self.source.name, now)

    # ------------------------------------------------------------------ what is kept, and told to people

    async def _look_after(self) -> None:
        while True:
            self._news.clear()
            if self._metrics is not None:
                self._metrics.hint_up[self.source.name] = self.state.up_since is not None
                self._metrics.hint_silent[self.source.name] = self.state.silent_since is not None
            try:
                self._find_silence()
                await self._health.judge(self.state)
                await self._keep()
            except Exception:
                # The one broad catch of this loop: what is told of a source must not end the listening.
                log.exception("unexpected error while looking after hints %s", self.source.name)
            await self._clock.wait(self._news, TICK)

    def _find_silence(self) -> None:
        """Ask those who plan whether this source tells anything at all."""
        found = [inbox.silent_since(self.source.name) for inbox in self._inboxes.values()]
        since = min((each for each in found if each is not None), default=None)
        if since != self.state.silent_since:
            self.state.silent_since, self._kept = since, None

    async def _keep(self, *, ending: bool = False) -> None:
        """Write down how far the source has told everything, and now and then how it fares.

        A poll that a hint caused may not be made yet: if the process is killed now, the schedule makes it.
        """
        found, now = dict(self._marks), self._clock.monotonic()
        if ending or self._kept is None or now - self._kept >= KEPT_EVERY:
            self.state.at = self._clock.now()
            found[STATE] = self.state.dump()
            self._kept = now
        if not found:
            return
        try:
            await self._store.keep_facts(hints_of(self.source.name), found, self._clock.now())
        except StoreError as error:
            log.warning("hints %s: how far they came was not kept: %s", self.source.name, error)
            return
        self._marks = {name: fact for name, fact in self._marks.items() if found.get(name) != fact}


def pause(failures: int, *, refused: bool) -> float:
    """Seconds before the next connection, after so many in a row that did not stand."""
    first, longest = (FIRST_REFUSED, LONGEST_REFUSED) if refused else (FIRST_WAIT, LONGEST_WAIT)
    wait: float = min(first * 2 ** min(failures - 1, 20), longest)
    return wait * random.uniform(0.8, 1.2)


def _taken_up(kept: HintSourceState | None, engine: RuleEngine) -> HintSourceState:
    """The state at a start: what the day has counted goes on, and nothing is heard yet."""
    now, kept = engine.clock.now(), kept or HintSourceState()
    return HintSourceState(
        down_since=kept.down_since if kept.down_since and kept.down_since < now else now,
        last_alive=kept.last_alive, last_hint=kept.last_hint, day=kept.day, today=kept.today,
    )  # fmt: skip

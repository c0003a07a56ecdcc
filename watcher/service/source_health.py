"""Source health: says once that a source fails, and once that it can be read again."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from functools import cached_property

from watcher.domain.alerts.source_health import Streak, failing, grown
from watcher.domain.decision import Decision, Snapshot
from watcher.domain.evaluation.builtin_notices import FAILING_RULE, source_notice
from watcher.domain.messages.message import Severity
from watcher.domain.records import replace
from watcher.domain.values.durations import span
from watcher.domain.values.errors import StoreError
from watcher.domain.values.formatting import moment
from watcher.domain.values.verdict import Verdict, met, not_met
from watcher.ports.gate import Gate
from watcher.ports.source import Reply
from watcher.ports.store import Recall
from watcher.service.engine import RuleEngine

log = logging.getLogger(__name__)

TWICE = 2
"""Requests in a row that brought nothing: the second one was a look whether anything can be read at all."""


class SourceHealth:
    """How one source fares. What was told is in the store; failures in a row are counted at the gate."""

    def __init__(self, source: str, engine: RuleEngine, gate: Gate) -> None:
        self._source, self._gate = source, gate
        self._engine, self._clock = engine, engine.clock
        self._streak: Streak | None = None
        self._began = 0.0
        self._since: datetime | None = None
        self._told: bool | None = None
        """What the store's notice says; None: not asked since the start."""

    @cached_property
    def _addresses(self) -> int:
        """How many are watched on it; counted when nothing can be read first, for there may be many."""
        return len({each.address for each in self._engine.rules.wallets if each.source == self._source})

    @property
    def failing(self) -> bool:
        """Whether the source counts as failing."""
        return self._streak is not None and self._streak.fails

    @property
    def trouble(self) -> str:
        """Why no balance of this source is seen now; empty if it can be read."""
        if self._streak is None or not self._streak.fails:
            return ""
        return f"{self._source}: nothing could be read since {moment(self._streak.since)}: {self._streak.why}"

    async def note(self, reply: Reply, *, settled: bool, apart: int = 0) -> None:
        """What one request says of the source.

        `settled`: all but the accounts that fail by themselves, of `apart` addresses, can be read. One that
        is read while others are not tried yet does not end an outage.
        """
        now = self._clock.now()

        def grow(before: Streak | None) -> Streak | None:
            streak = grown(before, reply.outcomes, reply.failure, now)
            if streak is None:
                return before if before is not None and before.fails and not settled else None
            lasted = self._lasted(streak.since, now)
            fails = streak.fails or failing(streak, self._addresses - apart, lasted, reply.pause)
            return replace(streak, fails=fails)

        before, self._streak = await self._gate.streak(grow)
        streak = grown(before, reply.outcomes, reply.failure, now)
        read = streak is None and bool(reply.outcomes)
        if streak is not None and streak.requests == TWICE:
            then = "; one account at a time is tried" if reply.failure else ""
            log.warning("%s: nothing can be read: %s%s", self._source, streak.why, then)
        ended = before is not None and before.fails  # perhaps it was another member that told
        if (self.failing and self._told is not True) or (
            read and not self.failing and (ended or self._told is not False)
        ):
            await self._tell(now)

    def _lasted(self, since: datetime, now: datetime) -> timedelta:
        """How long nothing could be read; the time of day may be set meanwhile."""
        if since != self._since:
            self._since = since
            self._began = self._clock.monotonic() - max((now - since).total_seconds(), 0.0)
        return timedelta(seconds=self._clock.monotonic() - self._began)

    async def _tell(self, now: datetime) -> None:
        def deciding(past: Snapshot, _recall: Recall) -> Decision:
            known = past.alerts.get((FAILING_RULE, self._source))
            if self.failing and known is not None:
                return Decision(at=now)  # told before a restart
            verdict = self._verdict(known.since if known is not None else now, now)
            severity = Severity.CRITICAL if streak is not None and streak.refused else Severity.WARNING
            return source_notice(
                past,
                self._source,
                verdict,
                self._engine.rules.channels,
                now,
                rule=FAILING_RULE,
                severity=severity,
            )

        streak = self._streak
        try:
            await self._engine.conclude([], deciding)
        except StoreError as error:
            log.warning("the notice about %s waits: %s", self._source, error)
            return
        self._told = self.failing

    def _verdict(self, told: datetime, now: datetime) -> Verdict:
        if self._streak is not None:
            since = moment(self._streak.since)
            return met(f"nothing could be read since {since} ({self._streak.why}); no rule sees it")
        return not_met(f"it can be read again, {span((now - told).total_seconds())} after that was told")

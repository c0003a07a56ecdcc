"""Report schedule: when a period is over its report is owed to channels, once and in one transaction."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from watcher.domain.alerts.lifecycle import short_id
from watcher.domain.decision import Decision
from watcher.domain.messages.delivery import Delivery
from watcher.domain.messages.message import Kind, Message, Particulars, Severity
from watcher.domain.values.errors import StoreError
from watcher.domain.values.formatting import iso, moment
from watcher.domain.values.periods import Period, next_due, period_due
from watcher.ports.letters import REPORT_RULE, Letters, Summary, subject_of
from watcher.ports.store import REPORTS
from watcher.service.engine import RuleEngine

log = logging.getLogger(__name__)

AGAIN = 60.0
"""Seconds until the store is asked again that gave no answer."""

LATE = timedelta(minutes=10)
"""A report that is made so long after it was due says so."""


class Report(NamedTuple):
    """A report: the cron line of the times at which it is due, in which zone, and to whom it goes."""

    name: str
    line: str
    timezone: str
    channels: tuple[str, ...]


class ReportSchedule:
    """Makes each report when it is due, and no report twice.

    The store keeps of each report when the last was due that was made. The ids of its deliveries follow
    from name and period: what was owed before a crash and not noted yet is owed again as the same. After a
    time without a daemon the last report is made, and none before it. A report that is new begins with the
    period that is under way.
    """

    def __init__(self, reports: Sequence[Report], engine: RuleEngine, letters: Letters) -> None:
        self._reports, self._engine, self._letters = reports, engine, letters
        self._store, self._clock = engine.store, engine.clock

    async def run(self) -> None:
        """Make each report when it is due, until cancelled."""
        while True:
            wait = AGAIN
            try:
                wait = await self.once()
            except StoreError as error:
                log.warning("reports wait for the store: %s", error)
            await self._clock.sleep(wait)

    async def once(self) -> float:
        """Make what is due; seconds until the next is."""
        known = await self._store.facts(REPORTS)
        for report in self._reports:
            try:
                await self._make(report, known.get(report.name))
            except StoreError:
                raise
            except Exception:
                # The one broad catch of this loop: a bad report ends neither the next one nor the loop.
                log.exception("unexpected error while making the report %s", report.name)
        now = self._clock.now()
        due = [next_due(each.line, each.timezone, now) for each in self._reports]
        return max((min(due) - now).total_seconds(), 1.0)

    async def _make(self, report: Report, known: str | None) -> None:
        now = self._clock.now()
        made = datetime.fromisoformat(known) if known is not None else None
        if made is None or made > now:  # it is new, or the clock was set back
            await self._note(report, now)
            return
        period = period_due(report.line, report.timezone, now)
        if period.due <= made:
            return
        message = await self._message(report, period, now)
        deliveries = tuple(
            Delivery(short_id(message.id, name), name, message, now, now) for name in report.channels
        )
        await self._engine.conclude([], lambda _past, _recall: Decision(now, deliveries=deliveries))
        await self._note(report, period.due)
        log.info("report %s of %s to %s is made", report.name, iso(period.since), iso(period.until))

    async def _message(self, report: Report, period: Period, now: datetime) -> Message:
        summary = await asyncio.to_thread(self._summary, report, period)
        late = now - period.due >= LATE
        facts = (*summary.facts, ("Late", f"it was due at {moment(period.due)}")) if late else summary.facts
        return Message(
            short_id("report", report.name, iso(period.since), iso(period.until)),
            Kind.REPORT,
            Severity.INFO,
            REPORT_RULE,
            subject_of(report.name),
            "",
            summary.title,
            facts,
            now,
            Particulars(since=period.since, until=period.until, sum_usd=summary.worth),
        )

    def _summary(self, report: Report, period: Period) -> Summary:
        return self._letters.summary(report.name, period)

    async def _note(self, report: Report, at: datetime) -> None:
        await self._store.keep_facts(REPORTS, {report.name: iso(at.astimezone(UTC))}, self._clock.now())

"""A report is owed once for each period: after a restart, a crash, time away, and a clock that is set."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from tests.fakes import FakeClock
from watcher.domain.evaluation.rule_index import Rules
from watcher.domain.messages.delivery import Delivery
from watcher.domain.messages.message import Kind, Severity
from watcher.domain.messages.presentation import Display
from watcher.domain.values.errors import StoreBusyError
from watcher.domain.values.periods import Period
from watcher.ports.channel import Attachment
from watcher.ports.letters import Summary, report_of
from watcher.ports.store import REPORTS
from watcher.service.engine import RuleEngine
from watcher.service.report_schedule import Report, ReportSchedule
from watcher.store.memory.store import MemoryStore

START = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
MONTHLY = Report("monthly", "0 7 1 * *", "Europe/Zurich", ("treasurer", "ops"))
DUE = datetime(2026, 12, 1, 6, 0, tzinfo=UTC)


class Notes:
    """Writes which period it was asked for."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, Period]] = []
        self.busy = False
        self.bad = ""

    def summary(self, report: str, period: Period) -> Summary:
        if report == self.bad:
            raise ArithmeticError("nobody foresaw this")
        self.asked.append((report, period))
        if self.busy:
            raise StoreBusyError("busy")
        return Summary(f"Report {report}", (("Value", "$5 at the end"),), Decimal(5))

    def files(self, deliveries: Sequence[Delivery], display: Display) -> Sequence[Attachment]:
        raise AssertionError("files are made when a message is sent")


class Desk:
    """One store and clock, and whoever makes the reports of this run."""

    def __init__(self, *reports: Report) -> None:
        self.store, self.clock, self.notes = MemoryStore(), FakeClock(START), Notes()
        self.reports = reports or (MONTHLY,)
        self.start()

    def start(self) -> None:
        rules = Rules((), {}, ("treasurer", "ops"))
        engine = RuleEngine(self.store, rules, self.clock, running_since=self.clock.now())
        self.schedule = ReportSchedule(self.reports, engine, self.notes)

    async def at(self, moment: datetime) -> float:
        await self.clock.advance((moment - self.clock.now()).total_seconds())
        return await self.schedule.once()

    def owed(self) -> list[Delivery]:
        with self.store.queries() as queries:
            return list(reversed(queries.deliveries(None, 99)))


async def test_a_report_is_owed_when_it_is_due_to_each_of_its_channels() -> None:
    desk = Desk()
    await desk.at(START)
    assert await desk.at(DUE - timedelta(seconds=30)) == 30
    assert desk.owed() == []
    await desk.at(DUE)
    first, second = desk.owed()
    assert [first.channel, second.channel] == ["treasurer", "ops"]
    message = first.message
    assert message is second.message or message == second.message
    assert (message.kind, message.severity, report_of(message)) == (Kind.REPORT, Severity.INFO, "monthly")
    assert message.particulars.since == datetime(2026, 10, 31, 23, tzinfo=UTC)
    assert message.particulars.until == datetime(2026, 11, 30, 23, tzinfo=UTC)
    assert message.particulars.sum_usd == Decimal(5)
    assert message.facts == (("Value", "$5 at the end"),)


async def test_no_period_is_told_twice_whatever_is_started_again() -> None:
    desk = Desk()
    await desk.at(START)
    for minutes in (0, 1, 2, 60):
        desk.start()
        await desk.at(DUE + timedelta(minutes=minutes))
    assert len(desk.owed()) == 2
    assert len(desk.notes.asked) == 1


async def test_a_crash_before_it_is_noted_owes_the_same_again() -> None:
    desk = Desk()
    await desk.at(START)
    await desk.at(DUE)
    await desk.store.keep_facts(REPORTS, {"monthly": START.isoformat()}, desk.clock.now())
    desk.start()
    await desk.at(DUE + timedelta(minutes=3))
    assert len(desk.notes.asked) == 2
    assert len(desk.owed()) == 2


async def test_after_a_time_away_the_last_period_is_told_late_and_none_before_it() -> None:
    desk = Desk()
    await desk.at(START)
    desk.start()
    await desk.at(datetime(2027, 3, 5, tzinfo=UTC))
    assert [each.channel for each in desk.owed()] == ["treasurer", "ops"]
    message = desk.owed()[0].message
    assert message.particulars.until == datetime(2027, 2, 28, 23, tzinfo=UTC)
    assert ("Late", "it was due at 2027-03-01 06:00:00 UTC") in message.facts


async def test_a_report_that_is_new_begins_with_the_period_under_way() -> None:
    desk = Desk()
    await desk.at(DUE + timedelta(hours=1))
    assert desk.owed() == []
    await desk.at(datetime(2027, 1, 1, 6, tzinfo=UTC))
    assert desk.owed()[0].message.particulars.since == datetime(2026, 11, 30, 23, tzinfo=UTC)


async def test_a_clock_that_was_set_ahead_and_back_stops_no_report() -> None:
    desk = Desk()
    await desk.at(START)
    await desk.store.keep_facts(REPORTS, {"monthly": "2036-01-01T06:00:00.000Z"}, START)
    await desk.at(START + timedelta(minutes=1))
    await desk.at(DUE)
    assert len(desk.owed()) == 2


async def test_a_store_that_is_busy_delays_a_report_and_loses_none() -> None:
    desk = Desk()
    await desk.at(START)
    desk.notes.busy = True
    with pytest.raises(StoreBusyError):
        await desk.at(DUE)
    assert desk.owed() == []
    desk.notes.busy = False
    await desk.at(DUE + timedelta(minutes=1))
    assert len(desk.owed()) == 2


async def test_reports_of_several_periods_are_apart() -> None:
    desk = Desk(MONTHLY, Report("weekly", "0 7 * * mon", "UTC", ("ops",)))
    await desk.at(START)
    await desk.at(datetime(2026, 12, 8, tzinfo=UTC))
    assert {(report_of(each.message), each.channel) for each in desk.owed()} == {
        ("monthly", "treasurer"), ("monthly", "ops"), ("weekly", "ops"),
    }  # fmt: skip
    assert len({each.id for each in desk.owed()}) == 3


async def test_a_report_that_cannot_be_made_keeps_back_no_other(caplog: pytest.LogCaptureFixture) -> None:
    desk = Desk(MONTHLY, MONTHLY._replace(name="other"))
    desk.notes.bad = "monthly"
    await desk.schedule.once()

    assert await desk.at(DUE) > 0

    assert [each.message.title for each in desk.owed()] == ["Report other"] * 2
    assert "unexpected error while making the report monthly" in caplog.text
    desk.notes.bad = ""
    await desk.at(DUE + timedelta(minutes=1))
    assert {each.message.title for each in desk.owed()} == {"Report other", "Report monthly"}

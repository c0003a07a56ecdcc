"""How the credits of a period go, and how they will: the ledger by hours and days beside the plan."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from watcher.domain.credits.allowance import CreditPlan
from watcher.domain.credits.provider_count import USAGE, Metered, applied
from watcher.domain.history.timeline import Point, Segment
from watcher.domain.records import Record
from watcher.domain.rules.types.budget import Use, pace_since
from watcher.domain.scheduler.outlook import OUTLOOK, Detections, Outlook
from watcher.ports.queries import Queries
from watcher.reports.rows import CreditsRow, FindsRow

HOUR = timedelta(hours=1)
DAYS = 31
"""Days of the ledger that are listed."""


class DaySpent(Record, frozen=True):
    """One day (UTC) of the ledger."""

    day: datetime
    credits: int
    requests: int


class CreditBurn(Record, frozen=True):
    """One source's credits. `left`: what was left over the period until now; `forecast`: what will be at
    the pace of late, until none are left or the period ends; `even`: spent evenly over the period."""

    source: str
    limit: int
    start: datetime
    end: datetime
    remaining: int
    left: Segment
    forecast: Segment
    even: Segment
    a_day: float
    """Credits a day at the pace of late."""
    planned: float | None
    """Credits a day that the intervals of the cadence would take."""
    at_end: int
    """What will be left at the end of the period at the pace of late."""
    gone: datetime | None
    """When none will be left at that pace; None: not in this period."""
    days: tuple[DaySpent, ...]


def burn(reader: Queries, source: str, configured: CreditPlan, now: datetime) -> CreditBurn:
    """Everything about the credits of one source, from the ledger."""
    plan = applied(configured, Metered.load(reader.fact(source, USAGE)))
    start, end = plan.bounds(now)
    hours = reader.hours(source, min(start, now - timedelta(days=DAYS)))
    left, remaining = [Point(start, Decimal(plan.limit))], plan.limit
    for at, spent, _ in hours:
        if at >= start.replace(minute=0, second=0, microsecond=0) and spent:
            remaining -= spent
            left.append(Point(min(max(at + HOUR, start), now), Decimal(max(remaining, 0))))
    remaining = max(remaining, 0)
    left.append(Point(now, Decimal(remaining)))
    since = pace_since(plan, now)
    outlook = Outlook.load(reader.fact(source, OUTLOOK))
    pace = Use(plan, 0, sum(spent for at, spent, _ in hours if at >= since), since, now, outlook).pace
    gone = None
    if pace > 0 and remaining < pace * (end - now).total_seconds():
        gone = now + timedelta(seconds=remaining / pace)
    at_end = 0 if gone else round(remaining - pace * (end - now).total_seconds())
    return CreditBurn(
        source,
        plan.limit,
        start,
        end,
        remaining,
        tuple(left),
        (Point(now, Decimal(remaining)), Point(gone or end, Decimal(at_end))),
        (Point(start, Decimal(plan.limit)), Point(end, Decimal(0))),
        pace * 86400,
        outlook.planned / ((end - start) / timedelta(days=1)) if outlook is not None else None,
        at_end,
        gone,
        _days(hours, now),
    )


def days_of(reader: Queries, source: str, now: datetime) -> tuple[DaySpent, ...]:
    """The ledger of the last days, newest first; a day without a request is left out."""
    return _days(reader.hours(source, now - timedelta(days=DAYS)), now)


def _days(hours: list[tuple[datetime, int, int]], now: datetime) -> tuple[DaySpent, ...]:
    found: dict[datetime, tuple[int, int]] = {}
    for at, spent, calls in hours:
        if at > now - timedelta(days=DAYS):
            day = at.astimezone(UTC).replace(hour=0)
            before = found.get(day, (0, 0))
            found[day] = before[0] + spent, before[1] + calls
    return tuple(DaySpent(day, *both) for day, both in sorted(found.items(), reverse=True))


def credits_of(reader: Queries, source: str, configured: CreditPlan, now: datetime) -> CreditsRow:
    """What `status` says of one source: the ledger, the cadence's outlook, the provider's own count."""
    metered = Metered.load(reader.fact(source, USAGE))
    use = use_of(reader, source, configured, now)
    plan, outlook = use.plan, use.outlook
    start, end = plan.bounds(now)
    return {
        "limit": plan.limit,
        "spent": use.spent,
        "remaining": max(plan.limit - use.spent, 0),
        "period_start": start,
        "period_end": end,
        "runs_out": use.runs_out(),
        "planned": round(outlook.planned) if outlook is not None else None,
        "stretch": round(outlook.stretch, 3) if outlook is not None else None,
        "finds": None if outlook is None else _finds(outlook.finds),
        "configured_limit": configured.limit,
        "provider": None
        if metered is None
        else {"limit": metered.total, "used": metered.used, "at": metered.at, "renewed": metered.renewed},
    }


def use_of(reader: Queries, source: str, configured: CreditPlan, now: datetime) -> Use:
    """What `budget` rules judge."""
    plan = applied(configured, Metered.load(reader.fact(source, USAGE)))
    since = pace_since(plan, now)
    spent, late = reader.spent(source, plan.bounds(now)[0]), reader.spent(source, since)
    return Use(plan, spent, late, since, now, Outlook.load(reader.fact(source, OUTLOOK)))


def _finds(finds: Detections) -> FindsRow:
    """Changes found in this period, and the mean gap before them against the interval intended."""
    count = finds.count
    return {
        "count": count,
        "mean_gap_seconds": round(finds.gaps / count, 3) if count else None,
        "planned_gap_seconds": round(finds.planned / count, 3) if count else None,
    }

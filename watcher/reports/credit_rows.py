"""Credits as the pages and `--json` show them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from watcher.domain.credits.allowance import CreditPlan
from watcher.domain.credits.provider_count import USAGE, applied, load
from watcher.domain.rules.types.budget import Use, pace_since
from watcher.domain.scheduler.outlook import OUTLOOK, Detections
from watcher.domain.scheduler.outlook import load as read_outlook
from watcher.ports.queries import Queries

Row = dict[str, Any]


def credits_of(reader: Queries, source: str, configured: CreditPlan, now: datetime) -> Row:
    """What `status` says of one source: the ledger, the cadence's outlook, the provider's own count."""
    metered = load(reader.fact(source, USAGE))
    plan = applied(configured, metered)
    start, end = plan.bounds(now)
    spent = reader.spent(source, start)
    use = use_of(reader, source, configured, now)
    outlook = read_outlook(reader.fact(source, OUTLOOK))
    return {
        "limit": plan.limit,
        "spent": spent,
        "remaining": max(plan.limit - spent, 0),
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
    plan = applied(configured, load(reader.fact(source, USAGE)))
    since = pace_since(plan, now)
    spent, late = reader.spent(source, plan.bounds(now)[0]), reader.spent(source, since)
    return Use(plan, spent, late, since, now, read_outlook(reader.fact(source, OUTLOOK)))


def _finds(finds: Detections) -> Row:
    """Changes found in this period, and the mean gap before them against the interval intended."""
    count = finds.count
    return {
        "count": count,
        "mean_gap_seconds": round(finds.gaps / count, 3) if count else None,
        "planned_gap_seconds": round(finds.planned / count, 3) if count else None,
    }

"""Summary of a statement: the few lines that a chat has room for."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from watcher.domain.values.durations import span
from watcher.domain.values.formatting import counted, money, signed
from watcher.domain.values.periods import days_of
from watcher.domain.values.text import clean
from watcher.ports.letters import Summary
from watcher.reports.statement.statement import Statement

MOST_NAMED = 3
"""Wallets that are named, those that are worth most."""


def name_of(since: datetime, until: datetime, timezone: str) -> str:
    """`November 2026`, `2026-11-23 to 2026-11-29`, `2026-11-30`; to the minute if it is not of whole days."""
    days = days_of(since, until, timezone)
    if days is None:
        zone = ZoneInfo(timezone)
        return f"{since.astimezone(zone):%Y-%m-%d %H:%M} to {until.astimezone(zone):%Y-%m-%d %H:%M}"
    first, last = days
    if first == last:
        return str(first)
    month = (
        first.day == 1
        and (last + timedelta(days=1)).day == 1
        and (first.year, first.month) == (last.year, last.month)
    )
    return f"{first:%B %Y}" if month else f"{first} to {last}"


def heading(report: str, found: Statement) -> str:
    """Which report of which time: `monthly, November 2026`."""
    period = name_of(found.since, found.until, found.zone)
    return f"{report}, {period}" if report else period


def summary(report: str, found: Statement) -> Summary:
    """Ten lines at most. Dollars are cut to cents."""
    if not found.known:
        words = "no account was read up to then"
        return Summary(f"Report {heading(report, found)}: nothing is known, {words}", (("Not known", words),))
    total = found.total
    change = signed(money(total.change), total.change)
    title = f"Report {heading(report, found)}: {money(total.closing)} ({change})"
    facts = (
        ("Value", f"{money(total.closing)} at the end"),
        ("Before", f"{_before(found)} at the beginning; {_parts(found)}"),
        ("Wallets", _wallets(found)),
        ("Not known", _unknown(found)),
        ("Not read", _unread(found)),
        ("Alerts", _alerts(found)),
        ("Credits", ", ".join(f"{each.source} {each.credits:,}" for each in found.uses if each.credits)),
        ("Zone", f"days of {found.zone}" if found.zone != "UTC" else ""),
    )
    return Summary(title, tuple((label, clean(text)) for label, text in facts if text), total.closing)


def _before(found: Statement) -> str:
    """The worth at the beginning; what was first read later is in no part of it."""
    known = any(each.opening_known for each in found.counted)
    return money(found.total.opening) if known else "unknown"


def _parts(found: Statement) -> str:
    """What made the difference."""
    total = found.total
    parts = [f"in {money(total.came)}", f"out {money(total.went)}"]
    parts.append(f"by price {signed(money(total.by_price), total.by_price)}")
    if total.unknown_before:
        parts.append(f"newly known {signed(money(total.unknown_before), total.unknown_before)}")
    return ", ".join(parts)


def _wallets(found: Statement) -> str:
    named = [f"{each.name} {money(each.worth.closing)}" for each in found.wallets[:MOST_NAMED]]
    left = len(found.wallets) - len(named)
    return ", ".join([*named, *([f"{left:,} more"] if left > 0 else [])])


def _unknown(found: Statement) -> str:
    fresh = sum(not each.opening_known for each in found.counted)
    parts = [
        (len(found.never_read), "account", "never read"),
        (fresh, "holding", "first read in this time"),
        (len(found.unpriced), "holding", "without a price"),
        (len(found.apart), "holding", "that nobody asked for, or that is hidden"),
    ]
    return ", ".join(f"{counted(count, what)} {how}" for count, what, how in parts if count)


def _unread(found: Statement) -> str:
    if not found.unread:
        return ""
    names = {account: wallet for wallet, account in found.accounts}
    longest = max(found.unread, key=lambda each: each.lasted)
    what = names[longest.account] if longest.account is not None else longest.what
    lasted = span(longest.lasted.total_seconds())
    return f"{counted(len(found.unread), 'time')}, the longest {lasted} ({what}: {longest.why})"


def _alerts(found: Statement) -> str:
    if not found.alerts and not found.events:
        return "none"
    by_severity = Counter(str(each.alert.severity) for each in found.alerts)
    shown = [f"{by_severity[each]:,} {each}" for each in ("critical", "warning", "info") if by_severity[each]]
    still = sum(each.ended is None for each in found.alerts)
    words = counted(len(found.alerts), "alert") + (f" ({', '.join(shown)})" if shown else "")
    words += f", {still:,} not over" if still else ""
    return words + (f"; {counted(len(found.events), 'event')}" if found.events else "")

"""Unread times of a period: when an account, a whole source or the daemon itself saw nothing."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import datetime, timedelta
from typing import NamedTuple

from watcher.domain.decision import Snapshot
from watcher.domain.evaluation.builtin_notices import OF_SOURCES
from watcher.domain.history.timeline import idle
from watcher.domain.model import Account
from watcher.ports.period import StatementData
from watcher.reports.health import LATE_MISSES

SHORTEST = timedelta(minutes=5)
"""A daemon that was away for less has missed nothing worth a line: a restart."""


class UnreadTime(NamedTuple):
    """Nothing was read of `what` in this time; `account` is None where it is not about one alone."""

    since: datetime
    until: datetime
    what: str
    why: str
    account: Account | None = None

    @property
    def lasted(self) -> timedelta:
        return self.until - self.since


def unread_times(
    data: StatementData, past: Snapshot, accounts: Collection[Account], since: datetime, until: datetime
) -> list[UnreadTime]:
    """All that are known, the first first, each cut to the period."""
    found = (*_accounts(data, past, accounts, until), *_sources(data, accounts, until), *_idle(data, until))
    cut = (each._replace(since=max(each.since, since), until=min(each.until, until)) for each in found)
    return sorted((each for each in cut if each.since < each.until), key=lambda each: each[:3])


def never_read(past: Snapshot, accounts: Collection[Account], until: datetime) -> list[tuple[Account, str]]:
    """Accounts of which no reading is known up to the end, each with why, if anybody knows."""
    found = []
    for account in accounts:
        state = past.accounts.get(account)
        if state is None or state.last_reading is None:
            found.append((account, state.miss if state is not None else ""))
        elif state.watched_since is not None and state.watched_since >= until:
            found.append((account, "watched only since the period was over"))
    return found


def _accounts(
    data: StatementData, past: Snapshot, accounts: Collection[Account], until: datetime
) -> Iterator[UnreadTime]:
    for account in accounts:
        for gap in data.unread.get(account, ()):
            yield UnreadTime(*gap, account.chain, "polls of it failed", account)
        state = past.accounts.get(account)
        if state is not None and state.misses >= LATE_MISSES and state.last_reading is not None:
            # It is not over: the store keeps it once the account is read again.
            yield UnreadTime(state.last_reading, until, account.chain, state.miss, account)


def _sources(data: StatementData, accounts: Collection[Account], until: datetime) -> Iterator[UnreadTime]:
    sources = {account.source for account in accounts}
    for alert in data.alerts:
        if alert.rule in OF_SOURCES and alert.subject in sources and alert.fired_at is not None:
            end = alert.resolved_at or until
            yield UnreadTime(alert.fired_at, end, f"source {alert.subject}", alert.because)


def _idle(data: StatementData, until: datetime) -> Iterator[UnreadTime]:
    for gap in idle(data.runs, until):
        if gap.until - gap.since >= SHORTEST:
            yield UnreadTime(*gap, "everything", "watcher was not running")

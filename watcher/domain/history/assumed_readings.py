"""Readings that are assumed, for a time of which only changes and prices are known. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from watcher.domain.history.reconstruction import PollRecord, RecordedHistory, held_first
from watcher.domain.model import Account, Asset, Change, Quote
from watcher.domain.readings.plausibility import CONFIRM_AFTER

HOUR = timedelta(hours=1)


def assumed(recorded: RecordedHistory, until: datetime) -> list[PollRecord]:
    """Looks at the times at which something was kept, for a time of which no more is known.

    Each change is a reading, and so is the one before it; an odd one was read twice. A price that
    was kept is a reading of every account that held the asset, once an hour at most.
    """
    due: dict[tuple[datetime, str], dict[Account, None]] = {}

    def look(at: datetime, account: Account) -> None:
        if at < until:
            due.setdefault((at, account.source), {})[account] = None

    for change in recorded.changes:
        look(change.after_at, change.account)
        if change.before_at is not None:
            look(change.before_at, change.account)
    for asset, accounts in _holders(recorded).items():
        for at in _hourly(recorded.prices.get(asset, ())):
            for account, first in accounts.items():
                if first is None or at >= first:
                    look(at, account)
    found = [PollRecord(at, tuple(accounts)) for (at, _), accounts in due.items()]
    return sorted([*found, *first_sights(recorded, until)], key=lambda each: each.at)


def _holders(recorded: RecordedHistory) -> dict[Asset, dict[Account, datetime | None]]:
    """Who ever held each asset, and since when; None: since before history begins."""
    began: dict[Account, datetime | None] = dict.fromkeys(recorded.held)
    holders: dict[Asset, dict[Account, datetime | None]] = {}
    for account, held in recorded.held.items():
        for asset in held:
            holders.setdefault(asset, {})[account] = None
    for change in recorded.changes:
        first = began.setdefault(change.account, change.after_at)
        holders.setdefault(change.asset, {}).setdefault(change.account, first)
    return holders


def _hourly(quotes: Sequence[Quote]) -> Iterator[datetime]:
    last: datetime | None = None
    for quote in quotes:
        if last is None or quote.at - last >= HOUR:
            last = quote.at
            yield quote.at


def first_sights(recorded: RecordedHistory, until: datetime) -> Iterator[PollRecord]:
    """The readings, shortly before, that had to be confirmed: of one account and moment one, which shows all
    that was odd. A second one would speak of the others as they were, and let them go."""
    together: dict[tuple[Account, datetime], list[Change]] = {}
    for change in recorded.changes:
        if change.after_at < until:
            together.setdefault((change.account, change.after_at), []).append(change)
    for (account, after_at), changes in together.items():
        at = after_at - min(CONFIRM_AFTER, *map(_half, changes))
        held = {change.asset: change.after for change in changes if held_first(change, at)}
        if held:
            yield PollRecord(at, (account,), held={account: held})


def _half(change: Change) -> timedelta:
    return (change.after_at - change.before_at) / 2 if change.before_at is not None else CONFIRM_AFTER

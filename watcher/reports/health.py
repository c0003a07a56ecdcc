"""Would an alert reach somebody? The question of `/readyz`, answered from what the store shows."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from watcher.config.configuration import quiet_hours
from watcher.config.models import Cron
from watcher.config.settings import Settings
from watcher.config.wallets import WalletSettings
from watcher.domain.model import Account
from watcher.domain.records import Record, replace
from watcher.domain.scheduler.outlook import Outlook
from watcher.domain.values.cron import tick_after
from watcher.domain.values.formatting import counted, moment
from watcher.ports.queries import ChannelState, PollMark, Queries

WAITS_TOO_LONG = timedelta(minutes=10)
"""A message that has waited for so long is not being delivered."""

LATE_MISSES = 3
LATE_POLLS, LATE_SLACK = 3, timedelta(minutes=1)
"""An account is late after so many misses in a row, or once so many polls of it (of a cron line: ticks), and
a little more, have passed without a reading: for `status`, the page, `/readyz`, the heartbeat and systemd
alike."""

MOST_TICKS = 1000
"""Ticks that are counted, at most, where credits allow for next to none."""


class Readiness(Record, frozen=True):
    """`ready` only if a balance that moved now would be seen and told. Both lists are for people."""

    ready: bool
    broken: tuple[str, ...]
    """Why not."""
    troubled: tuple[str, ...]
    """What is wrong, but does not keep every alert from everybody."""


class PollStanding(Record):
    """How many accounts a source has, and of these: how many were ever read, how many cannot be read now, and
    how many are late, those among them."""

    accounts: int
    read: int = 0
    missed: int = 0
    behind: int = 0


def tally(
    accounts: Collection[Account], marks: Iterable[PollMark], late: Callable[[PollMark], bool | None]
) -> dict[str, PollStanding]:
    """The tally of each source. `accounts`: those that are watched; `marks` of others do not count."""
    found = {source: PollStanding(many) for source, many in Counter(each.source for each in accounts).items()}
    for mark in marks:
        if mark.account in accounts:
            its, missed = found[mark.account.source], mark.misses >= LATE_MISSES
            its.read += mark.last_reading is not None
            its.missed += missed
            its.behind += missed or bool(late(mark))
    return found


def readiness(
    polls: Mapping[str, PollStanding],
    channels: Sequence[ChannelState],
    now: datetime,
    *,
    stuck: Sequence[str] = (),
    doubts: Sequence[str] = (),
) -> Readiness:
    """`polls`: how those of each source go; `stuck`: what the daemon knows of itself, such as a source
    without progress; `doubts`: what it knows that keeps no alert from anybody."""
    broken, troubled = list(stuck), list(doubts)
    deaf = [text for text in (_deaf(channel, now) for channel in channels) if text]
    if not channels:
        broken.append("there is no channel: nobody would be told anything")
    elif len(deaf) == len(channels):
        broken += deaf
    else:
        troubled += deaf
    troubled += [text for text in (_half_deaf(channel, now) for channel in channels) if text]
    for source, its in polls.items():
        told = broken if its.read == 0 or its.behind == its.accounts else troubled
        if its.read == 0 and not its.missed:
            told.append(f"{source}: nothing has been read yet")
        elif its.missed:
            told.append(f"{source}: {its.missed} of {counted(its.accounts, 'account')} cannot be read")
        if its.behind > its.missed:
            told.append(f"{source}: {its.behind - its.missed} of {counted(its.accounts, 'account')} late")
    return Readiness(not broken, tuple(broken), tuple(troubled))


def channels_of(settings: Settings, reader: Queries, now: datetime) -> list[ChannelState]:
    """How channels fare, and since when something waits that may be told now: quiet hours do not count."""
    whole, partly = waiting(settings, reader, now), waiting(settings, reader, now, partly=True)
    return [
        replace(each, oldest_pending=whole.get(each.name), partly_since=partly.get(each.name))
        for each in reader.channels(list(settings.channels))
    ]


def _deaf(channel: ChannelState, now: datetime) -> str:
    """Why a channel seems to reach nobody; empty if it works as far as known."""
    if channel.oldest_pending is not None and now - channel.oldest_pending > WAITS_TOO_LONG:
        why = f": {channel.trouble}" if channel.trouble else ""
        return f"channel {channel.name}: messages wait since {moment(channel.oldest_pending)}{why}"
    if channel.gave_up:
        return f"channel {channel.name}: the last message was given up: {channel.trouble}"
    return ""


def _half_deaf(channel: ChannelState, now: datetime) -> str:
    """Why some of a channel's recipients seem to hear nothing while the others do; empty if all hear."""
    if channel.partly_since is None or now - channel.partly_since <= WAITS_TOO_LONG:
        return ""
    return f"channel {channel.name}: some wait since {moment(channel.partly_since)}: {channel.trouble}"


def is_late(
    wallet: WalletSettings, interval: float | None, outlook: Outlook | None, mark: PollMark, now: datetime
) -> bool | None:
    """Whether an account is late. None: it was never read, or nothing says when it is due."""
    if mark.last_reading is None:
        return None
    return mark.misses >= LATE_MISSES or overdue(wallet, interval, outlook, mark.last_reading, now)


def overdue(
    wallet: WalletSettings,
    interval: float | None,
    outlook: Outlook | None,
    last_reading: datetime | None,
    now: datetime,
) -> bool | None:
    """Whether an account was not read for several times as long as is set, promised or intended.

    `interval`: seconds between two polls as the cadence intends; what credits or calls do not allow for is
    stretched by `outlook`, and of a cron line so many ticks are left out. None: nothing says when it is due,
    or it was never read.
    """
    if last_reading is None:
        return None
    stretch = max(outlook.stretch, 1.0) if outlook is not None else 1.0
    if isinstance(wallet.every, Cron):
        ticks = math.ceil(min(LATE_POLLS * stretch, MOST_TICKS))
        return now - LATE_SLACK > tick_after(wallet.every.cron, wallet.every.timezone, last_reading, ticks)
    set_to = wallet.every if isinstance(wallet.every, timedelta) else wallet.at_least_every
    if set_to is None and interval is None:
        return None
    longest = max(set_to.total_seconds() * stretch if set_to is not None else 0.0, interval or 0.0)
    return (now - last_reading - LATE_SLACK).total_seconds() > LATE_POLLS * longest


def waiting(
    settings: Settings, reader: Queries, now: datetime, *, partly: bool = False
) -> dict[str, datetime]:
    """Channel → since when something waits for it that might be told; quiet hours do not count.

    `partly`: of what some of its recipients have heard; else of what none has.
    """
    quiet = quiet_hours(settings)
    found: dict[str, datetime] = {}
    for each in reader.waiting():
        if each.partly != partly:
            continue
        period, since = quiet.get(each.channel), each.since
        if period is not None and not each.critical:
            if period.until(now) is not None:
                continue
            since = max(since, period.last_end(now) or since)
        found[each.channel] = min(since, found.get(each.channel, since))
    return found

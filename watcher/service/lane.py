"""What one channel's loop knows, and which deliveries it sends next. Decisions only, no I/O."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from watcher.domain.delivery import LONGEST_RETRY, Delivery
from watcher.domain.message import Kind
from watcher.domain.quiet import Quiet
from watcher.ports import UNGROUPED, Channel

FRESH_WAITS = 60.0
"""Seconds that what was never tried waits at most for a failing channel's next chance."""

LONGEST_ASKED = timedelta(hours=1)
"""The longest wait that a service can ask for."""

LOOK_AGAIN = 60.0

AT_ONCE = 3
"""Notifications of one minute that wait for nothing, if each is about one transition."""

GATHERING = (0.0, 5.0, 15.0, 30.0, 30.0)
"""Seconds that the second, third, … notification of a minute waits otherwise after the one before, so that
what comes meanwhile goes with it. There are no more in one minute: a storm is a handful of messages."""

WINDOW = 60.0

_TURN = {Kind.FIRING: 0, Kind.RESOLVED: 2}
"""The turn of a message within its alert; what is between has the same."""


@dataclass(slots=True)
class Lane:
    """One channel's loop: what it does now, and how it fares. All of it may be lost in a crash."""

    channel: Channel
    quiet: Quiet | None = None
    """When nothing but what is critical is told."""
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    idle: asyncio.Event = field(default_factory=asyncio.Event)
    sending: tuple[Delivery, ...] = ()
    outcome: list[Delivery] = field(default_factory=list)
    """What came of the last send and is not in the store yet."""
    failures: int = 0
    refusals: int = 0
    tried: float = 0.0
    paused_until: float | None = None
    """Both in monotonic seconds: a clock that is set lengthens no pause."""
    asked_to_wait: bool = False
    apart: set[str] = field(default_factory=set)
    """Ids that were refused for good together: each is told alone, for one may spoil the rest."""
    trouble: str = ""
    gathers: bool = False
    """Whether something may be waiting only to go out with what comes next."""
    told_at: list[tuple[float, int]] = field(default_factory=list)
    """When the notifications of the last minute went out, in monotonic seconds, with how many deliveries."""


def in_turn(pending: Sequence[Delivery]) -> list[Delivery]:
    """Oldest first. Of one alert what fires comes first and the end last, whatever the times say: the clock
    may have been set back between the two."""
    found = sorted(pending, key=lambda each: (each.created, each.id))
    places: dict[str, list[int]] = {}
    for place, each in enumerate(found):
        places.setdefault(each.message.id, []).append(place)
    for mine in places.values():
        if len(mine) > 1:
            turns = sorted((found[place] for place in mine), key=lambda each: _TURN.get(each.message.kind, 1))
            for place, each in zip(mine, turns, strict=True):
                found[place] = each
    return found


def in_order(lane: Lane, pending: Sequence[Delivery], now: datetime) -> tuple[list[Delivery], list[Delivery]]:
    """What a round sends, and what must wait for its own time.

    A round sends all that is pending, since the channel is tried anyway. Only what was refused for
    good waits for its time; what follows it in its alert is in neither list and comes after it.
    """
    ready, held = [], []
    alerts = set()
    for each in pending:
        if each.message.id in alerts:
            continue
        if each.id in lane.apart and due_time(each, now) > now:
            alerts.add(each.message.id)
            held.append(each)
        else:
            ready.append(each)
    return ready, held


def until_next(lane: Lane, candidates: Sequence[Delivery], now: datetime, ticks: float) -> float:
    """Seconds until something is worth sending; 0: now. `ticks`: the monotonic time."""
    if not candidates:
        return LOOK_AGAIN
    wait = (min(due_time(each, now) for each in candidates) - now).total_seconds()
    pause = 0.0
    if lane.paused_until is not None:
        pause = lane.paused_until - ticks
        if not lane.asked_to_wait and any(each.attempts == 0 for each in candidates):
            pause = min(pause, lane.tried + FRESH_WAITS - ticks)
    return max(wait, pause, 0.0)


def gathering(lane: Lane, ticks: float) -> float:
    """Seconds for which what is to be told is gathered, to go out as one; 0: it may go now."""
    if lane.channel.burst >= UNGROUPED:
        return 0.0
    lane.told_at = [(at, count) for at, count in lane.told_at if ticks - at < WINDOW]
    told = len(lane.told_at)
    if told >= len(GATHERING):
        return max(0.0, lane.told_at[-len(GATHERING)][0] + WINDOW - ticks)
    if _free(lane) > 0:
        return 0.0
    step = told if _much(lane) else told - AT_ONCE + 1
    return max(0.0, lane.told_at[-1][0] + GATHERING[step] - ticks)


def singles(lane: Lane) -> int:
    """So many may go out one by one now; more than that go as one."""
    if lane.channel.burst >= UNGROUPED:
        return lane.channel.burst
    return max(1, min(lane.channel.burst, _free(lane)))


def _free(lane: Lane) -> int:
    """Notifications about one transition each that may go now; none while much happens."""
    return 0 if _much(lane) else max(0, AT_ONCE - len(lane.told_at))


def _much(lane: Lane) -> bool:
    """Whether more happens than one notification each can tell."""
    return any(count > 1 for _, count in lane.told_at)


def overnight(lane: Lane, ready: Sequence[Delivery], now: datetime) -> list[Delivery]:
    """What quiet hours that are over have kept back: it goes out as one."""
    end = lane.quiet.last_end(now) if lane.quiet is not None else None
    return [each for each in ready if end is not None and each.created < end and not each.attempts]


def due_time(delivery: Delivery, now: datetime) -> datetime:
    """When it is due; a time farther off than any wait of ours comes from a clock since set back."""
    farthest = now + max(LONGEST_RETRY * 1.1, LONGEST_ASKED)
    return now if delivery.due > farthest else delivery.due


def batches(lane: Lane, ready: Sequence[Delivery]) -> list[list[Delivery]]:
    """Those that were refused for good each alone, the others together; per alert in order."""
    found: list[list[Delivery]] = []
    alone_alerts = {each.message.id for each in ready if each.id in lane.apart}
    together = [each for each in ready if each.message.id not in alone_alerts]
    if together:
        found.append(together)
    found.extend([each] for each in ready if each.message.id in alone_alerts)
    return found


def first_news(ready: Sequence[Delivery]) -> list[Delivery]:
    """The first message; if its alert fired and resolved meanwhile, with all others of it: they are one."""
    group = [each for each in ready if each.message.id == ready[0].message.id]
    both = group[0].message.kind is Kind.FIRING and group[-1].message.kind is Kind.RESOLVED
    return group if both else group[:1]

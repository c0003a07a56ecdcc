"""Delivery policy: which deliveries a channel is given next, and when. Decisions only, no I/O."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from watcher.domain.alerts.fallback import in_place_of, patience
from watcher.domain.alerts.quiet_hours import QuietPeriod
from watcher.domain.messages.delivery import (
    GIVE_UP_AFTER,
    LONGEST_RETRY,
    Delivery,
    DeliveryState,
    Fault,
    NotSent,
    SendResult,
    Sent,
    backoff,
)
from watcher.domain.messages.message import Kind, Severity
from watcher.domain.messages.moves import happening_of
from watcher.domain.records import Record, field, replace
from watcher.ports.channel import UNGROUPED, Channel
from watcher.ports.channel_lane import ChannelLane

FRESH_WAITS = 60.0
"""Seconds that what was never tried waits at most for a failing channel's next chance."""

LONGEST_ASKED = timedelta(hours=1)
"""The longest wait that a service can ask for."""

LOOK_AGAIN = 600.0
"""Seconds after which a channel looks at what it owes, though nobody said that there is anything."""

ATTEMPTS_BEFORE_GIVING_UP = 3
"""A refusal without a reason is believed the third time, and a day is over only after as many attempts."""

AT_ONCE = 3
"""Notifications of one minute that wait for nothing, if each is about one transition."""

GATHERING = (0.0, 5.0, 15.0, 30.0, 30.0)
"""Seconds that the second, third, … notification of a minute waits otherwise after the one before, so that
what comes meanwhile goes with it. There are no more in one minute: a storm is a handful of messages."""

WINDOW = 60.0

_TURN = {Kind.FIRING: 0, Kind.RESOLVED: 2, Kind.WITHDRAWN: 2}
"""The turn of a message within its alert; what is between has the same."""


class SentAt(NamedTuple):
    """When a notification went out, in monotonic seconds, of how many happenings it told, and of how many
    that were critical."""

    at: float
    happenings: int
    critical: int


class ChannelSession(Record):
    """One channel since its loop began: what it is doing, and how it fares. A crash may lose all of it."""

    channel: Channel
    quiet: QuietPeriod | None = None
    """When nothing but what is critical is told."""
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    idle: asyncio.Event = field(default_factory=asyncio.Event)
    stopping: bool = False
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
    fault: Fault | None = None
    """Whose fault the trouble is; None while there is none."""
    failing_since: float | None = None
    faults: dict[str, tuple[Fault, float]] = field(default_factory=dict)
    """Of what failed for itself, and not with the channel: whose fault that is, and since when."""
    passed: float | None = None
    """When the channel last took anything."""
    stood_in: set[str] = field(default_factory=set)
    """Ids of what the fallback was given to tell."""
    facts: dict[str, str] = field(default_factory=dict)
    remarks: dict[str, str] = field(default_factory=dict)
    """What the channel has learnt, and what people should know of it, that the store has not got yet."""
    said: set[str] = field(default_factory=set)
    """Names of the remarks that were told."""
    gathers: bool = False
    """Whether something may be waiting only to go out with what comes next."""
    sent_at: list[SentAt] = field(default_factory=list)
    """When the notifications of the last minute went out."""
    sends: int = 0
    """So many went out altogether."""
    lane: ChannelLane | None = None
    """Where to leave all this for who tells the channel next; None: nobody else does."""
    kept: object = None
    """Stands for what was left there last."""

    def forget(self, pending: Sequence[Delivery]) -> None:
        """What is not pending any more has no fault."""
        ids = {each.id for each in pending}
        self.apart &= ids
        self.stood_in &= ids
        self.faults = {each: fault for each, fault in self.faults.items() if each in ids}

    def proven(self, identity: str) -> bool:
        """Whether the channel took something else since it first refused this."""
        since = self.faults[identity][1] if identity in self.faults else None
        return since is not None and self.passed is not None and self.passed >= since

    def works(self, ticks: float, trouble: str = "") -> None:
        """It took something just now; `trouble`: what is wrong with a part of it."""
        self.failures, self.refusals, self.paused_until, self.trouble = 0, 0, None, trouble
        self.fault, self.failing_since, self.passed = None, None, ticks

    def went_out(self, deliveries: Sequence[Delivery], ticks: float) -> None:
        """A notification with these went out now."""
        grave = [each for each in deliveries if each.message.severity is Severity.CRITICAL]
        self.sent_at.append(SentAt(ticks, happenings(deliveries), happenings(grave)))
        self.sends += 1

    def blame(self, deliveries: Sequence[Delivery], fault: Fault, ticks: float) -> None:
        """These failed for themselves."""
        for each in deliveries:
            self.faults[each.id] = (fault, self.faults.get(each.id, (fault, ticks))[1])


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


def in_order(
    session: ChannelSession, pending: Sequence[Delivery], now: datetime
) -> tuple[list[Delivery], list[Delivery]]:
    """What a round sends, and what must wait for its own time.

    A round sends all that is pending, since the channel is tried anyway. Only what was refused for
    good, or by some recipients, waits for its time; what follows it in its alert is in neither list and
    comes after it. But those who took it hear what follows.
    """
    ready: list[Delivery] = []
    held: list[Delivery] = []
    stopped, waiting = set[str](), set[str]()
    partly: dict[str, frozenset[str]] = {}
    # Those who refused one message are asked for all of theirs at once.
    asked = {each.delivered_to for each in pending if each.delivered_to and due_time(each, now) <= now}
    for each in pending:
        alert, early = each.message.id, due_time(each, now) > now
        if alert in stopped or (each.delivered_to and alert in waiting):
            continue
        if each.delivered_to:
            early = early and alert not in partly and each.delivered_to not in asked
            (held if early else ready).append(each)
            waiting |= {alert} if early else set()
            partly[alert] = partly.get(alert, each.delivered_to) & each.delivered_to
        elif alert in partly:
            ready += [replace(each, only=partly[alert])] if partly[alert] else []
        elif each.id in session.apart and early:
            stopped.add(alert)
            held.append(each)
        else:
            ready.append(each)
    return ready, held


def until_next(session: ChannelSession, candidates: Sequence[Delivery], now: datetime, ticks: float) -> float:
    """Seconds until something is worth sending; 0: now. `ticks`: the monotonic time."""
    if not candidates:
        return LOOK_AGAIN
    wait = (min(due_time(each, now) for each in candidates) - now).total_seconds()
    pause = 0.0
    if session.paused_until is not None:
        pause = session.paused_until - ticks
        if not session.asked_to_wait and any(each.attempts == 0 for each in candidates):
            pause = min(pause, session.tried + FRESH_WAITS - ticks)
    return max(wait, pause, 0.0)


def stand_ins(
    session: ChannelSession, pending: Sequence[Delivery], fallback: str, now: datetime, ticks: float
) -> tuple[dict[str, Delivery], float]:
    """What the fallback is to tell by now, by the id of what it stands in for; seconds until the next."""
    found: dict[str, Delivery] = {}
    wait = LOOK_AGAIN
    for each in pending:
        fault, since = session.faults.get(each.id, (session.fault, session.failing_since))
        tried_for_long = each.attempts >= ATTEMPTS_BEFORE_GIVING_UP
        if each.id in session.stood_in or (fault is None and not tried_for_long):
            continue
        waited = max(now - each.created, timedelta(0))  # the clock may have been set back
        if not tried_for_long:
            waited = min(waited, timedelta(seconds=ticks - since if since is not None else 0))
        left = (patience(each.message, fault or Fault.PASSING) - waited).total_seconds()
        if left <= 0:
            found[each.id] = in_place_of(each, fallback, now, each.last_error or session.trouble)
        else:
            wait = min(wait, left)
    # What became of an alert meanwhile goes along: it is not told as if it still fired.
    alerts = {each.message.id for each in pending if each.id in found}
    for each in pending:
        if each.message.id in alerts and each.id not in found and each.id not in session.stood_in:
            found[each.id] = in_place_of(each, fallback, now, each.last_error or session.trouble)
    return found, wait


def gathering(session: ChannelSession, ticks: float, *, critical: bool = False) -> float:
    """Seconds for which what is to be told is gathered, to go out as one; 0: it may go now. `critical`: of
    something such, which waits for no more than what else was so."""
    if session.channel.burst >= UNGROUPED:
        return 0.0
    session.sent_at = [each for each in session.sent_at if ticks - each.at < WINDOW]
    counts = [
        (each.at, each.critical if critical else each.happenings)
        for each in session.sent_at
        if each.critical or not critical
    ]
    sent = len(counts)
    if sent >= len(GATHERING):
        return max(0.0, counts[-len(GATHERING)][0] + WINDOW - ticks)
    much = any(count > 1 for _, count in counts)
    if sent < AT_ONCE and not much:
        return 0.0
    step = sent if much else sent - AT_ONCE + 1
    return max(0.0, counts[-1][0] + GATHERING[step] - ticks)


def singles(session: ChannelSession) -> int:
    """So many may go out one by one now, none while more happens than one each can tell; more than that go as
    one."""
    if session.channel.burst >= UNGROUPED:
        return session.channel.burst
    much = any(each.happenings > 1 for each in session.sent_at)
    free = 0 if much else AT_ONCE - len(session.sent_at)
    return max(1, min(session.channel.burst, free))


def overnight(session: ChannelSession, ready: Sequence[Delivery], now: datetime) -> list[Delivery]:
    """What quiet hours that are over have kept back: it goes out as one."""
    end = session.quiet.last_end(now) if session.quiet is not None else None
    return [each for each in ready if end is not None and each.created < end and not each.attempts]


def due_time(delivery: Delivery, now: datetime) -> datetime:
    """When it is due; a time farther off than any wait of ours comes from a clock since set back."""
    farthest = now + max(LONGEST_RETRY * 1.1, LONGEST_ASKED)
    return now if delivery.due > farthest else delivery.due


def batches(session: ChannelSession, ready: Sequence[Delivery]) -> list[list[Delivery]]:
    """Those that were refused for good each alone, those with the same recipients left together, then the
    others; per alert in order."""
    alone_alerts = {each.message.id for each in ready if each.id in session.apart}
    groups: dict[tuple[frozenset[str], frozenset[str]], list[Delivery]] = {}
    for each in ready:
        if each.message.id not in alone_alerts:
            groups.setdefault((each.delivered_to, each.only), []).append(each)
    found = sorted(groups.values(), key=lambda group: not group[0].delivered_to)
    found.extend([each] for each in ready if each.message.id in alone_alerts)
    return found


def first_news(ready: Sequence[Delivery]) -> list[Delivery]:
    """The first message, with all that the same reading decided about the same wallet: people hear of one
    happening once. If an alert ended meanwhile its messages go together, and none of them says of what is
    over that it is. Nothing overtakes what its own alert has to say before."""
    groups: dict[str, list[Delivery]] = {}
    for each in ready:
        groups.setdefault(each.message.id, []).append(each)
    found: list[Delivery] = []
    for group in groups.values():
        if happening_of(group[0].message) == happening_of(ready[0].message):
            both = group[0].message.kind.present and group[-1].message.kind.final
            found += group if both else group[:1]
    return found


def happenings(deliveries: Sequence[Delivery]) -> int:
    """Of how many happenings deliveries tell."""
    return len({happening_of(each.message) for each in deliveries})


def settled(
    session: ChannelSession,
    delivery: Delivery,
    result: SendResult,
    together: int,
    now: datetime,
    jitter: float,
) -> Delivery:
    """What became of a delivery that was attempted. `together`: of so many at once."""
    attempts = delivery.attempts + 1
    delivery = replace(delivery, attempts=attempts, only=frozenset())
    if isinstance(result, Sent):
        state, receipt = DeliveryState.SENT, result.receipt
        return replace(delivery, state=state, last_error="", sent=now, receipt=receipt)
    due = now + wait_after(attempts, result, jitter)
    state = (
        DeliveryState.GIVEN_UP
        if hopeless(session, delivery, result, together, now)
        else DeliveryState.PENDING
    )
    delivered_to = delivery.delivered_to | result.delivered_to
    return replace(delivery, state=state, last_error=result.detail, due=due, delivered_to=delivered_to)


def hopeless(
    session: ChannelSession, delivery: Delivery, result: NotSent, together: int, now: datetime
) -> bool:
    """Whether there is no sense in trying again. Of several at once one alone may be bad: it is found by
    sending each by itself."""
    tried = delivery.attempts >= ATTEMPTS_BEFORE_GIVING_UP
    if tried and now >= delivery.created + GIVE_UP_AFTER:
        return True
    if result.fault is Fault.MESSAGE:
        return together == 1
    return result.fault is Fault.UNCLEAR and together == 1 and tried and session.proven(delivery.id)


def wait_after(attempts: int, result: NotSent, jitter: float) -> timedelta:
    """How long nothing is tried after so many attempts that failed."""
    asked = min(timedelta(seconds=result.retry_after or 0), LONGEST_ASKED)
    wait = max(backoff(attempts, jitter), asked)
    return wait - wait % timedelta(milliseconds=1)

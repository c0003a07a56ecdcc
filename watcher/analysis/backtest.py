"""Stored history through the production engine: what a set of rules would have sent, when, and to whom."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from pydantic import BaseModel

from watcher.config.configuration import Configuration, build_rules, quiet_hours
from watcher.domain.alerts.lifecycle import Alert, AlertState
from watcher.domain.decision import Decision
from watcher.domain.evaluation.rule_index import Rules, other_names
from watcher.domain.history.reconstruction import PollRecord, Reconstruction, RecordedHistory, assumed_polls
from watcher.domain.messages.message import Message
from watcher.domain.records import Record, replace
from watcher.domain.rules import BudgetRule, ClockRule, Rule
from watcher.service.replay import MOMENT, Replay, ReplayedPoll, ReplayedTransition
from watcher.store.memory.store import MemoryStore

NIGHT = (22, 7)
"""Hours of the day from which and until which a message wakes somebody."""

LEAST_WARM_UP = timedelta(days=1)
LONGEST_WARM_UP = timedelta(days=35)
SLACK = timedelta(minutes=2)
"""A daemon notes once a minute that it is at work."""

STEPS = 200
"""How often progress is told."""


class BacktestMessage(Record, frozen=True):
    """One message that would have been sent. `at` is when the channels would have been told."""

    at: datetime
    message: Message
    channels: tuple[str, ...]

    @property
    def key(self) -> tuple[str, str, str, datetime]:
        """The same for the same message of two sets of rules."""
        return self.message.rule, self.message.subject, self.message.kind, self.at

    def at_night(self, zone: ZoneInfo) -> bool:
        hour = self.at.astimezone(zone).hour
        return hour >= NIGHT[0] or hour < NIGHT[1]


class Played(Record, frozen=True):
    """What came of one backtest. `already`: alerts that fired before it begins, which nobody counts."""

    transitions: tuple[ReplayedTransition, ...]
    sent: tuple[BacktestMessage, ...]
    notifications: dict[str, int]
    already: tuple[Alert, ...]
    polls: int


def warm_up(rules: Sequence[Rule]) -> timedelta:
    """How much earlier the replay must begin for every rule to know what it looks back at."""
    longest = max((span for rule in rules for span in _spans(rule)), default=LEAST_WARM_UP)
    return min(max(longest, LEAST_WARM_UP), LONGEST_WARM_UP)


def _spans(model: BaseModel) -> Iterator[timedelta]:
    for name in type(model).model_fields:
        value = getattr(model, name)
        for each in value if isinstance(value, tuple | list) else (value,):
            if isinstance(each, timedelta) and name != "repeat":
                yield each
            elif isinstance(each, BaseModel):
                yield from _spans(each)


async def play(
    configuration: Configuration,
    recorded: RecordedHistory,
    since: datetime,
    until: datetime,
    *,
    burst: Callable[[str], int] = lambda _: 1,
    progress: Callable[[float], None] = lambda _: None,
) -> Played:
    """Replay history up to `until`; what would have been sent from `since` on."""
    rules = build_rules(configuration)
    start = _start(recorded, since - warm_up(configuration.rules))
    quiet = quiet_hours(configuration.settings)
    known = _known_from(recorded) or until + MOMENT
    records = [
        record
        for record in (*assumed_before(recorded, known), *recorded.polls)
        if start <= record.at <= until
    ]
    reconstruction = Reconstruction(recorded, rules.wallets)
    polls = (ReplayedPoll(record.at, reconstruction.outcomes(record)) for record in records)
    blind = build_rules(replace(configuration, rules=_without_clocks(configuration.rules)))
    store = MemoryStore()
    try:
        await _name(store, recorded, start)
        replay = Replay(store, blind if start < known else rules, polls, start, burst=burst, quiet=quiet)
        walker = _Walker(replay, rules, progress, start, until)
        for end, step in _steps(recorded, start, since, known, until):
            await walker.go(end, step)
        await replay.finish()
        return _played(replay, walker, len(records))
    finally:
        await store.close()


def assumed_before(recorded: RecordedHistory, known: datetime) -> list[PollRecord]:
    """The records before it is known who was read when; those of an imported file are its own."""
    return assumed_polls(recorded, known) if not recorded.polls or recorded.known_from is not None else []


def _known_from(recorded: RecordedHistory) -> datetime | None:
    """From when on all that was read or missed is known: a run knows it from its beginning."""
    known = recorded.known_from
    began = [run.began for run in recorded.runs if known is not None and run.began <= known <= run.seen]
    return began[-1] if began else known


def _start(recorded: RecordedHistory, wanted: datetime) -> datetime:
    """As early as wanted, but not before history begins."""
    times = [record.at for record in recorded.polls[:1]] + [
        change.after_at for change in recorded.changes[:1]
    ]
    times += [run.began for run in recorded.runs if times and run.began <= min(times)][-1:]
    return max(wanted, min(times)) if times and not recorded.held else wanted


async def _name(store: MemoryStore, recorded: RecordedHistory, start: datetime) -> None:
    """Let rules carry on under every name that an asset ever had: history has it under one identity."""
    names = other_names(recorded.same, recorded.former)
    former = {asset: tuple(sorted(each)) for asset, each in names.items()}
    await store.conclude([], lambda _past, _recall: Decision(start, former=former))


def _without_clocks(rules: Sequence[Rule]) -> tuple[Rule, ...]:
    return tuple(rule for rule in rules if not isinstance(rule, ClockRule))


GO, COUNT, IDLE, BEGIN = "go", "count", "idle", "begin"


def _steps(
    recorded: RecordedHistory, start: datetime, since: datetime, known: datetime, until: datetime
) -> list[tuple[datetime, str]]:
    """The way through history: until when to go, and what then.

    Between two runs nobody judged the time; a run begins it anew, and so does the moment from which
    on it is known who was read.
    """
    steps = [(since - MOMENT, COUNT), (until, GO)]
    begins = {run.began for run in recorded.runs} | {known}
    steps += [(at, BEGIN) for at in sorted(begins) if start < at <= until]
    for run, end in zip(recorded.runs, [*(run.began for run in recorded.runs[1:]), until], strict=False):
        if start <= run.seen and run.seen + SLACK < end and run.seen < until:
            steps.append((run.seen, IDLE))
    order = {COUNT: 0, GO: 1, IDLE: 2, BEGIN: 3}
    return sorted(steps, key=lambda step: (step[0], order[step[1]]))


class _Walker:
    """Goes from step to step, and knows what was told before anybody counts."""

    def __init__(
        self,
        replay: Replay,
        rules: Rules,
        progress: Callable[[float], None],
        start: datetime,
        until: datetime,
    ) -> None:
        self._replay, self._rules, self._progress = replay, rules, progress
        self._start, self._until = start, until
        self._idle = False
        self.uncounted = 0
        self.already: tuple[Alert, ...] = ()

    async def go(self, end: datetime, step: str) -> None:
        while self._replay.clock.at < end:
            await self._replay.until(min(end, self._replay.clock.at + self._piece), judging=not self._idle)
            self._progress((self._replay.clock.at - self._start) / (self._until - self._start))
        if step == IDLE:
            self._idle = True
        elif step == BEGIN:
            self._idle = False
            await self._replay.restart(rules=self._rules)
        elif step == COUNT:
            self.uncounted = len(self._replay.told)
            alerts = await self._replay.alerts()
            self.already = tuple(alert for alert in alerts if alert.state is AlertState.FIRING)

    @property
    def _piece(self) -> timedelta:
        return max((self._until - self._start) / STEPS, timedelta(minutes=1))


def _played(replay: Replay, walker: _Walker, polls: int) -> Played:
    counted = replay.told[walker.uncounted :]
    notifications: dict[str, int] = {}
    messages: dict[tuple[str, str, datetime], tuple[datetime, Message, list[str]]] = {}
    for notification in counted:
        notifications[notification.channel] = notifications.get(notification.channel, 0) + 1
        for delivery in notification.deliveries:
            said = delivery.message
            key = (said.id, str(said.kind), said.at)
            messages.setdefault(key, (notification.at, said, []))[2].append(notification.channel)
    sent = [BacktestMessage(at, said, tuple(channels)) for at, said, channels in messages.values()]
    sent.sort(key=lambda each: (each.at, each.message.rule, each.message.subject, each.message.kind))
    return Played(tuple(replay.transitions), tuple(sent), notifications, walker.already, polls)


class Comparison(Record, frozen=True):
    """The messages of two sets of rules over one history."""

    only_a: tuple[BacktestMessage, ...]
    only_b: tuple[BacktestMessage, ...]
    both: int


def compare(a: Played, b: Played) -> Comparison:
    """By rule, subject, kind and time."""
    keys_a, keys_b = ({each.key for each in played.sent} for played in (a, b))
    return Comparison(
        tuple(each for each in a.sent if each.key not in keys_b),
        tuple(each for each in b.sent if each.key not in keys_a),
        len(keys_a & keys_b),
    )


def unknowns(recorded: RecordedHistory, start: datetime, rules: Sequence[Rule]) -> list[str]:
    """What history does not say, in sentences for the person who reads the result."""
    said = [
        "prices that moved less than 1 % within five minutes left no trace",
        "what people did (acknowledged, silenced) is not replayed",
        "that a source failed as a whole, or had no credits left (watcher.source), is not replayed",
    ]
    if recorded.known_from is None or start < recorded.known_from:
        until = f"before {recorded.known_from:%Y-%m-%d %H:%M} UTC " if recorded.known_from else ""
        words = f"{until}it is not known which accounts were read or missed when: a reading is assumed where"
        said.append(f"{words} an amount or a price was kept")
        if len(_without_clocks(rules)) < len(rules):
            said.append(f"{until}rules about silence (no_data) are left out")
    if any(isinstance(rule, BudgetRule) for rule in rules):
        said.append("rules about credits (budget) are left out")
    return said

"""The production cadence over times at which wallets changed, on a virtual clock."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from watcher.analysis.trace import Trace
from watcher.domain.records import Record, field
from watcher.domain.scheduler import GOLDEN, Budget, Forecast, Item, Scheduler

if TYPE_CHECKING:
    from watcher.analysis.simulated_hints import SimulatedHints
    from watcher.domain.hints.scheduler import HintedScheduler

DAY = 86400.0
MONTH = 30 * DAY
HINT = "hint"
LOOK = 300.0
"""Seconds after which it is looked again at what is due, where there are hints."""
WASTE = 0.4
"""As `hint_waste` of a source is, unless set."""


class SimulationResult(Record):
    """What came of a simulation. Seconds and credits."""

    polls: int
    credits: int
    changes: int
    mean_delay: float
    median_delay: float
    p95_delay: float
    allowed: float
    """Credits that there were."""
    predicted: float
    """The mean delay that the plan foretold, averaged over the run as it learnt."""
    stretch: float
    """How far promises had to be stretched, at worst."""
    hint_polls: int = 0
    """Polls that hints caused, and those of them that found nothing."""
    barren_polls: int = 0
    state: dict[str, Any] = field(default_factory=dict)


def simulate_trace(
    trace: Trace,
    items: Sequence[Item],
    credits_per_day: float,
    *,
    fairness: float = 1.0,
    state: Mapping[str, Any] | None = None,
    polled: Callable[[str, float, str], None] = lambda *_: None,
    progress: Callable[[float], None] = lambda _: None,
    hints: SimulatedHints | None = None,
) -> SimulationResult:
    """Drive the production cadence from the first change of the trace to its last.

    Credits come in periods of about a month, each a hard limit, together `credits_per_day` for every day. One
    bit is learnt from each poll. A change that is not seen before the end counts as waiting until then.
    `state`: what was learnt before. `polled` hears of each poll and of its cause (`schedule`, `promise`,
    `hint`), `progress` the share that is done.
    """
    run = _Run(trace, credits_per_day)
    scheduler, polls = _begun(run, trace, items, fairness=fairness, state=state, hints=hints)
    costs = {item.key: item.cost for item in items}
    delays, forecasts = _Delays(trace, hints.lag if hints is not None else 0.0), _Foretold()
    found, hour = Counter[tuple[str, bool]](), run.start
    while (key := polls.next()) is not None:
        if (now := polls.now) >= hour:
            hour = now + 6 * 3600
            forecasts.note(scheduler.forecast())
            progress((now - run.start) / max(run.end - run.start, 1.0))
        cause = polls.cause(key)
        scheduler.take(key, now)
        polls.pay(costs[key])
        polled(key, now, cause)
        changed = delays.seen(key, now)
        found[cause, changed] += 1
        scheduler.observe(key, now, changed)
    values = delays.finish(run.end)
    return SimulationResult(
        found.total(),
        round(polls.spent),
        len(values),
        sum(values) / len(values),
        _quantile(values, 0.5),
        _quantile(values, 0.95),
        run.limit * run.periods,
        forecasts.mean,
        polls.stretch,
        found[HINT, True] + found[HINT, False],
        found[HINT, False],
        scheduler.dump(),
    )


def _quantile(values: Sequence[float], share: float) -> float:
    """What `share` of the values, which are in order, do not exceed."""
    return values[max(math.ceil(share * len(values)) - 1, 0)]


class _Polls:
    """Polls one after another, through the periods of a run."""

    def __init__(self, run: _Run, scheduler: Scheduler) -> None:
        self._run, self._scheduler = run, scheduler
        self._period, self._used, self.spent = 0, 0.0, 0.0
        self.now, self.stretch = run.start, scheduler.stretch

    def next(self) -> str | None:
        """Who is polled next, at `now`; None at the end of the run."""
        run = self._run
        while True:
            due = self.due()
            now = max(due[0], self.now) if due is not None else run.ends(self._period)
            # to the millisecond, never early: as a clock would show it
            self.now = now = math.ceil(now * 1000) / 1000
            if now >= run.end or (due is None and self._period + 1 >= run.periods):
                return None
            if due is not None and now < run.ends(self._period):
                return due[1]
            self._period, self._used = self._period + 1, 0.0
            self._scheduler.set_budget(run.budget(self._period), now)
            self.stretch = max(self.stretch, self._scheduler.stretch)

    def due(self) -> tuple[float, str] | None:
        """What is polled next, and when."""
        return self._scheduler.due(self.now)

    @property
    def _ends(self) -> float:
        return min(self._run.ends(self._period), self._run.end)

    def cause(self, key: str) -> str:
        """Why `key` is polled now."""
        return "promise" if self._scheduler.promised(key, self.now) else "schedule"

    def pay(self, cost: float) -> None:
        """Spend credits of the period."""
        self._used += cost
        self.spent += cost
        if self._used > self._run.limit + 1e-6:
            raise AssertionError(f"{self._used} of {self._run.limit} credits of period {self._period}")


def _begun(
    run: _Run,
    trace: Trace,
    items: Sequence[Item],
    *,
    fairness: float,
    state: Mapping[str, Any] | None,
    hints: SimulatedHints | None,
) -> tuple[Scheduler, _Polls]:
    """A schedule, and its polls. All were read before it begins; fixed intervals are spread, as the daemon's
    ticks are."""
    seen = {
        item.key: run.start - (number * GOLDEN % 1) * (item.fixed or 0.0) for number, item in enumerate(items)
    }
    if hints is None:
        plain = Scheduler(items, run.budget(0), run.start, state=state, seen=seen, fairness=fairness)
        return plain, _Polls(run, plain)
    from watcher.analysis.simulated_hints import SOURCE
    from watcher.domain.hints.scheduler import HintedScheduler

    coverage = {wallet: [SOURCE] for wallet in hints.covered(list(trace.changes))}
    scheduler = HintedScheduler(
        items, run.budget(0), run.start, coverage=coverage, waste=WASTE, state=state, seen=seen,
        fairness=fairness,
    )  # fmt: skip
    return scheduler, _HintedPolls(run, scheduler, hints.told(trace.changes, run.start, run.end))


class _HintedPolls(_Polls):
    """The same, with hints between them."""

    def __init__(self, run: _Run, scheduler: HintedScheduler, told: Sequence[tuple[float, str]]) -> None:
        super().__init__(run, scheduler)
        self._hinted, self._told, self._heard = scheduler, told, 0

    def cause(self, key: str) -> str:
        return HINT if self._hinted.hinted(key) else super().cause(key)

    def due(self) -> tuple[float, str] | None:
        from watcher.analysis.simulated_hints import SOURCE

        while True:
            due = super().due()
            at = due[0] if due is not None else math.inf
            told = self._told[self._heard][0] if self._heard < len(self._told) else math.inf
            if min(at, told) > self.now + LOOK and self.now + LOOK < self._ends:
                self.now += LOOK  # the daemon looks again, too
                continue
            if told >= min(at, self._ends):
                return due
            self.now = max(told, self.now)
            self._hinted.hint(self._told[self._heard][1], SOURCE, self.now)
            self._heard += 1


class _Run:
    """The window of a trace, cut into periods of about a month."""

    def __init__(self, trace: Trace, credits_per_day: float) -> None:
        self.start, self.end = trace.start, trace.end
        whole = max(self.end - self.start, 1.0)
        self.periods = max(round(whole / MONTH), 1)
        self.length = whole / self.periods
        self.limit = credits_per_day * self.length / DAY

    def ends(self, period: int) -> float:
        return self.start + self.length * (period + 1)

    def budget(self, period: int) -> Budget:
        return Budget(self.limit, self.limit, self.ends(period), self.length)


class _Delays:
    """From each change to the poll that saw it. The provider shows it `lag` after it happened."""

    def __init__(self, trace: Trace, lag: float) -> None:
        self._lag = lag
        self._changes = trace.changes
        self._next = dict.fromkeys(trace.changes, 0)
        self._found: list[float] = []

    def seen(self, key: str, now: float) -> bool:
        """Count what a poll at `now` finds; whether that is anything."""
        times, first = self._changes[key], self._next[key]
        after = self._next[key] = bisect_right(times, now - self._lag, first)
        self._found += [now - time for time in times[first:after]]
        return after > first

    def finish(self, end: float) -> list[float]:
        """Count what nobody saw; all delays, the shortest first."""
        self._lag = 0.0
        for key in self._changes:
            self.seen(key, end)
        return sorted(self._found)


class _Foretold:
    """The plan's mean delay, weighted by the changes it expected."""

    def __init__(self) -> None:
        self._waits = self._changes = 0.0

    def note(self, forecast: Forecast) -> None:
        for row in forecast.rows:
            if row.expected_delay < math.inf:
                self._waits += row.changes_a_day * row.expected_delay
                self._changes += row.changes_a_day

    @property
    def mean(self) -> float:
        return self._waits / self._changes if self._changes else 0.0

"""The production cadence over times at which wallets changed, on a virtual clock."""

from __future__ import annotations

import csv
import gzip
import io
import math
import zlib
from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from watcher.domain.scheduler import Budget, Forecast, Item, Scheduler
from watcher.domain.values.errors import WatcherError

if TYPE_CHECKING:
    from watcher.analysis.simulated_hints import SimulatedHints
    from watcher.domain.hints.scheduler import HintedScheduler

DAY = 86400.0
MONTH = 30 * DAY
LONGEST = 36500 * DAY
MOST_BYTES = 128 << 20
"""Of a trace, once it is unpacked."""
HINT = "hint"
LOOK = 300.0
"""Seconds after which it is looked again at what is due, where there are hints."""
WASTE = 0.4
"""As `hint_waste` of a source is, unless set."""
GOLDEN = (math.sqrt(5) - 1) / 2


class TraceError(WatcherError):
    """The trace cannot be read, or says nothing."""


@dataclass(frozen=True, slots=True)
class Trace:
    """When each wallet changed (unix seconds, in order); one that never moves has no times."""

    changes: Mapping[str, Sequence[float]]

    @property
    def count(self) -> int:
        return sum(map(len, self.changes.values()))

    @property
    def start(self) -> float:
        return min(times[0] for times in self.changes.values() if times)

    @property
    def end(self) -> float:
        return max(times[-1] for times in self.changes.values() if times)


@dataclass(slots=True)
class SimulationResult:
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


def read_trace(path: Path) -> Trace:
    """Read `[set,]wallet,unix_time`, gzipped or not. TraceError names the line that is wrong."""
    try:
        with path.open("rb") as file:
            zipped = file.peek(2)[:2] == b"\x1f\x8b"
            with gzip.GzipFile(fileobj=file) if zipped else file as plain:
                data = plain.read(MOST_BYTES + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise TraceError(f"{path} cannot be read: {error}") from None
    if len(data) > MOST_BYTES:
        raise TraceError(f"{path} holds more than {MOST_BYTES >> 20} MiB; cut it")
    rows = csv.reader(io.TextIOWrapper(io.BytesIO(data), encoding="utf-8-sig", newline=""))
    try:
        return _trace(path, rows)
    except (csv.Error, UnicodeDecodeError) as error:
        raise TraceError(f"{path}:{rows.line_num + 1}: {error}") from None


def _trace(path: Path, rows: Any) -> Trace:
    header = [cell.strip() for cell in next(rows, [])]
    if header not in (["wallet", "unix_time"], ["set", "wallet", "unix_time"]):
        raise TraceError(
            f"{path}:1: expected the columns wallet,unix_time (a column set may precede), "
            f"found {','.join(header)[:80] or 'nothing'}"
        )
    changes: dict[tuple[str, ...], list[float]] = {}
    for row in rows:
        if not row:
            continue
        if len(row) != len(header):
            raise TraceError(f"{path}:{rows.line_num}: expected {len(header)} columns, found {len(row)}")
        times = changes.setdefault(tuple(row[:-1]), [])
        if row[-1].strip():
            times.append(_time(row[-1], f"{path}:{rows.line_num}"))
    several = len({key[0] for key in changes}) > 1 if len(header) == 3 else False
    return as_trace({(":".join(key) if several else key[-1]): times for key, times in changes.items()})


def as_trace(changes: Mapping[str, Iterable[float]]) -> Trace:
    """A trace of these times. TraceError if nothing ever changes."""
    trace = Trace({wallet: sorted(times) for wallet, times in changes.items()})
    if not trace.count:
        raise TraceError("the trace has no changes: there is nothing to measure")
    if trace.end - trace.start > LONGEST:
        raise TraceError("the trace is longer than 100 years: a time in it is wrong")
    return trace


def _time(text: str, where: str) -> float:
    try:
        value = float(text) if text.isascii() else math.nan
    except ValueError:
        value = math.nan
    if not -1e11 < value < 1e11:
        raise TraceError(f"{where}: {text[:40]!r} is not a time in unix seconds")
    return value


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
    # all were read before it begins; fixed intervals are spread, as the daemon's ticks are
    seen = {
        item.key: run.start - (number * GOLDEN % 1) * (item.fixed or 0.0) for number, item in enumerate(items)
    }
    if hints is None:
        scheduler = Scheduler(items, run.budget(0), run.start, state=state, seen=seen, fairness=fairness)
        polls, lag = _Polls(run, scheduler), 0.0
    else:
        scheduler, polls = _hinted(run, trace, hints, items, state=state, seen=seen, fairness=fairness)
        lag = hints.lag
    costs = {item.key: item.cost for item in items}
    delays, forecasts, hour = _Delays(trace, lag), _Foretold(), run.start
    count, spent, upon_hints, barren = 0, 0.0, 0, 0
    while (key := polls.next()) is not None:
        now = polls.now
        if now >= hour:
            hour = now + 6 * 3600
            forecasts.note(scheduler.forecast())
            progress((now - run.start) / max(run.end - run.start, 1.0))
        cause = polls.cause(key)
        scheduler.take(key, now)
        polls.pay(costs[key])
        spent += costs[key]
        count += 1
        polled(key, now, cause)
        changed = delays.seen(key, now)
        upon_hints += cause == HINT
        barren += cause == HINT and not changed
        scheduler.observe(key, now, changed)
    values = delays.finish(run.end)
    return SimulationResult(
        count,
        round(spent),
        len(values),
        sum(values) / len(values),
        values[max(math.ceil(0.5 * len(values)) - 1, 0)],
        values[max(math.ceil(0.95 * len(values)) - 1, 0)],
        run.limit * run.periods,
        forecasts.mean,
        polls.stretch,
        upon_hints,
        barren,
        scheduler.dump(),
    )


class _Polls:
    """Polls one after another, through the periods of a run."""

    def __init__(self, run: _Run, scheduler: Scheduler) -> None:
        self._run, self._scheduler = run, scheduler
        self._period, self._used = 0, 0.0
        self.now, self.stretch = run.start, scheduler.stretch

    def next(self) -> str | None:
        """Who is polled next, at `now`; None at the end of the run."""
        run = self._run
        while True:
            due = self._due()
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

    def _due(self) -> tuple[float, str] | None:
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
        if self._used > self._run.limit + 1e-6:
            raise AssertionError(f"{self._used} of {self._run.limit} credits of period {self._period}")


def _hinted(
    run: _Run,
    trace: Trace,
    hints: SimulatedHints,
    items: Sequence[Item],
    *,
    state: Mapping[str, Any] | None,
    seen: Mapping[str, float],
    fairness: float,
) -> tuple[Scheduler, _Polls]:
    """A schedule that is told of hints, and its polls."""
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
        self._desk, self._told, self._heard = scheduler, told, 0

    def cause(self, key: str) -> str:
        return HINT if self._desk.hinted(key) else super().cause(key)

    def _due(self) -> tuple[float, str] | None:
        from watcher.analysis.simulated_hints import SOURCE

        while True:
            due = super()._due()
            at = due[0] if due is not None else math.inf
            told = self._told[self._heard][0] if self._heard < len(self._told) else math.inf
            if min(at, told) > self.now + LOOK and self.now + LOOK < self._ends:
                self.now += LOOK  # the daemon looks again, too
                continue
            if told >= min(at, self._ends):
                return due
            self.now = max(told, self.now)
            self._desk.hint(self._told[self._heard][1], SOURCE, self.now)
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

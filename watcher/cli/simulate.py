"""`simulate`: what a plan would have shown of past changes, before it is bought."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from watcher.cli._common import configured, print_json
from watcher.cli._options import Config, Json
from watcher.cli._progress import progress
from watcher.domain.values.durations import parse_duration, span
from watcher.domain.values.errors import InputError
from watcher.domain.values.formatting import counted
from watcher.system.files import text_file

if TYPE_CHECKING:
    from watcher.analysis.simulate import SimulationResult
    from watcher.analysis.simulated_hints import SimulatedHints
    from watcher.analysis.trace import Trace
    from watcher.cli._rows import SimulationRow
    from watcher.config.configuration import Configuration
    from watcher.domain.scheduler import Item

UNLIMITED = 1e12


TraceFile = Annotated[
    Path | None,
    typer.Option("--trace", metavar="FILE", help="CSV with wallet,unix_time; may be gzipped."),
]
OfHistory = Annotated[bool, typer.Option("--history", help="Instead of a trace: the changes in the store.")]
CreditsPerDay = Annotated[
    float | None, typer.Option("--credits-per-day", metavar="N", min=0, help="What the plan allows.")
]
Cost = Annotated[float, typer.Option("--cost", metavar="C", min=0.001, help="Credits a poll.")]
MinInterval = Annotated[
    str, typer.Option("--min-interval", metavar="D", help="No poll sooner after the last.")
]
MaxInterval = Annotated[
    str | None, typer.Option("--max-interval", metavar="D", help="The promise: never later than that.")
]
Every = Annotated[str | None, typer.Option("--every", metavar="D", help="A fixed cadence, to compare with.")]
Fairness = Annotated[
    float,
    typer.Option(
        "--fairness", metavar="A", min=0, max=1, help="1: all changes weigh alike; 0: all accounts do."
    ),
]
PollsOut = Annotated[
    Path | None, typer.Option("--polls-out", metavar="FILE", help="Write every poll: wallet,unix_time,cause.")
]

Hints = Annotated[
    str | None,
    typer.Option(
        "--hints",
        metavar="KEY=VALUE,…",
        help="Add push hints made from the trace; each key may be left out: "
        "recall=0.95,precision=1,lag=15s,delay=2s-15s,share=1,seed=1.",
    ),
]


def simulate(
    trace: TraceFile = None,
    history: OfHistory = False,
    credits_per_day: CreditsPerDay = None,
    cost: Cost = 40,
    min_interval: MinInterval = "1m",
    max_interval: MaxInterval = None,
    every: Every = None,
    fairness: Fairness = 1.0,
    hints: Hints = None,
    polls_out: PollsOut = None,
    config: Config = None,
    json: Json = False,
) -> int:
    """Replay times at which wallets changed through the production cadence: delays and credits.

    With --history, the changes in one's own store, at the times at which they were found.
    """
    from watcher.analysis.trace import read_trace

    if (trace is None) == (not history):
        raise typer.BadParameter("name either --trace FILE or --history")
    pace, told = _pace(min_interval, max_interval, every), _hints(hints)
    costs: dict[str, float] = {}
    if history:
        found, costs, allowed = _history(configured(config))
        credits_per_day = allowed if credits_per_day is None else credits_per_day
    else:
        assert trace is not None  # noqa: S101 (checked above)
        found = read_trace(trace)
    if credits_per_day is None:
        if pace.fixed is None:
            raise typer.BadParameter("--credits-per-day is needed, unless --every says when to poll")
        credits_per_day = UNLIMITED
    items = [pace.item(wallet, costs.get(wallet, cost)) for wallet in found.changes]
    result = _run(found, items, credits_per_day, fairness, told, polls_out, quiet=json)
    if json:
        print_json(_row(result))
    else:
        _show(found, items, result, unlimited=credits_per_day == UNLIMITED, hinted=told is not None)
    return 0


class _Pace(NamedTuple):
    """How often to poll: at most, at least, or always after so many seconds."""

    shortest: float | None
    longest: float | None
    fixed: float | None

    def item(self, wallet: str, cost: float) -> Item:
        from watcher.domain.scheduler import Item

        longest = math.inf if self.longest is None else self.longest
        return Item(wallet, cost, min_every=self.shortest or 0.0, at_least_every=longest, fixed=self.fixed)


def _pace(min_interval: str, max_interval: str | None, every: str | None) -> _Pace:
    pace = _Pace(_seconds(min_interval), _seconds(max_interval), _seconds(every))
    if pace.longest is not None and pace.longest < (pace.shortest or 0):
        raise typer.BadParameter("--max-interval is shorter than --min-interval")
    return pace


def _row(result: SimulationResult) -> SimulationRow:
    return {
        "polls": result.polls,
        "credits": result.credits,
        "mean_delay_seconds": round(result.mean_delay, 3),
        "median_delay_seconds": round(result.median_delay, 3),
        "p95_delay_seconds": round(result.p95_delay, 3),
        "changes": result.changes,
        "hint_polls": result.hint_polls,
        "barren_polls": result.barren_polls,
    }


def _hints(text: str | None) -> SimulatedHints | None:
    if text is None:
        return None
    from watcher.analysis.simulated_hints import parse_hints

    try:
        return parse_hints(text)
    except InputError as error:
        raise typer.BadParameter(f"--hints: {error}") from None


def _run(
    trace: Trace,
    items: list[Item],
    credits_per_day: float,
    fairness: float,
    hints: SimulatedHints | None,
    out: Path | None,
    *,
    quiet: bool,
) -> SimulationResult:
    from watcher.analysis.simulate import simulate_trace

    with _polls(out) as polled, progress("simulating", quiet=quiet) as tell:
        return simulate_trace(
            trace, items, credits_per_day, fairness=fairness, polled=polled, progress=tell, hints=hints
        )


@contextmanager
def _polls(out: Path | None) -> Iterator[Callable[[str, float, str], None]]:
    import csv

    if out is None:
        yield lambda *_: None
        return
    with text_file(out) as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(("wallet", "unix_time", "cause"))
        yield lambda wallet, at, cause: rows.writerow((wallet, f"{at:.3f}", cause))


def _history(configuration: Configuration) -> tuple[Trace, dict[str, float], float | None]:
    """The store's changes of all accounts on sources that sell credits, their costs, and credits a day."""
    from watcher.analysis.simulate import DAY
    from watcher.analysis.trace import as_trace
    from watcher.config.configuration import accounts_of, build_source
    from watcher.service.clock import SystemClock
    from watcher.service.schedule_items import key_of

    settings, now = configuration.settings, SystemClock().now()
    names: dict[object, str] = {}
    costs: dict[str, float] = {}
    allowed = 0.0
    for name in settings.sources:
        source = build_source(settings, name)
        plan = source.allowance.credits
        if plan is None:
            continue
        start, end = plan.bounds(now)
        allowed += plan.limit * DAY / (end - start).total_seconds()
        for account in accounts_of(settings, name):
            names[account] = f"{name}:{key_of(account)}"
            costs[names[account]] = source.cost(account)
    times: dict[str, set[float]] = {name: set() for name in names.values()}
    with settings.backend.queries() as reader:
        for change in reader.history(10**9):
            if change.account in names:
                times[names[change.account]].add(change.after_at.timestamp())
    return as_trace(times), costs, allowed


def _show(
    trace: Trace, items: list[Item], result: SimulationResult, *, unlimited: bool, hinted: bool
) -> None:
    from watcher.analysis.simulate import DAY

    days = (trace.end - trace.start) / DAY
    of = "" if unlimited else f" of {result.allowed:,.0f}"
    print(f"{counted(len(items), 'wallet')}, {counted(result.changes, 'change')}, {days:.1f} days")
    print(f"polls           {result.polls:,}")
    print(f"credits         {result.credits:,}{of}")
    if hinted:
        nothing = f", {result.barren_polls:,} of them found nothing"
        print(f"upon hints      {counted(result.hint_polls, 'poll')}{nothing}")
    foretold = "" if hinted else f" (foretold: {span(result.predicted)})"
    print(f"mean delay      {span(result.mean_delay)}{foretold}")
    print(f"half within     {span(result.median_delay)}")
    print(f"95 % within     {span(result.p95_delay)}")
    cost = sum(item.cost for item in items)
    if result.credits and not unlimited:
        evenly = cost * days * DAY / result.credits / 2
        gain = f", a gain of {evenly / result.mean_delay:.2f}" if result.mean_delay else ""
        print(f"spread evenly   {span(evenly)} for the same credits{gain}")
    if result.stretch > 1:
        print(f"the promised intervals cannot be afforded: stretched by up to {result.stretch:.2f}")


def _seconds(text: str | None) -> float | None:
    if text is None:
        return None
    try:
        found = parse_duration(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    if found <= timedelta(0):
        raise typer.BadParameter(f"{text} is no interval")
    return found.total_seconds()

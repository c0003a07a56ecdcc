"""`plan`: what the configuration will cost and how soon it will see a change."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from watcher.cli import _completion
from watcher.cli._common import configured, must_know, print_json
from watcher.cli._hints import expectation
from watcher.cli._options import Config, Json
from watcher.cli._tables import print_table
from watcher.domain.values.decimals import count_in
from watcher.domain.values.durations import parse_duration, span
from watcher.domain.values.formatting import moment

if TYPE_CHECKING:
    from watcher.analysis.plan import PlanLine, SourcePlan, Supposed
    from watcher.cli._rows import PlannedAccountRow, PlannedSourceRow, PlanRow
    from watcher.config.settings import Settings
    from watcher.domain.scheduler import AccountForecast
    from watcher.ports.hints import HintTally

NEVER = 10 * 365 * 86400.0
"""Seconds that no person waits for."""


def plan(
    config: Config = None,
    credit: Annotated[
        str | None,
        typer.Option("--credits", metavar="N", help="What if the plan had N credits a period, as in 2M?"),
    ] = None,
    add: Annotated[
        int, typer.Option("--add", metavar="N", min=0, max=1_000_000, help="What if there were N more?")
    ] = 0,
    at_least_every: Annotated[
        str | None,
        typer.Option("--at-least-every", metavar="D", help="What if this was promised to all on auto?"),
    ] = None,
    source: Annotated[
        str | None,
        typer.Option(
            "--source", metavar="NAME", help="Only this source.", autocompletion=_completion.sources
        ),
    ] = None,
    json: Json = False,
) -> int:
    """Show what each account will cost, how soon a change is seen, and what cannot fit.

    Works before the first poll; later it uses what was learnt. Exit code 1: not everything fits.
    `run` starts all the same, and stretches what does not.
    """
    from watcher.analysis.plan import Supposed, misfit

    configuration = configured(config)
    supposed = Supposed(_credits(credit), add, _duration(at_least_every))
    plans = plans_of(configuration.settings, supposed, source)
    troubles = {each.source: misfit(each) for each in plans}
    if json:
        print_json(as_json(plans))
    else:
        for number, each in enumerate(plans):
            print("\n" * (number > 0) + "\n".join(headline(each)))
            _show(each)
    for name, told in troubles.items():
        for line in told:
            typer.echo(f"{name}: {line}", err=True)
    return 0 if all(each.fits for each in plans) else 1


def plans_of(settings: Settings, supposed: Supposed, only: str | None) -> list[SourcePlan]:
    """The plan of each source, or of one."""
    from watcher.analysis.plan import Supposed, plan_source
    from watcher.config.configuration import build_source
    from watcher.service.clock import SystemClock

    now = SystemClock().now()
    must_know("source", [only] if only is not None else None, settings.sources)
    names = [name for name in settings.sources if only in (None, name)]
    sources = {name: build_source(settings, name) for name in names}
    known: dict[str, tuple[int, dict[str, str]]] = {name: (0, {}) for name in names}
    tallies: list[HintTally] = []
    store = settings.backend
    if store.exists():
        with store.queries() as reader:
            tallies = reader.hint_tallies(now - timedelta(days=1)) if settings.hints else []
            for name, each in sources.items():
                facts = reader.facts(name)
                each.remember(facts)
                bought = each.allowance.credits
                spent = reader.spent(name, bought.bounds(now)[0]) if bought is not None else 0
                known[name] = spent, facts
    chosen = [name for name in names if sources[name].allowance.credits is not None] or names
    plans = []
    for name, each in sources.items():
        # What is supposed is supposed of the source that sells credits, if there is one.
        what_if = supposed if name in chosen else Supposed(at_least_every=supposed.at_least_every)
        spent, facts = known[name]
        its = [tally for tally in tallies if tally.source == name]
        plans.append(
            plan_source(settings, each, now, spent=spent, facts=facts, supposed=what_if, tallies=its)
        )
    return plans


def as_json(plans: Sequence[SourcePlan]) -> PlanRow:
    """The shape that scripts rely on. Of hints is said where there are some."""
    return {
        "sources": {each.source: source_row(each) for each in plans},
        "accounts": [
            _account_row(each.source, line, row)
            for each in plans
            for line, row in zip(each.lines, each.forecast.rows, strict=True)
        ],
    }


def source_row(plan: SourcePlan) -> PlannedSourceRow:
    found: PlannedSourceRow = {
        "limit_per_period": round(plan.limit) if plan.limit < math.inf else None,
        "planned_per_period": round(plan.per_period),
        "fits": plan.fits,
    }
    if any(line.hints is not None for line in plan.lines):
        found["hints_per_period"] = round(plan.hinted)
    return found


def _account_row(source: str, line: PlanLine, row: AccountForecast) -> PlannedAccountRow:
    found: PlannedAccountRow = {
        "wallet": line.wallet,
        "source": source,
        "chain": line.chain,
        "credits_per_poll": line.credits,
        "interval_seconds": _finite(row.interval),
        "expected_delay_seconds": _finite(row.expected_delay),
    }
    if (hints := line.hints) is not None:
        found["hints"] = {
            "by": list(hints.by),
            "told": _rounded(hints.told),
            "true": _rounded(hints.true),
            "shown_after_seconds": _rounded(hints.shown_after),
        }
    return found


def _rounded(number: float | None) -> float | None:
    return None if number is None else round(number, 4)


def headline(plan: SourcePlan) -> list[str]:
    """The totals of one source in a few sentences."""
    from watcher.analysis.plan import accounts_text

    forecast, unit = plan.forecast, plan.unit
    most = f" of {plan.limit:,.0f}" if plan.limit < math.inf else ""
    planned = f"{plan.per_period:,.0f}{most} {unit} a {plan.period} are planned"
    lines = [f"{plan.source}: {planned} for {accounts_text(len(plan.lines))}"]
    if 0 < forecast.mean_delay < NEVER:
        lines.append(_delay(plan))
        lines.append(f"The average account waits {span(forecast.account_delay)}")
    if plan.sweeps:
        lines.append(f"{plan.sweeps:,.0f} credits a {plan.period} of them go to `discover`")
    if plan.rates:
        lines.append(f"{plan.rates:,.0f} credits a {plan.period} of them go to exchange rates")
    if plan.hinted:
        lines.append(f"Polls upon hints take {plan.hinted:,.0f} of them, at the pace of the last day")
    lines += _hinted(plan)
    lines += plan.advice
    lines += _learning(*plan.learning)
    if unit == "credits":
        lines.append(_spent(plan))
    return lines


def _hinted(plan: SourcePlan) -> list[str]:
    """Of how many accounts hints tell, and what is taken for granted."""
    from watcher.analysis.plan import accounts_text

    hinted = [line.hints for line in plan.lines if line.hints is not None]
    if not hinted:
        return []
    known = sum(each.told is not None for each in hinted)
    about = f"Hints may tell of {accounts_text(len(hinted))}"
    if not known:
        return [f"{about}; what they are worth is not known yet, and counts for nothing here"]
    assumed = "" if known == len(hinted) else f"; of {len(hinted) - known:,} it is not known yet how much"
    return [f"{about}{assumed}; they are taken to come the moment an account changes"]


def _delay(plan: SourcePlan) -> str:
    """How soon a change is seen, and against an even spread: once it is known what changes."""
    forecast, evenly = plan.forecast, plan.even_interval
    within = f"{span(forecast.mean_delay)} on average (95 % within {span(forecast.p95_delay)})"
    learning, paced = plan.learning
    if paced and learning == paced:
        return f"If all accounts change alike, a change is seen after {within}"
    gain = evenly / 2 / forecast.mean_delay
    return (
        f"A change is seen after {within}; spread evenly, the same {plan.unit} give {span(evenly / 2)} "
        f"({span(0.95 * evenly)})" + (f", {gain:.1f} times as long" if gain >= 1.05 else "")
    )


def _learning(count: int, paced: int) -> list[str]:
    from watcher.analysis.plan import accounts_text

    if not count:
        return []
    if count == paced:
        return ["Learning: no change rates are known yet, all accounts are taken to change alike"]
    return [
        f"Learning: of {count:,} of {accounts_text(paced)} on auto it is not known yet how often they change"
    ]


def _changes(line: PlanLine, row: AccountForecast) -> str:
    """Changes a day, as far as they are known: no figure is made of what nobody has seen."""
    if row.learnt:
        return f"{_few(row.changes_a_day)} ({_few(row.at_least)} to {_few(row.at_most)})"
    if line.item.fixed is not None:
        return "not learnt"
    return f"learning, at most {_few(row.at_most)}" if row.polled else "learning"


def _few(number: float) -> str:
    """Two digits that matter."""
    return f"{number:.2g}" if number < 99.5 else f"{number:,.0f}"


def _spent(plan: SourcePlan) -> str:
    ends = datetime.fromtimestamp(plan.budget.ends, UTC)
    text = f"{plan.spent:,} credits are spent, {plan.left:,.0f} left until {moment(ends)}"
    out = plan.runs_out
    if out is not None:
        return f"{text}; unstretched, they would run out on {moment(out)}"
    return f"{text}; they last"


def _show(plan: SourcePlan) -> None:
    hinted = any(line.hints is not None for line in plan.lines)
    columns = (
        "wallet", "chain", "interval", "expected delay", "worst case", "changes a day", f"{plan.unit} a day",
        "share", "why", *(["hints"] if hinted else []),
    )  # fmt: skip
    cells = [
        (
            line.wallet, line.chain, _long(row.interval), _long(row.expected_delay), _worst(row.worst_case),
            _changes(line, row),
            f"{row.credits_a_day:,.1f}", f"{row.share:.1%}", row.why, *([_told(line)] if hinted else []),
        )
        for line, row in zip(plan.lines, plan.forecast.rows, strict=True)
    ]  # fmt: skip
    supposed = [cell for cell, line in zip(cells, plan.lines, strict=True) if line.account is None]
    if supposed:
        # They are all alike.
        cells = [*cells[: -len(supposed)], (f"{len(supposed):,} more, each", *supposed[0][1:])]
    print()
    print_table(columns, cells, empty="no accounts")


def _told(line: PlanLine) -> str:
    """Who tells of an account, and what that is worth."""
    if line.hints is None:
        return ""
    told, by = line.hints.told, " and ".join(line.hints.by)
    if told is None:
        return f"{by}: not known yet"
    return f"{by}: {expectation(told, line.hints.true, line.hints.shown_after)}"


def _long(seconds: float) -> str:
    return span(seconds) if seconds < NEVER else "never"


def _worst(seconds: float) -> str:
    return span(seconds) if seconds < math.inf else "no promise"


def _finite(seconds: float) -> float | None:
    return round(seconds, 3) if seconds < math.inf else None


def _credits(text: str | None) -> int | None:
    if text is None:
        return None
    try:
        count = count_in(text)
    except ValueError:
        count = 0
    if count <= 0:
        raise typer.BadParameter(f"--credits {text[:40]}: write a number of credits, as in 20000, 500k or 2M")
    return count


def _duration(text: str | None) -> timedelta | None:
    if text is None:
        return None
    try:
        found = parse_duration(text)
    except ValueError as error:
        raise typer.BadParameter(f"--at-least-every: {error}") from None
    if not found:
        raise typer.BadParameter("--at-least-every must be longer than nothing")
    return found

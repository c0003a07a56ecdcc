"""Build: the one place where the parts of a running configuration are made and put together.

Each part is whole when it is made: what it needs is handed to it, and what an earlier run kept of it is given
back, so it is made after what it uses.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

import watcher.system.http_client  # noqa: F401  # takes a moment, and the loop that waits for it is not there yet
from watcher.app.application import App
from watcher.app.jobs import Job
from watcher.app.presentations import presentations
from watcher.app.schedules import SourceSchedule, schedule_source
from watcher.app.sources import throttled
from watcher.config.configuration import (
    Configuration,
    build_channels,
    build_rules,
    fallbacks,
    quiet_hours,
)
from watcher.config.settings import Settings
from watcher.domain.credits.allowance import CreditPlan
from watcher.domain.values.exchange_rates import ExchangeRates
from watcher.ports.channel import Draw
from watcher.ports.clock import Clock
from watcher.ports.letters import Letters
from watcher.ports.members import PLAN, Lease, tell
from watcher.ports.store import Store, facts_of
from watcher.queues.memory import PollQueue
from watcher.service.clock import SystemClock
from watcher.service.daily_rates import DailyRates, KnownRates
from watcher.service.delivery import Deliverer
from watcher.service.engine import RuleEngine
from watcher.service.metrics import Metrics
from watcher.service.polling import Poller
from watcher.service.timers import TimeBasedEvaluation

if TYPE_CHECKING:
    from watcher.service.report_schedule import ReportSchedule


async def build(
    configuration: Configuration,
    store: Store,
    *,
    clock: Clock | None = None,
    metrics: Metrics | None = None,
    draw: Draw | None = None,
    letters: Letters | None = None,
) -> App:
    """Everything that one configuration asks for; nothing of it is at work yet.

    `metrics`: where to go on counting. `draw`: draws the pictures of alerts. `letters`: writes the reports.
    """
    clock = clock or store.members.clock or SystemClock()
    settings, started = configuration.settings, clock.now()
    metrics = metrics or Metrics(started)
    metrics.know(settings.sources, settings.channels)
    metrics.store = store.figures
    teller = settings.rates_source
    rates = KnownRates(teller, store) if teller is not None else None
    if rates is not None:
        await rates.look()

    def told() -> ExchangeRates | None:
        return rates.known if rates is not None else None

    channels = build_channels(
        settings, present=presentations(settings, draw, letters=letters, told=told, clock=clock)
    )
    for channel in channels:
        channel.remember(await store.facts(facts_of(channel.name)))
    deliverer = Deliverer(
        store, channels, clock, quiet=quiet_hours(settings), fallbacks=fallbacks(settings), metrics=metrics,
        may_tell=lambda channel: store.members.leads(tell(channel)),
    )  # fmt: skip
    rules = build_rules(configuration)
    engine = RuleEngine(
        store, rules, clock, running_since=started, metrics=metrics, on_deliveries=deliverer.wake
    )
    plan = partial(_plan, rates=rates, letters=letters)
    app = App(configuration, engine, channels, deliverer, metrics, TimeBasedEvaluation(engine), plan)
    if store.shared is not None:
        from watcher.app.asking import ask
        from watcher.app.identity import fingerprint_of

        app.crowd = fingerprint_of(configuration)
        await ask(app, rates)
    if store.members.leads(PLAN):
        await plan(app, await store.members.gained(PLAN))
    return app


async def _plan(app: App, lease: Lease, *, rates: KnownRates | None, letters: Letters | None) -> None:
    """Make what one member does for all: what polls, says when, judges by the clock, listens and reports."""
    settings, engine = app.settings, app.engine.over(app.store.led(lease))
    app.planned = lease
    polling = list(await (_handing_out if app.store.shared is not None else _polling)(app, engine))
    app.timers = TimeBasedEvaluation(engine, partial(_plans, app.pollers))
    app.jobs += [("timers", app.timers.run), *polling]
    if app.store.shared is not None:
        from watcher.service.sums import SumEvaluation

        app.jobs.append(("sums", SumEvaluation(engine).run))
    if rates is not None and (teller := settings.rates_source) is not None:
        await rates.look()
        daily = DailyRates(app.pollers[teller].throttle, engine.store, app.clock, rates)
        app.jobs.append((f"rates {teller}", daily.run))
    if settings.hints:
        await _hints(app, engine)
    if settings.reports and letters is not None:
        app.jobs.append(("reports", _reports(settings, engine, letters).run))


def _plans(pollers: Mapping[str, Poller]) -> dict[str, CreditPlan]:
    """What each source that sells credits sells at present."""
    found = {name: poller.source.allowance.credits for name, poller in pollers.items()}
    return {name: plan for name, plan in found.items() if plan is not None}


async def _polling(app: App, engine: RuleEngine) -> Sequence[Job]:
    """What polls each source, and what says when."""
    jobs: list[Job] = []
    for name, settings in app.settings.sources.items():
        made = await _source(app.configuration, name, engine, app.metrics)
        poller, schedule = app.pollers[name], app.schedules[name] = made
        jobs += [(f"poll {name}", partial(poller.run, settings.concurrency)), *schedule.jobs(name)]
    return jobs


async def _handing_out(app: App, engine: RuleEngine) -> Sequence[Job]:
    """What says when each source is polled, where many ask; without many, nothing of it is loaded."""
    from watcher.app.asking import handing_out

    return await handing_out(app, engine)


def _reports(settings: Settings, engine: RuleEngine, letters: Letters) -> ReportSchedule:
    """Who makes the reports of periods that are over; without any, nothing of it is loaded."""
    from watcher.service.report_schedule import Report, ReportSchedule

    reports = [
        Report(name, each.line, each.timezone, each.channels) for name, each in settings.reports.items()
    ]
    return ReportSchedule(reports, engine, letters)


async def _hints(app: App, engine: RuleEngine) -> None:
    """Add who listens to the hint sources; without any, nothing of it is loaded."""
    from watcher.app.hints import listeners, postings

    throttles = {name: poller.throttle for name, poller in app.pollers.items()}
    app.metrics.listens(app.settings.hints)
    app.listeners.update(await listeners(app.settings, throttles, app.schedules, engine))
    app.postings.update(postings(app.settings, app.listeners))
    app.jobs += [(f"hints {name}", listener.run) for name, listener in app.listeners.items()]


async def _source(
    configuration: Configuration, name: str, engine: RuleEngine, metrics: Metrics
) -> tuple[Poller, SourceSchedule]:
    """What polls one source, and what says when."""
    throttle, configured, facts = await throttled(configuration, name, engine, metrics)
    queue = PollQueue()
    schedule = await schedule_source(configuration.settings, configured, throttle, queue, engine)
    poller = Poller(throttle, queue, engine, schedule)
    poller.remember(facts)
    return poller, schedule

"""Asking by many: each member polls what it is told to, and the one that plans tells.

Loaded only where many share a store.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from watcher.app.application import App
from watcher.app.jobs import Job
from watcher.app.schedules import schedule_source
from watcher.app.sources import throttled
from watcher.config.cadences import sweeps
from watcher.ports.shared_work import PollJob, SharedWork
from watcher.queues.jobs import JobQueue
from watcher.queues.memory import PollQueue
from watcher.service.chain_discovery import ChainDiscovery
from watcher.service.daily_rates import KnownRates
from watcher.service.engine import RuleEngine
from watcher.service.handing import AskerEvents, HandingOut, follow_facts, pass_on, sweep
from watcher.service.polling import Poller


async def ask(app: App, rates: KnownRates | None) -> None:
    """Make what polls each source, as this member is told to. `rates`: what it shows amounts by."""
    if rates is not None:  # who plans asks for them
        app.asking.append(("rates", partial(rates.follow, app.clock)))
    work, crowd = _shared(app), app.crowd
    queues: dict[str, JobQueue] = {}
    for name in app.settings.sources:
        queue = queues[name] = JobQueue(work)
        gate = work.gate(name, app.clock)
        throttle, app.configured[name], facts = await throttled(
            app.configuration, name, app.engine, app.metrics, gate
        )
        wanted = sweeps(app.settings, name)
        discovery = ChainDiscovery(name, queue, wanted, app.engine) if wanted else None
        events = AskerEvents(name, app.engine, queue.word_of, discovery)
        poller = app.pollers[name] = Poller(throttle, queue, app.engine, events)
        poller.remember(facts)
    if app.settings.hints:
        _forward(app, work)
    if "ask" not in app.settings.cluster.roles:
        app.asking += [
            (f"polls {name}", partial(pass_on, name, queue, work, crowd, app.clock))
            for name, queue in queues.items()
        ]
        return

    async def do(job: PollJob) -> None:
        await queues[job.source].do(job)

    at_once = {name: each.concurrency for name, each in app.settings.sources.items()}
    app.asking += [(f"poll {name}", partial(each.run, at_once[name])) for name, each in app.pollers.items()]
    app.asking += [
        ("jobs", partial(work.take, crowd, at_once, do)),
        ("facts", partial(follow_facts, tuple(app.pollers.values()), app.store, app.clock)),
    ]


def _forward(app: App, work: SharedWork) -> None:
    """Take what is posted to this member for who plans."""
    from watcher.app.hints import posted_to
    from watcher.service.hint_posts import PostForwarder

    for name, source in posted_to(app.settings, app.engine).items():
        forwarder = app.forwarders[name] = PostForwarder(name, source, work, app.clock)
        app.asking.append((f"posts {name}", forwarder.run))
    app.postings.update(app.forwarders)


async def handing_out(app: App, engine: RuleEngine) -> Sequence[Job]:
    """Make what says when each source is polled, and tells who asks. `engine`: of who plans."""
    work, crowd = _shared(app), app.crowd
    jobs: list[Job] = [("give back", partial(sweep, work, crowd, app.clock, app.metrics))]
    if app.forwarders:
        from watcher.service.hint_posts import take_posts

        jobs.append(("posts", partial(take_posts, app.postings, work, app.clock)))
    for name, poller in app.pollers.items():
        queue = PollQueue()
        schedule = app.schedules[name] = await schedule_source(
            app.settings, app.configured[name], poller.throttle, queue, engine
        )
        at_once = app.settings.sources[name].concurrency
        heard = schedule.auto.heard_until
        handing = HandingOut(name, queue, work, crowd, engine, schedule, heard, at_once=at_once)
        jobs += [(f"hand out {name}", handing.run), *schedule.jobs(name)]
    return jobs


def _shared(app: App) -> SharedWork:
    assert app.store.shared is not None  # noqa: S101 (nobody else comes here)
    return app.store.shared

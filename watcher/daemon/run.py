"""The daemon: ticks, tasks, signals, systemd, and an end within bounded time."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from watcher.app.application import App, Job
from watcher.app.build import build
from watcher.config.configuration import (
    Configuration,
    build_heartbeat,
    configure,
    credit_plans,
    store_of,
)
from watcher.config.warnings import wants_pictures
from watcher.daemon import systemd
from watcher.daemon.signals import SIGNALS
from watcher.daemon.upkeep import (
    feed_watchdog,
    keep_beating,
    measure_lag,
    mind_clock,
    take_descriptors,
    tell_status,
    tidy,
    troubles,
)
from watcher.domain.values.errors import ConfigurationError
from watcher.domain.values.formatting import counted
from watcher.ports.channel import Draw
from watcher.ports.store import Store
from watcher.service.clock import Setting, SystemClock
from watcher.service.metrics import Metrics

if TYPE_CHECKING:
    from watcher.web import Server

log = logging.getLogger(__name__)

KEYS_STAY = "; credentials stay those of the start: a new key needs a restart"
"""systemd loads them once."""


async def run(
    path: Path,
    configuration: Configuration,
    env: Mapping[str, str],
    *,
    on_loaded: Callable[[Configuration], None] = lambda _: None,
) -> int:
    """Watch until SIGTERM or SIGINT; SIGHUP reads the configuration again. Returns the exit code.

    `on_loaded` hears of each configuration that takes effect later: how logs look is the caller's.
    """
    stopping, reloading = asyncio.Event(), asyncio.Event()
    with SIGNALS.heard(asyncio.get_running_loop(), stopping.set, reloading.set):
        take_descriptors()
        clock = SystemClock()
        metrics = Metrics(clock.now())
        store = await store_of(configuration.settings).open(exclusive=True)
        clock_was_set = Setting(clock)
        try:
            while not stopping.is_set():
                draw = _painter(configuration, store)
                app = await build(configuration, store, clock=clock, metrics=metrics, draw=draw)
                following = await _serve(app, stopping, reloading, clock_was_set, path, env)
                if following is None:
                    return 1
                if following is not configuration and not stopping.is_set():
                    _changed(configuration, following, app, path, on_loaded)
                configuration = following
        finally:
            systemd.stopping()
            await store.close()
        log.info("stopped")
    return 0


async def _serve(
    app: App,
    stopping: asyncio.Event,
    reloading: asyncio.Event,
    clock_was_set: Setting,
    path: Path,
    env: Mapping[str, str],
) -> Configuration | None:
    """Run one configuration until it is time to stop, to change to a new one, or to begin anew
    because the clock was set; the one to go on with, or None if a task broke.
    """
    async with at_work(app) as tasks:
        log.info(
            "watching %s on %s",
            counted(len(app.rules.wallets), "account"),
            counted(len(app.pollers), "source"),
        )
        systemd.ready()
        set_anew = asyncio.Event()
        minder = asyncio.create_task(mind_clock(app, clock_was_set, set_anew), name="clock")
        try:
            while True:
                if await _wait((stopping, reloading, set_anew), [*tasks, minder]):
                    return None
                if stopping.is_set() or set_anew.is_set():
                    return app.configuration
                systemd.reloading()
                # Before the file is read: it may be written, and told of, meanwhile. Nowhere else.
                reloading.clear()
                new = await _read(path, env, app.metrics)
                if new is not None:
                    return new
                await tell_status(app)
                systemd.ready()
        finally:
            minder.cancel()


@asynccontextmanager
async def at_work(
    app: App, *, on_page: Callable[[str], None] = lambda _url: None
) -> AsyncIterator[list[asyncio.Task[None]]]:
    """Everything of one configuration at work; the tasks that it gives must not end by themselves.

    `on_page` hears where the status page is, if there is one.
    """
    page: Server | None = None
    helpers: list[asyncio.Task[None]] = []
    try:
        await app.start()
        helpers += [asyncio.create_task(work(), name=name) for name, work in _upkeep(app)]
        page = await _page(app)
        if page is not None:
            on_page(page.url)
        # What is here stays: looking through all of it for garbage would hold the loop for 100 ms.
        gc.freeze()
        gc.enable()
        yield [*app.tasks, *helpers]
    finally:
        gc.unfreeze()
        for task in helpers:
            task.cancel()
        await asyncio.gather(*helpers, return_exceptions=True)
        if page is not None:
            await page.stop()
        await app.stop()


def _upkeep(app: App) -> list[Job]:
    """What the daemon does beside the application's own work."""
    jobs: list[Job] = [
        ("watchdog", partial(feed_watchdog, app)),
        ("retention", partial(tidy, app)),
        ("lag", partial(measure_lag, app)),
    ]
    heartbeat, settings = build_heartbeat(app.settings), app.settings.heartbeat
    if heartbeat is not None and settings is not None:
        jobs.append(("heartbeat", partial(keep_beating, app, heartbeat, settings.every.total_seconds())))
    return jobs


async def _wait(events: Sequence[asyncio.Event], tasks: Sequence[asyncio.Task[None]]) -> bool:
    """Until one of the events comes (False) or a task that must not end ends (True)."""
    signals = [asyncio.create_task(event.wait()) for event in events]
    try:
        done, _ = await asyncio.wait([*signals, *tasks], return_when=asyncio.FIRST_COMPLETED)
    finally:
        for waiter in signals:
            waiter.cancel()
    for task in done.intersection(tasks):
        error = None if task.cancelled() else task.exception()
        log.critical("%s ended: %s", task.get_name(), error, exc_info=error)
        return True
    return False


async def _read(path: Path, env: Mapping[str, str], metrics: Metrics) -> Configuration | None:
    """What is on disk now; a bad file keeps the old configuration and says so.

    Read in a thread: a long watch list would hold the loop for half a second.
    """
    try:
        new = await asyncio.to_thread(configure, path, env)
    except ConfigurationError as error:
        metrics.refused = len(error.problems)
        log.error("reload refused, the old configuration stays in force:\n%s", error)  # noqa: TRY400
        return None
    metrics.refused = 0
    return new


def _changed(
    old: Configuration, new: Configuration, app: App, path: Path, on_loaded: Callable[[Configuration], None]
) -> None:
    """Say what a reload brought."""
    on_loaded(new)
    for warning in new.warnings:
        if warning not in old.warnings:
            log.warning("%s", warning)
    if new.settings.store != old.settings.store:
        log.warning("the store cannot change while running; restart to use the new one")
    app.metrics.loaded = app.clock.now()
    log.info("reloaded %s%s", path, KEYS_STAY if os.environ.get("CREDENTIALS_DIRECTORY") else "")


def _painter(configuration: Configuration, store: Store) -> Draw | None:
    """Who draws for the channels that want pictures; without one, nothing of it is loaded."""
    if not wants_pictures(configuration.settings):
        return None
    from watcher.charts.attachments import painter

    return painter(configuration, store)


async def _page(app: App) -> Server | None:
    """The status page. That its address is taken costs the page, never the watching."""
    settings = app.settings
    if settings.web is None:
        return None
    from watcher.web import PageSnapshots, Server  # brings a template engine; without a page there is none

    looker = PageSnapshots(
        settings, app.store, credit_plans(settings), app.clock, past=app.store.load,
        stuck=lambda: troubles(app), tally=app.metrics, rules=app.rules,
    )  # fmt: skip
    server = Server(looker, settings.web)
    try:
        await server.start()
    except OSError as error:
        log.error("no status page: %s: %s", settings.web.listen, error.strerror or error)  # noqa: TRY400
        await server.stop()
        return None
    log.info("status page at %s", server.url)
    return server

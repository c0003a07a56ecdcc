"""The daemon: ticks, tasks, signals, systemd, and an end within bounded time."""

from __future__ import annotations

import asyncio
import gc
import logging
import signal
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from watcher import sdnotify
from watcher.domain.errors import ConfigurationError, StoreError
from watcher.ports import Store
from watcher.schedule import Ticker
from watcher.service.clock import SystemClock
from watcher.timetable import meters, schedule, sweepers
from watcher.wiring import (
    App,
    Configuration,
    configure,
    credit_plans,
    open_store,
    store_path,
    wire,
)

if TYPE_CHECKING:
    from watcher.web import Server

log = logging.getLogger(__name__)

STUCK_AFTER = timedelta(minutes=10)
"""A source with work to do and no progress for so long stops the watchdog from being fed."""

STATUS_EVERY = 10.0
TIDY_EVERY = 600.0


async def run(path: Path, configuration: Configuration, env: Mapping[str, str]) -> int:
    """Watch until SIGTERM or SIGINT; SIGHUP reads the configuration again. Returns the exit code."""
    clock = SystemClock()
    stopping, reloading = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    loop.add_signal_handler(signal.SIGHUP, reloading.set)
    store = await open_store(configuration.settings, exclusive=True)
    try:
        while not stopping.is_set():
            reloading.clear()
            app = wire(configuration, store, clock=clock)
            failed = await _serve(app, store, stopping, reloading, path, env)
            if failed:
                return 1
            if not stopping.is_set():
                configuration = _reload(path, env, configuration)
    finally:
        sdnotify.stopping()
        await store.close()
    log.info("stopped")
    return 0


async def _serve(
    app: App,
    store: Store,
    stopping: asyncio.Event,
    reloading: asyncio.Event,
    path: Path,
    env: Mapping[str, str],
) -> bool:
    """Run one configuration until it is time to stop or to change to a new one; True if a task broke."""
    async with at_work(app, store) as tasks:
        log.info("watching %d accounts on %d sources", len(app.rules.wallets), len(app.pollers))
        sdnotify.ready()
        while True:
            if await _wait(stopping, reloading, tasks):
                return True
            if stopping.is_set():
                return False
            sdnotify.reloading()
            if _sound(path, env):
                return False
            sdnotify.ready()
            reloading.clear()


@asynccontextmanager
async def at_work(
    app: App, store: Store, *, on_page: Callable[[str], None] = lambda _url: None
) -> AsyncIterator[list[asyncio.Task[None]]]:
    """Everything of one configuration at work; the tasks that it gives must not end by themselves.

    `on_page` hears where the status page is, if there is one.
    """
    ticker = Ticker(app.clock.now)
    page: Server | None = None
    helpers: list[asyncio.Task[None]] = []
    try:
        await app.start()
        pacers = await schedule(app, store, ticker)
        ticker.start()
        helpers += [
            asyncio.create_task(_feed_watchdog(app, store), name="watchdog"),
            asyncio.create_task(_tidy(app, store), name="retention"),
            *(asyncio.create_task(meter.run(), name="metering") for meter in meters(app, store, pacers)),
            *(asyncio.create_task(pacer.run(), name="pacing") for pacer in pacers.values()),
            *(asyncio.create_task(each.run(), name="sweeping") for each in sweepers(app, store, pacers)),
        ]
        page = await _page(app, store)
        if page is not None:
            on_page(page.url)
        # What is here stays: looking through all of it for garbage would hold the loop for 100 ms.
        gc.freeze()
        yield [*app.tasks, *helpers]
    finally:
        gc.unfreeze()
        ticker.stop()
        for task in helpers:
            task.cancel()
        await asyncio.gather(*helpers, return_exceptions=True)
        if page is not None:
            await page.stop()
        await app.stop()


async def _wait(
    stopping: asyncio.Event, reloading: asyncio.Event, tasks: Sequence[asyncio.Task[None]]
) -> bool:
    """Until a signal comes (False) or a task that must not end ends (True)."""
    signals = [asyncio.create_task(event.wait()) for event in (stopping, reloading)]
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


def _sound(path: Path, env: Mapping[str, str]) -> bool:
    """Whether the file on disk can be changed to; a bad one keeps the old configuration and says so."""
    try:
        configure(path, env)
    except ConfigurationError as error:
        log.error("reload refused, the old configuration stays in force:\n%s", error)  # noqa: TRY400
        return False
    return True


def _reload(path: Path, env: Mapping[str, str], old: Configuration) -> Configuration:
    try:
        new = configure(path, env)
    except ConfigurationError:  # changed since it was found sound, a moment ago
        log.exception("reload refused, the old configuration stays in force")
        return old
    if new.settings.store != old.settings.store:
        log.warning("the store cannot change while running; restart to use the new one")
    log.info("reloaded %s", path)
    return new


async def _feed_watchdog(app: App, store: Store) -> None:
    """Tell systemd that all is well, but only while the store answers and no source is stuck."""
    interval = sdnotify.watchdog_interval() or STATUS_EVERY
    while True:
        await app.clock.sleep(min(interval / 3, STATUS_EVERY))
        # A poll by hand or `outbox --retry` may have left something to tell: they only write it down.
        app.deliverer.wake()
        alerts = await _live_alerts(store)
        if alerts is None or _stuck(app):
            continue
        sdnotify.watchdog()
        sdnotify.status(f"{len(app.rules.wallets)} accounts, {alerts} alerts firing")


async def _live_alerts(store: Store) -> int | None:
    try:
        async with asyncio.timeout(30):
            return sum(alert.fired_at is not None for alert in await store.live_alerts())
    except (StoreError, TimeoutError) as error:
        log.error("the store does not answer: %s", error or type(error).__name__)  # noqa: TRY400
        return None


async def _page(app: App, store: Store) -> Server | None:
    """The status page. That its address is taken costs the page, never the watching."""
    settings = app.settings
    if settings.web is None:
        return None
    from watcher.web import Looker, Server  # brings a template engine; without a page there is none

    looker = Looker(
        settings, store_path(settings), credit_plans(settings), app.clock, past=store.load,
        stuck=lambda: ["a source makes no progress"] if _stuck(app) else [],
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


def _stuck(app: App) -> bool:
    now = app.clock.monotonic()
    for name, poller in app.pollers.items():
        last = app.progress.setdefault(name, now)
        idle = not len(poller.queue) or poller.pace.next_start > now
        if idle:
            app.progress[name] = now
        elif now - last > STUCK_AFTER.total_seconds():
            log.error("%s has made no progress for %s", name, STUCK_AFTER)
            return True
    return False


async def _tidy(app: App, store: Store) -> None:
    """Drop what is past its retention, in small steps."""
    while True:
        await app.clock.sleep(TIDY_EVERY)
        try:
            while await store.tidy(app.clock.now()):
                await app.clock.sleep(0.05)
        except StoreError as error:
            log.error("store: %s; retention waits", error)  # noqa: TRY400

"""What keeps a running daemon well: signs of life, a clock that is minded, old rows dropped."""

from __future__ import annotations

import asyncio
import logging
from datetime import timedelta

from watcher import sdnotify
from watcher.domain.errors import StoreError
from watcher.ports import Store
from watcher.service.clock import Setting
from watcher.wiring import App

log = logging.getLogger(__name__)

STUCK_AFTER = timedelta(minutes=10)
"""A source with work to do and no progress for so long stops the watchdog from being fed."""

STATUS_EVERY = 10.0
TIDY_EVERY = 600.0
CLOCK_EVERY = 1.0


async def feed_watchdog(app: App, store: Store) -> None:
    """Tell systemd that all is well, but only while the store answers and no source is stuck."""
    interval = sdnotify.watchdog_interval() or STATUS_EVERY
    while True:
        await app.clock.sleep(min(interval / 3, STATUS_EVERY))
        # A poll by hand or `outbox --retry` may have left something to tell: they only write it down.
        app.deliverer.wake()
        alerts = await _live_alerts(store)
        if alerts is None or stuck(app):
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


def stuck(app: App) -> bool:
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


async def mind_clock(app: App, clock_was_set: Setting, set_anew: asyncio.Event) -> None:
    """Say when the clock was set: what is due by the old one could be a year away by the new one."""
    while True:
        await app.clock.sleep(CLOCK_EVERY)
        if by := clock_was_set():
            log.warning("the clock was set by %+.0f s, or the machine slept: the schedule begins anew", by)
            set_anew.set()


async def tidy(app: App, store: Store) -> None:
    """Drop what is past its retention, in small steps."""
    while True:
        await app.clock.sleep(TIDY_EVERY)
        try:
            while await store.tidy(app.clock.now()):
                await app.clock.sleep(0.05)
        except StoreError as error:
            log.error("store: %s; retention waits", error)  # noqa: TRY400

"""Upkeep of a running daemon: signs of life, what others did meanwhile, old rows dropped."""

from __future__ import annotations

import asyncio
import logging
import resource
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING

from watcher.app.application import App
from watcher.daemon import systemd
from watcher.domain.values.errors import StoreBusyError, StoreError
from watcher.domain.values.formatting import counted
from watcher.notify.heartbeat import Heartbeat

if TYPE_CHECKING:
    from watcher.ports.queries import ChannelState
    from watcher.reports.health import Readiness

log = logging.getLogger(__name__)

STUCK_AFTER = timedelta(minutes=10)
"""A source with work to do and no progress for so long stops the watchdog from being fed."""

STATUS_EVERY = 60.0
LOOK_EVERY = 5.0
LOOK_OFTEN = 1.0
"""Where others poll too, and bring what is to be told here."""
TIDY_EVERY = 600.0
FIRST_BEAT = 10.0
STORE_ANSWERS = 30.0
"""Seconds in which the store has to answer to count as well."""


def take_descriptors() -> None:
    """As many as are allowed: what is usual (1,024) could be used up by whoever connects to the page."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


async def feed_watchdog(app: App) -> None:
    """Feed systemd's watchdog, but only while the store answers and no source is stuck. A database that is
    away is waited for: it would be away for who was started anew, too."""
    interval, said = systemd.watchdog_interval() or 2 * STATUS_EVERY, ""
    while True:
        words, answers = await status_of(app)
        if words != said:
            systemd.status(words)
            said = words
        if app.store.members.away or (answers and not stuck(app)):
            systemd.watchdog()
        await app.clock.sleep(min(interval / 2, STATUS_EVERY))


async def status_of(app: App) -> tuple[str, bool]:
    """For `systemctl status`: what is wrong first, as `/readyz` says it; and whether the store answers."""
    if away := app.store.members.away:
        return away, False
    try:
        async with asyncio.timeout(STORE_ANSWERS):
            firing = sum(alert.fired_at is not None for alert in await app.store.live_alerts())
        found = (await _ready(app))[0] if systemd.is_wanted() else None
    except (StoreError, TimeoutError) as error:
        said = _unanswered(error)
        log.error("%s", said)  # noqa: TRY400
        return said, False
    refused = app.metrics.refused
    wrong = [f"reload refused: {counted(refused, 'mistake')}"] if refused else []
    if found is not None:
        wrong += [*found.broken, *found.troubled]
    count = f"{counted(len(app.rules.wallets), 'account')}, {counted(firing, 'alert')} firing"
    return "; ".join([*wrong, count]), True


def troubles(app: App) -> list[str]:
    """What the daemon knows of itself that keeps a balance that moves from being told; for people."""
    pollers = app.pollers.values()
    found = [poller.trouble for poller in pollers if poller.trouble]
    found += [poller.health.trouble for poller in pollers if poller.health.trouble]
    if stuck(app):
        found.append("a source makes no progress")
    return list(dict.fromkeys(found))


def doubts(app: App) -> list[str]:
    """What people should know of it that keeps no alert from anybody."""
    found = [words for each in app.doubts if (words := each())]
    return [*found, *([app.store.members.trouble] if app.store.members.trouble else [])]


async def send_heartbeats(app: App, heartbeat: Heartbeat, every: float) -> None:
    """Call the dead-man's switch, but only while an alert would really reach everybody it is meant for."""
    said = ""
    await app.clock.sleep(min(every, FIRST_BEAT))
    while True:
        silent = await silence(app)
        failed = "" if silent else await heartbeat.beat()
        why = silent or (failed and f"the call failed: {failed}")
        if why != said:
            log.warning("no heartbeat: %s", why) if why else log.info("the heartbeat is back")
            said = why
        await app.clock.sleep(every)


async def silence(app: App) -> str:
    """Why no sign of life may be given; empty if all is well."""
    try:
        found, channels = await _ready(app)
    except (StoreError, TimeoutError) as error:
        return _unanswered(error)
    given_up = [f"channel {each.name}: the last message was given up" for each in channels if each.gave_up]
    return "; ".join((*found.broken, *given_up))


def _unanswered(error: StoreError | TimeoutError) -> str:
    return f"the store does not answer: {str(error) or f'nothing within {STORE_ANSWERS:g} s'}"


async def _ready(app: App) -> tuple[Readiness, list[ChannelState]]:
    """Would an alert reach somebody? StoreError or TimeoutError if the store does not answer."""
    # Who asks for none of this does not load what reads the store like people do.
    from watcher.reports.status import ready

    now, stuck_at, odd = app.clock.now(), troubles(app), doubts(app)

    def read() -> tuple[Readiness, list[ChannelState]]:
        with app.store.queries() as reader:
            return ready(app.settings, reader, now, stuck=stuck_at, doubts=odd)

    if away := app.store.members.away:
        raise StoreBusyError(away)
    async with asyncio.timeout(STORE_ANSWERS):
        return await asyncio.to_thread(read)


def stuck(app: App) -> bool:
    """Whether a source has work to do and makes no progress."""
    for name, poller in app.pollers.items():
        if poller.stalled() > STUCK_AFTER.total_seconds():
            log.error("%s has made no progress for %s", name, STUCK_AFTER)
            return True
    return False


async def look_around(app: App, mind_clock: Callable[[], None]) -> None:
    """See what nobody tells us of: that the clock was set, and what others did, who only write it down."""
    every = LOOK_EVERY if app.store.shared is None else LOOK_OFTEN
    while True:
        await app.clock.sleep(every)
        mind_clock()
        try:
            async with asyncio.timeout(LOOK_EVERY):
                others_wrote = await app.store.others_wrote()
        except (StoreError, TimeoutError) as error:
            log.debug("what others wrote is not known now: %s", error)
            continue
        if others_wrote:
            app.others_wrote()


async def tidy(app: App) -> None:
    """Drop what is past its retention, in small steps; under the lease of who plans."""
    store = app.store if app.planned is None else app.store.led(app.planned)
    while True:
        await app.clock.sleep(TIDY_EVERY)
        try:
            while await store.tidy(app.clock.now()):
                await app.clock.sleep(0.05)
        except StoreError as error:
            log.error("store: %s; retention waits", error)  # noqa: TRY400

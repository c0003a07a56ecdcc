"""Daemon: one configuration after the other at work, until a signal ends it within bounded time."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import sys
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from watcher.app.application import App
from watcher.app.build import build
from watcher.app.duties import AGAIN
from watcher.app.identity import identity_of
from watcher.app.jobs import Job, start_jobs, stop_jobs
from watcher.config.configuration import (
    Configuration,
    build_heartbeat,
    configure,
    credit_plans,
    wants_pictures,
)
from watcher.config.differences import differences
from watcher.daemon import systemd
from watcher.daemon.loop import DaemonLoop
from watcher.daemon.signals import SIGNALS
from watcher.daemon.upkeep import (
    doubts,
    feed_watchdog,
    look_around,
    send_heartbeats,
    status_of,
    take_descriptors,
    tidy,
    troubles,
)
from watcher.daemon.waiting import opened
from watcher.domain.audit import Actor, AuditAction
from watcher.domain.values.errors import ConfigurationError, RoleLostError, StoreBusyError, StoreError
from watcher.domain.values.formatting import counted
from watcher.ports.channel import Draw
from watcher.ports.clock import Clock
from watcher.ports.letters import Letters
from watcher.ports.members import PLAN, tell
from watcher.ports.store import Store
from watcher.service.clock import Setting, SystemClock
from watcher.service.metrics import Metrics

if TYPE_CHECKING:
    from watcher.chat.listening import ChatListener
    from watcher.web import Server

log = logging.getLogger(__name__)

KEYS_STAY = "; credentials stay those of the start: a new key needs a restart"
"""systemd loads them once."""

TURN = 0.001
"""Seconds that a thread keeps the interpreter while another waits: what the store reads and decides, and what
the page makes, holds the loop no longer than that (benchmarks/page.py)."""


async def run_daemon(
    path: Path,
    configuration: Configuration,
    env: Mapping[str, str],
    *,
    on_loaded: Callable[[Configuration], None] = lambda _: None,
) -> int:
    """Watch until SIGTERM or SIGINT; SIGHUP reads the configuration again. Returns the exit code.

    `on_loaded` hears of each configuration that takes effect later: how logs look is the caller's.
    """
    daemon = Daemon(path, env, on_loaded)
    with SIGNALS.heard(asyncio.get_running_loop(), daemon.stopping.set, daemon.reloading.set):
        take_descriptors()
        store = await opened(configuration.settings, daemon.stopping)
        if store is None:
            log.info("stopped before the store was there")
            return 0
        try:
            broken = await daemon.serve(configuration, store)
        finally:
            systemd.stopping()
            await store.close()
        if not broken:
            log.info("stopped")
    return 1 if broken else 0


class Daemon:
    """What outlives a reload: the signals, the clock and the counts of this process."""

    def __init__(
        self,
        path: Path,
        env: Mapping[str, str],
        on_loaded: Callable[[Configuration], None],
        clock: Clock | None = None,
    ) -> None:
        self._path, self._env, self._on_loaded = path, env, on_loaded
        self.stopping, self.reloading = asyncio.Event(), asyncio.Event()
        self._clock: Clock = clock or SystemClock()
        self._metrics = Metrics(self._clock.now())
        self._set_anew = asyncio.Event()

    async def serve(self, configuration: Configuration, store: Store) -> bool:
        """Run one configuration after the other until it is time to stop; whether a task broke before."""
        if store.members.clock is not None:
            self._clock = store.members.clock
        while not self.stopping.is_set():
            try:
                following = await self._from_the_start(configuration, store)
            except (StoreBusyError, RoleLostError) as error:
                if not configuration.settings.store.shared:
                    raise
                # The server went away meanwhile, or another member gained what this one led.
                log.error("store: %s; what had begun begins anew", error)  # noqa: TRY400
                await self._before_the_end(asyncio.create_task(self._clock.sleep(AGAIN)))
                continue
            if following is None:
                return True
            if following is not configuration and not self.stopping.is_set():
                self._changed(configuration, following)
                await asyncio.to_thread(self._note, store, configuration, following)
            configuration = following
        return False

    async def _from_the_start(self, configuration: Configuration, store: Store) -> Configuration | None:
        """Build one configuration and run it, as `_run` does."""
        # Who has died with its machine may have this name for a while.
        who = store.members.introduce(partial(identity_of, configuration))
        if not await self._before_the_end(introduced := asyncio.create_task(who)):
            return configuration
        introduced.result()
        draw, letters = _painter(configuration, store), _letters(configuration, store)
        app = await build(
            configuration, store, clock=self._clock, metrics=self._metrics, draw=draw, letters=letters
        )
        return await self._run(app)

    async def _run(self, app: App) -> Configuration | None:
        """Run one configuration until it is time to stop, to change to a new one, or to begin anew
        because the clock was set; the one to go on with, or None if a task broke.
        """
        self._set_anew.clear()
        self._clock_was_set, self._machine_was_set = Setting(self._clock), Setting(SystemClock())
        async with at_work(app, mind_clock=self._mind_clock) as tasks:
            accounts, sources = len(app.rules.wallets), len(app.pollers)
            log.info("watching %s on %s", counted(accounts, "account"), counted(sources, "source"))
            systemd.ready()
            while True:
                if await _wait((self.stopping, self.reloading, self._set_anew), tasks):
                    return None
                if self.stopping.is_set() or self._set_anew.is_set():
                    return app.configuration
                systemd.reloading()
                # Before the file is read: it may be written, and told of, meanwhile. Nowhere else.
                self.reloading.clear()
                new = await self._read()
                if new is not None:
                    return new
                systemd.status((await status_of(app))[0])
                systemd.ready()

    def _mind_clock(self) -> None:
        """Begin anew if the clock was set: what is due by the old one could be a year away by the new one."""
        machine = self._machine_was_set()  # APScheduler goes by it, whatever the time of the store is
        if by := self._clock_was_set() or machine:
            log.warning("the clock was set by %+.0f s, or the machine slept: the schedule begins anew", by)
            self._set_anew.set()

    async def _read(self) -> Configuration | None:
        """What is on disk now; a bad file keeps the old configuration and says so.

        Read in a thread: a long watch list would hold the loop for half a second.
        """
        reading = asyncio.create_task(asyncio.to_thread(configure, self._path, self._env))
        if not await self._before_the_end(reading):  # a secret is waited for, and nobody needs it any more
            return None
        try:
            new = reading.result()
        except ConfigurationError as error:
            self._metrics.refused = len(error.problems)
            log.error("reload refused, the old configuration stays in force:\n%s", error)  # noqa: TRY400
            return None
        self._metrics.refused = 0
        return new

    async def _before_the_end(self, work: asyncio.Task[Any]) -> bool:
        """Whether something is done, well or not, before it is time to stop; else it is given up."""
        stopping = asyncio.create_task(self.stopping.wait())
        try:
            await asyncio.wait((work, stopping), return_when=asyncio.FIRST_COMPLETED)
            return work.done()
        finally:
            stopping.cancel()
            work.cancel()

    def _note(self, store: Store, old: Configuration, new: Configuration) -> None:
        """Keep what a reload changed in the audit log; who sent the signal, nobody knows."""
        detail = "; ".join(differences(old, new)) or "nothing changed"
        try:
            store.commands(Actor("", "SIGHUP", self._clock.now())).note(
                AuditAction.RELOAD, [self._path.name], detail
            )
        except StoreError as error:
            log.warning("the reload is not in the audit log: %s", error)

    def _changed(self, old: Configuration, new: Configuration) -> None:
        """Say what a reload brought."""
        self._on_loaded(new)
        for warning in new.warnings:
            if warning not in old.warnings:
                log.warning("%s", warning)
        for part in ("store", "cluster"):
            if getattr(new.settings, part) != getattr(old.settings, part):
                log.warning("the %s cannot change while running; restart to use the new one", part)
        self._metrics.loaded = self._clock.now()
        log.info("reloaded %s%s", self._path, KEYS_STAY if os.environ.get("CREDENTIALS_DIRECTORY") else "")


@asynccontextmanager
async def at_work(
    app: App,
    *,
    on_page: Callable[[str], None] = lambda _url: None,
    mind_clock: Callable[[], None] = lambda: None,
) -> AsyncIterator[list[asyncio.Task[None]]]:
    """Everything of one configuration at work; the tasks that it gives must not end by themselves.

    `on_page` hears where the status page is, if there is one. `mind_clock` is called every few seconds.
    """
    loop = asyncio.get_running_loop()
    sys.setswitchinterval(min(sys.getswitchinterval(), TURN))
    app.metrics.lag = loop.lag.worst if isinstance(loop, DaemonLoop) else None
    page: Server | None = None
    helpers: list[asyncio.Task[None]] = []
    try:
        app.duties.add(PLAN, _upkeep_of_all(app))
        beside = [*_upkeep(app, mind_clock), *_chats(app)]
        await app.start()
        helpers += start_jobs(beside)
        page = await _page(app)
        if page is not None:
            on_page(page.url)
        # What is here stays: looking through all of it for garbage would hold the loop for 100 ms.
        gc.freeze()
        gc.enable()
        yield [*app.duties.following, *app.tasks, *helpers]
    finally:
        gc.unfreeze()
        await stop_jobs(helpers)
        if page is not None:
            await page.stop()
        await app.stop()


def _upkeep(app: App, mind_clock: Callable[[], None]) -> list[Job]:
    """What each daemon does beside the application's own work."""
    return [
        ("watchdog", partial(feed_watchdog, app)),
        ("look around", partial(look_around, app, mind_clock)),
    ]


def _upkeep_of_all(app: App) -> list[Job]:
    """What one does for all."""
    found: list[Job] = [("retention", partial(tidy, app))]
    heartbeat, settings = build_heartbeat(app.settings), app.settings.heartbeat
    if heartbeat is not None and settings is not None:
        every = settings.every.total_seconds()
        found.append(("heartbeat", partial(send_heartbeats, app, heartbeat, every)))
    return found


def _chats(app: App) -> list[Job]:
    """Who follows what chats are shown; who tells a channel listens in it. Without `chat:` nothing of this
    is loaded."""
    if app.settings.chat is None:
        return []
    from watcher.chat.setup import chats

    rooms, found = chats(app)
    app.when_others_write.append(rooms.others_wrote.set)
    app.doubts += [partial(_trouble, listener) for listener in found.values()]
    for name, listener in found.items():
        app.duties.add(tell(name), [(f"chat {name}", listener.run)])
    return [("chat", rooms.follow)]


def _trouble(listener: ChatListener) -> str:
    return listener.trouble


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


def _painter(configuration: Configuration, store: Store) -> Draw | None:
    """Who draws for the channels that want pictures; without one, nothing of it is loaded."""
    if not wants_pictures(configuration.settings):
        return None
    from watcher.charts.attachments import painter

    return painter(configuration, store)


def _letters(configuration: Configuration, store: Store) -> Letters | None:
    """Who writes the reports; without one to write, nothing of it is loaded."""
    if not configuration.settings.reports:
        return None
    from watcher.letters.writer import LetterWriter

    return LetterWriter(configuration.settings, store)


async def _page(app: App) -> Server | None:
    """The status page. That its address is taken costs the page, never the watching."""
    settings = app.settings
    if settings.web is None or "page" not in settings.cluster.roles:
        return None
    from watcher.app.on_demand import QueuedPolls
    from watcher.web import PageSnapshots, Server  # brings a template engine; without a page there is none

    snapshots = PageSnapshots(
        settings, app.store, credit_plans(settings), app.clock, past=app.store.load,
        stuck=lambda: troubles(app), doubts=lambda: doubts(app), away=lambda: app.store.members.away,
        metrics=app.metrics, rules=app.rules,
    )  # fmt: skip
    server = Server(snapshots, settings.web, app.postings, QueuedPolls(app.pollers, app.store, app.clock))
    try:
        await server.start()
    except OSError as error:
        what = "no status page, and nobody can post hints" if app.postings else "no status page"
        log.error("%s: %s: %s", what, settings.web.listen, error.strerror or error)  # noqa: TRY400
        await server.stop()
        return None
    log.info("status page at %s", server.url)
    return server

"""Builds everything and closes it in reverse; the only place that sees concrete classes."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from watcher.config.configuration import (
    Configuration,
    build_channels,
    build_rules,
    build_source,
    fallbacks,
    quiet_hours,
    store_path,
)
from watcher.config.settings import Settings
from watcher.domain.credits.allowance import CreditPlan
from watcher.domain.evaluation.memo import Memo
from watcher.domain.evaluation.rule_index import Rules
from watcher.domain.values.errors import StoreInUseError
from watcher.ports.channel import Channel, Draw
from watcher.ports.clock import Clock
from watcher.ports.store import Store, facts_of
from watcher.service.clock import SystemClock
from watcher.service.conclude import take_effect
from watcher.service.delivery import Deliverer
from watcher.service.metrics import CountedChannel, CountedSource, Metrics
from watcher.service.polling import Poller
from watcher.service.timers import TimeBasedEvaluation
from watcher.store.sqlite.lock import StoreLock

log = logging.getLogger(__name__)

FINISH = 4.0
"""Seconds that requests and sends under way have to end before they are cut off."""


async def open_store(settings: Settings, *, exclusive: bool, tally: Metrics | None = None) -> Any:
    """The store that the settings name; `exclusive` for the one daemon, `tally` if it is to be counted."""
    store_path(settings)
    kind: Any = settings.store
    store = await kind.build(settings.base_dir, exclusive=exclusive)
    if tally is not None:
        store.on_concluded = tally.concluded
    return store


@dataclass(slots=True)
class App:
    """Sources, rules and channels of one configuration at work over one store."""

    configuration: Configuration
    store: Store
    clock: Clock
    rules: Rules
    memo: Memo
    """Of the thread in which the store decides."""
    pollers: dict[str, Poller]
    channels: list[Channel]
    deliverer: Deliverer
    lapse: TimeBasedEvaluation
    tally: Metrics
    progress: dict[str, float] = field(default_factory=dict)
    _tasks: list[asyncio.Task[None]] = field(default_factory=list)

    @property
    def settings(self) -> Settings:
        return self.configuration.settings

    async def start(self) -> None:
        """Take up what an earlier run left, then set everything to work."""
        await self.prepare()
        self.deliverer.start()
        self._tasks = [
            asyncio.create_task(poller.run(), name=f"poll {name}") for name, poller in self.pollers.items()
        ]
        self._tasks.append(asyncio.create_task(self.lapse.run(), name="lapse"))

    async def prepare(self) -> None:
        """Give sources and channels their facts back, and let the configuration take effect on alerts."""
        for name, poller in self.pollers.items():
            poller.remember(await self.store.facts(name))
        for channel in self.channels:
            channel.remember(await self.store.facts(facts_of(channel.name)))
        await take_effect(self.store, self.rules, self.clock.now(), self.memo)

    @property
    def tasks(self) -> list[asyncio.Task[None]]:
        """What must run for ever; one that ends is a fault."""
        return self._tasks

    async def stop(self) -> None:
        """End within bounded time: first the polling, then the telling, then what they used."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []
        await self.deliverer.stop(FINISH)
        await self.close()

    async def close(self) -> None:
        """Close sources and channels; a failure of one does not keep the others open."""
        closing = [poller.source.close() for poller in self.pollers.values()]
        closing += [channel.close() for channel in self.channels]
        for result in await asyncio.gather(*closing, return_exceptions=True):
            if isinstance(result, BaseException):
                log.error("closing failed: %s", type(result).__name__)


def wire(
    configuration: Configuration,
    store: Store,
    *,
    clock: Clock | None = None,
    running_since: datetime | None = None,
    tally: Metrics | None = None,
    draw: Draw | None = None,
) -> App:
    """Build everything that one configuration asks for.

    `tally`: where to go on counting. `draw`: draws pictures for the channels that want some.
    """
    clock = clock or SystemClock()
    started = running_since or clock.now()
    settings = configuration.settings
    rules, memo = build_rules(configuration), Memo()
    tally = tally or Metrics(started)
    tally.know(settings.sources, settings.channels)
    channels: list[Channel] = [CountedChannel(each, tally) for each in build_channels(settings, draw=draw)]
    deliverer = Deliverer(store, channels, clock, quiet=quiet_hours(settings), fallbacks=fallbacks(settings))
    progress: dict[str, float] = {}

    def beat(name: str) -> None:
        progress[name] = clock.monotonic()

    pollers = {}
    for name, kind in settings.sources.items():
        source = CountedSource(build_source(settings, name), tally, clock)
        pollers[name] = Poller(
            source,
            store,
            rules,
            clock,
            running_since=started,
            memo=memo,
            concurrency=kind.concurrency,
            on_deliveries=deliverer.wake,
            on_progress=lambda name=name: beat(name),  # type: ignore[misc]
        )

    def plans() -> dict[str, CreditPlan]:
        found = {name: poller.source.allowance.credits for name, poller in pollers.items()}
        return {name: plan for name, plan in found.items() if plan is not None}

    lapse = TimeBasedEvaluation(
        store, rules, clock, started, deliverer.wake, lambda: beat("lapse"), plans, memo
    )
    return App(configuration, store, clock, rules, memo, pollers, channels, deliverer, lapse, tally, progress)


@contextmanager
def as_only_teller(settings: Settings) -> Iterator[bool]:
    """Whether no daemon works on the store; none can begin until the end of the block.

    Two processes that send what one store owes would send it twice.
    """
    try:
        lock = StoreLock(store_path(settings))
    except StoreInUseError:
        yield False
        return
    try:
        yield True
    finally:
        lock.release()


async def backup_store(
    settings: Settings, target: Path, progress: Callable[[float], None] = lambda _: None
) -> None:
    """Copy the store, verified, while a daemon may be writing to it. `progress` hears how far it is."""
    from watcher.store.sqlite.backup import backup

    await asyncio.to_thread(backup, store_path(settings), target, progress)

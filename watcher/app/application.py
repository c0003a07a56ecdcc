"""Application: everything of one configuration at work over one store, built in `build`."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from watcher.app.jobs import Job, start_jobs, stop_jobs
from watcher.app.schedules import SourceSchedule
from watcher.config.configuration import Configuration
from watcher.config.settings import Settings
from watcher.domain.evaluation.rule_index import Rules
from watcher.ports.channel import Channel
from watcher.ports.clock import Clock
from watcher.ports.store import Store
from watcher.service.delivery import Deliverer
from watcher.service.engine import RuleEngine
from watcher.service.metrics import Metrics
from watcher.service.polling import Poller
from watcher.service.timers import TimeBasedEvaluation

if TYPE_CHECKING:
    from watcher.ports.hints import Posting
    from watcher.service.hint_listening import HintListener

log = logging.getLogger(__name__)

FINISH = 4.0
"""Seconds that requests and sends under way have to end before they are cut off."""


@dataclass(slots=True)
class App:
    """Sources, rules and channels of one configuration. `jobs` are what `start` sets to work."""

    configuration: Configuration
    engine: RuleEngine
    pollers: Mapping[str, Poller]
    schedules: Mapping[str, SourceSchedule]
    timers: TimeBasedEvaluation
    channels: Sequence[Channel]
    deliverer: Deliverer
    metrics: Metrics
    jobs: Sequence[Job]
    listeners: Mapping[str, HintListener] = field(default_factory=dict)
    """Who listens to each hint source."""
    postings: Mapping[str, Posting] = field(default_factory=dict)
    """The hint sources that are posted to."""
    doubts: list[Callable[[], str]] = field(default_factory=list)
    """What people should know and keeps no alert from anybody: each gives words, or none."""
    when_others_write: list[Callable[[], None]] = field(default_factory=list)
    """Who else wants to know that somebody beside the daemon has written."""
    tasks: list[asyncio.Task[None]] = field(default_factory=list)
    """The jobs at work; one that ends is a fault."""

    @property
    def settings(self) -> Settings:
        return self.configuration.settings

    @property
    def store(self) -> Store:
        return self.engine.store

    @property
    def clock(self) -> Clock:
        return self.engine.clock

    @property
    def rules(self) -> Rules:
        return self.engine.rules

    async def start(self) -> None:
        """Let the configuration take effect on the alerts that live, then set everything to work."""
        await self.prepare()
        self.deliverer.start()
        for name, schedule in self.schedules.items():
            await schedule.begin(self.pollers[name], self.engine)
        self.tasks += start_jobs(self.jobs)

    async def prepare(self) -> None:
        """Let the configuration take effect on the alerts that live; before the first poll."""
        await self.engine.take_effect()

    def others_wrote(self) -> None:
        """Somebody beside the daemon has written: there may be something to tell, or to judge anew."""
        for each in (self.deliverer.wake, self.timers.wake, *self.when_others_write):
            each()

    async def stop(self) -> None:
        """End within bounded time: first the polling, then the deliveries, then what they used."""
        await stop_jobs(self.tasks)
        self.tasks.clear()
        await self.deliverer.stop(FINISH)
        await self.close()

    async def close(self) -> None:
        """Close sources, channels and hint sources; a failure of one does not keep the others open."""
        closing = [poller.source.close() for poller in self.pollers.values()]
        closing += [channel.close() for channel in self.channels]
        closing += [listener.source.close() for listener in self.listeners.values()]
        for result in await asyncio.gather(*closing, return_exceptions=True):
            if isinstance(result, BaseException):
                log.error("closing failed: %s", type(result).__name__)

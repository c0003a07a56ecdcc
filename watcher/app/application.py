"""Application: everything of one configuration at work over one store, built in `build`."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from watcher.app.duties import Duties, Duty
from watcher.app.jobs import Job, start_jobs, stop_jobs
from watcher.app.schedules import SourceSchedule
from watcher.config.configuration import Configuration
from watcher.config.settings import Settings
from watcher.domain.credits.allowance import CreditPlan
from watcher.domain.evaluation.rule_index import Rules
from watcher.ports.channel import Channel
from watcher.ports.clock import Clock
from watcher.ports.members import PLAN, Lease, tell
from watcher.ports.store import Store, facts_of
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
    """Sources, rules and channels of one configuration. What a member does alone is there while it leads it:
    `plan` makes what polls, says when, judges by the clock and listens."""

    configuration: Configuration
    engine: RuleEngine
    channels: Sequence[Channel]
    deliverer: Deliverer
    metrics: Metrics
    timers: TimeBasedEvaluation
    plan: Callable[[App, Lease], Awaitable[None]]
    pollers: dict[str, Poller] = field(default_factory=dict)
    schedules: dict[str, SourceSchedule] = field(default_factory=dict)
    jobs: list[Job] = field(default_factory=list)
    """What is set to work for `plan`."""
    asking: list[Job] = field(default_factory=list)
    """What is set to work whoever plans: where many share a store, each polls what it is told to."""
    configured: dict[str, CreditPlan | None] = field(default_factory=dict)
    """The credits of each such source as the file has them."""
    forwarders: dict[str, Posting] = field(default_factory=dict)
    """Those of them that hand on what is posted to who plans."""
    crowd: str = ""
    """The mark of those that have read the same configuration."""
    tasks: list[asyncio.Task[None]] = field(default_factory=list)
    """`asking` at work; one that ends is a fault."""
    planned: Lease | None = None
    """Under which it was made."""
    listeners: dict[str, HintListener] = field(default_factory=dict)
    """Who listens to each hint source."""
    postings: dict[str, Posting] = field(default_factory=dict)
    """The hint sources that are posted to."""
    doubts: list[Callable[[], str]] = field(default_factory=list)
    """What people should know and keeps no alert from anybody: each gives words, or none."""
    when_others_write: list[Callable[[], None]] = field(default_factory=list)
    """Who else wants to know that somebody beside the daemon has written."""
    duties: Duties = field(init=False)

    def __post_init__(self) -> None:
        lanes = [
            Duty(tell(each.name), partial(self._begin_telling, each), partial(self._end_telling, each))
            for each in self.channels
        ]
        planning = Duty(PLAN, self._begin_planning, self._end_planning)
        self.duties = Duties(self.store.members, self.clock, [planning, *lanes])

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
        """Set to work what this member leads, and what it comes to lead."""
        await self.duties.start()
        self.tasks += start_jobs(self.asking)

    async def prepare(self) -> None:
        """Let the configuration take effect on the alerts that live; before the first poll."""
        await self.engine.take_effect()

    async def _begin_planning(self, lease: Lease) -> Sequence[Job]:
        if self.planned != lease:
            await self._end_planning()
            await self.plan(self, lease)
        await self.engine.over(self.store.led(lease)).take_effect()
        for name, schedule in self.schedules.items():
            if schedule.count is not None and self.store.shared is not None:
                await schedule.count.before_polls()  # a copy that took over may lack the last bookings
            await schedule.begin(self.pollers[name], self.engine)
        return self.jobs

    async def _end_planning(self) -> None:
        """Close what was made for it: whoever takes it up next knows what this one has not heard of."""
        await _closed([each.source.close() for each in self.listeners.values()])
        made: list[dict[str, Any]] = [self.schedules, self.listeners, self.postings]
        for each in made:
            each.clear()
        self.postings.update(self.forwarders)
        self.jobs.clear()
        self.planned = None
        if self.store.shared is None:
            await self._close_sources()

    async def _close_sources(self) -> None:
        await _closed([each.source.close() for each in self.pollers.values()])
        self.pollers.clear()

    async def _begin_telling(self, channel: Channel, lease: Lease) -> Sequence[Job]:
        channel.remember(await self.store.facts(facts_of(channel.name)))
        if self.store.shared is None:
            self.deliverer.begin(channel.name)
        else:
            lane = self.store.shared.lane(channel.name, lease)
            self.deliverer.begin(channel.name, lane, await lane.last())
        return ()

    async def _end_telling(self, channel: Channel) -> None:
        lost = not self.store.members.leads(tell(channel.name))
        await self.deliverer.end(channel.name, FINISH, lost=lost)

    def others_wrote(self) -> None:
        """Somebody beside the daemon has written: there may be something to tell, or to judge anew."""
        for each in (self.deliverer.wake, self.timers.wake, *self.when_others_write):
            each()

    async def stop(self) -> None:
        """End within bounded time: first the polling, then the deliveries, then what they used."""
        await stop_jobs(self.tasks)
        self.tasks.clear()
        await self.duties.stop()
        await self.deliverer.stop(FINISH)
        await self.close()

    async def close(self) -> None:
        """Close sources, channels and hint sources; a failure of one does not keep the others open."""
        await self._end_planning()
        await self._close_sources()
        await _closed([channel.close() for channel in self.channels])


async def _closed(closing: Sequence[Awaitable[None]]) -> None:
    for result in await asyncio.gather(*closing, return_exceptions=True):
        if isinstance(result, BaseException):
            log.error("closing failed: %s", type(result).__name__)

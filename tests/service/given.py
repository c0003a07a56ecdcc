"""The parts of the service, put together as the application does, over a test's own store and source."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from watcher.domain.evaluation.rule_index import Rules
from watcher.ports.clock import Clock
from watcher.ports.source import Source
from watcher.ports.store import Store
from watcher.queues.memory import PollQueue
from watcher.service.engine import RuleEngine
from watcher.service.polling import Poller, PollEvents
from watcher.service.throttle import SourceThrottle


def make_engine(
    store: Store,
    rules: Rules,
    clock: Clock,
    *,
    running_since: datetime | None = None,
    on_deliveries: Callable[[], None] = lambda: None,
) -> RuleEngine:
    """The daemon began now, if it is not said when."""
    since = running_since or clock.now()
    return RuleEngine(store, rules, clock, running_since=since, on_deliveries=on_deliveries)


def make_poller(
    source: Source, store: Store, rules: Rules, clock: Clock, events: PollEvents | None = None
) -> Poller:
    """A poller with a queue and a pace of its own."""
    return Poller(SourceThrottle(source, clock), PollQueue(), make_engine(store, rules, clock), events)

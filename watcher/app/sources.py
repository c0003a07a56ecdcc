"""Sources of a configuration, each behind the throttle that all of its requests go through."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from watcher.config.configuration import Configuration, build_source
from watcher.domain.credits.allowance import CreditPlan
from watcher.ports.gate import Gate
from watcher.service.engine import RuleEngine
from watcher.service.metrics import Metrics
from watcher.service.throttle import SourceThrottle


async def throttled(
    configuration: Configuration, name: str, engine: RuleEngine, metrics: Metrics, gate: Gate | None = None
) -> tuple[SourceThrottle, CreditPlan | None, Mapping[str, str]]:
    """A source that has taken back what an earlier run kept of it, and its credits as the file has them."""
    # In a thread: its libraries are loaded with it, which would hold the loop.
    source = await asyncio.to_thread(build_source, configuration.settings, name)
    configured = source.allowance.credits  # before any figure of the provider
    facts = await engine.store.facts(name)
    source.remember(facts)
    return SourceThrottle(source, engine.clock, metrics, gate), configured, facts

"""Hint sources of a configuration, each with who listens to it. Loaded only where there are some."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from watcher.app.schedules import SourceSchedule
from watcher.config.configuration import build_hint_source, hinted_accounts
from watcher.config.settings import Settings
from watcher.ports.hints import Posting
from watcher.ports.store import hints_of
from watcher.service.engine import RuleEngine
from watcher.service.hint_listening import HintListener
from watcher.service.hint_looks import HintLooks
from watcher.service.throttle import SourceThrottle


async def listeners(
    settings: Settings,
    throttles: Mapping[str, SourceThrottle],
    schedules: Mapping[str, SourceSchedule],
    engine: RuleEngine,
) -> dict[str, HintListener]:
    """Who listens to each hint source, with what an earlier run kept of it. `throttles`, `schedules`: of the
    polled sources."""
    found = {}
    for name, kind in settings.hints.items():
        asked = throttles.get(kind.only_source or "")
        api = HintLooks(asked, engine.store, engine.clock) if asked is not None else None
        source = build_hint_source(settings, name, engine.clock, api)
        accounts, facts = hinted_accounts(settings, name), await engine.store.facts(hints_of(name))
        found[name] = HintListener(source, accounts, schedules, engine, facts=facts)
    return found


def posted_to(settings: Settings, engine: RuleEngine) -> dict[str, Posting]:
    """Hint sources that are posted to, which nobody listens to here."""
    names = [name for name, kind in settings.hints.items() if kind.posted]
    return {name: cast(Posting, build_hint_source(settings, name, engine.clock, None)) for name in names}


def postings(settings: Settings, heard: Mapping[str, HintListener]) -> dict[str, Posting]:
    """Those that are posted to."""
    return {
        name: cast(Posting, listener.source)
        for name, listener in heard.items()
        if settings.hints[name].posted
    }

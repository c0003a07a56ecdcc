"""Hint sources of a configuration, each with who listens to it. Loaded only where there are some."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

from watcher.app.schedules import SourceSchedule
from watcher.config.cadences import calls_of
from watcher.config.configuration import build_hint_source, hinted_accounts
from watcher.config.settings import Settings
from watcher.domain.model import Account
from watcher.domain.scheduler import Item
from watcher.ports.hints import Posting
from watcher.ports.source import Source
from watcher.ports.store import hints_of
from watcher.service.engine import RuleEngine
from watcher.service.hint_listening import HintListener
from watcher.service.hint_looks import HintLooks
from watcher.service.hint_plans import HintPlans
from watcher.service.poll_times import EPOCH, PollTimes
from watcher.service.schedule_items import DAY, key_of
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


def hint_plans(
    settings: Settings, source: Source, times: Mapping[PollTimes, Sequence[Account]]
) -> HintPlans | None:
    """What is to be planned upon hints of one polled source; None if no hint source tells of it. `times`: the
    accounts that ticks ask for."""
    coverage: dict[Account, list[str]] = {}
    for name in settings.hints:
        for account in hinted_accounts(settings, name):
            if account.source == source.name:
                coverage.setdefault(account, []).append(name)
    if not coverage:
        return None
    weights = {account: wallet.weight for wallet in settings.wallets for account in wallet.accounts}
    sells = source.allowance.credits is not None
    ticked = {}
    for cadence, accounts in times.items():
        every = cadence.every.total_seconds() if cadence.every is not None else DAY
        for account in accounts:
            if account in coverage:
                cost = source.cost(account) if sells else calls_of(source, [account], EPOCH)
                ticked[account] = Item(
                    key_of(account), cost, weights[account], at_least_every=every, ticked=True
                )
    waste = float(settings.sources[source.name].hint_waste)
    return HintPlans(source.name, coverage, ticked, waste)


def postings(settings: Settings, heard: Mapping[str, HintListener]) -> dict[str, Posting]:
    """Those that are posted to."""
    return {
        name: cast(Posting, listener.source)
        for name, listener in heard.items()
        if settings.hints[name].posted
    }

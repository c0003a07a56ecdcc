"""Who asks for what, and when: the ticks, pacers, meters and sweepers of one configuration."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from watcher.app.wiring import App
from watcher.config.cadences import cadences, fairness_of, fixed_intervals, sweeps, swept, taken
from watcher.config.configuration import accounts_of, build_source
from watcher.domain.credits.allowance import Purpose
from watcher.domain.model import Account
from watcher.domain.readings.reconcile import unfinished
from watcher.ports.store import Store
from watcher.service.auto_schedule import AutoScheduler
from watcher.service.chain_discovery import ChainDiscovery
from watcher.service.polling import Poller
from watcher.service.provider_count import ProviderCount
from watcher.service.ticker import Put, Ticker


async def schedule(app: App, store: Store, ticker: Ticker) -> dict[str, AutoScheduler]:
    """Give every account its tick or its pacer, and put those into the queue that are overdue."""
    settings = app.settings
    pacers = {}
    for name, poller in app.pollers.items():
        past = await store.load(accounts_of(settings, name))
        known = past.accounts
        # Before the ticks: who waits for a confirmation and is overdue as well is read once, for both.
        for again in unfinished(past, app.clock.now()):
            poller.ask_again(again)
        attempts = {a: state.last_attempt for a, state in known.items() if state.last_attempt is not None}
        fixed, paced = cadences(settings, name, poller.source)
        await asyncio.sleep(0)  # with 10,000 accounts each part of this takes 20 ms

        def put(due: Sequence[Account], poller: Poller = poller) -> None:
            poller.queue.put(due, Purpose.SCHEDULED)

        # Where credits are sold, the pacer stretches fixed intervals that cannot be afforded.
        stretching = fixed_intervals(poller.source, fixed)
        rigid = {each: group for each, group in fixed.items() if each.every is None or not stretching}
        rate = taken(poller.source, rigid, app.clock.now()) + swept(sweeps(settings, name))
        fairness = fairness_of(settings, name)
        pacer = AutoScheduler(
            name, poller.source.allowance, paced, rate, store, app.clock, put, stretching, fairness=fairness
        )
        await pacer.begin()

        def tick(due: Sequence[Account], put: Put = put, pacer: AutoScheduler = pacer) -> None:
            put(pacer.affordable(due))

        for cadence, group in fixed.items():
            ticker.add(cadence, group, tick)
            tick(ticker.overdue(cadence, group, attempts))
        if paced or poller.source.allowance.credits is not None:
            poller.on_seen, poller.on_refused = pacer.observe, pacer.give_back
            pacers[name] = pacer
    return pacers


def meters(app: App, store: Store, pacers: Mapping[str, AutoScheduler]) -> list[ProviderCount]:
    """The provider's own count, for each source that sells credits."""
    found = []
    for name, poller in app.pollers.items():
        configured = build_source(app.settings, name).allowance.credits
        if configured is None:
            continue
        pacer = pacers.get(name)

        def on_read(poller: Poller = poller, pacer: AutoScheduler | None = pacer) -> None:
            if pacer is not None:
                pacer.renew(poller.source.allowance)

        wake = app.deliverer.wake
        found.append(
            ProviderCount(
                poller, configured, store, app.rules.channels, app.clock, on_deliveries=wake, on_read=on_read
            )
        )
    return found


def sweepers(app: App, store: Store, pacers: Mapping[str, AutoScheduler]) -> list[ChainDiscovery]:
    """Who looks for other chains, on each source where `discover` asks for it."""
    found = []
    for name, poller in app.pollers.items():
        wanted = sweeps(app.settings, name)
        if not wanted:
            continue
        pacer, wake = pacers.get(name), app.deliverer.wake

        def share(pacer: AutoScheduler | None = pacer) -> float:
            return pacer.share if pacer is not None else 1.0

        found.append(
            ChainDiscovery(
                poller, wanted, app.rules.channels, store, app.clock, on_deliveries=wake, share=share
            )
        )
    return found

"""What `build` puts together hears of each other, and is at work between start and stop."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any, cast

from tests.service.test_provider_count import MovedClock
from watcher.app.application import App
from watcher.app.build import build
from watcher.app.presentations import kept_rates, presentations
from watcher.config.configuration import configure
from watcher.domain.credits.allowance import Purpose
from watcher.ports.queue import Batch
from watcher.sim import Simulation

HOT = "0x9f114da25b61b77606d47eab414b9360f8783979"
CONFIG = """\
version: 1
sources:
  coins:
    kind: coinstats
    api_key: "{key}"
    base_url: "{url}/coinstats"
    requests_per_second: 1000
    credits: {{limit: 10000}}
wallets:
  - {{name: hot, source: coins, address: "{hot}", chains: [ethereum, base-wallet], every: {every},
      discover: weekly}}
channels: {{ops: {{kind: console}}}}
web: null
"""


@asynccontextmanager
async def built(folder: Path, sim: Simulation, every: str = "auto", more: str = "") -> AsyncIterator[App]:
    text = more + CONFIG.format(key=sim.coinstats.key, url=sim.url, hot=HOT, every=every)
    (folder / "watcher.yaml").write_text(text)
    configuration = configure(folder / "watcher.yaml", {})
    store = await configuration.settings.backend.open(exclusive=True)
    app = await build(configuration, store, clock=MovedClock())
    try:
        yield app
    finally:
        await app.stop()
        await store.close()


async def poll(app: App, purpose: Purpose = Purpose.SCHEDULED) -> None:
    await app.pollers["coins"].poll(Batch(tuple(app.rules.wallets), purpose))


async def test_everything_of_a_configuration_has_one_task_between_start_and_stop(tmp_path: Path) -> None:
    async with Simulation() as sim, built(tmp_path, sim) as app:
        await app.start()
        at_work = [task.get_name() for task in app.duties.tasks if not task.done()]
        own = ["poll coins", "auto coins", "count coins", "discover coins"]
        assert at_work == ["timers", *own]
        await app.stop()
        assert app.duties.tasks == []


async def test_a_source_that_tells_the_rates_is_asked_once_and_its_channels_show_them(tmp_path: Path) -> None:
    more = "display: {currency: CHF, rates: coins}\n"
    async with Simulation() as sim, built(tmp_path, sim, more=more) as app:
        (rates,) = [work for name, work in app.jobs if name == "rates coins"]
        await cast(Any, rates).__self__.once()
        assert '"CHF": "0.8062450125737061"' in (await app.store.facts("coins"))["rates"]
        assert sim.coinstats.credits_used == 1

    settings = app.settings
    shown = presentations(settings, told=lambda: kept_rates(settings), clock=app.clock)("ops").display
    assert shown.beside(Decimal(1000)) == "CHF 806.24"
    assert "(coins" in shown.rate()


async def test_a_request_is_counted_where_it_is_made(tmp_path: Path) -> None:
    async with Simulation() as sim, built(tmp_path, sim) as app:
        await poll(app)
        assert app.metrics.polls["coins", "read"] == 2
        assert app.metrics.requests["coins"].counts[0] == 1
        assert app.metrics.credits["coins"] == 80


async def test_the_schedule_learns_from_polls_and_from_refusals(tmp_path: Path) -> None:
    async with Simulation() as sim, built(tmp_path, sim) as app:
        auto = app.schedules["coins"].auto
        await auto.begin()
        assert auto.scheduler is not None
        now = app.clock.now().timestamp()
        due = auto.scheduler.due(now)
        assert due is not None
        assert due[0] <= now, "never read"
        await poll(app)
        due = auto.scheduler.due(now)
        assert due is not None
        assert due[0] > now


async def test_credits_that_are_gone_wake_who_asks_the_provider_for_its_count(tmp_path: Path) -> None:
    async with Simulation() as sim, built(tmp_path, sim) as app:
        count = app.schedules["coins"].count
        assert count is not None
        sim.faults.add("406", "coinstats")
        await poll(app)
        sim.faults.clear()
        sim.coinstats.credits_used = sim.coinstats.credits_limit
        await count.once()
        (told,) = await app.store.due("ops", app.clock.now(), 10)
        assert "no credits are left" in told.message.title

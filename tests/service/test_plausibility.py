"""Odd answers through the whole chain: simulated API, source, poller, store, rules; and across a restart."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.fakes import FakeClock
from watcher.app.application import App
from watcher.app.build import build
from watcher.config.configuration import Configuration, configure
from watcher.domain.credits.allowance import Purpose
from watcher.domain.model import Reading
from watcher.domain.readings.plausibility import CONFIRM_AFTER
from watcher.ports.queue import Batch
from watcher.ports.store import Store
from watcher.reports import status
from watcher.reports.rows import StatusRow
from watcher.sim import Simulation

HOT = "0x9f114da25b61b77606d47eab414b9360f8783979"

CONFIG = """\
version: 1
sources:
  coins: {{kind: coinstats, api_key: "{key}", base_url: "{url}/coinstats", requests_per_second: 1000}}
wallets:
  - {{name: hot, source: coins, address: "{hot}", chains: [ethereum], every: auto}}
channels: {{ops: {{kind: console}}}}
rules: [rules.yaml]
web: null
"""

RULES = """\
rules:
  - {id: low, type: threshold, match: {assets: [ETH]}, below: "0.5"}
  - {id: poor, type: threshold, match: {assets: [ETH]}, metric: value_usd, below: "1000"}
  - {id: rich, type: threshold, metric: value_usd, above: "1000000"}
  - {id: moved, type: change}
"""


class Bench:
    """One installation; `app` is what a daemon would run, made anew by a restart."""

    def __init__(self, folder: Path, sim: Simulation) -> None:
        self.sim, self.folder = sim, folder
        self.clock = FakeClock()
        text = CONFIG.format(key=sim.coinstats.key, url=sim.url, hot=HOT)
        (folder / "watcher.yaml").write_text(text)
        (folder / "rules.yaml").write_text(RULES)
        self.configuration: Configuration = configure(folder / "watcher.yaml", {})
        self.store: Store
        self.app: App

    async def start(self) -> None:
        self.store = await self.configuration.settings.backend.open(exclusive=True)
        self.app = await build(self.configuration, self.store, clock=self.clock)
        await self.app.prepare()

    async def stop(self) -> None:
        await self.app.close()
        await self.store.close()

    async def poll(self, after: timedelta = CONFIRM_AFTER) -> list[str]:
        """One poll some time later; the titles of what is owed in all."""
        await self.clock.advance(after.total_seconds())
        (account,) = self.app.rules.wallets
        outcomes = await self.app.pollers["coins"].poll(Batch((account,), Purpose.CONFIRMATION))
        assert [type(each) for each in outcomes] == [Reading]
        return [each.message.title for each in await self.store.due("ops", self.clock.now(), 100)]

    def status(self) -> StatusRow:
        settings = self.configuration.settings
        with settings.backend.queries() as reader:
            return status.report(settings, reader, self.clock.now(), {})


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    async with Simulation() as sim:
        sim.world.set_amount(HOT, "ethereum", "ETH", "1.25", price="2000", coin_id="ethereum")
        found = Bench(tmp_path, sim)
        await found.start()
        yield found
        await found.stop()


FAULTS: list[tuple[str, dict[str, Any]]] = [
    ("price-null", {}),
    ("price-zero", {}),
    ("price-times", {}),
    ("price-times", {"factor": "0.001"}),
    ("amount-times", {}),
    ("amount-times", {"factor": "0.000000000001"}),
    ("empty-balances", {}),
]


@pytest.mark.parametrize(("fault", "options"), FAULTS)
async def test_one_odd_answer_tells_nothing_and_status_shows_what_is_held(
    bench: Bench, fault: str, options: dict[str, Any]
) -> None:
    assert await bench.poll() == []
    bench.sim.faults.add(fault, "coinstats", times=1, **options)
    assert await bench.poll() == []
    status = bench.status()
    shown = status["held_prices"] if "price" in fault else status["accounts"][0]["held"]
    assert shown, "an operator can see it"
    assert await bench.poll() == []
    status = bench.status()
    assert not status["held_prices"]
    assert not status["accounts"][0]["held"]


@pytest.mark.parametrize(
    ("fault", "options", "told"),
    [
        ("price-times", {}, ["above $1,000,000"]),
        ("price-times", {"factor": "0.001"}, ["below $1,000"]),
        ("price-zero", {}, []),
        ("price-null", {}, []),
        ("amount-times", {}, ["above $1,000,000", "+1,248.75 ETH"]),
        ("empty-balances", {}, ["below 0.5 ETH", "below $1,000", "1.25 ETH"]),
    ],
)
async def test_what_two_answers_agree_on_is_told_across_a_restart(
    bench: Bench, fault: str, options: dict[str, Any], told: list[str]
) -> None:
    await bench.poll()
    bench.sim.faults.add(fault, "coinstats", token="ETH", **options)
    if fault == "empty-balances":
        bench.sim.world.drain(HOT, "ethereum")
        bench.sim.faults.clear()
    assert await bench.poll() == []
    await bench.stop()
    await bench.start()
    titles = await bench.poll()
    assert len(titles) == len(told)
    for words in told:
        assert any(words in title for title in titles)


async def test_after_a_restart_what_is_held_is_asked_for_soon_and_not_with_the_schedule(bench: Bench) -> None:
    await bench.poll()
    bench.sim.faults.add("amount-times", "coinstats")
    await bench.poll()
    await bench.stop()
    await bench.start()
    poller = bench.app.pollers["coins"]
    await bench.clock.advance(5)
    await bench.app.schedules["coins"].begin(poller, bench.app.engine)
    await bench.clock.advance(14.9)
    assert not len(poller.queue)
    await bench.clock.advance(0.2)
    batch = await poller.queue.take(10)
    assert batch == Batch(tuple(bench.app.rules.wallets), Purpose.CONFIRMATION)
    assert await poller.poll(batch)
    assert bench.status()["accounts"][0]["held"] == []

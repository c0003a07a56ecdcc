"""`discover`, from the file to the message: simulated API, source, ledger, store, across restarts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from tests.fakes import START, FakeClock
from watcher.analysis.plan import misfit, plan_source
from watcher.app.application import App
from watcher.app.build import build
from watcher.config.configuration import build_source, configure
from watcher.domain.credits.allowance import Purpose
from watcher.domain.values.errors import ConfigurationError
from watcher.ports.store import Store
from watcher.service.chain_discovery import AGAIN
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
    credits: {{limit: {limit}}}
  teos: {{kind: teos, api_key: k}}
wallets:
{wallets}
channels: {{ops: {{kind: console}}}}
web: null
"""
WEEKLY = (
    f'  - {{name: hot, source: coins, address: "{HOT}", chains: [ethereum, base-wallet], discover: weekly}}'
)
ON_TEOS = '  - {name: d, source: teos, address: "0xd9", assets: ["0xfc6e610b23b09"], discover: weekly}'


class Bench:
    """One installation. `start` is what a daemon does, as far as sweeps go."""

    def __init__(self, folder: Path, sim: Simulation) -> None:
        self.folder, self.sim, self.clock = folder, sim, FakeClock()
        self.store: Store
        self.app: App

    def write(self, wallets: str = WEEKLY, limit: int = 20_000) -> None:
        text = CONFIG.format(key=self.sim.coinstats.key, url=self.sim.url, wallets=wallets, limit=limit)
        (self.folder / "watcher.yaml").write_text(text)
        self.configuration = configure(self.folder / "watcher.yaml", {})

    async def start(self) -> None:
        self.store = await self.configuration.settings.backend.open(exclusive=True)
        self.app = await build(self.configuration, self.store, clock=self.clock)
        await self.app.prepare()
        discovery = self.app.schedules["coins"].discovery
        assert discovery is not None
        self.discovery = discovery

    async def stop(self) -> None:
        await self.app.close()
        await self.store.close()

    async def restart(self, wallets: str = WEEKLY) -> None:
        await self.stop()
        self.write(wallets)
        await self.start()

    async def after(self, by: timedelta) -> list[str]:
        """Some time later: all that is due is asked for; what was asked."""
        await self.clock.advance(by.total_seconds())
        before = len(self.sim.coinstats.requests)
        await self.discovery.once()
        queue = self.app.pollers["coins"].queue
        while len(queue):
            batch = await queue.take(100)
            assert batch.purpose is Purpose.SWEEP
            await asyncio.gather(self.app.pollers["coins"].poll(batch), self.clock.advance(1))
            queue.done(batch)
        return [each.query.removeprefix("wallets=") for each in self.sim.coinstats.requests[before:]]

    async def told(self) -> list[str]:
        return [each.message.title for each in await self.store.due("ops", self.clock.now(), 100)]


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    async with Simulation() as sim:
        there = Bench(tmp_path, sim)
        for chain, amount in (("ethereum", "5"), ("base-wallet", "5")):
            sim.world.set_amount(HOT, chain, "ETH", amount, symbol="ETH", price="3000", coin_id="ethereum")
        there.write()
        await there.start()
        yield there
        await there.stop()


def polygon(bench: Bench, amount: str, price: str | None = "0.5") -> None:
    bench.sim.world.set_amount(HOT, "polygon-wallet", "POL", amount, symbol="POL", price=price, coin_id="pol")


async def test_all_chains_are_asked_for_at_once_each_week_and_booked_as_a_sweep(bench: Bench) -> None:
    assert await bench.after(timedelta(0)) == [f"all:{HOT}"]
    for _ in range(6):
        assert await bench.after(timedelta(days=1)) == []
    assert await bench.after(timedelta(days=1)) == [f"all:{HOT}"]
    with bench.configuration.settings.backend.queries() as reader:
        asked = reader.requests(10)
    assert [(each.purpose, each.cost) for each in asked] == [("sweep", 400), ("sweep", 400)]
    assert bench.sim.coinstats.credits_used == 800


async def test_a_restart_moves_no_sweep(bench: Bench) -> None:
    await bench.after(timedelta(0))
    for _ in range(3):
        await bench.restart()
        assert await bench.after(timedelta(days=2)) == []
    assert len(await bench.after(timedelta(days=1))) == 1


async def test_value_on_a_chain_that_nobody_watches_is_told_once_until_somebody_does(bench: Bench) -> None:
    polygon(bench, "1000")
    await bench.after(timedelta(0))
    (title,) = await bench.told()
    assert title.startswith("hot on polygon: 1 asset worth $500.00 on a chain that nobody watches")
    polygon(bench, "1200")
    await bench.after(timedelta(days=7))
    assert len(await bench.told()) == 1
    (alert,) = await bench.store.live_alerts()
    assert "$600.00" in alert.because
    await bench.restart(WEEKLY.replace("base-wallet", "base-wallet, polygon-wallet"))
    await bench.after(timedelta(days=7))
    assert (await bench.told())[1:] == ["hot on polygon: the chain is watched now"]
    assert await bench.store.live_alerts() == []


@pytest.mark.parametrize("first", ["polygon-wallet", "base-wallet"])
async def test_what_was_told_of_a_chain_ends_whichever_chain_of_the_address_is_written_first(
    bench: Bench, first: str
) -> None:
    polygon(bench, "1000")
    await bench.after(timedelta(0))
    others = [each for each in ("ethereum", "base-wallet", "polygon-wallet") if each != first]
    await bench.restart(WEEKLY.replace("ethereum, base-wallet", ", ".join([first, *others])))
    await bench.after(timedelta(days=7))
    assert (await bench.told())[1:] == ["hot on polygon: the chain is watched now"]
    assert await bench.store.live_alerts() == []


async def test_what_a_sweep_brings_is_no_balance_and_no_rule_sees_it(bench: Bench) -> None:
    polygon(bench, "1000")
    await bench.after(timedelta(0))
    with bench.configuration.settings.backend.queries() as reader:
        assert reader.past().accounts == {}


@pytest.mark.parametrize(("amount", "price"), [("1000000", None), ("1", "0.5")])
async def test_dust_and_tokens_without_a_price_are_not_told(
    bench: Bench, amount: str, price: str | None
) -> None:
    polygon(bench, amount, price)
    await bench.after(timedelta(0))
    assert await bench.told() == []


async def test_a_chain_that_the_answer_leaves_out_resolves_nothing(bench: Bench) -> None:
    polygon(bench, "1000")
    await bench.after(timedelta(0))
    bench.sim.faults.add("empty-list", where="coinstats")
    await bench.after(timedelta(days=7))
    assert len(await bench.store.live_alerts()) == 1


async def test_a_chain_that_was_emptied_is_told_as_settled(bench: Bench) -> None:
    polygon(bench, "1000")
    await bench.after(timedelta(0))
    polygon(bench, "0")
    await bench.after(timedelta(days=7))
    assert (await bench.told())[1:] == ["hot on polygon: less than $1.00 is left there"]


async def test_a_sweep_that_fails_is_tried_a_day_later(bench: Bench) -> None:
    bench.sim.faults.add("500", where="coinstats", times=1)
    assert len(await bench.after(timedelta(0))) == 1
    assert await bench.after(timedelta(hours=6)) == []
    assert len(await bench.after(AGAIN)) == 1


async def test_a_sweep_leaves_the_reserve_alone(bench: Bench) -> None:
    await bench.stop()
    bench.write(limit=440)
    await bench.start()
    assert await bench.after(timedelta(0)) == []
    assert bench.sim.coinstats.credits_used == 0


async def test_the_first_sweeps_of_many_wallets_are_spread_over_the_week(bench: Bench) -> None:
    many = "\n".join(WEEKLY.replace("hot", f"w{n}").replace(HOT, f"0x{n:040x}") for n in range(1, 15))
    await bench.restart(many)
    asked = [await bench.after(timedelta(days=d > 0)) for d in range(8)]
    days = ["".join(requests).count("all:") for requests in asked]
    assert sum(days) == 15
    assert max(days) <= 4


async def test_chains_watched_by_another_wallet_of_the_address_count_as_watched(bench: Bench) -> None:
    polygon(bench, "1000")
    other = f'  - {{name: other, source: coins, address: "{HOT}", chains: [polygon-wallet]}}'
    await bench.restart(f"{WEEKLY}\n{other}")
    await bench.after(timedelta(0))
    assert await bench.told() == []


async def test_sweeps_are_charged_first_and_planned(bench: Bench) -> None:
    settings = bench.configuration.settings
    plan = plan_source(settings, build_source(settings, "coins"), START)
    assert plan.sweeps == pytest.approx(400 * 31 / 7)
    assert plan.per_period == pytest.approx(20_000, rel=0.01)
    assert plan.forecast.per_period == pytest.approx(20_000 - 400 * 31 / 7, rel=0.01)
    bench.write(limit=1000)
    settings = bench.configuration.settings
    plan = plan_source(settings, build_source(settings, "coins"), START)
    assert not plan.fits
    assert "`discover` alone costs 1,771 of 1,000 credits a month" in misfit(plan)[0]


@pytest.mark.parametrize(
    ("wallet", "wrong"),
    [
        (WEEKLY.replace("weekly", "often"), "discover"),
        (WEEKLY.replace("[ethereum, base-wallet]", "all"), "brings every chain anyway"),
        (ON_TEOS, "one chain only"),
    ],
)
async def test_a_pointless_discover_is_a_mistake(bench: Bench, wallet: str, wrong: str) -> None:
    with pytest.raises(ConfigurationError, match=wrong):
        bench.write(wallet)

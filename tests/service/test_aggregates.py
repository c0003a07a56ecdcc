"""Sums over both APIs, through the real sources, poller, store and clock of judging."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

from tests.fakes import START
from tests.service.year import JumpingClock
from watcher.app.application import App
from watcher.app.build import build
from watcher.config.configuration import configure
from watcher.domain.alerts.lifecycle import AlertState
from watcher.domain.credits.allowance import Purpose
from watcher.domain.messages.delivery import Delivery
from watcher.ports.queue import Batch
from watcher.sim import Simulation

VAULT, SAFE = "0x9f114da25b61b77606d47eab414b9360f8783979", "0x4838b106fce9647bdf1e7877bf73ce8b0bad5f97"
DESK = "0xd9d18f6979473f8bdc6290ad772000c53bd5c907"
BOND, USDC = "0xfc6e610b23b09fae00e10001", "0xa0b86991c6218b36c1d19d4a2e9eb0ce3606eb48"

CONFIG = """\
version: 1
sources:
  coinstats:
    kind: coinstats
    api_key: k
    base_url: "{url}/coinstats"
    credits: {{limit: 1000000}}
    requests_per_second: 100
  teos: {{kind: teos, api_key: t, base_url: "{url}/teos"}}
wallets:
  - {{name: vault, source: coinstats, address: "{vault}", chains: [ethereum, base-wallet], tags: [reserve],
      every: 1h}}
  - {{name: safe, source: coinstats, address: "{safe}", chains: [ethereum], tags: [reserve], every: 1h}}
  - {{name: desk, source: teos, address: "{desk}", assets: ["{bond}"], tags: [issued], every: 1h}}
channels: {{ops: {{kind: console}}}}
rules: [rules.yaml]
web: null
"""

RULES = """\
rules:
  - id: cover
    type: ratio
    of: {match: {tags: [reserve], assets: [USDC]}, metric: value_usd}
    to: {match: {tags: [issued]}, metric: amount}
    below: "1.02"
    clear_above: "1.03"
    repeat: 6h
  - id: vault-low
    type: threshold
    per: wallet
    match: {tags: [reserve], assets: [USDC]}
    below: "100"
    reads: 2
"""


class Bench:
    """One installation whose polls are made by hand and whose clock is its own."""

    def __init__(self, folder: Path, sim: Simulation) -> None:
        self.path, self.sim, self.clock = folder / "watcher.yaml", sim, JumpingClock(START)
        self.path.write_text(CONFIG.format(url=sim.url, vault=VAULT, safe=SAFE, desk=DESK, bond=BOND))
        (folder / "rules.yaml").write_text(RULES)
        sim.coinstats.key, sim.teos.key = "k", "t"
        sim.world.define_asset(BOND, spark_factor="1000", name="BOND", unit="BOND")
        self.usdc(VAULT, "ethereum", "600")
        self.usdc(VAULT, "base-wallet", "300")
        self.usdc(SAFE, "ethereum", "130")
        self.issue("1000")

    def usdc(self, address: str, chain: str, amount: str) -> None:
        self.sim.world.set_amount(address, chain, USDC, amount, symbol="USDC", price="1")

    def issue(self, amount: str) -> None:
        self.sim.world.set_sparks(DESK, BOND, int(amount) * 1000)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[App]:
        configuration = configure(self.path, {}, channels=False)
        self.store = await configuration.settings.backend.open(exclusive=True)
        app = await build(configuration, self.store, clock=self.clock)
        try:
            await app.prepare()
            yield app
        finally:
            await app.close()
            await self.store.close()

    async def poll(self, app: App, source: str, after: timedelta = timedelta(minutes=1)) -> list[str]:
        """Poll all accounts of a source; what is newly owed, in words."""
        self.clock.move(after)
        accounts = tuple(account for account in app.rules.wallets if account.source == source)
        known = {each.id for each in await self.owed()}
        await app.pollers[source].poll(Batch(accounts, Purpose.SCHEDULED))
        return [
            f"{each.message.rule} {each.message.kind}" for each in await self.owed() if each.id not in known
        ]

    async def owed(self) -> list[Delivery]:
        return await self.store.due("ops", self.clock.now() + timedelta(days=9), 100)


async def test_tokens_on_teos_are_held_against_reserves_on_coinstats(tmp_path: Path) -> None:
    async with Simulation() as sim:
        bench = Bench(tmp_path, sim)
        async with bench.running() as app:
            assert await bench.poll(app, "coinstats") == [], "nothing is known of what is issued"
            assert await bench.poll(app, "teos") == []
            bench.issue("1010")
            assert await bench.poll(app, "teos") == ["cover firing"]
            told = (await bench.owed())[-1].message
            assert told.title == (
                "reserve ÷ issued: reserve $1,030.00 ÷ issued 1,010 BOND = 1.0198… is below 1.02"
            )
            assert ("Part", "vault on ethereum: $600.00") in told.facts
        # A restart forgets the sums that were kept and nothing else.
        async with bench.running() as app:
            assert await bench.poll(app, "teos") == []
            sim.world.remove(SAFE, "ethereum", USDC)
            assert await bench.poll(app, "coinstats") == [], "left out for the first time: in doubt"
            bench.usdc(SAFE, "ethereum", "140.31")
            assert await bench.poll(app, "coinstats") == ["cover resolved"]
            assert await app.store.live_alerts() == []


async def test_a_part_that_cannot_be_read_leaves_the_alert_as_it_is(tmp_path: Path) -> None:
    async with Simulation() as sim:
        bench = Bench(tmp_path, sim)
        bench.issue("2000")
        async with bench.running() as app:
            await bench.poll(app, "coinstats")
            assert await bench.poll(app, "teos") == ["cover firing"]
            bench.issue("900")
            assert await bench.poll(app, "teos", after=timedelta(days=2)) == [], "the reserves are too old"
            alert, waits = await app.store.live_alerts()
            assert (alert.state, alert.account, alert.subject) == (AlertState.FIRING, None, "all")
            assert waits.unspoken
            assert await bench.poll(app, "coinstats") == ["cover resolved"]


async def test_a_sum_that_fires_is_told_again_by_time_alone(tmp_path: Path) -> None:
    async with Simulation() as sim:
        bench = Bench(tmp_path, sim)
        bench.issue("2000")
        async with bench.running() as app:
            await bench.poll(app, "coinstats")
            await bench.poll(app, "teos")
            for hours, count in ((5, 1), (1, 2), (1, 2), (5, 3)):
                bench.clock.move(timedelta(hours=hours))
                await app.timers.once()
                assert len(await bench.owed()) == count
            assert ("Value", "$1,030.00") in (await bench.owed())[-1].message.facts


async def test_an_alert_on_a_wallet_that_is_no_longer_watched_is_withdrawn(tmp_path: Path) -> None:
    async with Simulation() as sim:
        bench = Bench(tmp_path, sim)
        bench.usdc(SAFE, "ethereum", "90")
        async with bench.running() as app:
            await bench.poll(app, "coinstats")
            assert await bench.poll(app, "coinstats") == ["vault-low firing"]
            (alert,) = await app.store.live_alerts()
            assert (alert.label, alert.wallet, alert.account) == ("safe", "safe", None)
        bench.path.write_text(bench.path.read_text().replace("name: safe", "name: strongroom"))
        async with bench.running() as app:
            assert await app.store.live_alerts() == []
            assert (await bench.owed())[-1].message.title == "safe: wallet safe is no longer watched"

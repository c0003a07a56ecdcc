"""Exchange rates of a source: once a day, out of its budget, exact, and kept over a restart."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from pydantic import SecretStr

from tests.fakes import START, FakeClock
from tests.service.test_provider_count import MovedClock
from watcher.domain.credits.allowance import Booking, CreditRefusal, Purpose
from watcher.domain.messages.presentation import Currency
from watcher.service.daily_rates import AGAIN, CHECK_EVERY, DailyRates, KnownRates, rates_kept
from watcher.service.metrics import Metrics
from watcher.service.throttle import SourceThrottle
from watcher.sim import Simulation
from watcher.sources.coinstats.settings import CoinStatsSettings, Credits
from watcher.store.memory.state import State
from watcher.store.memory.store import MemoryStore
from watcher.store.sqlite.store import SqliteStore

DAY = timedelta(days=1)


async def test_who_does_not_ask_takes_over_the_rates_that_another_has_asked_for() -> None:
    store, clock = MemoryStore(State()), FakeClock()
    mine, others = KnownRates("coins", store), KnownRates("coins", store)
    following = asyncio.create_task(mine.follow(clock))
    await clock.settle()

    await others.keep({"EUR": Decimal("0.9")}, clock.now())
    await clock.advance(CHECK_EVERY)
    await clock.settle()

    assert mine.known is not None
    assert mine.known == others.known
    following.cancel()


class Bench:
    def __init__(self, sim: Simulation, store: SqliteStore, limit: int) -> None:
        self.sim, self.store, self.clock = sim, store, MovedClock()
        settings = CoinStatsSettings(
            kind="coinstats",
            api_key=SecretStr(sim.coinstats.key),
            base_url=f"{sim.url}/coinstats",
            credits=Credits(limit=limit, reserve=Decimal("0.5")),
            requests_per_second=1000,
        )
        self.source = settings.build("coins", ())
        self.metrics = Metrics(START)
        self.throttle = SourceThrottle(self.source, self.clock, self.metrics)

    async def rates(self) -> DailyRates:
        """As at a start of the daemon."""
        known = KnownRates("coins", self.store)
        await known.look()
        return DailyRates(self.throttle, self.store, self.clock, known)

    async def spent(self) -> int:
        return await self.store.spent("coins", self.clock.now() - timedelta(days=40))

    def asked(self) -> list[str]:
        return [each.path for each in self.sim.coinstats.requests if each.path.endswith("/currencies")]


@asynccontextmanager
async def benched(folder: Path, limit: int = 1000) -> AsyncIterator[Bench]:
    store = await SqliteStore.open(folder / "watcher.db", exclusive=True)
    async with Simulation() as sim:
        bench = Bench(sim, store, limit)
        yield bench
        await bench.source.close()
    await store.close()


async def test_a_day_costs_one_credit_and_the_ledger_agrees_with_the_meter(tmp_path: Path) -> None:
    async with benched(tmp_path) as bench:
        rates = await bench.rates()
        for _ in range(3 * 24 * 6):
            await rates.once()
            bench.clock.move(timedelta(minutes=10))

        days = (bench.clock.now() - timedelta(minutes=10)).date() - START.date()
        assert len(bench.asked()) == days.days + 1
        assert await bench.spent() == bench.sim.coinstats.credits_used == len(bench.asked())
        assert bench.metrics.credits["coins"] == len(bench.asked())
        with bench.store.queries() as queries:
            logged = queries.requests(1)[0]
        assert (logged.purpose, logged.accounts, logged.cost, logged.charged) == ("rates", 0, 1, 1)


async def test_the_digits_on_the_wire_are_the_rate(tmp_path: Path) -> None:
    async with benched(tmp_path) as bench:
        bench.sim.coinstats.rates["CHF"] = "0.80624501257370612345678901"
        rates = await bench.rates()
        await rates.once()

        franc = Currency("CHF", lambda: rates.known, bench.clock.now)
        assert franc.note() == (
            f"1 USD = CHF 0.80624501257370612345678901 of {bench.clock.now().date()} (coins)"
        )
        assert franc.beside(Decimal("1e24")) == "CHF 806,245,012,573,706,123,456,789.01"


async def test_after_a_restart_the_rates_of_the_day_are_there_without_a_request(tmp_path: Path) -> None:
    async with benched(tmp_path) as bench:
        before = await bench.rates()
        await before.once()

        after = await bench.rates()
        await after.once()

        assert after.known == before.known
        assert len(bench.asked()) == 1
        with bench.store.queries() as queries:
            assert rates_kept(queries.facts("coins"), "coins") == before.known


async def test_what_failed_is_tried_again_an_hour_later_and_the_old_rates_stay(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with benched(tmp_path) as bench:
        rates = await bench.rates()
        await rates.once()
        known = rates.known
        bench.clock.move(4 * DAY)
        bench.sim.faults.add("503", "coinstats")

        await rates.once()
        bench.clock.move(AGAIN - timedelta(minutes=1))
        await rates.once()

        assert len(bench.asked()) == 2
        assert rates.known == known
        assert "coins: no exchange rates: " in caplog.text
        franc = Currency("CHF", lambda: rates.known, bench.clock.now)
        assert franc.note().endswith(f" of {START.date()} (coins, 4 days old)")

        bench.sim.faults.clear()
        bench.clock.move(timedelta(minutes=2))
        await rates.once()
        assert rates.known is not None
        assert rates.known.of == bench.clock.now().date()


async def test_a_list_without_a_currency_leaves_the_old_rates(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with benched(tmp_path) as bench:
        rates = await bench.rates()
        await rates.once()
        known = rates.known
        bench.clock.move(DAY)
        bench.sim.coinstats.rates = {"USD": "1", "CHF": "0", "EUR": "-1", "XYZ": "1"}

        await rates.once()

        assert rates.known == known
        assert "coins: no exchange rates: the list has no currency but the dollar" in caplog.text


async def test_no_credit_of_the_reserve_goes_to_rates_and_none_beyond_the_plan(tmp_path: Path) -> None:
    async with benched(tmp_path, limit=400) as bench:
        for _ in range(5):
            booking = Booking("coins", 1, 40, Purpose.SCHEDULED, bench.clock.now())
            assert not isinstance(await bench.store.reserve(booking, bench.source.allowance), CreditRefusal)
        rates = await bench.rates()

        await rates.once()

        assert (bench.asked(), rates.known, await bench.spent()) == ([], None, 200)


async def test_a_list_in_the_older_place_is_found_there(tmp_path: Path) -> None:
    async with benched(tmp_path) as bench:
        bench.sim.faults.add("404", "coinstats", times=1)
        rates = await bench.rates()

        await rates.once()

        assert [path.removeprefix("/coinstats") for path in bench.asked()] == [
            "/v1/currencies",
            "/currencies",
        ]
        assert rates.known is not None


async def test_a_store_that_cannot_be_written_is_waited_for_and_ends_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with benched(tmp_path) as bench:
        rates, rested = await bench.rates(), asyncio.Event()

        async def rest(seconds: float) -> None:
            rested.set()
            await asyncio.Event().wait()

        bench.clock.sleep = rest  # type: ignore[method-assign]
        await bench.store.close()
        task = asyncio.create_task(rates.run())
        await rested.wait()

        assert not task.done()
        assert "coins: exchange rates wait: " in caplog.text
        assert bench.asked() == []
        task.cancel()

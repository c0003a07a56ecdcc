"""The provider's own count, through the real HTTP simulation and a real store."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr

from tests.fakes import FakeClock
from tests.service.given import make_engine, make_poller
from tests.store.given import by_hand
from watcher.domain.credits.allowance import Booking, CreditPlan, Purpose
from watcher.domain.evaluation.rule_index import Rules
from watcher.domain.model import Account, Miss, Wallet
from watcher.ports.queue import Batch
from watcher.ports.source import Reply, Request
from watcher.service.polling import Poller, PollEvents
from watcher.service.provider_count import EVERY, ProviderCount
from watcher.sim import Simulation
from watcher.sources.coinstats.settings import CoinStatsSettings, Credits
from watcher.sources.coinstats.source import CoinStatsSource
from watcher.store.sqlite.store import SqliteStore

ACCOUNT = Account("coins", "ethereum", "0x9f114da25b61b77606d47eab414b9360f8783979")


class MovedClock(FakeClock):
    """Whoever sleeps on it moves it."""

    async def sleep(self, seconds: float) -> None:
        self.move(timedelta(seconds=seconds, milliseconds=1))
        await asyncio.sleep(0.001)

    def move(self, by: timedelta) -> None:
        self._elapsed += by.total_seconds()


@dataclass
class Heard(PollEvents):
    """That the credits are gone is told to who asks the provider for its count."""

    count: ProviderCount | None = None

    async def exhausted(self, reason: str) -> None:
        assert self.count is not None
        self.count.exhausted(reason)


@dataclass
class Bench:
    sim: Simulation
    clock: MovedClock
    store: SqliteStore
    settings: CoinStatsSettings
    source: CoinStatsSource
    poller: Poller
    meter: ProviderCount

    async def poll(self, purpose: Purpose = Purpose.SCHEDULED) -> bool:
        """Whether it was read."""
        self.clock.move(timedelta(minutes=1))
        outcomes = await self.poller.poll(Batch((ACCOUNT,), purpose))
        return bool(outcomes) and not isinstance(outcomes[0], Miss)

    async def spent(self) -> int:
        plan = self.source.allowance.credits
        assert plan is not None
        return await self.store.spent("coins", plan.bounds(self.clock.now())[0])

    async def told(self) -> list[str]:
        due = await self.store.due("ops", self.clock.now(), 100)
        return [delivery.message.title for delivery in due]


@asynccontextmanager
async def bench(folder: Path, limit: int = 4000, resets_on: int = 1) -> AsyncIterator[Bench]:
    async with Simulation() as sim:
        sim.coinstats.credits_limit = limit
        settings = CoinStatsSettings(
            kind="coinstats",
            api_key=SecretStr(sim.coinstats.key),
            base_url=f"{sim.url}/coinstats",
            credits=Credits(limit=4000, resets_on=resets_on),
        )
        source = settings.build("coins", [])
        store = await SqliteStore.open(folder / "watcher.db", exclusive=True)
        clock = MovedClock()
        rules = Rules([], {ACCOUNT: Wallet("w", "coins", ACCOUNT.address)}, ["ops"])
        heard = Heard()
        poller = make_poller(source, store, rules, clock, heard)
        plan = CreditPlan(4000, resets_on=resets_on)
        heard.count = meter = ProviderCount(poller.throttle, plan, make_engine(store, rules, clock))
        try:
            yield Bench(sim, clock, store, settings, source, poller, meter)
        finally:
            await source.close()
            await store.close()


async def test_another_user_of_the_key_is_seen_and_planned_around(tmp_path: Path) -> None:
    async with bench(tmp_path) as b:
        assert await b.poll()
        b.sim.coinstats.credits_used += 1000
        await b.meter.once()
        assert await b.spent() == 1040 == b.sim.coinstats.credits_used
        await b.meter.once()
        assert await b.spent() == 1040


async def test_the_cap_holds_beside_another_user(tmp_path: Path) -> None:
    async with bench(tmp_path, limit=4000) as b:
        b.sim.coinstats.credits_used = 3800
        await b.meter.once()
        for _ in range(10):
            await b.poll(Purpose.BY_HAND)
        assert b.sim.coinstats.credits_used == 4000
        assert all(each.status == 200 for each in b.sim.coinstats.requests), "nothing had to be refused"


async def test_what_another_process_has_under_way_at_both_readings_does_not_come_back(tmp_path: Path) -> None:
    async with bench(tmp_path) as b:
        for _ in range(2):  # booked by a poll by hand, which has yet to be sent
            now = b.clock.now()
            await b.store.reserve(Booking("coins", 1, 40, Purpose.BY_HAND, now), b.source.allowance)
            await b.meter.once()
            b.sim.coinstats.credits_used += 40
            b.clock.move(timedelta(minutes=30))
        assert await b.spent() == 80 == b.sim.coinstats.credits_used


async def test_what_was_booked_and_not_charged_comes_back_after_two_readings(tmp_path: Path) -> None:
    async with bench(tmp_path) as b:
        assert await b.poll()
        b.sim.coinstats.credits_used = 0  # as if a failed request was not charged
        await b.meter.once()
        assert await b.spent() == 40
        b.clock.move(timedelta(hours=3))
        await b.meter.once()
        assert await b.spent() == 0


async def test_a_renewal_is_found_where_far_more_is_sold_than_is_used(tmp_path: Path) -> None:
    async with bench(tmp_path, limit=1_000_000) as b:
        b.sim.coinstats.credits_used = 2900
        await b.meter.once()
        b.sim.coinstats.reset_period()
        b.clock.move(timedelta(hours=3))
        assert await b.poll()
        await b.meter.once()
        assert await b.spent() == 40


async def test_what_still_pays_a_poll_is_not_told_as_gone_however_much_is_sold(tmp_path: Path) -> None:
    async with bench(tmp_path, limit=1_000_000) as b:
        b.sim.coinstats.credits_used = 1_000_000 - 40
        await b.meter.once()
        assert await b.told() == []
        b.sim.coinstats.credits_used += 1
        await b.meter.once()
        assert len(await b.told()) == 1


async def test_a_figure_during_whose_way_a_period_began_is_asked_for_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is of the old one: taken for the new one's, it would leave nothing to spend for hours."""
    async with bench(tmp_path) as b:
        plan, send = b.source.allowance.credits, b.source.send
        assert plan is not None
        b.sim.coinstats.credits_used = 4000
        b.clock.move(plan.bounds(b.clock.now())[1] - b.clock.now() - timedelta(seconds=1))

        async def slowly(request: Request) -> Reply:
            reply = await send(request)
            b.clock.move(timedelta(seconds=2))
            b.sim.coinstats.credits_used = 0
            return reply

        monkeypatch.setattr(b.source, "send", slowly)
        await b.meter.once()
        assert await b.spent() == 0
        assert await b.poll()


async def test_a_renewal_in_mid_period_is_found_and_kept(tmp_path: Path) -> None:
    async with bench(tmp_path, resets_on=1) as b:
        b.sim.coinstats.credits_used = 3990
        await b.meter.once()
        assert not await b.poll(Purpose.BY_HAND)
        b.sim.coinstats.reset_period()
        b.clock.move(timedelta(hours=3))
        seen = b.clock.now()
        await b.meter.once()
        plan = b.source.allowance.credits
        assert plan is not None
        assert plan.renewed == seen
        b.clock.move(timedelta(hours=1))
        assert await b.poll()
        kept = b.settings.build("coins", [])
        kept.remember(await b.store.facts("coins"))
        assert kept.allowance == b.source.allowance


async def test_a_wrong_configured_limit_is_told_and_the_smaller_one_kept_to(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with bench(tmp_path, limit=1000) as b:
        with caplog.at_level(logging.WARNING):
            await b.meter.once()
            await b.meter.once()
        assert caplog.text.count("the configuration says 4,000 credits, the provider says 1,000") == 1
        for _ in range(30):
            await b.poll(Purpose.BY_HAND)
        assert b.sim.coinstats.credits_used == 1000


@pytest.mark.parametrize("shape", ["406", "429"])
async def test_an_exhausted_plan_sleeps_and_says_so_once(tmp_path: Path, shape: str) -> None:
    async with bench(tmp_path) as b:
        await b.meter.once()
        b.sim.coinstats.exhausted_shape = shape
        b.sim.coinstats.credits_used = 4000
        assert not await b.poll()
        await b.meter.once()
        assert len(await b.told()) == 1
        assert "no credits are left" in (await b.told())[0]
        asked = len(b.sim.coinstats.requests)
        for _ in range(20):
            assert not await b.poll()
        assert len(b.sim.coinstats.requests) == asked, "it sleeps"
        await b.meter.once()
        assert len(await b.told()) == 1
        b.sim.coinstats.reset_period()
        b.clock.move(timedelta(hours=2))
        await b.meter.once()
        assert len(await b.told()) == 2
        assert "it polls again" in (await b.told())[1]
        b.clock.move(timedelta(hours=1))
        assert await b.poll()


@pytest.mark.parametrize("gone", [True, False])
async def test_a_failed_reading_changes_nothing(tmp_path: Path, gone: bool) -> None:
    async with bench(tmp_path) as b:
        assert await b.poll()
        before = b.source.allowance
        if gone:
            await b.sim.stop()
        else:
            b.sim.coinstats.key = "another"
        await b.meter.once()
        assert (b.source.allowance, await b.spent(), await b.told()) == (before, 40, [])
        assert b.poller.throttle.asleep_until is None


async def test_it_is_read_at_start_and_every_few_hours(tmp_path: Path) -> None:
    async with bench(tmp_path) as b:
        started = b.clock.monotonic()
        task = asyncio.create_task(b.meter.run())
        async with asyncio.timeout(20):
            while b.clock.monotonic() - started < 10 * EVERY:  # noqa: ASYNC110 (time runs by itself)
                await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        asked = sum("usage" in each.path for each in b.sim.coinstats.requests)
        assert asked == pytest.approx((b.clock.monotonic() - started) / EVERY, abs=2)


async def test_that_the_credits_are_gone_is_told_though_the_store_fails_just_then(tmp_path: Path) -> None:
    async with bench(tmp_path) as b:
        b.sim.coinstats.key = "another"  # what is counted is not said
        with by_hand(tmp_path / "watcher.db") as conn:
            fails = "BEFORE INSERT ON deliveries BEGIN SELECT RAISE(ABORT, 'no'); END"
            conn.execute(f"CREATE TRIGGER broken {fails}")
            b.meter.exhausted("all are used")
            task = asyncio.create_task(b.meter.run())
            async with asyncio.timeout(20):
                while b.clock.monotonic() < 30:  # noqa: ASYNC110 (time runs by itself)
                    await asyncio.sleep(0.01)
                conn.execute("DROP TRIGGER broken")
                while not await b.told():  # noqa: ASYNC110
                    await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert [title.partition(" (")[0] for title in await b.told()] == ["source coins: no credits are left"]

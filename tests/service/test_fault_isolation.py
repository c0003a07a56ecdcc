"""One bad part of a source costs the others nothing: real HTTP, a real store, a clock that is moved."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.fakes import START, FakeClock, FakeSource
from tests.service.given import make_engine, make_poller
from tests.service.test_provider_count import MovedClock
from watcher.domain.credits.allowance import Purpose
from watcher.domain.evaluation.rule_index import Rules
from watcher.domain.model import Account, Asset, Miss, MissReason, Reading, Wallet
from watcher.domain.readings.fault_isolation import CULPRITS
from watcher.domain.records import replace
from watcher.domain.rules import ThresholdRule
from watcher.ports.source import Reply, Request, Source
from watcher.service.engine import RuleEngine
from watcher.service.fault_isolation import FaultIsolation
from watcher.service.polling import TAKE, Poller
from watcher.sim import Simulation
from watcher.sources.coinstats.settings import CoinStatsSettings
from watcher.sources.kind import WatchedWallet
from watcher.sources.teos.settings import TeosSettings
from watcher.store.memory.store import MemoryStore
from watcher.store.sqlite.store import SqliteStore

SOUND, SPOILT = "0x0fc6e610b23b09fae00e10001", "0x5b80da7d2d7acd8e4a1e0001"
LOW = ThresholdRule.model_validate({"id": "low", "below": "10", "severity": "critical"})
MINUTE = timedelta(minutes=1)
PATIENCE = timedelta(milliseconds=500)
"""What a request that is not answered takes of the real time."""

TIMEOUT = {"teos": timedelta(seconds=30), "coinstats": timedelta(seconds=120)}
"""What a request that is not answered takes of the simulated time: as long as the settings allow."""


def address(number: int) -> str:
    return f"0x{number + 0xA0000:040x}"


@dataclass
class Bench:
    """Twenty wallets that are due each minute, of which the first one falls below its level when asked to."""

    kind: str
    sim: Simulation
    clock: MovedClock
    store: SqliteStore
    wallets: dict[Account, Wallet]
    watched: list[WatchedWallet]
    stack: AsyncExitStack
    poller: Poller = None  # type: ignore[assignment]
    sent: list[tuple[datetime, Request, Reply]] = None  # type: ignore[assignment]

    async def start(self) -> None:
        """A process begins: all that it knows comes from the store."""
        root = f"{self.sim.url}/{self.kind}"
        source: Source
        if self.kind == "teos":
            source = TeosSettings.model_validate(
                {"kind": "teos", "api_key": self.sim.teos.key, "base_url": root, "timeout": PATIENCE}
            ).build("s", self.watched)
        else:
            source = CoinStatsSettings.model_validate(
                {"kind": "coinstats", "api_key": self.sim.coinstats.key, "base_url": root,
                 "credits": {"limit": 10**9}, "timeout": PATIENCE}
            ).build("s", [])  # fmt: skip
        self.stack.push_async_callback(source.close)
        send, self.sent = source.send, []

        async def taking_its_time(request: Request) -> Reply:
            reply = (await send(request)).read()
            if "did not answer" in reply.failure:
                self.clock.move(TIMEOUT[self.kind])
            self.sent.append((self.clock.now(), request, reply))
            return reply

        source.send = taking_its_time  # type: ignore[method-assign]
        self.poller = make_poller(source, self.store, Rules([LOW], self.wallets, ["ops"]), self.clock)
        facts = await self.store.facts("s")
        source.remember(facts)
        self.poller.remember(facts)

    async def run(self, minutes: int, purpose: Purpose = Purpose.SCHEDULED) -> None:
        """Ticks once a minute, and what they put into the queue."""
        end = self.clock.now() + minutes * MINUTE
        while self.clock.now() < end:
            following, queue = self.clock.now() + MINUTE, self.poller.queue
            queue.put(self.wallets, purpose)
            while len(queue) and self.clock.now() < following:
                batch = await queue.take(TAKE)
                await self.poller.poll(batch)
                queue.done(batch)
            self.clock.move(max(following - self.clock.now(), timedelta(0)))

    def fall(self, number: int = 0) -> None:
        if self.kind == "teos":
            self.sim.world.set_sparks(address(number), SOUND, 5)
        else:
            self.sim.world.set_amount(address(number), "ethereum", "ETH", "5", symbol="ETH", price="3000")

    async def told(self) -> list[tuple[datetime, str]]:
        """That a rule cannot be judged is another notice, and not of interest here."""
        due = await self.store.due("ops", self.clock.now() + timedelta(days=1), 1000)
        found = [(each.message.at, f"{each.message.kind} {each.message.title}") for each in due]
        return [(at, title) for at, title in found if "be judged" not in title]

    async def minutes_until_told(self, word: str, since: datetime) -> float:
        at = next(at for at, title in await self.told() if word in title)
        return (at - since) / MINUTE

    @property
    def asked(self) -> int:
        """Requests that the provider saw."""
        provider: Any = getattr(self.sim, self.kind)
        return int(provider.requests.total)


@asynccontextmanager
async def bench(folder: Path, kind: str, spoilt: int = 0, *, both: bool = False) -> AsyncIterator[Bench]:
    """`spoilt`: so many more wallets with another asset, or on `both` the twenty have it too."""
    async with AsyncExitStack() as stack:
        sim = await stack.enter_async_context(Simulation())
        sim.coinstats.credits_limit, sim.coinstats.charge_failed = 10**9, True
        sim.teos.per_minute = sim.teos.per_day = None
        clock = MovedClock()
        wallets, watched = {}, []
        chain = "teos" if kind == "teos" else "ethereum"
        for asset in (SOUND, SPOILT):
            sim.world.define_asset(asset, "1", "A" if asset == SOUND else "B")
        for number in range(20 + spoilt):
            wallet, assets = f"w{number}", (SOUND, SPOILT) if both else (SOUND if number < 20 else SPOILT,)
            asked = tuple(Asset(chain, each) for each in assets) if kind == "teos" else None
            wallets[Account("s", chain, address(number))] = Wallet(wallet, "s", address(number), asked=asked)
            watched.append(WatchedWallet(wallet, address(number), assets=assets))
            for asset in assets:
                sim.world.set_sparks(address(number), asset, 100)
            sim.world.set_amount(address(number), "ethereum", "ETH", "100", symbol="ETH", price="3000")
        store = await SqliteStore.open(folder / "watcher.db", exclusive=True)
        stack.push_async_callback(store.close)
        b = Bench(kind, sim, clock, store, wallets, watched, stack)
        await b.start()
        await b.run(3)
        assert await b.told() == []
        yield b


LAST = address(19)
FAULTS: dict[str, tuple[str, Sequence[tuple[str, str]], float, int, int]] = {
    # kind, faults with what they strike, minutes until the fall of another wallet is told, calls, credits
    "TEOS 500 for one address": ("teos", [("500", LAST)], 2, 50, 0),
    "TEOS 404 for one address": ("teos", [("404", LAST)], 2, 50, 0),
    "TEOS time-out for one address": ("teos", [("slow-headers", LAST)], 4, 50, 0),
    "TEOS disconnects for one address": ("teos", [("reset", LAST)], 2, 50, 0),
    "TEOS 500 for two addresses": ("teos", [("500", LAST), ("500", address(7))], 2, 70, 0),
    "CoinStats 400 for one address": ("coinstats", [("400", LAST)], 2, 50, 3000),
    "CoinStats 500 for one address": ("coinstats", [("500", LAST)], 2, 50, 3000),
    "CoinStats time-out for one address": ("coinstats", [("slow-headers", LAST)], 10, 50, 3000),
    "CoinStats 500 for two addresses": ("coinstats", [("500", LAST), ("500", address(7))], 3, 70, 4000),
}


@pytest.mark.parametrize("name", FAULTS)
async def test_one_address_that_fails_is_found_and_costs_the_others_minutes_and_not_hours(
    name: str, tmp_path: Path
) -> None:
    kind, faults, patience, calls, more = FAULTS[name]
    async with bench(tmp_path, kind) as b:
        for fault, where in faults:
            b.sim.faults.add(fault, kind, path=where)
        asked, paid, since = b.asked, await b.store.spent("s", START - MINUTE), b.clock.now()
        b.fall()
        await b.run(40)

        assert await b.minutes_until_told("w0", since) <= patience
        # One request a minute is what it takes without a fault; each of them brings all but the culprits.
        assert b.asked - asked <= 40 + calls
        if kind == "coinstats":
            spent = await b.store.spent("s", START - MINUTE) - paid
            assert spent <= 40 * 20 * 40 + more
            assert b.sim.coinstats.credits_used <= await b.store.spent("s", START - MINUTE)
        await b.run(5)
        states = (await b.store.load(list(b.wallets))).accounts
        late = {
            a.address
            for a, state in states.items()
            if b.clock.now() - (state.last_reading or START) > 2 * MINUTE
        }
        assert late == {where for _, where in faults}

        notices = [title for _, title in await b.told() if "w0" not in title]
        assert len(notices) == len(faults)
        chain = next(iter(b.wallets)).chain
        for notice in notices:
            assert notice.startswith("firing w")
            assert f"on {chain}: cannot be read since 2026-03-10 12:0" in notice
            assert "while others of s can" in notice
            assert "it is asked for every" in notice

        # What was found out is known after a restart: nobody else is asked for in a request that fails.
        await b.start()
        await b.run(10)
        assert all(len(request.accounts) == 1 for _, request, reply in b.sent if reply.failure)

        b.sim.faults.clear()
        await b.run(75)
        ends = [title for _, title in await b.told() if title.startswith("resolved")]
        assert len(ends) == len(faults)
        assert all("it can be read again, after" in title for title in ends)
        asked = b.asked
        await b.run(10)
        assert b.asked - asked == 10


@pytest.mark.parametrize("words", [True, False], ids=["named", "not named"])
async def test_an_asset_that_is_refused_for_25_wallets_costs_the_20_others_nothing(
    words: bool, tmp_path: Path
) -> None:
    async with bench(tmp_path, "teos", 25) as b:
        if words:
            b.sim.world.assets.pop(int(SPOILT, 16))
        else:
            b.sim.faults.add("400", "teos", path=SPOILT)
        asked, since = b.asked, b.clock.now()
        b.fall()
        await b.run(60)

        assert await b.minutes_until_told("w0", since) <= 2
        assert b.asked - asked <= 60 + 60
        notices = [title for _, title in await b.told() if "w0" not in title]
        assert len(notices) == 1
        assert notices[0].startswith(f"firing asset {SPOILT}: cannot be read since 2026-03-10 12:03")
        assert "25 accounts" in notices[0]

        b.sim.faults.clear()
        b.sim.world.define_asset(SPOILT, "1", "B")
        await b.run(75)
        assert [title for _, title in await b.told()][-1].startswith("resolved asset")


async def test_an_asset_that_is_refused_beside_another_costs_that_one_nothing(tmp_path: Path) -> None:
    async with bench(tmp_path, "teos", both=True) as b:
        b.sim.faults.add("400", "teos", path=SPOILT)
        asked, since = b.asked, b.clock.now()
        b.fall()
        await b.run(60)
        assert await b.minutes_until_told("w0", since) <= 2
        assert b.asked - asked <= 60 + 60


@pytest.mark.parametrize("words", [True, False], ids=["named", "not named"])
async def test_an_asset_that_is_refused_is_told_though_all_who_hold_it_are_read(
    words: bool, tmp_path: Path
) -> None:
    async with bench(tmp_path, "teos", both=True) as b:
        if words:
            b.sim.world.assets.pop(int(SPOILT, 16))
        else:
            b.sim.faults.add("400", "teos", path=SPOILT)
        await b.run(60)
        [notice] = [title for _, title in await b.told()]
        assert notice.startswith(f"firing asset {SPOILT}: cannot be read since 2026-03-10 12:0")
        assert "while others of s can" in notice
        assert "20 accounts" in notice

        await b.start()  # a process begins while it lasts
        await b.run(75)
        assert len(await b.told()) == 1, "what others hold is read, which heals nothing"
        b.sim.faults.clear()
        b.sim.world.define_asset(SPOILT, "1", "B")
        await b.start()
        await b.run(75)
        titles = [title for _, title in await b.told()]
        assert len(titles) == 2
        assert titles[-1].startswith(f"resolved asset {SPOILT}: it can be read again")


def asks_for(b: Bench, number: int, *tokens: str) -> None:
    """The configuration says so from the next start on."""
    account = Account("s", "teos", address(number))
    asked = tuple(Asset("teos", each) for each in tokens)
    b.wallets[account] = replace(b.wallets[account], asked=asked)
    b.watched[number] = replace(b.watched[number], assets=tokens)


async def test_that_an_asset_is_refused_is_over_when_nobody_asks_for_it_any_more(tmp_path: Path) -> None:
    async with bench(tmp_path, "teos", both=True) as b:
        b.sim.world.assets.pop(int(SPOILT, 16))
        await b.run(60)
        for number in range(20):
            asks_for(b, number, SOUND)
        await b.start()
        rules = Rules([LOW], b.wallets, ["ops"])
        await RuleEngine(b.store, rules, b.clock, running_since=b.clock.now()).take_effect()
        await b.run(3)
        titles = [title for _, title in await b.told()]
        assert len(titles) == 2
        assert titles[-1] == f"withdrawn asset {SPOILT}: asset {SPOILT} is no longer watched"


async def test_that_an_asset_is_read_again_is_told_though_other_accounts_ask_for_it_by_then(
    tmp_path: Path,
) -> None:
    async with bench(tmp_path, "teos", both=True) as b:
        b.sim.world.assets.pop(int(SPOILT, 16))
        await b.run(60)
        asks_for(b, 0, SOUND)
        await b.start()
        rules = Rules([LOW], b.wallets, ["ops"])
        await RuleEngine(b.store, rules, b.clock, running_since=b.clock.now()).take_effect()
        await b.run(120)
        assert len(await b.told()) == 1
        b.sim.world.define_asset(SPOILT, "1", "B")
        await b.run(600)
        titles = [title for _, title in await b.told()]
        assert len(titles) == 2
        assert titles[-1].startswith(f"resolved asset {SPOILT}: it can be read again")


async def test_a_culprit_that_changes_is_found_each_time(tmp_path: Path) -> None:
    async with bench(tmp_path, "coinstats") as b:
        for number in (19, 11, 5):
            b.sim.faults.clear()
            b.sim.faults.add("500", "coinstats", path=address(number))
            await b.run(30)
        paid, since = b.sim.coinstats.credits_used, b.clock.now()
        b.fall()
        await b.run(20)
        assert await b.minutes_until_told("w0", since) <= 2
        assert b.sim.coinstats.credits_used - paid <= 20 * 20 * 40 + 2000


async def test_a_source_that_is_down_is_one_notice_one_warning_and_one_account_at_a_time(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    async with bench(tmp_path, "coinstats") as b:
        b.sim.faults.add("503", "coinstats")
        paid, asked = b.sim.coinstats.credits_used, b.asked
        await b.run(180)
        assert b.sim.coinstats.credits_used - paid <= 800 + 40 * 30
        assert b.asked - asked <= 30
        warnings = [each.getMessage() for each in caplog.records if each.levelno >= logging.WARNING]
        assert len(warnings) == 1
        assert warnings[0].startswith("s: nothing can be read: server error: 127.0.0.1 answered 503")
        assert "20 of 20 accounts not read" in caplog.text
        assert address(3) not in caplog.text, "each account is a detail"
        [notice] = [title for _, title in await b.told()]
        assert notice.startswith("firing source s: nothing could be read since 2026-03-10 12:03")
        b.sim.faults.clear()
        b.fall()
        await b.run(20)
        assert [title.split(":")[0] for _, title in await b.told()] == [
            "firing source s", "resolved source s", "firing w0"
        ] or [title.split(":")[0] for _, title in await b.told()] == [
            "firing source s", "firing w0", "resolved source s"
        ]  # fmt: skip
        asked = b.asked
        await b.run(10)
        assert b.asked - asked == 10


@pytest.mark.parametrize("fault", [("503", ""), ("500", LAST)], ids=["all", "one"])
async def test_word_from_outside_asks_a_source_that_fails_no_more_often_than_the_schedule_does(
    fault: tuple[str, str], tmp_path: Path
) -> None:
    asked = {}
    for purpose in (Purpose.SCHEDULED, Purpose.HINTED):
        (tmp_path / purpose).mkdir()
        async with bench(tmp_path / purpose, "coinstats") as b:
            b.sim.faults.add(fault[0], "coinstats", path=fault[1])
            before = b.asked
            await b.run(90, purpose)
            asked[purpose] = b.asked - before
    assert abs(asked[Purpose.HINTED] - asked[Purpose.SCHEDULED]) <= 5


async def test_a_source_that_comes_back_without_one_account_is_back(tmp_path: Path) -> None:
    async with bench(tmp_path, "coinstats") as b:
        b.sim.faults.add("503", "coinstats")
        await b.run(60)
        b.sim.faults.clear()
        b.sim.faults.add("503", "coinstats", path=LAST)
        b.fall()
        await b.run(90)
        titles = [title.split(":")[0] for _, title in await b.told()]
        assert sorted(titles) == [
            "firing source s",
            "firing w0",
            "firing w19 on ethereum",
            "resolved source s",
        ]


async def test_a_sweep_that_fails_is_tried_in_parts_the_next_time_and_never_at_once(tmp_path: Path) -> None:
    async with bench(tmp_path, "coinstats") as b:
        b.sim.faults.add("500", "coinstats", path=LAST)
        sweeps = [Account("s", "all", account.address) for account in list(b.wallets)[-8:]]
        sizes = []
        for _ in range(3):
            b.sent.clear()
            await b.poller.once(sweeps, Purpose.SWEEP)
            sizes.append([len(request.accounts) for _, request, _ in b.sent])
        assert sizes[:2] == [[8], [2, 2, 2, 2]]
        assert sum(sizes[2]) == 8
        assert sizes[2].count(1) == 2


async def test_one_failure_of_one_account_delays_it_by_nothing(tmp_path: Path) -> None:
    async with bench(tmp_path, "teos") as b:
        b.sim.faults.add("500", "teos", path=address(0), times=1)
        account = next(iter(b.wallets))
        await b.poller.once([account], Purpose.SCHEDULED)
        b.fall()
        await b.poller.once([account], Purpose.SCHEDULED)
        assert [title.split(":")[0] for _, title in await b.told()] == ["firing w0"]


async def test_members_learn_from_each_other_who_fails_by_itself_and_who_is_read_again() -> None:
    clock, store, source = FakeClock(), MemoryStore(), FakeSource()
    one, other = (Account("fake", "ethereum", f"0x{n:040x}") for n in (1, 2))
    wallets = {each: Wallet("w", "fake", each.address) for each in (one, other)}

    def member() -> FaultIsolation:
        return FaultIsolation(source, make_engine(store, Rules([], wallets, []), clock))

    async def facts() -> str | None:
        return (await store.facts("fake")).get(CULPRITS)

    first, second = member(), member()
    await first.note(Reply((Miss(one, MissReason.UNREACHABLE),), failure="no"), Purpose.SCHEDULED)
    await second.note(Reply((Miss(other, MissReason.UNREACHABLE),), failure="no"), Purpose.SCHEDULED)
    first.remember(await facts())
    second.remember(await facts())
    for each in (first, second):
        assert {account for account, _ in each.suspects.apart()} == {one, other}

    await second.note(Reply((Reading(one, {}, {}, {}),)), Purpose.SCHEDULED)
    first.remember(await facts())
    assert [account for account, _ in first.suspects.apart()] == [other]

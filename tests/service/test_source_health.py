"""The network's bad days: real HTTP, a real store, a clock that is moved. What is told, and what is not."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.certificates import self_signed
from tests.fakes import START
from tests.reports.given import tallied
from tests.service.given import make_poller
from tests.service.test_provider_count import MovedClock
from watcher.domain.credits.allowance import Purpose
from watcher.domain.evaluation.rule_index import Rules
from watcher.domain.model import Account, Outcome, Reading, Wallet
from watcher.domain.rules import AssetRule, ChangeRule, ThresholdRule
from watcher.ports.queries import ChannelState
from watcher.ports.queue import Batch
from watcher.reports.health import readiness
from watcher.service.polling import Poller
from watcher.sim import Simulation
from watcher.sources.coinstats.settings import CoinStatsSettings
from watcher.sources.coinstats.source import CoinStatsSource
from watcher.store.sqlite.store import SqliteStore

ACCOUNTS = tuple(Account("coins", "ethereum", f"0x{n:040x}") for n in range(1, 6))
RULES = (
    ThresholdRule.model_validate({"id": "low", "below": "0.5"}),
    ChangeRule.model_validate({"id": "moved", "direction": "both"}),
    AssetRule.model_validate({"id": "gone", "event": "disappears"}),
)
PATIENCE, IMPATIENCE = timedelta(seconds=20), timedelta(milliseconds=40)
"""What a request may take, and where every one takes as long as it may."""


@dataclass
class Bench:
    sim: Simulation
    clock: MovedClock
    store: SqliteStore
    source: CoinStatsSource
    poller: Poller
    rules: Rules
    stack: AsyncExitStack
    folder: Path
    well: str = ""
    """Where the API is as long as all is well."""

    def elsewhere(self, url: str) -> None:
        self.source._endpoint = url

    async def poll(self, accounts: tuple[Account, ...] = ACCOUNTS) -> list[Outcome]:
        self.clock.move(timedelta(minutes=1))
        return await self.poller.poll(Batch(accounts, Purpose.SCHEDULED))

    async def polls(self, lasting: timedelta) -> None:
        end = self.clock.now() + lasting
        while self.clock.now() < end:
            await self.poll()

    async def told(self, *, blind: bool = False) -> list[str]:
        """`blind`: with the notices that a rule cannot be judged."""
        due = await self.store.due("ops", self.clock.now() + timedelta(days=1), 100)
        told = [f"{each.message.severity} {each.message.kind} {each.message.title}" for each in due]
        return told if blind else [title for title in told if "judged" not in title]

    async def spent(self) -> int:
        return await self.store.spent("coins", START - timedelta(days=1))

    async def ready(self) -> bool:
        known = (await self.store.load(ACCOUNTS)).accounts
        well = [ChannelState("ops", 0, None, gave_up=False, trouble="", sent=None)]
        stuck = [self.poller.health.trouble] if self.poller.health.trouble else []  # as the daemon asks
        return readiness(tallied(ACCOUNTS, known), well, self.clock.now(), stuck=stuck).ready


@asynccontextmanager
async def bench(folder: Path, patience: timedelta = PATIENCE) -> AsyncIterator[Bench]:
    async with AsyncExitStack() as stack:
        sim = await stack.enter_async_context(Simulation())
        sim.coinstats.credits_limit = 10**9
        for account in ACCOUNTS:
            sim.world.set_amount(account.address, "ethereum", "ETH", "7", symbol="ETH", price="3000")
        settings = CoinStatsSettings.model_validate(
            {"kind": "coinstats", "api_key": sim.coinstats.key, "base_url": f"{sim.url}/coinstats",
             "credits": {"limit": 10**9}, "timeout": patience}
        )  # fmt: skip
        source = settings.build("coins", [])
        stack.push_async_callback(source.close)
        store = await SqliteStore.open(folder / "watcher.db", exclusive=True)
        stack.push_async_callback(store.close)
        wallets = {account: Wallet(account.address, "coins", account.address) for account in ACCOUNTS}
        clock, rules = MovedClock(), Rules(RULES, wallets, ["ops"])
        poller = make_poller(source, store, rules, clock)
        b = Bench(sim, clock, store, source, poller, rules, stack, folder, source._endpoint)
        while any(not isinstance(each, Reading) for each in await b.poll()):
            pass
        yield b


Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Coroutine[None, None, None]]


async def serve(b: Bench, talk: Talk, tls: ssl.SSLContext | None = None) -> str:
    """Somebody who talks his own way where the API was."""
    never = asyncio.Event()
    writers = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        await reader.read(4096)
        await asyncio.wait({asyncio.create_task(talk(reader, writer)), ended}, return_when="FIRST_COMPLETED")
        writer.close()

    ended = asyncio.create_task(never.wait())
    server = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=tls)
    b.stack.callback(server.close)
    b.stack.callback(never.set)
    return f"http{'s' if tls else ''}://127.0.0.1:{server.sockets[0].getsockname()[1]}/balances"


async def silent(_reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    await asyncio.Event().wait()


async def dripping(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n")
    while True:
        writer.write(b"[")
        await asyncio.sleep(1)


def saying(body: bytes, *headers: bytes) -> Talk:
    async def talk(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = [b"HTTP/1.1 200 OK", b"Content-Type: application/json", b"Content-Length: %d" % len(body)]
        writer.write(b"\r\n".join([*head, *headers, b"", b""]) + body)
        await writer.drain()

    return talk


ANSWER = '[{"blockchain":"ethereum","connectionId":"ethereum","address":"x","balances":[]}]'
Breaking = Callable[[Bench], Awaitable[None]]


def fault(name: str, **options: Any) -> Breaking:
    async def breaking(b: Bench) -> None:
        b.sim.faults.add(name, "coinstats", **options)

    return breaking


def talking(talk: Talk) -> Breaking:
    async def breaking(b: Bench) -> None:
        b.elsewhere(await serve(b, talk))

    return breaking


async def no_name(b: Bench) -> None:
    b.elsewhere("https://nowhere.invalid/balances")


async def nobody(b: Bench) -> None:
    b.elsewhere("http://127.0.0.1:1/balances")


async def strange_certificate(b: Bench) -> None:
    b.elsewhere(await serve(b, silent, self_signed(b.folder)))


async def no_tls(b: Bench) -> None:
    b.elsewhere((await serve(b, saying(b"{}"))).replace("http:", "https:"))


async def revoked(b: Bench) -> None:
    b.sim.coinstats.key = "another"


ANSWERED = ("Latin-1", "amounts that are no numbers")
"""Answers come and are paid for, and nothing can be read from them: the schedule goes on."""

HOUR, TWO_DAYS = timedelta(hours=1), timedelta(days=2)
DAYS: dict[str, tuple[Breaking, timedelta, str]] = {
    "DNS fails": (no_name, HOUR, "the name is not known"),
    "refused": (nobody, TWO_DAYS, "connection refused"),
    "certificate not trusted": (strange_certificate, HOUR, "not trusted"),
    "no TLS at all": (no_tls, HOUR, "speaks no TLS"),
    "half-open": (talking(silent), HOUR, "did not answer within"),
    "a byte a second": (talking(dripping), HOUR, "stopped in the middle"),
    "UTF-16": (talking(saying(ANSWER.encode("utf-16"))), HOUR, "malformed"),
    "Latin-1": (talking(saying(ANSWER.replace("x", "ü").encode("latin-1"))), HOUR, "omitted"),
    "amounts that are no numbers": (fault("amount-null"), HOUR, "its amount is not a number"),
    "not gzip": (talking(saying(ANSWER.encode(), b"Content-Encoding: gzip")), HOUR, "malformed"),
    "rate limit for an hour": (fault("429"), HOUR, "rate limited"),
    "key revoked": (revoked, TWO_DAYS, "unauthorized"),
    "down for two days": (fault("503"), TWO_DAYS, "server error"),
}


@pytest.mark.parametrize("day", DAYS)
async def test_a_source_that_fails_is_told_once_and_once_that_it_is_back(day: str, tmp_path: Path) -> None:
    breaking, lasting, words = DAYS[day]
    slow = day in ("half-open", "a byte a second")
    async with bench(tmp_path, IMPATIENCE if slow else PATIENCE) as b:
        spent, began, key = await b.spent(), b.poller.throttle.begun, b.sim.coinstats.key
        await breaking(b)

        await b.polls(lasting)
        requests, paid = b.poller.throttle.begun - began, await b.spent() - spent
        assert not await b.ready()
        assert words in b.poller.health.trouble
        live = [(each.rule, each.label) for each in await b.store.live_alerts() if "blind" not in each.rule]

        b.elsewhere(b.well)
        b.sim.faults.clear()
        b.sim.coinstats.key = key
        outcomes: list[Outcome] = []
        while len(outcomes) < 5 or not all(isinstance(each, Reading) for each in outcomes):
            outcomes = await b.poll()

        first, second = await b.told()
        severity = "critical" if day == "key revoked" else "warning"
        assert first.startswith(
            f"{severity} firing source coins: nothing could be read since 2026-03-10 12:0"
        )
        assert words in first
        assert second.startswith(f"{severity} resolved source coins: it can be read again, ")
        assert live == [("watcher.source", "source coins")]
        assert await b.ready()
        assert b.poller.health.trouble == ""
        if day in ANSWERED:
            return
        # Back-off: 2, 4, 8 … 900 s, each with a fifth of jitter; and not for five accounts at a time.
        assert requests <= 12 + lasting / timedelta(seconds=720)
        assert paid <= 40 * requests + 12 * 160


async def test_ten_minutes_are_no_outage_and_one_lost_answer_of_a_day_is_none(tmp_path: Path) -> None:
    async with bench(tmp_path) as b:
        b.sim.faults.add("503", "coinstats")
        await b.polls(timedelta(minutes=6))
        b.sim.faults.clear()
        await b.polls(timedelta(minutes=20))
        for _ in range(4):
            b.sim.faults.add("503", "coinstats", times=1)
            await b.polls(timedelta(minutes=1))
            b.clock.move(timedelta(days=1))
            await b.polls(timedelta(minutes=20))
        assert await b.told() == []


async def test_one_address_that_is_always_refused_is_no_outage_of_the_source(tmp_path: Path) -> None:
    async with bench(tmp_path) as b:
        for fault_of_one in ("400", "500"):
            b.sim.faults.add(fault_of_one, "coinstats")
            for _ in range(30):
                await b.poll(ACCOUNTS[:1])
            b.sim.faults.clear()
        told = await b.told(blind=True)
        assert len(told) == 3, "after an hour: once for each rule that looks at it"
        assert all("cannot be judged" in each or "can be judged again" in each for each in told)
        assert not b.poller.health.failing


async def test_an_hour_of_quiet_that_is_asked_for_is_told_at_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with bench(tmp_path) as b:

        async def later(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"HTTP/1.1 429 Too Many\r\nRetry-After: 3600\r\nContent-Length: 2\r\n\r\n{}")

        b.elsewhere(await serve(b, later))
        await b.poll()
        assert [each.split(":")[0] for each in await b.told()] == ["warning firing source coins"]
        assert "answered 429; nothing is asked for 1 h" in caplog.text, "said before it is waited for"
        before = b.clock.monotonic()
        b.elsewhere(b.well)
        await b.poll()
        assert b.clock.monotonic() - before >= 3600
        assert len(await b.told()) == 2


async def test_an_outage_that_a_restart_falls_into_is_not_told_twice(tmp_path: Path) -> None:
    async with bench(tmp_path) as b:
        b.sim.faults.add("503", "coinstats")
        await b.polls(HOUR)

        b.poller = make_poller(b.source, b.store, b.rules, b.clock)
        await b.polls(HOUR)
        assert len(await b.told()) == 1

        b.poller = make_poller(b.source, b.store, b.rules, b.clock)
        b.sim.faults.clear()
        await b.polls(timedelta(minutes=3))
        assert [each.split()[1] for each in await b.told()] == ["firing", "resolved"]


async def test_credits_that_are_gone_are_no_outage_and_are_asked_for_once_an_hour(tmp_path: Path) -> None:
    async with bench(tmp_path) as b:
        b.sim.faults.add("406", "coinstats")
        began = b.poller.throttle.begun
        spent = await b.spent()
        await b.polls(timedelta(days=1))
        asked = sum("balance" in each.path for each in b.sim.coinstats.requests)
        assert b.poller.throttle.begun - began >= 1000, "the schedule goes on"
        assert asked <= 3 + 24
        assert await b.spent() == spent
        assert await b.told() == []  # the meter's notice says it, see test_metering.py


async def test_what_an_outage_left_unread_is_asked_for_when_it_is_over(tmp_path: Path) -> None:
    async with bench(tmp_path) as b:
        b.sim.faults.add("503", "coinstats")
        await b.polls(HOUR)
        b.sim.faults.clear()
        while len(b.poller.queue):  # the ticks of the outage
            b.poller.queue.done(await b.poller.queue.take(10))
        [first] = await b.poll()
        assert isinstance(first, Reading)
        left = await b.poller.queue.take(10)
        assert set(left.accounts) >= set(ACCOUNTS) - {first.account}


async def test_one_source_that_hangs_delays_the_other_by_nothing(tmp_path: Path) -> None:
    async with bench(tmp_path) as b:
        other = CoinStatsSettings.model_validate(
            {"kind": "coinstats", "api_key": "k", "base_url": "http://127.0.0.1:1", "timeout": "60s"}
        ).build("hung", [])
        other._endpoint = await serve(b, silent)
        account = Account("hung", "ethereum", ACCOUNTS[0].address)
        wallets = {**b.rules.wallets, account: Wallet("h", "hung", account.address)}
        rules = Rules(RULES, wallets, ["ops"])
        hung = make_poller(other, b.store, rules, b.clock)
        waiting = asyncio.create_task(hung.poll(Batch((account,), Purpose.SCHEDULED)))
        began = b.clock.monotonic()

        for _ in range(20):
            assert all(isinstance(each, Reading) for each in await b.poll())

        assert not waiting.done()
        assert b.clock.monotonic() - began < 20 * (60 + b.source.spacing) + 1
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        await other.close()

"""A daemon on a clock that the test moves, over a real store file; and the backtest of what it recorded."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from copy import deepcopy
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any, TypeVar, cast

import pytest

from tests.domain.given import BOND, DESK, ETH, HOT, SOL, SWEEP, SYMBOLS, USDC, WALLETS
from tests.fakes import START, FakeChannel, FakeClock, FakeSource
from tests.service.given import make_engine
from watcher.analysis import backtest
from watcher.analysis.backtest import Played, play
from watcher.config.configuration import Configuration
from watcher.domain.credits.allowance import Purpose
from watcher.domain.evaluation.rule_index import Rules
from watcher.domain.history.reconstruction import RecordedHistory
from watcher.domain.model import Account, Asset, Miss, MissReason, Outcome, Reading
from watcher.domain.rules import TYPES, Rule
from watcher.queues.memory import PollQueue
from watcher.service.delivery import Deliverer
from watcher.service.polling import Poller
from watcher.service.replay import Replay, ReplayedPoll
from watcher.service.throttle import SourceThrottle
from watcher.service.timers import TimeBasedEvaluation
from watcher.store.memory.store import MemoryStore
from watcher.store.sqlite.queries import SqliteQueries
from watcher.store.sqlite.store import SqliteStore
from watcher.store.sqlite.transactions import Transactions

T = TypeVar("T")
EVERY = 300.0
CHANNELS = ("ops", "phone")
ACCOUNTS = (HOT, SWEEP, DESK)


class InlineStore(SqliteStore):
    """The store on its file, without its thread: under a clock that is moved, nothing may take time."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, None)
        self._core = Transactions(path)

    async def _do(self, work: Callable[[Transactions], T]) -> T:
        assert self._core is not None
        return work(self._core)

    async def close(self) -> None:
        assert self._core is not None
        self._core.close()
        self._core = None


def rule(**fields: Any) -> Rule:
    return TYPES[fields["type"]].model_validate(fields)


class World:
    """What the sources answer now."""

    def __init__(self) -> None:
        self.amounts: dict[Account, dict[Asset, str]] = {
            HOT: {ETH: "2", USDC: "500"}, SWEEP: {ETH: "10", SOL: "100"}, DESK: {BOND: "1000"},
        }  # fmt: skip
        self.prices: dict[Asset, str] = {ETH: "2000", USDC: "1", SOL: "150"}
        self.missing: dict[Account, MissReason] = {}
        self.left_out: set[str] = set()
        """Chains that answers about many chains leave out."""
        self.unclear: set[Asset] = set()
        self.symbols = dict(SYMBOLS)

    def answer(self, account: Account) -> Outcome:
        if account in self.missing:
            return Miss(account, self.missing[account], "as the test wants it")
        held = {
            asset: Decimal(amount)
            for asset, amount in self.amounts[account].items()
            if asset not in self.unclear and not (account is SWEEP and asset.chain in self.left_out)
        }
        complete = {ETH.chain, SOL.chain} if account is SWEEP else {account.chain}
        return Reading(
            account,
            held,
            {asset: Decimal(self.prices[asset]) for asset in held if asset in self.prices},
            {asset: self.symbols[asset] for asset in held if asset in self.symbols},
            frozenset(complete - self.left_out - {"teos"}),
            {asset: "it came twice" for asset in self.unclear if asset in self.amounts[account]},
            natives=frozenset(asset for asset in held if not asset.token.startswith("0x")),
            names_all=account is not DESK,
        )


class Daemon:
    """Pollers, timers and deliverer at work; `steps` change the world at their time."""

    def __init__(self, store: InlineStore, clock: FakeClock, world: World, rules: Sequence[Rule]) -> None:
        self.store, self.clock = store, clock
        self.rules = Rules(rules, WALLETS, CHANNELS)
        channels = [FakeChannel(name) for name in CHANNELS]
        self.deliverer = Deliverer(store, channels, clock, jitter=lambda: 0.5)
        engine = make_engine(store, self.rules, clock, on_deliveries=self.deliverer.wake)
        self.pollers = {}
        for name in ("coinstats", "teos"):
            throttle = SourceThrottle(FakeSource(name, answers=world.answer, batch=2), clock)
            self.pollers[name] = Poller(throttle, PollQueue(), engine)
        self.timers = TimeBasedEvaluation(engine)
        self.tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        self.deliverer.start()
        work = [poller.run() for poller in self.pollers.values()]
        self.tasks = [asyncio.create_task(each) for each in (*work, self.timers.run(), self._tick())]

    async def _tick(self) -> None:
        await self.clock.sleep(7)  # what falls on one moment with a pass over time may come before or after
        while True:
            for account in ACCOUNTS:
                self.pollers[account.source].queue.put([account], Purpose.SCHEDULED)
            await self.clock.sleep(EVERY)

    async def stop(self) -> None:
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        stopping = asyncio.create_task(self.deliverer.stop(1))
        await self.clock.settle()
        await stopping


@asynccontextmanager
async def daemon(path: Path, clock: FakeClock, world: World, rules: Sequence[Rule]) -> AsyncIterator[Daemon]:
    store = InlineStore(path)
    found = Daemon(store, clock, world, rules)
    try:
        found.start()
        yield found
        await found.stop()
    finally:
        await store.close()


def history(path: Path, since: datetime = START) -> RecordedHistory:
    with SqliteQueries(path) as reader:
        return reader.recorded(since)


async def backtested(
    path: Path,
    rules: Sequence[Rule],
    until: datetime,
    monkeypatch: pytest.MonkeyPatch,
    since: datetime = START,
) -> Played:
    """The rules over what the store has, without a configuration file."""

    def build(configuration: Configuration) -> Rules:
        return Rules(configuration.rules, WALLETS, CHANNELS)

    monkeypatch.setattr(backtest, "build_rules", build)
    configuration = Configuration(cast(Any, SimpleNamespace(channels={})), tuple(rules))
    return await play(configuration, history(path), since, until, burst=lambda _: 1000)


def told_by_daemon(path: Path) -> list[tuple[Any, ...]]:
    """Every message as the store has it, with its channels and when they took it."""
    sql = (
        "SELECT m.at, m.rule, m.subject, m.kind, m.title, m.facts, group_concat(d.channel), min(d.sent)"
        " FROM (SELECT * FROM deliveries ORDER BY channel) d"
        " JOIN messages m ON m.id = d.message WHERE m.rule <> 'watcher.source' GROUP BY m.id"
    )
    with sqlite3.connect(path) as conn:
        return sorted(conn.execute(sql).fetchall())


def told_by_backtest(played: Played) -> list[tuple[Any, ...]]:
    import json

    from watcher.store.codec import to_ms

    return sorted(
        (
            to_ms(each.message.at), each.message.rule, each.message.subject, str(each.message.kind),
            each.message.title, json.dumps(each.message.facts, ensure_ascii=False),
            ",".join(sorted(each.channels)), to_ms(each.at),
        )
        for each in played.sent
    )  # fmt: skip


def alerts_of_daemon(path: Path) -> list[tuple[Any, ...]]:
    sql = "SELECT id, rule, subject, state, since, fired_at, resolved_at, closed FROM alerts"
    sql += " WHERE rule <> 'watcher.source'"
    with sqlite3.connect(path) as conn:
        return sorted(conn.execute(sql).fetchall())


def alerts_of_backtest(played: Played) -> list[tuple[Any, ...]]:
    from watcher.store.codec import ms, to_ms

    last = {each.alert.id: each.alert for each in played.transitions}
    return sorted(
        (
            a.id, a.rule, a.subject, str(a.state), to_ms(a.since), ms(a.fired_at),
            ms(a.resolved_at), int(a.closed),
        )
        for a in last.values()
    )  # fmt: skip


def minutes(count: float) -> timedelta:
    return timedelta(minutes=count)


class Story:
    """What the sources answered when; and the same polls through the engine of rule tests."""

    def __init__(self, world: World) -> None:
        self._world, self._kept = world, [(0.0, deepcopy(world))]

    def kept(self, at: float, step: Callable[[World], None]) -> Callable[[World], None]:
        """The step, after which the world is remembered."""

        def noting(world: World) -> None:
            step(world)
            self._kept.append((at, deepcopy(world)))

        return noting

    def answer(self, account: Account, at: datetime) -> Outcome:
        passed = (at - START) / timedelta(minutes=1)
        return [world for since, world in self._kept if since <= passed][-1].answer(account)

    async def tested(self, rules: Sequence[Rule], until: float) -> Played:
        ticks = [START + timedelta(seconds=7 + EVERY * n) for n in range(int(until * 60 / EVERY))]
        polls = [
            ReplayedPoll(at, tuple(self.answer(account, at) for account in accounts))
            for at in ticks
            for accounts in ((HOT, SWEEP), (DESK,))
        ]
        replay = Replay(
            MemoryStore(), Rules(rules, WALLETS, CHANNELS), polls, START, again=self.answer,
            burst=lambda _: 1000,
        )  # fmt: skip
        await replay.until(START + minutes(until))
        walked = cast(Any, SimpleNamespace(uncounted=0, already=()))
        return backtest._played(replay, walked, len(polls))


Steps = Mapping[float, Callable[[World], None]]


async def live(clock: FakeClock, world: World, steps: Steps, until: float) -> None:
    """Let time pass to `until` (minutes from START), changing the world on the way."""
    for at in (*sorted(each for each in steps if START + minutes(each) > clock.now()), until):
        await clock.advance((START + minutes(at) - clock.now()).total_seconds())
        if at in steps:
            steps[at](world)

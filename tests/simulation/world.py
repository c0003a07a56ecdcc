"""A world: members, their store, sources, channels and clocks under one seed."""

from __future__ import annotations

import asyncio
import gc
import logging
import random
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import copy_context
from dataclasses import dataclass, field
from datetime import datetime, timedelta, tzinfo
from hashlib import blake2b
from typing import Self

from tests.simulation.access import Ways
from tests.simulation.far import Arrival, Far
from tests.simulation.faults import DAY, HOUR, Fault, befall, clock
from tests.simulation.invariants import Invariants
from tests.simulation.kinds import WORLD
from tests.simulation.loop import MEMBER, SimulatedLoop
from tests.simulation.member import START, Member, seeded
from tests.simulation.scenario import Scenario
from tests.simulation.truth import Holding, Provider, Truth
from watcher.daemon import upkeep
from watcher.domain.audit import Actor
from watcher.domain.credits.allowance import CreditPlan
from watcher.domain.messages.delivery import Delivery, DeliveryState
from watcher.domain.model import Account, Asset
from watcher.ports.source import Reply, Request
from watcher.store.memory.state import State

SHOWN = 60
"""Lines of history that a report shows."""

SOON = 6 * HOUR + 2 * HOUR
"""Seconds in peace after which all must have come to rest: the longest promise, and some."""

ETH, USDC = Asset("ethereum", "ethereum"), Asset("ethereum", "0xa0b8")


@dataclass
class Result:
    """What came of one world."""

    scenario: Scenario
    broken: list[str] = field(default_factory=list)
    history: list[str] = field(default_factory=list)
    digest: str = ""
    steps: int = 0
    days: float = 0.0
    """Days that members lived, peace at the end included."""
    lives: int = 0
    changes: int = 0
    arrivals: int = 0
    repeats: int = 0


class World:
    """One installation and what befalls it."""

    def __init__(self, scenario: Scenario) -> None:
        seed = str(scenario.seed)
        self.scenario = scenario
        self.loop = SimulatedLoop(seed)
        self.loop.on_step, self.loop.on_error = self._after_step, self._uncaught
        self._chance = random.Random(f"world {seed}")
        self._lines: deque[str] = deque(maxlen=SHOWN)
        self._digest = blake2b(digest_size=8)
        self.state, self.ways = State(), Ways(seed)
        self.ways.loses_words = scenario.members > 1
        self.truth = Truth(seed)
        plan = CreditPlan(scenario.limit, scenario.period)
        self.providers = {"coins": Provider("coins", self.truth, plan, seed, self.now)}
        names = ("ops", "pager")
        self.over = False
        self.watched = Invariants(self.truth, {"coins": plan}, names, self.loop.time, self)
        self.fars = {name: Far(name, seed, self.loop.time, self.cut_off, self._arrived) for name in names}
        self.context = copy_context()
        self.context.run(WORLD.set, self)
        self.configuration = scenario.configuration()
        self.members = {name: self.context.run(Member, name, self) for name in scenario.names}
        self.split: set[str] = set()
        self._answered = asyncio.Event()
        self._calm_since = 0.0
        self._suffering = 0
        self._furnish()

    # ------------------------------------------------------------------ what others ask

    def now(self) -> datetime:
        """The true time."""
        return START + timedelta(milliseconds=int(self.loop.time() * 1000))

    def acts(self, life: str) -> None:
        """A member has just done something that others see."""
        member = self.members.get(life.rstrip("0123456789"))
        if member is not None:
            member.acts()

    def note(self, words: str, member: str | None = None) -> None:
        who = MEMBER.get() if member is None else member
        line = f"{clock(self.loop.time())} {who or '-':4} {words}"
        self._lines.append(line)
        self._digest.update(line.encode())

    def cut_off(self, life: str) -> bool:
        return life.rstrip("0123456789") in self.split

    def has_arrived(self, delivery: Delivery) -> bool:
        return delivery.id in self.fars[delivery.channel].arrived

    def metered(self, source: str, request: Request, reply: Reply | None) -> None:
        provider = self.providers[source]
        if cost := provider.metered - self.watched.metered[source]:
            self.watched.charged(source, cost)
        if reply is not None:
            self._answered.set()
        names = ", ".join(f"{each.address} on {each.chain}" for each in request.accounts)
        self.note(
            f"{source} is asked for {names}: {'nothing' if reply is None else reply.failure or 'answered'}"
        )

    def _arrived(self, arrival: Arrival) -> None:
        again = len(self.fars[arrival.delivery.channel].arrived[arrival.delivery.id]) > 1
        self.watched.arrive(arrival, again=again)
        self.acts(arrival.member)

    # ------------------------------------------------------------------ the run

    def run(self) -> Result:
        """All of it, to the end or to what is broken."""
        seeded(str(self.scenario.seed))
        with virtual_time(self), _hearing(self):
            try:
                self.loop.run_until_complete(self.loop.create_task(self._story(), context=self.context))
            except RuntimeError as error:
                if not self.watched.broken:
                    self.watched.broken.append(f"it stands still: {error}")
        self.over = True
        lives = sum(member.lives for member in self.members.values())
        for member in self.members.values():
            self.loop.kill(member.life)
        self.loop.kill("")
        self.loop.close()
        gc.unfreeze()
        watched = self.watched
        digest, days = self._digest.hexdigest(), self.loop.time() / DAY * len(self.members)
        return Result(
            self.scenario, watched.broken, list(self._lines), digest, self.loop.steps, days, lives,
            watched.changes, watched.arrivals, watched.repeats,
        )  # fmt: skip

    async def _story(self) -> None:
        """Faults while balances move; then peace, in which all must come to rest."""
        for member in self.members.values():
            member.start()
        moving = [asyncio.create_task(self._move(each)) for each in self.truth.holdings.values()]
        moving += [asyncio.create_task(self._people()), asyncio.create_task(self._look())]
        suffering = [asyncio.create_task(self._suffer(each)) for each in self.scenario.faults]
        await asyncio.sleep(self.scenario.days * DAY)
        for each in (*moving, *suffering):
            each.cancel()
        self._heal()
        await asyncio.sleep(SOON)
        if self.scenario.scarce:  # what was overspent on bad days is back with the next period
            await asyncio.sleep(DAY if self.scenario.period == "day" else 0)
        self._at_rest()

    async def _move(self, holding: Holding) -> None:
        while True:
            await asyncio.sleep(self._chance.expovariate(1 / self.scenario.moves_every))
            self.truth.move(holding)
            self.note(f"{holding.account.address} holds {holding.amount} {holding.symbol}")

    async def _people(self) -> None:
        """Somebody takes care of what fires, at times: just while more becomes known of it."""
        while True:
            self._answered.clear()
            await self._answered.wait()
            if self._chance.random() < 0.5:
                await asyncio.sleep(self._chance.choice((0.0, 0.2, 1.0, 2.0, 4.0, 1800.0)))
                self._acknowledge()

    def _acknowledge(self) -> None:
        firing = sorted(
            alert.id
            for alert in self.state.cache.alerts.values()
            if alert.fired_at is not None and alert.acknowledged is None
        )
        if firing:
            chosen = self._chance.choice(firing)
            commands = next(iter(self.members.values())).store.commands(Actor("bob", "page", self.now()))
            if commands.acknowledge([chosen])[chosen].done:
                self.watched.acknowledged.add(chosen)
                self.note(f"bob acknowledges {chosen[:8]}", "")

    async def _look(self) -> None:
        """Promises are kept while nothing hinders it."""
        while True:
            await asyncio.sleep(HOUR)
            now = self.loop.time()
            if self.scenario.scarce or self._suffering:
                continue
            for wallet in self.configuration.settings.wallets:
                longest = self.scenario.every.get(wallet.name, 6 * HOUR)
                for account in wallet.accounts:
                    since = max(self.watched.tried.get(account, 0.0), self._calm_since + 2 * HOUR)
                    words = f"{wallet.name} was not read since {clock(since)}, in peace"
                    self.watched.expect(now - since < 2 * longest + 300, words)

    # ------------------------------------------------------------------ faults

    async def _suffer(self, fault: Fault) -> None:
        await asyncio.sleep(fault.at)
        self.note(f"! {fault}")
        self._suffering += 1
        try:
            await befall(self, fault)
        finally:
            self._suffering -= 1
            self._calm_since = self.loop.time()

    def _heal(self) -> None:
        self.note("all faults are over")
        self.ways.heal()
        self.split.clear()
        self._suffering, self._calm_since = 0, self.loop.time()
        for provider in self.providers.values():
            provider.recover()
            provider.ill_luck = 0.0
        for far in self.fars.values():
            far.recover()
        for member in self.members.values():
            member.spare()
            member.again(0.0)

    # ------------------------------------------------------------------ looking

    def _after_step(self, life: str) -> None:
        member = self.members.get(life.rstrip("0123456789"))
        if member is not None and member.strike >= 0 and member.life == life:
            self.context.run(member.step)
        if self.watched.broken:
            self.loop.stop()

    def _uncaught(self, life: str, words: str) -> None:
        self.watched.broken.append(f"{life}: nobody caught: {words}")

    def _at_rest(self) -> None:
        expect, state = self.watched.expect, self.state
        for each in state.deliveries.values():
            words = f"delivery {each.id} to {each.channel} is {each.state} at rest: {each.message.title}"
            expect(each.state is DeliveryState.SENT, words)
        for identity, owed in self.watched.owed.items():
            expect(identity in self.fars[owed.channel].arrived, f"never arrived: {owed.message.title}")
        expect(not state.cache.owing, f"an end is owed at rest: {state.cache.owing}")
        for (account, asset), holding in self.truth.holdings.items() if not self.scenario.scarce else ():
            known = state.cache.states.get(account)
            expect(known is not None and not known.held, f"{account} is held at rest: {known}")
            kept = known.amounts.get(asset, 0) if known is not None else None
            expect(kept == holding.amount, f"{account} {asset} is {holding.amount}, and {kept} is kept")
        for alert in state.alerts.values():
            if alert.live and alert.rule in ("low", "low-for"):
                low = self.truth.holdings[Account("coins", "ethereum", "hot"), ETH].amount < 1 / 2
                expect(low, f"{alert.rule} is {alert.state} at rest: {alert.because}")
            elif alert.live and not self.scenario.scarce:
                expect(alert.rule == "poor", f"{alert.rule} is {alert.state} at rest: {alert.because}")

    def _furnish(self) -> None:
        for wallet in self.configuration.settings.wallets:
            for account in wallet.accounts:
                role = "low" if wallet.name == "hot" else "plain"
                self.truth.hold(account, Asset(account.chain, "ethereum"), "ETH", "3", role)
        self.truth.hold(Account("coins", "ethereum", "solo"), USDC, "USDC", "1", "gone")


@contextmanager
def virtual_time(world: World) -> Iterator[None]:
    """APScheduler reads the time by itself; it is given that of the member that runs. And what a daemon does
    each few seconds, mostly to find nothing, it does each minute: worlds would take twice as long else."""
    import apscheduler.schedulers.base as module

    class Stepped(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Self:
            member = world.members[MEMBER.get().rstrip("0123456789")]
            return member.clock.now()  # type: ignore[return-value]

    before, look_every = module.datetime, upkeep.LOOK_EVERY
    module.datetime, upkeep.LOOK_EVERY = Stepped, 60.0
    try:
        yield
    finally:
        module.datetime, upkeep.LOOK_EVERY = before, look_every


class _Faults(logging.Handler):
    """What the product says that it did not expect."""

    def __init__(self, world: World) -> None:
        super().__init__(logging.INFO)
        self._world = world

    def emit(self, record: logging.LogRecord) -> None:
        words = record.getMessage()
        self._world.note(f"says: {words}")
        if record.exc_info or "unexpected" in words:
            text = self.format(record)
            self._world.watched.broken.append(f"{MEMBER.get()}: {text}")


@contextmanager
def _hearing(world: World) -> Iterator[None]:
    logger, handler = logging.getLogger("watcher"), _Faults(world)
    level, propagates = logger.level, logger.propagate
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    logger.propagate = False
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)
        logger.propagate = propagates

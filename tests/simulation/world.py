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
from datetime import datetime, timedelta
from decimal import Decimal
from hashlib import blake2b

from tests.simulation.access import Ways
from tests.simulation.far import Arrival, Far
from tests.simulation.faults import CUT_OFF, DAY, HOUR, Fault, befall, clock
from tests.simulation.invariants import Invariants
from tests.simulation.kinds import WORLD
from tests.simulation.loop import MEMBER, SimulatedLoop
from tests.simulation.member import START, Member, seeded
from tests.simulation.patching import virtual_time
from tests.simulation.rest import at_rest, judged
from tests.simulation.scenario import Scenario
from tests.simulation.server import Server, Session
from tests.simulation.truth import PRICE, ZERO, Holding, Provider, Truth
from watcher.domain.audit import Actor
from watcher.domain.credits.allowance import CreditPlan
from watcher.domain.messages.delivery import Delivery
from watcher.domain.model import Account
from watcher.ports.members import Lease
from watcher.ports.source import Reply, Request
from watcher.store.memory.state import State
from watcher.store.postgres import election
from watcher.store.postgres.members import SILENT

SHOWN = 60
"""Lines of history that a report shows."""

SOON = 6 * HOUR + 2 * HOUR
"""Seconds in peace after which all must have come to rest: the longest promise, and some."""


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
        many = scenario.members > 1
        self.state, self.ways = State(apart=many), Ways(seed)
        self.ways.loses_words = many
        self.truth = Truth(seed)
        plan = CreditPlan(scenario.limit, scenario.period)
        self.providers = {"coins": Provider("coins", self.truth, plan, seed, self.now)}
        names = ("ops", "pager")
        self.over = False
        self.watched = Invariants(self.truth, {"coins": plan}, names, self.loop.time, self)
        for each in self.providers.values():
            each.kept = self.watched.read.get
        self.watched.clocks_step = any(each.what == "clock steps" for each in scenario.faults)
        self.fars = {
            name: Far(name, seed, self.loop.time, self.cut_off, self._arrived, self._sends) for name in names
        }
        self.server: Server | None = None
        if many:
            self.server = Server(
                self.now, self.state, election.IDLE * scenario.slowed,
                on_end=self._ended, on_start=self.watched.started, on_lead=self._leads,
            )  # fmt: skip
        self.context = copy_context()
        self.context.run(WORLD.set, self)
        self.configuration = scenario.configuration()
        self.members = {name: self.context.run(Member, name, self) for name in scenario.names}
        self._cuts: dict[str, list[str]] = {name: [] for name in scenario.names}
        self._cut_since: dict[str, float] = {}
        """Who cannot reach the store, and since when."""
        self._answered = asyncio.Event()
        self._calm_since = 0.0
        self._suffering = 0
        for wallet in self.configuration.settings.wallets:
            for account in wallet.accounts:
                self.truth.furnish(account)

    # ------------------------------------------------------------------ what others ask

    def now(self) -> datetime:
        """The true time."""
        return START + timedelta(milliseconds=int(self.loop.time() * 1000))

    @property
    def fund(self) -> list[Account]:
        """The accounts that are summed."""
        wallets = self.configuration.settings.wallets
        return [account for wallet in wallets if wallet.tags for account in wallet.accounts]

    def worth(self) -> Decimal:
        """The sum of what is kept of these."""
        states = self.state.cache.states
        found = [sum(states[each].amounts.values(), ZERO) for each in self.fund if each in states]
        return sum(found, ZERO) * PRICE

    def acts(self, life: str) -> None:
        """A member has just done something that others see."""
        member = self.members.get(life.rstrip("0123456789"))
        if member is not None:
            member.acts()

    def end(self) -> None:
        """With the step that is being taken."""
        self.loop.stop()

    def note(self, words: str, member: str | None = None) -> None:
        who = MEMBER.get() if member is None else member
        line = f"{clock(self.loop.time())} {who or '-':4} {words}"
        self._lines.append(line)
        self._digest.update(line.encode())

    def cut_off(self, life: str) -> bool:
        """Whether a member reaches nobody."""
        return CUT_OFF in self._cuts[life.rstrip("0123456789")]

    def cut_from_store(self, life: str) -> bool:
        return life.rstrip("0123456789") in self._cut_since

    def cut(self, name: str, what: str) -> None:
        self._cuts[name].append(what)
        self._cut_since.setdefault(name, self.loop.time())

    def join(self, name: str, what: str) -> None:
        if what in self._cuts[name]:
            self._cuts[name].remove(what)
        if not self._cuts[name]:
            self._cut_since.pop(name, None)

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

    def asks(self, life: str, request: Request) -> None:
        """A request goes out."""
        work = self.members[life.rstrip("0123456789")].work
        if work is not None:
            self.watched.asks(life, work.planned(request.accounts), self.now())

    def _sends(self, life: str) -> None:
        """Somebody begins to tell something."""
        since = self._cut_since.get(life.rstrip("0123456789"), self.loop.time())
        long = self.loop.time() - since
        words = f"{life} tells something, and has not reached the store for {long:.1f} s"
        self.watched.expect(long <= SILENT * self.scenario.slowed + 1, words)

    def _ended(self, session: Session) -> None:
        if not self.cut_from_store(session.life):
            self.loop.readable(session.number)

    def _leads(self, lease: Lease) -> None:
        self.note(f"{lease.member} leads {lease.role}, {lease.term}")
        for name, member in self.members.items():
            twice = name != lease.member and member.runs and member.elections is not None
            words = f"{name} leads {lease.role} still, as {lease.member} begins to"
            self.watched.expect(
                not twice or member.elections is None or not member.elections.leads(lease.role), words
            )

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
        if not self.scenario.peace:
            return
        await asyncio.sleep(SOON)
        if self.scenario.scarce:  # what was overspent on bad days is back with the next period
            await asyncio.sleep(DAY if self.scenario.period == "day" else 0)
        at_rest(self)

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
            if now - self._calm_since > 2 * HOUR:
                judged(self)
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
        for name, cuts in self._cuts.items():
            for each in tuple(cuts):
                self.join(name, each)
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
        if member is not None and member.life == life:
            self.context.run(member.step)

    def _uncaught(self, life: str, words: str) -> None:
        self.watched.breaks(f"{life}: nobody caught: {words}")


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
            self._world.watched.breaks(f"{MEMBER.get()}: {text}")


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

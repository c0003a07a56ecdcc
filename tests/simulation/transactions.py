"""Members on a real PostgreSQL: they poll, judge, tell and take over, statement by statement."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, TypeVar, cast

import psycopg

from tests.simulation.conductor import CONDUCTOR, ConductedConnection, Conductor, Killed
from tests.simulation.invariants import POOR, RICH, Booked, Invariants
from tests.simulation.member import START
from tests.simulation.patching import patched
from tests.simulation.scenario import Scenario
from tests.simulation.truth import EACH, ZERO, Truth
from watcher.config.configuration import build_rules
from watcher.domain.alerts.lifecycle import Alert, AlertState
from watcher.domain.audit import Actor
from watcher.domain.credits.allowance import Allowance, Booking, CreditPlan, Grant, Purpose
from watcher.domain.decision import Decision, SumKey
from watcher.domain.messages.delivery import DeliveryState
from watcher.domain.model import Account, Outcome, Reading
from watcher.domain.records import replace
from watcher.domain.values.errors import StoreError
from watcher.ports.clock import Clock
from watcher.ports.members import PLAN, Lease
from watcher.ports.store import Concluding, Deciding, Settlement, Store
from watcher.service.engine import RuleEngine
from watcher.store.postgres import pool as pools
from watcher.store.postgres.backend import PostgresSettings
from watcher.store.postgres.commands import PostgresCommands
from watcher.store.postgres.pool import Connection, Pool
from watcher.store.postgres.transactions import PostgresTransactions, repeated

T = TypeVar("T")

CHANNELS = ("ops", "pager")
SOURCE = "coins"
TAKE_OVER = (
    "INSERT INTO leases AS known (role, member, term, since) VALUES (%s, %s, 1, 0)"
    " ON CONFLICT (role) DO UPDATE SET member = excluded.member, term = known.term + 1 RETURNING term"
)


class Kept(Invariants):
    """What was committed, in this order."""

    def _sum(self, known: Alert | None, alert: Alert) -> None:
        """What is committed between a sum's look and its end leaves it to be judged again."""

    def lost(self, booking: Booking, booked: int, plan: CreditPlan) -> None:
        """Somebody died who has booked something, or was refused. `booked`: what the database has now."""
        if booked != self.booked[booking.source]:
            of = Booked(booking.source, plan.bounds(booking.at)[0], booking.cost, corrects=False)
            self._book(of, booking.cost)


@dataclass
class Came:
    """What came of one run."""

    seed: int
    broken: list[str]
    history: list[str]
    digest: str
    steps: int
    retries: Mapping[str, int] = field(default_factory=dict)


class Stage:
    """One database, and who works on it at once."""

    def __init__(
        self, seed: int, url: str, *, members: int = 3, work: int = 40, polls: int = 0, kills: float = 0.004
    ) -> None:
        """`work`: pieces of work that all of them do together. `polls`: of so many accounts, by the plan."""
        self.seed, self.url, self.left = seed, url, work
        self.server = psycopg.connect(url, autocommit=True, options="-c search_path=watcher")
        self.conductor = Conductor(str(seed), self.server, kills)
        self.truth, self.chance = Truth(str(seed)), random.Random(f"stage {seed}")
        configuration = Scenario(seed).configuration()
        self.rules = build_rules(configuration)
        self.plan = CreditPlan(EACH * (polls or self.chance.choice((8, 15, 1000))), "day")
        self.accounts = sorted(self.rules.wallets)
        wallets = configuration.settings.wallets
        self.fund = [account for each in wallets if each.tags for account in each.accounts]
        for account in self.accounts:
            self.truth.furnish(account)
        self.watched = Kept(
            self.truth, {SOURCE: self.plan}, CHANNELS, lambda: self.conductor.now, cast(Any, self)
        )
        self.lease: Lease | None = None
        self.members = [Member(name, self) for name in ("a", "b", "c", "d")[:members]]

    # ------------------------------------------------------------------ what the invariants ask

    def note(self, words: str) -> None:
        self.conductor.note(words)

    def acts(self, _life: str) -> None:
        """Nobody lies in wait."""

    def end(self) -> None:
        """Whoever goes on looks first whether something is broken."""

    def booked(self) -> int:
        """All that the ledger has."""
        row = self.server.execute("SELECT coalesce(sum(credits), 0)::bigint FROM spending").fetchone()
        return int(row[0]) if row is not None else 0

    def acknowledged(self, identity: str) -> bool:
        sql = "SELECT acknowledged_at IS NOT NULL FROM alerts WHERE id = %s"
        return self.server.execute(sql, (identity,)).fetchone() == (True,)

    def worth(self) -> Decimal:
        kept = self.watched.kept
        return sum((amount for (account, _), amount in kept.items() if account in self.fund), ZERO) * 3

    def now(self) -> datetime:
        return START + timedelta(milliseconds=int(self.conductor.now * 1000))

    # ------------------------------------------------------------------ the run

    def run(self) -> Came:
        random.seed(f"product {self.seed}")
        CONDUCTOR.append(self.conductor)
        try:
            with ExitStack() as changed:
                session = {**pools._SESSION, "lock_timeout": "60s", "deadlock_timeout": "200ms"}
                changed.enter_context(patched(pools, "_SESSION", session))
                changed.enter_context(patched(pools, "PostgresConnection", ConductedConnection))
                self.conductor.run({each.name: each.live for each in self.members})
                self.conductor.over = True
                if not self.watched.broken:
                    self._at_rest()
        finally:
            CONDUCTOR.pop()
            for each in self.members:
                each.pool.close()
            self.server.close()
        retries = sum((Counter(each.pool.figures.retries) for each in self.members), start=Counter[str]())
        return Came(
            self.seed, self.watched.broken, self.conductor.history, self.conductor.digest,
            self.conductor.steps, retries,
        )  # fmt: skip

    def _at_rest(self) -> None:
        """What is left is judged; then the database has what was said to be kept."""
        last, expect = self.members[0], self.watched.expect
        last.begin()
        while at_once(last.engine.judge_sums()):
            pass
        rows = self.server.execute(
            "SELECT source, address, accounts.chain, assets.chain, token, amount FROM balances"
            " JOIN accounts ON accounts.id = account JOIN assets ON assets.id = asset"
        )
        found = {(row[:3], row[3:5]): row[5] for row in rows if row[5]}
        kept = {
            ((account.source, account.address, account.chain), (asset.chain, asset.token)): amount
            for (account, asset), amount in self.watched.kept.items()
            if amount
        }
        expect(found == kept, f"the database holds {found}, and {kept} was kept")
        booked, said = self.booked(), self.watched.booked[SOURCE]
        expect(booked == said, f"the database has {booked} credits booked, and {said} were")
        owed = {row[0] for row in self.server.execute("SELECT id FROM deliveries")}
        expect(owed == set(self.watched.owed), "deliveries are there that were not owed, or are lost")
        live = {alert.id for alert in last.core.live_alerts()}
        known = {each.id for each in self.watched.alerts.values() if each.live}
        expect(live == known, f"alerts live: {live}, and should: {known}")
        if {account for account, _ in self.watched.kept}.issuperset(self.fund):
            fires = any(each.rule == "poor" and each.live for each in self.watched.alerts.values())
            wrong = self.worth() > RICH if fires else self.worth() < POOR
            expect(
                not wrong, f"the fund is worth {self.worth()}, and `poor` {'fires' if fires else 'is over'}"
            )


class VirtualClock:
    """The time of the simulation. Nobody waits by it."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage

    def now(self) -> datetime:
        return self._stage.now()

    def monotonic(self) -> float:
        return self._stage.conductor.now


class Direct:
    """As much of the store's port as deciding needs, in the thread that asks."""

    def __init__(self, core: PostgresTransactions, stage: Stage, lease: Lease | None = None) -> None:
        self._core, self._stage, self._lease = core, stage, lease

    async def conclude(
        self, accounts: Sequence[Account], decide: Deciding, settlement: Settlement | None = None
    ) -> Decision:
        return self._watched(lambda seen: self._core.conclude(accounts, seen(decide), settlement), settlement)

    async def conclude_read(self, read: Callable[[], Concluding]) -> Decision:
        return await self.conclude(*read())

    async def conclude_sums(
        self, read: Callable[[Mapping[SumKey, bool]], tuple[Sequence[Account], Deciding]], most: int
    ) -> Decision | None:
        def reading(seen: Callable[[Deciding], Deciding]) -> Decision | None:
            def seeing(sums: Mapping[SumKey, bool]) -> tuple[Sequence[Account], Deciding]:
                accounts, decide = read(sums)
                return accounts, seen(decide)

            return self._core.conclude_sums(seeing, most)

        return self._watched(reading, None)

    def _watched(self, work: Callable[[Any], T], settlement: Settlement | None) -> T:
        """Whatever becomes of who decides: what was committed is known here."""
        decided: list[Decision] = []

        def seen(decide: Deciding) -> Deciding:
            def deciding(past: Any, recall: Any) -> Decision:
                decided.append(decide(past, recall))
                return decided[-1]

            return deciding

        try:
            result = work(seen)
        except Killed as killed:
            if killed.kept and decided:
                self._kept(decided[-1], settlement)
            raise
        if decided:
            self._kept(decided[-1], settlement)
        return result

    def _kept(self, decision: Decision, settlement: Settlement | None) -> None:
        self._stage.watched.concluded(decision, settlement)
        if self._lease is not None:
            self._stage.watched.writes(self._lease, self._stage.lease)


class Member:
    """One process after the other: what it remembers dies with it."""

    def __init__(self, name: str, stage: Stage) -> None:
        self.name, self._stage = name, stage
        self._chance = random.Random(f"member {name} {stage.seed}")
        settings = PostgresSettings.model_validate({"url": stage.url})
        self.pool = Pool(settings.url, "watcher", 2, name)
        self._lease: Lease | None = None
        self.begin()

    def begin(self) -> None:
        self.core = PostgresTransactions(self.pool, self.name)
        self.engine = self._over(self.core)
        self._lease = None

    def _over(self, core: PostgresTransactions, lease: Lease | None = None) -> RuleEngine:
        store, clock = cast(Store, Direct(core, self._stage, lease)), cast(Clock, VirtualClock(self._stage))
        return RuleEngine(store, self._stage.rules, clock, running_since=START)

    def live(self) -> None:
        stage = self._stage
        work = (self._poll, self._poll, self._poll, self._sums, self._tell, self._acknowledge, self._lead)
        stage.conductor.turn("begins")
        while stage.left > 0 and not stage.watched.broken:
            stage.left -= 1
            try:
                self._chance.choice(work)()
            except StoreError as error:
                stage.note(f"{self.name} {error}")
            except Killed:
                self.begin()
            except Exception as error:  # noqa: BLE001 (whatever it is, nobody expected it)
                stage.watched.broken.append(f"{self.name}: {error!r}")

    def _poll(self) -> None:
        stage, watched = self._stage, self._stage.watched
        accounts = self._chance.sample(stage.accounts, self._chance.randint(1, 3))
        booking = Booking(SOURCE, len(accounts), EACH * len(accounts), Purpose.SCHEDULED, stage.now())
        answer = self._reserved(booking)
        if not isinstance(answer, Grant):
            return
        stage.conductor.turn("asks")
        outcomes = [self._reading(each) for each in accounts]
        watched.charged(SOURCE, booking.cost)
        stage.conductor.turn("has an answer")
        now = stage.now()
        settlement = Settlement(answer, now, booking.cost, len(outcomes))
        at_once(self.engine.judge_read(lambda: (outcomes, settlement), now))

    def _reserved(self, booking: Booking) -> Any:
        granted: list[Any] = []
        allowance = Allowance(self._stage.plan)
        try:
            granted.append(self.core.reserve(booking, allowance))
        except Killed as killed:
            if killed.kept:  # booked, perhaps, and nobody knows under which number
                self._stage.watched.lost(booking, self._stage.booked(), self._stage.plan)
            raise
        self._stage.watched.reserved(booking, granted[0], allowance.credits)
        return granted[0]

    def _reading(self, account: Account) -> Outcome:
        truth = self._stage.truth
        held = truth.of(account)
        for each in held:
            truth.move(each)  # so that an answer that is overtaken by another is known from it
            each.answered.add(each.amount)
        return Reading(
            account,
            {each.asset: each.amount for each in held if each.amount},
            {each.asset: each.price for each in held if each.amount},
            {each.asset: each.symbol for each in held if each.amount},
            frozenset({account.chain}),
        )

    def _sums(self) -> None:
        at_once(self.engine.judge_sums())

    def _tell(self) -> None:
        watched, now = self._stage.watched, self._stage.now()
        due = self.core.due(self._chance.choice(CHANNELS), now, 5)
        sent = [replace(each, state=DeliveryState.SENT, sent=now, attempts=each.attempts + 1) for each in due]
        for each in sent:
            known = watched.owed.get(each.id)
            watched.expect(known is not None, f"{each.id} is told, and nobody owed it")
        self.core.settle(sent, {})

    def _acknowledge(self) -> None:
        watched = self._stage.watched
        firing = sorted(
            each.id
            for each in watched.alerts.values()
            if each.state is AlertState.FIRING and each.id not in watched.acknowledged
        )
        if firing:
            chosen = self._chance.choice(firing)
            commands = PostgresCommands(self.pool, Actor("bob", "page", self._stage.now()))
            try:
                commands.acknowledge([chosen])
            finally:
                if self._stage.acknowledged(chosen):
                    watched.acknowledged.add(chosen)

    def _lead(self) -> None:
        """Take over, or judge by the clock as who has taken over once, and may have lost it since."""
        stage = self._stage
        if self._lease is None or self._chance.random() < 0.3:
            self._lease = self._take_over()
        engine = self._over(self.core.led(self._lease), self._lease)
        at_once(engine.judge_time(stage.accounts))

    def _take_over(self) -> Lease:
        def work(conn: Connection) -> int:
            return int(next(iter(conn.execute(TAKE_OVER, (PLAN, self.name))))[0])

        terms: list[int] = []
        try:
            repeated(self.pool, lambda conn: terms.append(work(conn)))
        except Killed as killed:
            if killed.kept:
                self._stage.lease = Lease(PLAN, terms[-1], self.name)
            raise
        self._stage.lease = Lease(PLAN, terms[-1], self.name)
        return self._stage.lease


def at_once(work: Coroutine[Any, Any, T]) -> T:
    """What a coroutine gives that waits for nothing."""
    try:
        work.send(None)
    except StopIteration as result:
        return cast(T, result.value)
    raise AssertionError("it waits")

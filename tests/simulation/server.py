"""A database that members share, in memory: who is at work, who leads what, and what they hand each other.

What it keeps of accounts, alerts and deliveries is the state of the store in memory. Each call is one step.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, ClassVar

from watcher.domain.credits.allowance import Purpose
from watcher.domain.decision import Decision
from watcher.domain.model import Account
from watcher.domain.values.errors import StoreBusyError, StoreError
from watcher.ports.channel_lane import LaneState
from watcher.ports.members import PLAN, Identity, Lease
from watcher.ports.shared_work import HandedJob, OwedRecheck, PolledRequest, PollJob
from watcher.ports.store import Settlement
from watcher.store.codec import to_ms
from watcher.store.memory.state import State
from watcher.store.postgres import gate as statements_of
from watcher.store.postgres.election import OtherMember, Standing

KEPT = timedelta(hours=1)
"""For how long it is known what came of each request."""


@dataclass(eq=False)
class Session:
    """One connection by which a member leads. What it has locked is free once it ends."""

    number: int
    life: str
    heard: float
    locks: set[tuple[str, str]] = field(default_factory=set)
    ended: bool = False


@dataclass
class Job:
    """A job that waits (no worker) or is being done."""

    id: int
    crowd: str
    job: PollJob
    urgent: bool
    worker: int | None = None


@dataclass
class GateRow:
    """The row of a source; times in milliseconds."""

    next_start: int = 0
    paused_until: int = 0
    failures: int = 0
    sleep: tuple[int | None, str, int] = (None, "", 0)
    streak: str = ""


class Server:
    """All of it."""

    def __init__(
        self,
        now: Callable[[], datetime],
        state: State,
        idle: float,
        *,
        on_end: Callable[[Session], None],
        on_start: Callable[[str, int, int], None],
        on_lead: Callable[[Lease], None],
    ) -> None:
        """`idle`: seconds after which a session that says nothing is ended. `on_end` hears of sessions that
        end, `on_start` of starts that are given out, `on_lead` of roles that are gained."""
        self.now, self.state, self.idle = now, state, idle
        self._on_end, self._on_start, self._on_lead = on_end, on_start, on_lead
        self._count = 0
        self.sessions: list[Session] = []
        self.leases: dict[str, Lease] = {}
        self.members: dict[str, tuple[float, Identity]] = {}
        """When each was seen last, and what it said of itself."""
        self.jobs: dict[int, Job] = {}
        self.workers: dict[int, float] = {}
        self.looking: dict[int, asyncio.Event] = {}
        """Workers that look for jobs when there are some."""
        self.gates: dict[str, GateRow] = {}
        self.lanes: dict[str, LaneState] = {}
        self.again: dict[Account, tuple[datetime, bool]] = {}
        self.learnt: dict[str, dict[str, str]] = defaultdict(dict)
        self.polled: list[tuple[str, PolledRequest]] = []

    def number(self) -> int:
        self._count += 1
        return self._count

    @property
    def seconds(self) -> float:
        return self.now().timestamp()

    # ------------------------------------------------------------------ sessions

    def connect(self, life: str) -> Session:
        session = Session(self.number(), life, self.seconds)
        self.sessions.append(session)
        return session

    def hear(self, session: Session) -> None:
        """It says something. StoreBusyError if it was ended before."""
        self.look()
        if session.ended:
            raise StoreBusyError("the connection was lost")
        session.heard = self.seconds

    def look(self) -> None:
        """End whoever has said nothing for long."""
        now = self.seconds
        for each in [each for each in self.sessions if now - each.heard > self.idle]:
            self.end(each)

    def end(self, session: Session) -> None:
        if not session.ended:
            session.ended = True
            self.sessions.remove(session)
            self._on_end(session)

    def end_all(self, life: str | None = None) -> None:
        for each in [each for each in self.sessions if life in (None, each.life)]:
            self.end(each)

    def holder(self, lock: tuple[str, str]) -> Session | None:
        return next((each for each in self.sessions if lock in each.locks), None)

    def lock(self, session: Session, lock: tuple[str, str]) -> bool:
        holder = self.holder(lock)
        if holder is None:
            session.locks.add(lock)
        return holder in (None, session)

    # ------------------------------------------------------------------ roles

    def seen(self, identity: Identity) -> Standing:
        self.members[identity.name] = self.seconds, identity
        lease = self.leases.get(PLAN)
        planner = lease.member if lease is not None and self.holder(("role", PLAN)) is not None else ""
        peers = tuple(
            OtherMember(name, other.fingerprint, other.wanted)
            for name, (_, other) in self.members.items()
            if name != identity.name and self.holder(("name", name)) is not None
        )
        return Standing(self.seconds, 0, planner, peers)

    def take(self, session: Session, name: str, roles: Sequence[str], most: int) -> dict[str, int]:
        won: dict[str, int] = {}
        for role in roles:
            if len(won) < most and self.holder(("role", role)) is None:
                session.locks.add(("role", role))
                before = self.leases.get(role)
                won[role] = before.term + 1 if before is not None else 1
                self.leases[role] = Lease(role, won[role], name)
                self._on_lead(self.leases[role])
        return won

    def check(self, lease: Lease | None) -> None:
        """Before anything is written on behalf of a role."""
        if lease is not None and self.leases.get(lease.role) != lease:
            raise StoreError(f"{lease.role} is led by another member by now; nothing was written")

    # ------------------------------------------------------------------ jobs

    def hand(self, crowd: str, jobs: Sequence[tuple[PollJob, bool]]) -> list[int]:
        made = [Job(self.number(), crowd, job, urgent) for job, urgent in jobs]
        self.jobs.update((each.id, each) for each in made)
        self._stir()
        return [each.id for each in made]

    def _stir(self) -> None:
        for each in self.looking.values():
            each.set()

    def ahead(self, crowd: str) -> list[HandedJob]:
        return [HandedJob(each.id, each.job) for each in self.jobs.values() if each.crowd == crowd]

    def fetch(
        self, worker: int, crowd: str, sources: Collection[str], room: int, *, urgent: bool
    ) -> list[HandedJob]:
        """A sign of life, and as many jobs as there is room for."""
        self.workers[worker] = self.seconds
        free = [
            each
            for each in self.jobs.values()
            if (each.crowd, each.urgent) == (crowd, urgent)
            and each.worker is None
            and each.job.source in sources
        ]
        for each in free[:room]:
            each.worker = worker
        return [HandedJob(each.id, each.job) for each in free[:room]]

    def finish(self, worker: int, number: int, *, back: bool) -> None:
        """A job is done, or goes back."""
        job = self.jobs.get(number)
        if job is not None and job.worker == worker:
            job.worker = None
            if not back:
                del self.jobs[number]
            self._stir()

    def sweep(self, crowd: str, stalled: float) -> int:
        now = self.seconds
        dead = {each for each, seen in self.workers.items() if now - seen > stalled}
        found = [each for each in self.jobs.values() if each.worker in dead]
        for each in found:
            each.worker = None
            self._stir()
        for worker in dead:
            del self.workers[worker]
        self.jobs = {
            each.id: each for each in self.jobs.values() if each.crowd == crowd or each.worker is not None
        }
        return len(found)

    def askers(self, crowd: str, silent: float) -> int:
        rows, now = self.members.values(), self.seconds
        return sum(each.fingerprint == crowd and now - seen < silent for seen, each in rows)

    # ------------------------------------------------------------------ what came of it

    def concluded(self, decision: Decision, settlement: Settlement | None) -> Decision:
        """Keep beside a decision what all are to know of it."""
        asked = {each.account: each for each in decision.accounts if each.last_attempt == decision.at}
        for account in asked:
            self.again.pop(account, None)
        for each in decision.again:
            self.again[each.account] = self.now() + each.after, each.alone
        if settlement is not None and asked:
            poll, moved = self.state.polls[settlement.grant.id], decision.moved
            found = {account: None if state.misses else account in moved for account, state in asked.items()}
            request = PolledRequest(poll.id, Purpose(poll.purpose), settlement.ended, found)
            self.polled = [each for each in self.polled if each[1].at > self.now() - KEPT]
            self.polled.append((poll.source, request))
        return decision

    def polled_since(self, source: str, since: datetime) -> list[PolledRequest]:
        found = [each for name, each in self.polled if name == source and each.at >= since]
        return sorted(found, key=lambda each: (each.at, each.id))

    def owed(self, source: str) -> list[OwedRecheck]:
        now = self.now()
        rows = [OwedRecheck(account, *row) for account, row in self.again.items() if account.source == source]
        return sorted((each for each in rows if each.due <= now), key=lambda each: each.due)

    def settled(self, planned: Mapping[Account, datetime]) -> list[Account]:
        states = self.state.cache.states
        read = {each: states[each].last_reading for each in planned if each in states}
        return [each for each, at in planned.items() if (last := read.get(each)) is not None and last >= at]

    # ------------------------------------------------------------------ gates

    def gate(self, statements: Sequence[str], values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """What the statements of a gate do."""
        row = self.gates.setdefault(values["source"], GateRow())
        found: list[tuple[Any, ...]] = getattr(self, self._GATE[statements[-1]])(row, values)
        return found

    def change_streak(self, source: str, change: Callable[[str], str]) -> tuple[str, str]:
        row = self.gates.setdefault(source, GateRow())
        before, row.streak = row.streak, change(row.streak)
        return before, row.streak

    def _turn(self, row: GateRow, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        now, spacing = to_ms(self.now()), values["spacing"]
        start = max(now, row.next_start, row.paused_until)
        row.next_start = start + spacing
        self._on_start(values["source"], start, spacing)
        return [(start - now, row.paused_until - now, row.failures, *row.sleep, row.streak)]

    def _look(self, row: GateRow, _values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        now = to_ms(self.now())
        return [(row.next_start - now, row.paused_until - now, row.failures, *row.sleep, row.streak)]

    def _pause(self, row: GateRow, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        row.paused_until = max(row.paused_until, to_ms(self.now()) + values["pause"])
        return []

    def _failed(self, row: GateRow, _values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        row.failures = max(row.failures + (row.paused_until <= to_ms(self.now())), 1)
        return [(row.failures,)]

    def _succeeded(self, row: GateRow, _values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        row.failures = 0
        return []

    def _sleep(self, row: GateRow, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        row.sleep = values["until"], values["because"], values["cost"]
        return []

    _GATE: ClassVar[dict[str, str]] = {
        statements_of._TURN: "_turn",
        statements_of._LOOK: "_look",
        statements_of._PAUSE: "_pause",
        statements_of._FAILED: "_failed",
        statements_of._SUCCEEDED: "_succeeded",
        statements_of._SLEEP: "_sleep",
    }

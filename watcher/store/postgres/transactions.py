"""The store's work on PostgreSQL, done in its threads: every public method is one transaction.

READ COMMITTED: each statement sees what was committed before it. What must not change is locked first, in one
order: gate, accounts by their numbers, alerts by rule and subject, assets by their numbers, deliveries. What
was read without a lock is written over in the version that was seen, or the transaction is done anew.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import copy
from datetime import datetime
from typing import Self, TypeVar

from watcher.domain.alerts.lifecycle import Alert
from watcher.domain.credits.allowance import Allowance, Booking, CreditRefusal, Grant
from watcher.domain.decision import Decision, LastRead, PriceAt, Question, Recalled, Snapshot, SumKey
from watcher.domain.messages.delivery import Delivery
from watcher.domain.model import Account
from watcher.domain.records import replace
from watcher.ports.members import Lease
from watcher.ports.store import Deciding, Recall, Settlement
from watcher.store.codec import from_ms, to_ms
from watcher.store.outcomes import outcomes
from watcher.store.postgres import ledger, marks, outbox, sums
from watcher.store.postgres.cache import Kept, PostgresSnapshotCache
from watcher.store.postgres.errors import StoreConflictError
from watcher.store.postgres.leases import check_lease
from watcher.store.postgres.look import Rows, StoreLook, ask_lock, ask_states, columns, numbers, take_states
from watcher.store.postgres.memory import Memories, Memory
from watcher.store.postgres.pool import Connection, Pool
from watcher.store.postgres.retention import PostgresRetention
from watcher.store.postgres.writing import StoreWriting
from watcher.store.sql import deliveries
from watcher.store.sql import ledger as books

T = TypeVar("T")
Keeping = Callable[[], None]

TRIES = 5
"""How often a transaction is begun, if others are quicker each time."""

_ATTEMPTS = (
    "SELECT a.source, a.chain, a.address, a.last_attempt"
    " FROM unnest(%s::words[], %s::words[], %s::words[]) AS asked (source, chain, address)"
    " JOIN accounts a USING (source, chain, address) WHERE a.last_attempt IS NOT NULL"
)
_RUNNING = (
    "INSERT INTO runs (member, began, seen) VALUES (%s, %s, %s)"
    " ON CONFLICT (member, began) DO UPDATE SET seen = greatest(runs.seen, excluded.seen)"
)

_UNREAD = "SELECT source, chain, address FROM accounts WHERE last_reading IS NULL OR last_reading < %s"


class PostgresTransactions:
    """What is done on the connections of one process, and what it remembers. Belongs to no thread."""

    def __init__(self, pool: Pool, member: str) -> None:
        self._pool, self._member = pool, member
        self._lease: Lease | None = None
        self._memories, self._retention = Memories(), PostgresRetention()

    def led(self, lease: Lease) -> Self:
        """The same, with all that is remembered. Once the lease is another's, it writes nothing."""
        other = copy(self)
        other._lease = lease  # noqa: SLF001
        return other

    # ------------------------------------------------------------------ decisions

    def load(self, accounts: Sequence[Account]) -> Snapshot:
        with self._pool.connection() as conn, conn.pipeline():
            memory = self._memories.of(conn)
            known = memory.accounts.of(accounts)
            states, look = ask_states(conn, accounts, known), StoreLook(conn, memory.small)
            with memory.small.lock:
                return memory.small.snapshot(accounts, _seen(memory, states, look, known))

    def attempts(self, accounts: Sequence[Account]) -> dict[Account, datetime]:
        with self._pool.connection() as conn:
            rows = conn.execute(_ATTEMPTS, columns(dict.fromkeys(accounts), 3))
            return {Account(*row[:3]): from_ms(row[3]) for row in rows}

    def unread_since(self, at: datetime) -> list[Account]:
        with self._pool.connection() as conn:
            return [Account(*row) for row in conn.execute(_UNREAD, (to_ms(at),))]

    def live_alerts(self) -> list[Alert]:
        with self._pool.connection() as conn, conn.pipeline():
            memory = self._memories.of(conn)
            look = StoreLook(conn, memory.small)
            with memory.small.lock:
                look.take()
                return list(memory.small.alerts.values())

    def conclude(
        self,
        accounts: Sequence[Account],
        decide: Deciding,
        settlement: Settlement | None,
        tried: list[Decision] | None = None,
    ) -> Decision:
        """`tried`: the decisions of attempts that may have been kept, nobody knows. The last one stands if
        the request is settled by now."""

        def work(conn: Connection) -> tuple[Decision, Keeping]:
            if tried and settlement is not None and not ledger.is_open(conn, settlement.grant):
                return tried[-1], lambda: None
            memory = self._memories.of(conn)
            known = memory.accounts.of(accounts)
            locking = ask_lock(conn, accounts, known)
            states, look = ask_states(conn, accounts, known), StoreLook(conn, memory.small)
            locked = {row[0] for row in locking}  # who waits for one of them does not hold the lock below
            with memory.small.lock:
                kept = _seen(memory, states, look, known)
                if not all(each.id in locked for each in kept.values()):
                    memory.accounts.forget(accounts)
                    raise StoreConflictError("others have read the same account for the first time")
                decision, writing = _decided(conn, memory, accounts, kept, decide)
            _tell(conn, memory, decision, writing, settlement)
            if tried is not None:
                tried.append(decision)
            return decision, lambda: memory.accounts.keep(writing.committed())

        return self._kept(*self._repeated(work))

    def conclude_sums(
        self, read: Callable[[Mapping[SumKey, bool]], tuple[Sequence[Account], Deciding]], most: int
    ) -> Decision | None:
        def work(conn: Connection) -> tuple[Decision, Keeping] | None:
            taken = sums.take(conn, most)
            if not taken:
                return None
            accounts, decide = read(taken)
            memory = self._memories.of(conn)
            known = memory.accounts.of(accounts)
            states, look = ask_states(conn, accounts, known), StoreLook(conn, memory.small)
            with memory.small.lock:
                kept = _seen(memory, states, look, known)
                decision, writing = _decided(conn, memory, accounts, kept, decide, apart=False)
            _tell(conn, memory, decision, writing, None)
            return decision, lambda: memory.accounts.keep(writing.committed())

        done = self._repeated(work)
        return self._kept(*done) if done is not None else None

    @staticmethod
    def _kept(decision: Decision, remember: Keeping) -> Decision:
        remember()
        # Who is to be read again stands in a table, for whoever plans.
        return replace(decision, again=()) if decision.again else decision

    # ------------------------------------------------------------------ the ledger

    def reserve(self, booking: Booking, allowance: Allowance) -> Grant | CreditRefusal:
        def work(conn: Connection) -> tuple[Grant | CreditRefusal, Memory]:
            memory = self._memories.of(conn)
            return ledger.reserve(conn, booking, allowance, memory.gates), memory

        answer, memory = self._repeated(work)
        memory.gates.add(booking.source)
        return answer

    def fail(self, settlement: Settlement) -> None:
        self._repeated(lambda conn: ledger.settle(conn, settlement))

    def spent(self, source: str, since: datetime) -> int:
        with self._pool.connection() as conn:
            return books.spent(conn, source, since)

    def under_way(self, source: str, since: datetime) -> bool:
        with self._pool.connection() as conn:
            return books.under_way(conn, source, since)

    def running(self, since: datetime, now: datetime) -> None:
        values = (self._member, to_ms(since), to_ms(now))
        self._repeated(lambda conn: conn.execute(_RUNNING, values))

    # ------------------------------------------------------------------ facts and deliveries

    def facts(self, source: str) -> dict[str, str]:
        with self._pool.connection() as conn:
            return books.facts(conn, source)

    def keep_facts(self, source: str, found: Mapping[str, str], now: datetime) -> None:
        self._repeated(lambda conn: books.keep_facts(conn, source, found, now))

    def change_fact(self, source: str, name: str, change: Callable[[str | None], str], now: datetime) -> str:
        return self._repeated(lambda conn: ledger.change_fact(conn, source, name, change, now))

    def due(self, channel: str, now: datetime, limit: int, *, critical: bool = False) -> list[Delivery]:
        with self._pool.connection() as conn:
            return deliveries.due(conn, channel, now, limit, critical=critical)

    def next_due(self, channel: str) -> datetime | None:
        with self._pool.connection() as conn:
            return deliveries.next_due(conn, channel)

    def settle(self, attempted: Sequence[Delivery], instead: Mapping[str, Delivery]) -> list[Delivery]:
        def work(conn: Connection) -> list[Delivery]:
            owed, new = outbox.settle(conn, attempted, instead)
            self._memories.of(conn).news.mine(new)
            return owed

        return self._repeated(work)

    def tidy(self, now: datetime) -> bool:
        return self._repeated(lambda conn: self._retention.step(conn, now))

    def others_wrote(self) -> bool:
        with self._pool.connection() as conn:
            return self._memories.of(conn).news.look(conn)

    # ------------------------------------------------------------------ transactions

    def _repeated(self, work: Callable[[Connection], T]) -> T:
        """All of it or nothing; anew if others were quicker."""
        lease = self._lease
        if lease is None:
            return repeated(self._pool, work)

        def led(conn: Connection) -> T:
            check_lease(conn, lease)
            return work(conn)

        return repeated(self._pool, led)


def _seen(memory: Memory, states: Rows, look: StoreLook, known: Kept) -> Kept:
    """Bring what is remembered up to date; the accounts as they are. An asset of theirs was there before they
    were, so the look has it."""
    look.take()
    kept = take_states(states, known, memory.small.by_id)
    memory.accounts.keep(kept)
    return kept


def _decided(
    conn: Connection,
    memory: Memory,
    accounts: Sequence[Account],
    kept: Kept,
    decide: Deciding,
    *,
    apart: bool = True,
) -> tuple[Decision, StoreWriting]:
    """The decision, and the writing of it, which is on its way."""
    past = memory.small.snapshot(accounts, kept)
    recall = _recalling(conn, memory.small, kept)
    decision = decide(past if apart else replace(past, apart=False), recall)
    writing = StoreWriting(conn, memory.small, kept, decision)
    writing.write()
    return decision, writing


def _tell(
    conn: Connection, memory: Memory, decision: Decision, writing: StoreWriting, settlement: Settlement | None
) -> None:
    if decision.deliveries:
        memory.news.mine(outbox.add(conn, decision.deliveries))
    if settlement is not None:
        read = outcomes(decision, writing.accounts, writing.assets)
        ledger.settle(conn, settlement, read, decision.moved)


def _recalling(conn: Connection, cache: PostgresSnapshotCache, kept: Kept) -> Recall:
    accounts = {account: each.id for account, each in kept.items()}

    def recall(asked: Sequence[Question]) -> Mapping[Question, Recalled]:
        found: dict[Question, Recalled] = {}
        for each in asked:
            if isinstance(each, PriceAt) and (quote := cache.quote_at(each.asset, each.at)):
                found[each] = quote.price
        sent = [each for each in dict.fromkeys(asked) if each not in found]
        holdings = [each for each in sent if not isinstance(each, PriceAt | LastRead)]
        strange = {each.account for each in holdings} - accounts.keys()
        if strange:
            accounts.update(numbers(conn, sorted(strange)))
        rows = [marks.ask(conn, each, accounts, cache.asset_ids) for each in sent]
        found.update((each, marks.answer(each, row)) for each, row in zip(sent, rows, strict=True))
        return found

    return recall


def repeated(pool: Pool, work: Callable[[Connection], T]) -> T:
    """Do it as one transaction, all of it or nothing; anew if others were quicker."""
    for left in reversed(range(TRIES)):
        try:
            with _transaction(pool) as conn:
                return work(conn)
        except StoreConflictError as conflict:
            pool.figures.retries[conflict.code] += 1
            if not left:
                raise
    raise AssertionError


@contextmanager
def _transaction(pool: Pool) -> Iterator[Connection]:
    """All is sent in one go, but for what is waited for: the library's own would wait for each end.

    Whoever fails leaves it to the pool to undo what was begun."""
    with pool.connection() as conn, conn.pipeline():
        conn.execute("BEGIN")
        yield conn
        conn.execute("COMMIT")

"""The store's work, done in the store thread: every public method is one transaction."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from watcher.domain.alerts.lifecycle import Alert
from watcher.domain.credits.allowance import Allowance, Booking, CreditRefusal, Grant
from watcher.domain.decision import FEW, Decision, LastRead, PriceAt, Question, Recalled, Snapshot
from watcher.domain.messages.delivery import Delivery
from watcher.domain.model import Account, AccountState, Asset, Change
from watcher.domain.rules.lookback import BaselineOf, ChangesIn
from watcher.ports.store import Deciding, Settlement
from watcher.store.codec import canonical, number, optional, to_ms
from watcher.store.outcomes import outcomes
from watcher.store.rows import STATE, doubt_text, read_again, state_row
from watcher.store.sql import deliveries
from watcher.store.sql import ledger as books
from watcher.store.sqlite import alerts, asset_names, ledger, marks, outbox, quarantine
from watcher.store.sqlite.connection import connect, insert
from watcher.store.sqlite.errors import translated
from watcher.store.sqlite.retention import Retention, give_back
from watcher.store.sqlite.snapshot import SqliteSnapshotCache
from watcher.store.sqlite.upgrade import upgrade

_SET_STATE = f"UPDATE accounts SET {', '.join(f'{name} = ?' for name in STATE)} WHERE id = ?"  # noqa: S608
_READ_AGAIN = (
    "UPDATE accounts SET last_reading = ?, last_attempt = ? WHERE id IN (SELECT value FROM json_each(?))"
)
_ADD_CHANGE = (
    "INSERT INTO changes"
    " (account, asset, before, after, before_at, after_at, price_before, price_after, drift)"
)
_SET_BALANCE = "INSERT INTO balances (account, asset, amount, since)"
_OR_UPDATE = "ON CONFLICT (account, asset) DO UPDATE SET amount = excluded.amount, since = excluded.since"


class Transactions:
    """One connection and the cache over it. Belongs to the thread that made it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        with translated(path):
            self.conn = connect(path)
            try:
                upgrade(path, self.conn)
                self._version = self._data_version()
                self._cache: SqliteSnapshotCache | None = None
                self._fresh()
            except BaseException:
                self.conn.close()
                raise
        self._retention = Retention()

    def close(self) -> None:
        with translated(self._path):
            try:
                self.conn.execute("PRAGMA optimize")
            finally:
                self.conn.close()

    # ------------------------------------------------------------------ decisions

    def load(self, accounts: Sequence[Account]) -> Snapshot:
        with self._reading() as cache:
            return cache.past(accounts)

    def unread_since(self, at: datetime) -> list[Account]:
        sql = "SELECT source, chain, address FROM accounts WHERE last_reading IS NULL OR last_reading < ?"
        with translated(self._path):
            return [Account(*row) for row in self.conn.execute(sql, (to_ms(at),))]

    def live_alerts(self) -> list[Alert]:
        with self._reading() as cache:
            return list(cache.alerts.values())

    def conclude(
        self, accounts: Sequence[Account], decide: Deciding, settlement: Settlement | None
    ) -> Decision:
        with self._writing() as cache:
            conclusion = decide(cache.past(accounts), lambda asked: self._recall(cache, asked))
            self._write(cache, conclusion)
            if settlement is not None:
                read = outcomes(conclusion, cache.account_ids, cache.asset_ids)
                ledger.settle(self.conn, settlement, read, conclusion.moved)
        cache.apply(conclusion)
        return conclusion

    def _write(self, cache: SqliteSnapshotCache, conclusion: Decision) -> None:
        conn, accounts = self.conn, cache.account_ids
        for state in conclusion.accounts:
            if state.account not in accounts:
                row = conn.execute(
                    "INSERT INTO accounts (source, chain, address) VALUES (?, ?, ?)", state.account
                )
                accounts[state.account] = row.lastrowid or 0
        self._write_states(cache, conclusion.accounts)
        self._write_assets(cache, conclusion)
        self._write_changes(cache, conclusion.changes)
        quarantine.write(conn, cache, conclusion.accounts)
        alerts.write(conn, conclusion)
        if conclusion.rescaled:
            marks.forget_holdings(
                conn, [(accounts[a], cache.asset_ids[asset]) for a, asset in conclusion.rescaled]
            )
        if conclusion.marks:
            marks.remember(conn, conclusion.marks, accounts, cache.asset_ids)
        if conclusion.standing is not None:
            marks.forget(conn, conclusion.standing)
        if conclusion.deliveries:
            outbox.add(conn, conclusion.deliveries)

    def _write_states(self, cache: SqliteSnapshotCache, states: Sequence[AccountState]) -> None:
        """Whole rows where more than the time of the reading differs; one statement for all the others."""
        ids, whole = cache.account_ids, []
        again: dict[datetime, list[int]] = {}
        for state in states:
            at = read_again(cache.states.get(state.account), state)
            if at is None:
                whole.append((*state_row(state), ids[state.account]))
            else:
                again.setdefault(at, []).append(ids[state.account])
        self.conn.executemany(_SET_STATE, whole)
        for at, group in again.items():
            self.conn.execute(_READ_AGAIN, (to_ms(at), to_ms(at), json.dumps(group)))

    def _write_changes(self, cache: SqliteSnapshotCache, changes: Sequence[Change]) -> None:
        accounts, assets = cache.account_ids, cache.asset_ids
        history, balances = [], []
        for holder, what, _, before, after, before_at, after_at, price_before, price, drift, _ in changes:
            account, asset, text, at = accounts[holder], assets[what], canonical(after), to_ms(after_at)
            # Prices are mostly the same one twice.
            last = optional(price)
            first = last if price_before is price else optional(price_before)
            then = None if before_at is None else to_ms(before_at)
            history.append((account, asset, optional(before), text, then, at, first, last, drift))
            balances.append((account, asset, text, at))
        insert(self.conn, _ADD_CHANGE, 9, history)
        insert(self.conn, _SET_BALANCE, 4, balances, _OR_UPDATE)

    def _write_assets(self, cache: SqliteSnapshotCache, conclusion: Decision) -> None:
        named: set[Asset] = {*conclusion.symbols, *conclusion.quotes, *conclusion.doubts}
        named.update(*conclusion.same.items(), conclusion.former)
        named.update(change.asset for change in conclusion.changes)
        for asset in named - cache.asset_ids.keys():
            row = self.conn.execute("INSERT INTO assets (chain, token) VALUES (?, ?)", asset)
            cache.asset_ids[asset] = row.lastrowid or 0
        ids = cache.asset_ids
        if conclusion.symbols or conclusion.same or conclusion.former:
            asset_names.write(self.conn, cache.names.symbols, ids, conclusion)
        quotes = [(canonical(q.price), to_ms(q.at), ids[asset]) for asset, q in conclusion.quotes.items()]
        self.conn.executemany("UPDATE assets SET price = ?, price_at = ? WHERE id = ?", quotes)
        self.conn.executemany("INSERT OR REPLACE INTO prices (price, at, asset) VALUES (?, ?, ?)", quotes)
        doubts = [(doubt_text(doubt), ids[asset]) for asset, doubt in conclusion.doubts.items()]
        self.conn.executemany("UPDATE assets SET doubt = ? WHERE id = ?", doubts)

    def _recall(self, cache: SqliteSnapshotCache, asked: Sequence[Question]) -> Mapping[Question, Recalled]:
        return {question: self._answer(cache, question) for question in dict.fromkeys(asked)}

    def _answer(self, cache: SqliteSnapshotCache, question: Question) -> Recalled:
        if isinstance(question, LastRead):
            return self._last_read(question.source)
        asset = cache.asset_ids.get(question.asset)
        if isinstance(question, ChangesIn):
            return marks.changes_in(self.conn, question, cache.account_ids.get(question.account), asset)
        if isinstance(question, BaselineOf):
            return marks.mark_of(self.conn, question, cache.account_ids.get(question.account), asset)
        if isinstance(question, PriceAt):
            if (quote := cache.quote_at(question.asset, question.at)) is not None:
                return quote.price
            sql = "SELECT price FROM prices WHERE asset = ? AND at <= ? ORDER BY at DESC LIMIT 1"
            found = self.conn.execute(sql, (asset, to_ms(question.at))).fetchone()
        else:
            sql = (
                "SELECT after FROM changes WHERE account = ? AND asset = ? AND after_at <= ?"
                " ORDER BY after_at DESC, id DESC LIMIT 1"
            )
            account = cache.account_ids.get(question.account)
            found = self.conn.execute(sql, (account, asset, to_ms(question.at))).fetchone()
        return number(found[0]) if found else None

    def _last_read(self, source: str) -> frozenset[Account]:
        sql = (
            "SELECT source, chain, address FROM accounts WHERE source = ? AND misses = 0"
            " AND last_reading IS NOT NULL ORDER BY last_reading DESC LIMIT ?"
        )
        return frozenset(Account(*row) for row in self.conn.execute(sql, (source, FEW)))

    # ------------------------------------------------------------------ the ledger

    def reserve(self, booking: Booking, allowance: Allowance) -> Grant | CreditRefusal:
        with self._writing():
            return ledger.reserve(self.conn, booking, allowance)

    def fail(self, settlement: Settlement) -> None:
        with self._writing():
            ledger.settle(self.conn, settlement)

    def spent(self, source: str, since: datetime) -> int:
        with translated(self._path):
            return books.spent(self.conn, source, since)

    def under_way(self, source: str, since: datetime) -> bool:
        with translated(self._path):
            return books.under_way(self.conn, source, since)

    def running(self, since: datetime, now: datetime) -> None:
        with self._writing():
            ledger.note_run(self.conn, since, now)

    # ------------------------------------------------------------------ facts and deliveries

    def facts(self, source: str) -> dict[str, str]:
        with translated(self._path):
            return books.facts(self.conn, source)

    def change_fact(self, source: str, name: str, change: Callable[[str | None], str], now: datetime) -> str:
        with self._writing():
            kept = change(books.facts(self.conn, source).get(name))
            books.keep_facts(self.conn, source, {name: kept}, now)
            return kept

    def keep_facts(self, source: str, found: Mapping[str, str], now: datetime) -> None:
        with self._writing():
            books.keep_facts(self.conn, source, found, now)

    def due(self, channel: str, now: datetime, limit: int, *, critical: bool = False) -> list[Delivery]:
        with translated(self._path):
            return deliveries.due(self.conn, channel, now, limit, critical=critical)

    def next_due(self, channel: str) -> datetime | None:
        with translated(self._path):
            return deliveries.next_due(self.conn, channel)

    def settle(self, attempted: Sequence[Delivery], instead: Mapping[str, Delivery]) -> list[Delivery]:
        with self._writing():
            return outbox.settle(self.conn, attempted, instead)

    def tidy(self, now: datetime) -> bool:
        with self._writing():
            more = self._retention.step(self.conn, now)
        if not more:
            with translated(self._path):
                give_back(self.conn)
        return more

    def version(self) -> int:
        """It is another one once anybody else has written."""
        with translated(self._path):
            return self._data_version()

    # ------------------------------------------------------------------ transactions

    @contextmanager
    def _reading(self) -> Iterator[SqliteSnapshotCache]:
        with translated(self._path):
            yield self._fresh()

    @contextmanager
    def _writing(self) -> Iterator[SqliteSnapshotCache]:
        """All of it or nothing. After a failure the cache is read anew: it may have run ahead."""
        with translated(self._path):
            self.conn.execute("BEGIN IMMEDIATE")
            try:
                yield self._fresh()
                self.conn.execute("COMMIT")
            except BaseException:
                self._cache = None
                if self.conn.in_transaction:
                    self.conn.execute("ROLLBACK")
                raise

    def _fresh(self) -> SqliteSnapshotCache:
        """The cache, read anew if another process has written since."""
        if self._cache is None or self._data_version() != self._version:
            with self._one_moment():
                self._version = self._data_version()
                self._cache = SqliteSnapshotCache(self.conn)
        return self._cache

    @contextmanager
    def _one_moment(self) -> Iterator[None]:
        """Read several tables as of one moment, in the transaction that is open or in one of its own."""
        if self.conn.in_transaction:
            yield
            return
        self.conn.execute("BEGIN")
        try:
            yield
        finally:
            self.conn.execute("ROLLBACK")

    def _data_version(self) -> int:
        return int(self.conn.execute("PRAGMA data_version").fetchone()[0])

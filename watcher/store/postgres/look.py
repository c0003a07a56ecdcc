"""Looks at the store before a decision: what others changed since the last look, and accounts that differ.

A transaction that is older than another may end after it. So each look sees again what is as young as the
oldest transaction that had not ended at the look before: `changed_in` of a row says in which it was written.
"""

# ruff: noqa: S608 (only constants of this file are joined into statements)

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from typing import Any

from psycopg import Cursor

from watcher.domain.model import EMPTY, NEWCOMER, Account, Asset, Quarantined
from watcher.store.codec import from_ms
from watcher.store.postgres.cache import Kept, KeptAccount, PostgresSnapshotCache
from watcher.store.postgres.pool import Connection
from watcher.store.rows import ALERT, SILENCE, STATE, Times, state_from

Rows = Cursor[tuple[Any, ...]]

_NOW = "SELECT pg_snapshot_xmin(pg_current_snapshot())::text"
_ASSETS = (
    "SELECT id, chain, token, symbol, price, price_at, doubt, same_as, former, named_at, version FROM assets"
)
_ALERTS = f"SELECT {', '.join(ALERT)}, version FROM alerts"
_FLAPS = "SELECT rule, subject, times, since, said FROM flaps"
_SILENCES = f"SELECT {', '.join(SILENCE)} FROM silences"
CHANGED = "changed_in >= %s::xid8 AND changed_in <= '18446744073709551615'"
"""Which rows are that young. By the second bound the planner sees that they are few, and takes the index."""

_ASKED = "unnest(%s::words[], %s::words[], %s::words[]) AS asked (source, chain, address)"
_NUMBERS = f"SELECT id, source, chain, address FROM {_ASKED} JOIN accounts USING (source, chain, address)"
_LOCK = (
    f"SELECT a.id, a.source, a.chain, a.address, a.version FROM {_ASKED}"
    " JOIN accounts a USING (source, chain, address) ORDER BY a.id FOR NO KEY UPDATE OF a"
)
"""One after the other by their numbers, so that two who want some of the same never wait for each other."""
_LOCK_KNOWN = "SELECT id FROM accounts WHERE id = ANY(%s::bigint[]) ORDER BY id FOR NO KEY UPDATE"

_STATES = (
    f"SELECT a.id, a.source, a.chain, a.address, a.version, {', '.join(f'a.{name}' for name in STATE)},"
    " b.assets, b.amounts, q.shut FROM {asked}"
    " LEFT JOIN LATERAL (SELECT array_agg(asset) AS assets, array_agg(amount::numeric) AS amounts"
    " FROM balances WHERE account = a.id) b ON true"
    " LEFT JOIN LATERAL (SELECT json_agg(json_build_array(asset, since, reason, baseline, by, newcomer))"
    " AS shut FROM quarantine WHERE account = a.id) q ON true"
)
"""Whole rows, all of them as of one moment."""
_STATES_BY_NAME = _STATES.format(
    asked="unnest(%s::words[], %s::words[], %s::words[], %s::bigint[]) AS k (source, chain, address, version)"
    " JOIN accounts a ON (a.source, a.chain, a.address) = (k.source, k.chain, k.address)"
    " AND a.version IS DISTINCT FROM k.version"
)
_STATES_KNOWN = _STATES.format(
    asked="unnest(%s::bigint[], %s::bigint[]) AS k (id, version)"
    " JOIN accounts a ON a.id = k.id AND a.version <> k.version"
)


def columns(rows: Iterable[Sequence[Any]], width: int) -> list[list[Any]]:
    """Rows as one array a column, as `unnest` takes them."""
    return [list(column) for column in zip(*rows, strict=True)] or [[] for _ in range(width)]


def lock(conn: Connection, accounts: Iterable[Account]) -> dict[Account, tuple[int, int]]:
    """Number and version of those that are known; nobody changes them before the transaction ends."""
    rows = conn.execute(_LOCK, columns(dict.fromkeys(accounts), 3))
    return {Account(*row[1:4]): (row[0], row[4]) for row in rows}


def numbers(conn: Connection, accounts: Iterable[Account]) -> dict[Account, int]:
    """Of those that are known."""
    rows = conn.execute(_NUMBERS, columns(dict.fromkeys(accounts), 3))
    return {Account(*row[1:]): row[0] for row in rows}


def ask_lock(conn: Connection, accounts: Sequence[Account], kept: Kept) -> Rows:
    """Send for the locks of these; rows begin with their numbers."""
    if len(kept) == len(set(accounts)):
        return conn.execute(_LOCK_KNOWN, ([each.id for each in kept.values()],))
    return conn.execute(_LOCK, columns(dict.fromkeys(accounts), 3))


class StoreLook:
    """A look that was sent on its way. Whoever takes it over holds the lock of the cache."""

    def __init__(self, conn: Connection, cache: PostgresSnapshotCache) -> None:
        self._conn, self._cache = conn, cache
        self._ask()

    def _ask(self) -> None:
        conn, since = self._conn, self._cache.since
        self._looks = self._cache.looks
        if since is None:
            where, alerts = "", "WHERE state <> 'resolved' OR owed IS NOT NULL"
        else:
            where = alerts = f"WHERE {CHANGED}"
        asked = (since,) if since is not None else ()
        # What is read after it may show more, and never less.
        self._now = conn.execute(_NOW)
        self._assets = conn.execute(f"{_ASSETS} {where}", asked)
        self._alerts = conn.execute(f"{_ALERTS} {alerts} ORDER BY version", asked)
        self._flaps = conn.execute(f"{_FLAPS} {where}", asked)
        self._silences = conn.execute(f"{_SILENCES} {where}", asked)

    def take(self) -> None:
        """Let the cache have what came of it; looked is anew if another look came between."""
        cache = self._cache
        if self._looks != cache.looks:
            self._ask()
        cache.looks += 1
        (now,) = self._now.fetchone() or (None,)
        cache.take_assets(self._assets.fetchall())
        cache.take_alerts(self._alerts.fetchall())
        cache.take_flaps(self._flaps.fetchall())
        cache.take_silences(self._silences.fetchall())
        cache.since = now


def ask_states(conn: Connection, accounts: Sequence[Account], kept: Kept) -> Rows:
    """Send for those of these of which not this version is kept."""
    if len(kept) == len(set(accounts)):
        known = kept.values()
        return conn.execute(_STATES_KNOWN, ([each.id for each in known], [each.version for each in known]))
    asked = [(*each, kept[each].version if each in kept else None) for each in dict.fromkeys(accounts)]
    return conn.execute(_STATES_BY_NAME, columns(asked, 4))


def take_states(rows: Iterable[tuple[Any, ...]], kept: Kept, by_id: dict[int, Asset]) -> Kept:
    """All that are known, as they are now."""
    found, times = dict(kept), Times()
    for number, source, chain, address, version, *row, assets, amounts, shut in rows:
        account = Account(sys.intern(source), sys.intern(chain), address)
        held = dict(zip(map(by_id.__getitem__, assets), amounts, strict=True)) if assets else EMPTY
        state = state_from(account, held, tuple(row), times)
        if shut:
            hidden = {
                by_id[each[0]]: Quarantined(from_ms(each[1]), *each[2:5]) for each in shut if not each[5]
            }
            new = {by_id[each[0]]: from_ms(each[1]) for each in shut if each[5]}
            state = state._replace(quarantined=hidden or EMPTY, newcomers=new or EMPTY)
        found[account] = KeptAccount(number, version, state)
    return found


def shut_rows(state: Any) -> list[tuple[Asset, Quarantined, bool]]:
    """What of an account no rule sees, and its newcomers, which rules see."""
    new = [(asset, Quarantined(since, NEWCOMER), True) for asset, since in state.newcomers.items()]
    return [*((asset, each, False) for asset, each in state.quarantined.items()), *new]

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
_CHANGED = "WHERE changed_in >= %s::xid8"

_ASKED = "unnest(%s::words[], %s::words[], %s::words[]) AS asked (source, chain, address)"
LOCK = (
    f"SELECT a.id, a.source, a.chain, a.address, a.version FROM {_ASKED}"
    " JOIN accounts a USING (source, chain, address) ORDER BY a.id FOR NO KEY UPDATE OF a"
)
"""One after the other by their numbers, so that two who want some of the same never wait for each other."""

_STATES = (
    f"SELECT a.id, a.source, a.chain, a.address, a.version, a.version IS DISTINCT FROM k.version,"
    f" {', '.join(f'a.{name}' for name in STATE)}, b.assets, b.amounts, q.shut"
    " FROM unnest(%s::words[], %s::words[], %s::words[], %s::bigint[]) AS k (source, chain, address, version)"
    " JOIN accounts a USING (source, chain, address)"
    " LEFT JOIN LATERAL (SELECT array_agg(asset) AS assets, array_agg(amount::numeric) AS amounts"
    " FROM balances WHERE account = a.id) b ON a.version IS DISTINCT FROM k.version"
    " LEFT JOIN LATERAL (SELECT json_agg(json_build_array(asset, since, reason, baseline, by, newcomer))"
    " AS shut FROM quarantine WHERE account = a.id) q ON a.version IS DISTINCT FROM k.version"
)
"""Whole rows of those alone of which another version is known: all of them as of one moment."""


def columns(rows: Iterable[Sequence[Any]], width: int) -> list[list[Any]]:
    """Rows as one array a column, as `unnest` takes them."""
    return [list(column) for column in zip(*rows, strict=True)] or [[] for _ in range(width)]


def lock(conn: Connection, accounts: Iterable[Account]) -> dict[Account, tuple[int, int]]:
    """Number and version of those that are known; nobody changes them before the transaction ends."""
    rows = conn.execute(LOCK, columns(dict.fromkeys(accounts), 3))
    return {Account(*row[1:4]): (row[0], row[4]) for row in rows}


class StoreLook:
    """A look that was sent on its way. The caller holds the lock of the cache until it was taken over."""

    def __init__(self, conn: Connection, cache: PostgresSnapshotCache) -> None:
        self._cache, since = cache, cache.since
        if since is None:
            where, alerts = "", "WHERE state <> 'resolved' OR owed IS NOT NULL"
        else:
            where = alerts = _CHANGED
        asked = (since,) if since is not None else ()
        # What is read after it may show more, and never less.
        self._now = conn.execute(_NOW)
        self._assets = conn.execute(f"{_ASSETS} {where}", asked)
        self._alerts = conn.execute(f"{_ALERTS} {alerts} ORDER BY version", asked)
        self._flaps = conn.execute(f"{_FLAPS} {where}", asked)
        self._silences = conn.execute(f"{_SILENCES} {where}", asked)

    def take(self) -> None:
        """Let the cache have what came of it."""
        cache = self._cache
        (now,) = self._now.fetchone() or (None,)
        cache.take_assets(self._assets.fetchall())
        cache.take_alerts(self._alerts.fetchall())
        cache.take_flaps(self._flaps.fetchall())
        cache.take_silences(self._silences.fetchall())
        cache.since = now


def ask_states(conn: Connection, accounts: Sequence[Account], kept: Kept) -> Rows:
    """Send for those of these of which not this version is kept."""
    asked = [(*each, kept[each].version if each in kept else None) for each in dict.fromkeys(accounts)]
    return conn.execute(_STATES, columns(asked, 4))


def take_states(rows: Iterable[tuple[Any, ...]], kept: Kept, by_id: dict[int, Asset]) -> Kept:
    """All that are known, as they are now."""
    found, times = {}, Times()
    for number, source, chain, address, version, differs, *row, assets, amounts, shut in rows:
        account = Account(sys.intern(source), sys.intern(chain), address)
        if not differs:
            found[account] = kept[account]
            continue
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

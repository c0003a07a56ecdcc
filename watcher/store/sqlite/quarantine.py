"""Quarantine: rows of what no rule sees. The caller owns the transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from watcher.domain.model import EMPTY, NEWCOMER, Account, AccountState, Asset, Quarantined
from watcher.store.codec import from_ms, storable, to_ms

Kept = tuple[dict[Asset, Quarantined], dict[Asset, datetime]]
"""What no rule sees; and since when the newcomers, which rules see, are there."""

_PUT = (
    "INSERT OR REPLACE INTO quarantine (account, asset, since, reason, baseline, by, newcomer)"
    " VALUES (?, ?, ?, ?, ?, ?, ?)"
)
_FIND = (
    "SELECT a.id, s.id FROM accounts a, assets s"
    " WHERE a.source = ? AND a.chain = ? AND a.address = ? AND s.chain = ? AND s.token = ?"
)


def read(conn: sqlite3.Connection, assets: Mapping[int, Asset]) -> dict[int, Kept]:
    """By account: what no rule sees, and the newcomers."""
    found: dict[int, Kept] = {}
    for account, asset, since, reason, baseline, by, newcomer in conn.execute(
        "SELECT account, asset, since, reason, baseline, by, newcomer FROM quarantine"
    ):
        shut, new = found.setdefault(account, ({}, {}))
        if newcomer:
            new[assets[asset]] = from_ms(since)
        else:
            shut[assets[asset]] = Quarantined(from_ms(since), reason, bool(baseline), by)
    return found


class KnownIds(Protocol):
    """What the store has in memory."""

    account_ids: dict[Account, int]
    asset_ids: dict[Asset, int]
    states: dict[Account, AccountState]


def kept(state: AccountState, found: Kept) -> AccountState:
    """An account with what is kept of its assets."""
    shut, new = found
    return state._replace(quarantined=shut or EMPTY, newcomers=new or EMPTY)


def write(conn: sqlite3.Connection, known: KnownIds, states: Sequence[AccountState]) -> None:
    """Of the accounts whose quarantine is another one than before."""
    for state in states:
        old = known.states.get(state.account)
        before = (EMPTY, EMPTY) if old is None else (old.quarantined, old.newcomers)
        if (state.quarantined, state.newcomers) == before:
            continue
        shut = [(asset, each, 0) for asset, each in state.quarantined.items()]
        new = [(asset, Quarantined(since, NEWCOMER), 1) for asset, since in state.newcomers.items()]
        account = known.account_ids[state.account]
        conn.execute("DELETE FROM quarantine WHERE account = ?", (account,))
        rows = [
            (
                account,
                known.asset_ids[asset],
                to_ms(e.since),
                storable(e.reason),
                int(e.baseline),
                storable(e.by),
                newcomer,
            )
            for asset, e, newcomer in (*shut, *new)
        ]
        conn.executemany(_PUT, rows)


def hide(conn: sqlite3.Connection, holdings: Sequence[tuple[Account, Asset]], hidden: Quarantined) -> None:
    since, reason, by = to_ms(hidden.since), storable(hidden.reason), storable(hidden.by)
    for account, asset in holdings:
        where = conn.execute(_FIND, (*account, *asset)).fetchone()
        conn.execute(_PUT, (*where, since, reason, 0, by, 0))


def release(conn: sqlite3.Connection, holdings: Sequence[tuple[Account, Asset]]) -> None:
    for account, asset in holdings:
        where = conn.execute(_FIND, (*account, *asset)).fetchone()
        conn.execute("DELETE FROM quarantine WHERE account = ? AND asset = ?", where)

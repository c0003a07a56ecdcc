"""The state of every account, and all that goes with it: for whoever really wants all."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from datetime import datetime
from decimal import Decimal

from watcher.domain.decision import Snapshot
from watcher.domain.model import EMPTY, Account, AccountState, Asset, Quarantined, Quote
from watcher.ports.queries import PollMark
from watcher.store.codec import from_ms, time
from watcher.store.postgres.pool import Connection, stream
from watcher.store.rows import STATE, Times, doubt_from, flap_from, state_from
from watcher.store.snapshot import SnapshotCache
from watcher.store.sql import alerts
from watcher.store.sql.names import asset_names


def read(conn: Connection) -> Snapshot:
    """The caller owns the transaction."""
    found = SnapshotCache()
    numbers = _assets(conn, found)
    symbols = found.names.symbols
    found.names = asset_names(conn, numbers)
    found.names.symbols = symbols
    found.states = {state.account: state for state in _states(conn, numbers)}
    for alert in alerts.live(conn):
        found.put(alert)
    for alert in alerts.owing(conn):
        found.index(alert)
    found.silences = tuple(alerts.silences(conn))
    flaps = "SELECT rule, subject, times, since, said FROM flaps"
    found.flaps = dict(flap_from(row) for row in conn.execute(flaps))
    return found.whole()


def poll_marks(conn: Connection) -> Iterator[PollMark]:
    """How the polls of each account went."""
    sql = "SELECT source, chain, address, last_reading, misses FROM accounts"
    for source, chain, address, read, misses in stream(conn, sql):
        yield PollMark(Account(source, chain, address), time(read), misses)


def _assets(conn: Connection, found: SnapshotCache) -> dict[int, Asset]:
    assets: dict[int, Asset] = {}
    sql = "SELECT id, chain, token, symbol, price, price_at, doubt FROM assets"
    for key, chain, token, symbol, price, price_at, doubt in stream(conn, sql):
        asset = assets[key] = Asset(sys.intern(chain), token)
        found.names.symbols[asset] = symbol
        if price is not None:
            found.quotes[asset] = Quote(price, from_ms(price_at))
        if doubt is not None:
            found.doubts[asset] = doubt_from(doubt)
    return assets


def _states(conn: Connection, assets: Mapping[int, Asset]) -> Iterator[AccountState]:
    amounts = _amounts(conn, assets)
    shut, new = _quarantine(conn, assets)
    times = Times()
    for row in stream(conn, f"SELECT id, {', '.join(STATE)}, source, chain, address FROM accounts"):  # noqa: S608
        account = Account(sys.intern(row[-3]), sys.intern(row[-2]), row[-1])
        state = state_from(account, amounts.pop(row[0], EMPTY), row[1:-3], times)
        if row[0] in shut or row[0] in new:
            state = state._replace(quarantined=shut.get(row[0], EMPTY), newcomers=new.get(row[0], EMPTY))
        yield state


def _amounts(conn: Connection, assets: Mapping[int, Asset]) -> dict[int, Mapping[Asset, Decimal]]:
    """What each account holds: one row an account, which is quicker than one a balance."""
    sql = "SELECT account, array_agg(asset), array_agg(amount::numeric) FROM balances GROUP BY account"
    return {
        account: dict(zip(map(assets.__getitem__, keys), held, strict=True))
        for account, keys, held in stream(conn, sql)
    }


def _quarantine(
    conn: Connection, assets: Mapping[int, Asset]
) -> tuple[dict[int, dict[Asset, Quarantined]], dict[int, dict[Asset, datetime]]]:
    """By account: what no rule sees, and since when the newcomers, which rules see, are there."""
    shut: dict[int, dict[Asset, Quarantined]] = {}
    new: dict[int, dict[Asset, datetime]] = {}
    sql = "SELECT account, asset, since, reason, baseline, by, newcomer FROM quarantine"
    for account, asset, since, reason, baseline, by, newcomer in stream(conn, sql):
        if newcomer:
            new.setdefault(account, {})[assets[asset]] = from_ms(since)
        else:
            shut.setdefault(account, {})[assets[asset]] = Quarantined(from_ms(since), reason, baseline, by)
    return shut, new

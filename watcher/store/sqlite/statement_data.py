"""What a statement is made of: amounts and prices at both ends of a time, and all that happened between."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Mapping
from datetime import datetime
from decimal import Decimal

from watcher.domain.history.timeline import Gap
from watcher.domain.model import Account, Asset, Change, Quote
from watcher.ports.queries import PollTally, StatementData
from watcher.store.sqlite import alerts, events, poll_log
from watcher.store.sqlite.codec import from_ms, number, time, to_ms

Names = Mapping[int, Account]


def read(
    conn: sqlite3.Connection, accounts: Collection[Account], since: datetime, until: datetime
) -> StatementData:
    """The caller owns the transaction."""
    wanted, asked = set(accounts), {"since": to_ms(since), "until": to_ms(until)}
    rows = conn.execute("SELECT id, source, chain, address FROM accounts")
    names = {row[0]: each for row in rows if (each := Account(*row[1:])) in wanted}
    assets, symbols = dict[int, Asset](), dict[int, str]()
    for key, chain, token, symbol in conn.execute("SELECT id, chain, token, symbol FROM assets"):
        assets[key], symbols[key] = Asset(chain, token), symbol
    begins = conn.execute("SELECT min(reserved_at) FROM requests").fetchone()[0]
    return StatementData(
        _held(conn, asked, names, assets),
        tuple(_changes(conn, asked, names, assets, symbols)),
        _prices(conn, asked["since"], assets),
        _prices(conn, asked["until"], assets),
        tuple(alerts.within(conn, since, until)),
        tuple(events.within(conn, since, until)),
        _unread(conn, asked, names),
        tuple(poll_log.runs(conn)),
        _polls(conn, asked),
        time(begins),
        _spent(conn, asked),
    )


def _held(
    conn: sqlite3.Connection, asked: Mapping[str, int], names: Names, assets: Mapping[int, Asset]
) -> dict[tuple[Account, Asset], Decimal]:
    """The last amount of each holding before the beginning: by the index, one look-up a holding."""
    sql = (
        "SELECT b.account, b.asset, (SELECT c.after FROM changes c WHERE c.account = b.account"
        " AND c.asset = b.asset AND c.after_at < :since ORDER BY c.after_at DESC, c.id DESC LIMIT 1) AS held"
        " FROM balances b WHERE held IS NOT NULL"
    )
    rows = conn.execute(sql, asked)
    return {
        (names[account], assets[asset]): Decimal(held) for account, asset, held in rows if account in names
    }


def _changes(
    conn: sqlite3.Connection,
    asked: Mapping[str, int],
    names: Names,
    assets: Mapping[int, Asset],
    symbols: Mapping[int, str],
) -> list[Change]:
    sql = (
        "SELECT account, asset, before, after, before_at, after_at, price_before, price_after, drift"
        " FROM changes WHERE after_at >= :since AND after_at < :until ORDER BY after_at, id"
    )
    found = []
    for row in conn.execute(sql, asked):
        account, asset, before, after, before_at, after_at, price_before, price_after, drift = row
        if account in names:
            times, prices = (time(before_at), from_ms(after_at)), (number(price_before), number(price_after))
            held = (assets[asset], symbols[asset], number(before), Decimal(after))
            found.append(Change(names[account], *held, *times, *prices, bool(drift)))
    return found


def _prices(conn: sqlite3.Connection, at: int, assets: Mapping[int, Asset]) -> dict[Asset, Quote]:
    sql = (
        "SELECT s.id, p.price, p.at FROM assets s JOIN prices p ON p.asset = s.id AND p.at ="
        " (SELECT max(q.at) FROM prices q WHERE q.asset = s.id AND q.at < ?)"
    )
    return {
        assets[asset]: Quote(Decimal(price), from_ms(seen)) for asset, price, seen in conn.execute(sql, (at,))
    }


def _unread(
    conn: sqlite3.Connection, asked: Mapping[str, int], names: Names
) -> dict[Account, tuple[Gap, ...]]:
    found: dict[Account, tuple[Gap, ...]] = {}
    sql = "SELECT account, since, until FROM spells WHERE until > :since AND since < :until ORDER BY since"
    for account, since, until in conn.execute(sql, asked):
        if account in names:
            known = found.get(names[account], ())
            found[names[account]] = (*known, Gap(from_ms(since), from_ms(until)))
    return found


def _polls(conn: sqlite3.Connection, asked: Mapping[str, int]) -> dict[str, PollTally]:
    sql = (
        "SELECT source, count(*), sum(failure <> ''), sum(readings), sum(misses) FROM requests"
        " WHERE reserved_at >= :since AND reserved_at < :until GROUP BY source ORDER BY source"
    )
    return {source: PollTally(*counts) for source, *counts in conn.execute(sql, asked)}


def _spent(conn: sqlite3.Connection, asked: Mapping[str, int]) -> dict[str, tuple[int, int]]:
    sql = (
        "SELECT source, sum(credits), sum(calls) FROM spending"
        " WHERE hour * 3600000 >= :since AND hour * 3600000 < :until GROUP BY source ORDER BY source"
    )
    return {source: (spent, calls) for source, spent, calls in conn.execute(sql, asked)}

"""What a chart is made of: the amounts and prices of holdings over a time, and when accounts were read.

Long histories are thinned here already, by SQLite: of each stretch of time the lowest, the highest and
the last row, and the one that spans the longest time without a reading.
"""

# ruff: noqa: S608 - only constants of this file are joined into statements

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from watcher.domain.evaluation.builtin_notices import OF_SOURCES
from watcher.domain.history.timeline import Gap, Point
from watcher.domain.model import Account, Asset, Quote
from watcher.ports.queries import (
    MOST_MARKS,
    AlertMark,
    ChartData,
    ChartQuery,
    Holding,
    Partial,
    ReadingTimes,
    Track,
)
from watcher.store.codec import from_ms, number, time, to_ms
from watcher.store.sqlite import poll_log

STRETCHES = 1000
"""Stretches of time into which a long history is cut: as many as a chart has room for."""

WHOLE = 3 * STRETCHES
"""Rows up to which nothing is thinned."""


def read(conn: sqlite3.Connection, wanted: ChartQuery) -> ChartData:
    """The caller owns the transaction."""
    found, prices, looked, held = [], {}, {}, []
    for account in wanted.accounts:
        row = conn.execute(
            "SELECT id FROM accounts WHERE source = ? AND chain = ? AND address = ?", account
        ).fetchone()
        if row is None:
            continue
        for asset_id, asset, symbol in _assets(conn, row[0], wanted.asset):
            found.append(_track(conn, wanted, (row[0], asset_id), account, asset, symbol))
            if asset not in prices:
                prices[asset] = _prices(conn, wanted, asset_id)
        looked[account] = _looked(conn, wanted, account, row[0])
        if wanted.wallet:
            held += _held(conn, row[0], account)
    return ChartData(
        tuple(found),
        prices,
        looked,
        tuple(poll_log.runs(conn)),
        tuple(_told(conn, wanted)) if wanted.wallet else (),
        tuple(held),
    )


def newest_prices(conn: sqlite3.Connection, asset: Asset, since: datetime, limit: int) -> list[Quote]:
    """The newest samples of an asset's price, oldest first."""
    sql = (
        "SELECT p.price, p.at FROM prices p JOIN assets s ON s.id = p.asset"
        " WHERE s.chain = ? AND s.token = ? AND p.at >= ? ORDER BY p.at DESC LIMIT ?"
    )
    rows = conn.execute(sql, (*asset, to_ms(since), limit)).fetchall()
    return [Quote(Decimal(price), from_ms(at)) for price, at in reversed(rows)]


def known_since(conn: sqlite3.Connection, accounts: Sequence[Account]) -> datetime | None:
    """When one of these accounts was first read; None if none was."""
    sql = (
        "SELECT min((SELECT coalesce(before_at, after_at) FROM changes WHERE account = b.account"
        " AND asset = b.asset ORDER BY after_at LIMIT 1)) FROM balances b WHERE b.account ="
        " (SELECT id FROM accounts WHERE source = ? AND chain = ? AND address = ?)"
    )
    found = [time(conn.execute(sql, account).fetchone()[0]) for account in accounts]
    return min((at for at in found if at is not None), default=None)


def _held(conn: sqlite3.Connection, key: int, account: Account) -> list[Holding]:
    rows = conn.execute(
        "SELECT s.chain, s.token, s.symbol, s.price IS NOT NULL FROM balances b JOIN assets s"
        " ON s.id = b.asset WHERE b.account = ?",
        (key,),
    )
    return [
        Holding(account, Asset(chain, token), symbol, bool(priced)) for chain, token, symbol, priced in rows
    ]


def _assets(conn: sqlite3.Connection, account: int, only: Asset | None) -> list[tuple[int, Asset, str]]:
    sql = (
        "SELECT s.id, s.chain, s.token, s.symbol FROM balances b JOIN assets s ON s.id = b.asset"
        " WHERE b.account = ?"
    )
    if only is None:
        asked = "NOT EXISTS (SELECT 1 FROM quarantine q WHERE q.account = b.account AND q.asset = b.asset)"
        rows = conn.execute(f"{sql} AND s.price IS NOT NULL AND {asked}", (account,))
    else:
        rows = conn.execute(f"{sql} AND s.chain = ? AND s.token = ?", (account, *only))
    return [(key, Asset(chain, token), symbol) for key, chain, token, symbol in rows.fetchall()]


_COLUMNS = "after_at, after, before_at, before, id"
_CHANGES = (
    f"SELECT {_COLUMNS} FROM changes"
    " WHERE account = :account AND asset = :asset AND after_at > :since AND after_at <= :until"
)
_THINNED = f"""
    WITH chosen AS MATERIALIZED (
        SELECT {_COLUMNS}, after_at / :stretch AS stretch, CAST(after AS REAL) AS size FROM changes
        WHERE account = :account AND asset = :asset AND after_at > :since AND after_at <= :until)
    SELECT {_COLUMNS} FROM (
        SELECT {_COLUMNS}, max(id) FROM chosen GROUP BY stretch
        UNION SELECT {_COLUMNS}, max(size) FROM chosen GROUP BY stretch
        UNION SELECT {_COLUMNS}, min(size) FROM chosen GROUP BY stretch
        UNION SELECT {_COLUMNS}, max(after_at - before_at) FROM chosen GROUP BY stretch)
    GROUP BY id
"""


def _track(
    conn: sqlite3.Connection,
    wanted: ChartQuery,
    ids: tuple[int, int],
    account: Account,
    asset: Asset,
    symbol: str,
) -> Track:
    asked = {"account": ids[0], "asset": ids[1], **_times(wanted)}
    count = conn.execute(f"SELECT count(*) FROM ({_CHANGES})", asked).fetchone()[0]
    rows = conn.execute(_CHANGES if count <= WHOLE else _THINNED, asked).fetchall()
    rows.sort(key=lambda row: (row[0], row[4]))
    before = conn.execute(
        f"SELECT {_COLUMNS} FROM changes WHERE account = :account AND asset = :asset AND after_at <= :since"
        " ORDER BY after_at DESC, id DESC LIMIT 1",
        asked,
    ).fetchall()
    points = [Point(from_ms(row[0]), Decimal(row[1])) for row in before + rows]
    if not before and rows and rows[0][3] is not None:  # it held nothing of this asset until then
        points.insert(0, Point(wanted.since, Decimal(rows[0][3])))
    spans = tuple(Gap(from_ms(row[2]), from_ms(row[0])) for row in rows if row[2] is not None)
    return Track(account, asset, symbol, tuple(points), spans)


def _times(wanted: ChartQuery) -> dict[str, int]:
    since, until = to_ms(wanted.since), to_ms(wanted.until)
    return {"since": since, "until": until, "stretch": max((until - since) // STRETCHES, 1)}


_PRICES = "SELECT at, price FROM prices WHERE asset = :asset AND at > :since AND at <= :until"
_THINNED_PRICES = f"""
    WITH chosen AS MATERIALIZED (
        SELECT at, price, at / :stretch AS stretch, CAST(price AS REAL) AS size FROM ({_PRICES}))
    SELECT at, price FROM (
        SELECT at, price, max(at) FROM chosen GROUP BY stretch
        UNION SELECT at, price, max(size) FROM chosen GROUP BY stretch
        UNION SELECT at, price, min(size) FROM chosen GROUP BY stretch)
    GROUP BY at
"""


def _prices(conn: sqlite3.Connection, wanted: ChartQuery, asset: int) -> tuple[Point, ...]:
    asked = {"asset": asset, **_times(wanted)}
    count = conn.execute(f"SELECT count(*) FROM ({_PRICES})", asked).fetchone()[0]
    rows = conn.execute(_PRICES if count <= WHOLE else _THINNED_PRICES, asked).fetchall()
    sql = "SELECT at, price FROM prices WHERE asset = :asset AND at <= :since ORDER BY at DESC LIMIT 1"
    before = conn.execute(sql, asked).fetchall()
    return tuple(Point(from_ms(at), number(price)) for at, price in before + sorted(rows))


_READ = "instr(',' || substr(outcomes, 7, instr(outcomes, ']') - 7) || ',', :account) > 0"
"""Whether an account is among those that a request has read: `polllog` writes them first, as {"r":[1,2]."""

_LOG = (
    "FROM requests WHERE source = :source AND reserved_at > :since AND reserved_at <= :until"
    f" AND outcomes LIKE '{{\"r\":[%' AND {_READ}"
)


def _looked(conn: sqlite3.Connection, wanted: ChartQuery, account: Account, key: int) -> ReadingTimes:
    sql = "SELECT min(after_at) FROM changes WHERE account = ? AND before IS NULL"
    first = time(conn.execute(sql, (key,)).fetchone()[0])
    if not wanted.readings:
        return ReadingTimes(first, None)
    sql = (
        "SELECT ended_at FROM requests WHERE source = ? AND outcomes IS NOT NULL"
        " ORDER BY source, reserved_at LIMIT 1"
    )
    row = conn.execute(sql, (account.source,)).fetchone()
    older = _outages(conn, wanted, account, key)
    if row is None:
        return ReadingTimes(first, None, spells=older)
    # As far back again: what was usual before shows how long a wait is too long.
    back = wanted.since - max(wanted.until - wanted.since, timedelta(days=1))
    asked = {
        "source": account.source, "account": f",{key},", "mark": f'"{key}":', "since": to_ms(back),
        "until": to_ms(wanted.until), "stretch": max(_times(wanted)["stretch"] // 2, 1),
    }  # fmt: skip
    whole = f"{_LOG} AND instr(outcomes, :mark) = 0"
    every = conn.execute(f"SELECT ended_at {whole} ORDER BY ended_at LIMIT {WHOLE + 1}", asked).fetchall()
    times = tuple(from_ms(at) for (at,) in every)
    if len(times) > WHOLE:
        spans = conn.execute(
            f"SELECT min(ended_at), max(ended_at) {whole} GROUP BY ended_at / :stretch ORDER BY 1", asked
        )
        times = tuple(from_ms(at) for span in spans for at in dict.fromkeys(span))
    parts = conn.execute(
        f"SELECT ended_at, outcomes {_LOG} AND instr(outcomes, :mark) > 0 ORDER BY ended_at", asked
    )
    return ReadingTimes(first, from_ms(row[0]), times, tuple(_partial(conn, key, parts.fetchall())), older)


def _outages(conn: sqlite3.Connection, wanted: ChartQuery, account: Account, key: int) -> tuple[Gap, ...]:
    """The times within which this account, or all of its source, could not be read, for longer than the poll
    log remembers: they cut the charts of a year.

    None of it costs a poll anything: `spells` has a row for each time that three or more polls of an account
    failed in a row (written by a trigger when it is read again), and the notices about a source that failed
    or had no credits left are kept among the alerts. When no daemon ran is in `runs`.
    """
    asked = {
        "account": key, "source": account.source, "rules": json.dumps(sorted(OF_SOURCES)),
        "since": to_ms(wanted.since), "until": to_ms(wanted.until),
    }  # fmt: skip
    rows = conn.execute(
        "SELECT since, until FROM spells WHERE account = :account AND until > :since AND since < :until"
        " UNION SELECT fired_at, resolved_at FROM alerts WHERE subject = :source AND resolved_at > :since"
        " AND fired_at < :until AND rule IN (SELECT value FROM json_each(:rules)) ORDER BY 1",
        asked,
    )
    return tuple(Gap(from_ms(began), from_ms(ended)) for began, ended in rows)


def _partial(conn: sqlite3.Connection, key: int, rows: list[tuple[int, str]]) -> list[Partial]:
    found = []
    assets: dict[int, Asset] = {}
    for at, text in rows:
        parts = json.loads(text)
        open_ = [*parts.get("o", {}).get(str(key), ()), *(a for a, _ in parts.get("h", {}).get(str(key), ()))]
        for each in open_:
            if each not in assets:
                row = conn.execute("SELECT chain, token FROM assets WHERE id = ?", (each,)).fetchone()
                assets[each] = Asset(*row)
        chains = frozenset(parts.get("u", {}).get(str(key), ()))
        found.append(Partial(from_ms(at), chains, frozenset(assets[each] for each in open_)))
    return found


def _told(conn: sqlite3.Connection, wanted: ChartQuery) -> list[AlertMark]:
    """What fired or happened on the wallet in this time, newest first."""
    sql = (
        "SELECT fired_at, resolved_at, severity, rule, because, id FROM alerts"
        " WHERE wallet = :wallet AND fired_at > :since AND fired_at <= :until"
        " AND (NOT closed OR told_at IS NOT NULL)"
        " UNION ALL SELECT at, NULL, severity, rule, title, '' FROM messages"
        " WHERE wallet = :wallet AND kind = 'event' AND at > :since AND at <= :until"
        " ORDER BY 1 DESC LIMIT :most"
    )
    rows = conn.execute(sql, {"wallet": wanted.wallet, "most": MOST_MARKS, **_times(wanted)})
    return [AlertMark(from_ms(row[0]), time(row[1]), *row[2:]) for row in rows]

"""What many small pictures are made of at once: how much some accounts held at the end of each stretch
of the last days, at what price, and when their sources were read. A query each, whatever the number."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Sequence
from datetime import datetime
from decimal import Decimal

from watcher.domain.history.timeline import Point
from watcher.domain.model import Account, Asset
from watcher.domain.values.decimals import ZERO, minus, plus
from watcher.ports.queries import Sparks, Then
from watcher.store.codec import from_ms, number, to_ms


def read(
    conn: sqlite3.Connection, accounts: Sequence[Account], since: datetime, until: datetime, stretches: int
) -> Sparks:
    """The caller owns the transaction."""
    asked = {
        "addresses": json.dumps([account.address for account in accounts]), "since": to_ms(since),
        "until": to_ms(until), "stretch": max((to_ms(until) - to_ms(since)) // stretches, 1),
    }  # fmt: skip
    names = {
        row[0]: Account(*row[1:])
        for row in conn.execute(
            "SELECT id, source, chain, address FROM accounts"
            " WHERE address IN (SELECT value FROM json_each(:addresses))",
            asked,
        )
    }
    asked["ids"] = json.dumps([key for key, account in names.items() if account in set(accounts)])
    found = Sparks()
    assets = _assets(conn, asked)
    for account, asset, at, before in conn.execute(_BEFORE, asked):
        points = found.before.setdefault((names[account], assets[asset]), [])
        points.append(Point(from_ms(at), number(before)))
    for asset, price in conn.execute(_PRICE_BEFORE, asked):
        if price is not None:
            found.prices[assets[asset]] = [Point(since, Decimal(price))]
    for asset, at, price in conn.execute(_PRICES, asked):
        found.prices.setdefault(assets[asset], []).append(Point(from_ms(at), Decimal(price)))
    for source in {account.source for account in accounts}:
        rows = conn.execute(_READINGS, {**asked, "source": source})
        found.readings[source] = [from_ms(at) for row in rows for at in dict.fromkeys(row)]
    return found


_HELD = "SELECT value FROM json_each(:ids)"

_BEFORE = f"""
    SELECT c.account, c.asset, min(c.after_at), c.before FROM balances b
    JOIN changes c ON c.account = b.account AND c.asset = b.asset AND c.after_at > :since
    WHERE b.account IN ({_HELD})
    GROUP BY c.account, c.asset, (c.after_at - :since) / :stretch ORDER BY 1, 2, 3
"""  # noqa: S608 - nothing but the constant above
_PRICED = f"SELECT DISTINCT b.asset AS asset FROM balances b WHERE b.account IN ({_HELD})"  # noqa: S608
_PRICE_BEFORE = f"""
    SELECT asset, (SELECT price FROM prices p WHERE p.asset = d.asset AND p.at <= :since
                   ORDER BY p.at DESC LIMIT 1) FROM ({_PRICED}) d
"""  # noqa: S608
_PRICES = f"""
    SELECT p.asset, max(p.at), p.price FROM ({_PRICED}) d
    JOIN prices p ON p.asset = d.asset AND p.at > :since AND p.at <= :until
    GROUP BY p.asset, (p.at - :since) / :stretch ORDER BY 1, 2
"""  # noqa: S608
_READINGS = """
    SELECT min(ended_at), max(ended_at) FROM requests
    WHERE source = :source AND reserved_at > :since AND reserved_at <= :until AND readings > 0
    GROUP BY ended_at / (:stretch / 8) ORDER BY 1
"""


def _assets(conn: sqlite3.Connection, asked: dict[str, object]) -> dict[int, Asset]:
    sql = f"SELECT s.id, s.chain, s.token FROM assets s JOIN ({_PRICED}) d ON d.asset = s.id"  # noqa: S608
    return {row[0]: Asset(row[1], row[2]) for row in conn.execute(sql, asked)}


def then(conn: sqlite3.Connection, at: datetime, held: Callable[[Account, Asset], Decimal | None]) -> Then:
    """Against the present amounts (`held`; None: not watched) of accounts that were watched at that time.
    Row by row, for there may be very many. The caller owns the transaction."""
    names = {
        row[0]: Account(*row[1:])
        for row in conn.execute(
            "SELECT id, source, chain, address FROM accounts"
            " WHERE watched_since IS NULL OR watched_since <= ?",
            (to_ms(at),),
        )
    }
    assets = {row[0]: Asset(*row[1:]) for row in conn.execute("SELECT id, chain, token FROM assets")}
    found = Then()
    sql = (
        "SELECT c.account, c.asset, c.before, min(c.id) FROM changes c JOIN accounts a ON a.id = c.account"
        " WHERE c.after_at > :at AND (a.watched_since IS NULL OR a.watched_since <= :at)"
        " GROUP BY c.account, c.asset"
    )
    for account, key, before, _ in conn.execute(sql, {"at": to_ms(at)}):
        asset = assets[key]
        amount = held(names[account], asset)
        if amount is None:
            continue
        if before is None:
            found.fresh += 1
            found.first_seen[asset] = plus(found.first_seen.get(asset, ZERO), amount)
        else:
            found.grown[asset] = plus(found.grown.get(asset, ZERO), minus(amount, Decimal(before)))
    sql = (
        "SELECT s.id, (SELECT price FROM prices p WHERE p.asset = s.id AND p.at <= ?"
        " ORDER BY p.at DESC LIMIT 1) FROM assets s WHERE s.price IS NOT NULL"
    )
    rows = conn.execute(sql, (to_ms(at),))
    found.prices = {assets[key]: Decimal(price) for key, price in rows if price is not None}
    return found

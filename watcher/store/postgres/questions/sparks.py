"""What many small pictures are made of at once: how much some accounts held at the end of each stretch
of the last days, at what price, and when their sources were read. A query each, whatever the number."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from decimal import Decimal

from watcher.domain.history.timeline import Point
from watcher.domain.model import Account, Asset
from watcher.domain.values.decimals import ZERO, minus, plus
from watcher.ports.queries import Sparks, Then
from watcher.store.codec import from_ms, to_ms
from watcher.store.postgres.pool import Connection, stream
from watcher.store.postgres.questions.asking import accounts_of
from watcher.store.sql.names import assets


def read(
    conn: Connection, accounts: Sequence[Account], since: datetime, until: datetime, stretches: int
) -> Sparks:
    """The caller owns the transaction."""
    names, found = accounts_of(conn, accounts), Sparks()
    asked = {
        "accounts": list(names), "since": to_ms(since), "until": to_ms(until),
        "stretch": max((to_ms(until) - to_ms(since)) // stretches, 1),
    }  # fmt: skip
    known = {row[0]: Asset(row[1], row[2]) for row in conn.execute(_ASSETS, asked)}
    asked["assets"] = list(known)
    for account, asset, at, before in stream(conn, _BEFORE, asked):
        points = found.before.setdefault((names[account], known[asset]), [])
        points.append(Point(from_ms(at), before))
    for asset, price in stream(conn, _PRICE_BEFORE, asked):
        found.prices[known[asset]] = [Point(since, price)]
    for asset, at, price in stream(conn, _PRICES, asked):
        found.prices.setdefault(known[asset], []).append(Point(from_ms(at), price))
    for source in {account.source for account in accounts}:
        rows = stream(conn, _READINGS, {**asked, "source": source})
        found.readings[source] = [from_ms(at) for row in rows for at in dict.fromkeys(row)]
    return found


_ASSETS = """
    SELECT id, chain, token FROM assets
    WHERE id IN (SELECT asset FROM balances WHERE account = ANY(%(accounts)s))
"""
_BEFORE = """
    SELECT account, asset, after_at, before FROM (
        SELECT DISTINCT ON (c.account, c.asset, stretch)
            c.account, c.asset, c.after_at, c.before, (c.after_at - %(since)s) / %(stretch)s AS stretch
        FROM balances b
        JOIN changes c ON c.account = b.account AND c.asset = b.asset AND c.after_at > %(since)s
        WHERE b.account = ANY(%(accounts)s)
        ORDER BY c.account, c.asset, stretch, c.after_at, c.id) first
    ORDER BY 1, 2, 3
"""
_PRICE_BEFORE = """
    SELECT d.asset, p.price FROM unnest(%(assets)s::bigint[]) AS d (asset) CROSS JOIN LATERAL (
        SELECT price FROM prices WHERE asset = d.asset AND at <= %(since)s ORDER BY at DESC LIMIT 1) p
"""
_PRICES = """
    SELECT asset, at, price FROM (
        SELECT DISTINCT ON (asset, stretch) asset, at, price, (at - %(since)s) / %(stretch)s AS stretch
        FROM prices WHERE asset = ANY(%(assets)s) AND at > %(since)s AND at <= %(until)s
        ORDER BY asset, stretch, at DESC) last
    ORDER BY 1, 2
"""
_READINGS = """
    SELECT min(ended_at), max(ended_at) FROM requests
    WHERE source = %(source)s AND reserved_at > %(since)s AND reserved_at <= %(until)s AND readings > 0
    GROUP BY ended_at / greatest(%(stretch)s / 8, 1) ORDER BY 1
"""


def then(conn: Connection, at: datetime, held: Callable[[Account, Asset], Decimal | None]) -> Then:
    """Against the present amounts (`held`; None: not watched) of accounts that were watched at that time.
    Row by row, for there may be very many. The caller owns the transaction."""
    asked, known, found = {"at": to_ms(at)}, assets(conn), Then()
    for source, chain, address, key, before in stream(conn, _FIRST_AFTER, asked):
        asset = known[key]
        amount = held(Account(source, chain, address), asset)
        if amount is None:
            continue
        if before is None:
            found.fresh += 1
            found.first_seen[asset] = plus(found.first_seen.get(asset, ZERO), amount)
        else:
            found.grown[asset] = plus(found.grown.get(asset, ZERO), minus(amount, before))
    found.prices = {known[key]: price for key, price in stream(conn, _PRICES_AT, asked)}
    return found


_FIRST_AFTER = """
    SELECT a.source, a.chain, a.address, c.asset, c.before FROM (
        SELECT DISTINCT ON (account, asset) account, asset, before FROM changes
        WHERE after_at > %(at)s ORDER BY account, asset, id) c
    JOIN accounts a ON a.id = c.account
    WHERE a.watched_since IS NULL OR a.watched_since <= %(at)s
"""
_PRICES_AT = """
    SELECT s.id, p.price FROM assets s CROSS JOIN LATERAL (
        SELECT price FROM prices WHERE asset = s.id AND at <= %(at)s ORDER BY at DESC LIMIT 1) p
    WHERE s.price IS NOT NULL
"""

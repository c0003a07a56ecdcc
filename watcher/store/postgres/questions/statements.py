"""What a statement is made of: amounts and prices at both ends of a time, and all that happened between."""

# ruff: noqa: S608 - only constants of this file are joined into statements

from __future__ import annotations

from collections.abc import Collection, Generator, Mapping
from datetime import datetime
from decimal import Decimal
from itertools import groupby
from operator import itemgetter
from typing import Any

from watcher.domain.history.timeline import Gap
from watcher.domain.model import Account, Asset, Change, Quote
from watcher.ports.period import MovedHolding, StatementData, Step
from watcher.store.codec import from_ms, time, to_ms
from watcher.store.postgres.pool import Connection, stream
from watcher.store.postgres.questions.asking import accounts_of
from watcher.store.postgres.questions.history import HELD
from watcher.store.sql import alerts, events, ledger
from watcher.store.sql.history import runs
from watcher.store.sql.names import assets

Names = Mapping[int, Account]


def read(
    conn: Connection,
    accounts: Collection[Account],
    since: datetime,
    until: datetime,
    *,
    holdings: bool = True,
) -> StatementData:
    """The caller owns the transaction."""
    names = accounts_of(conn, accounts)
    asked: dict[str, Any] = {"since": to_ms(since), "until": to_ms(until), "accounts": list(names)}
    known, symbols = dict[int, Asset](), dict[int, str]()
    for key, chain, token, symbol in conn.execute("SELECT id, chain, token, symbol FROM assets"):
        known[key], symbols[key] = Asset(chain, token), symbol
    begins = conn.execute("SELECT reserved_at FROM requests ORDER BY reserved_at LIMIT 1").fetchone()
    return StatementData(
        _held(conn, asked, names, known) if holdings else {},
        tuple(_changes(conn, asked, names, known, symbols)) if holdings else (),
        _prices(conn, asked["since"], known),
        _prices(conn, asked["until"], known),
        tuple(alerts.within(conn, since, until)),
        tuple(events.within(conn, since, until)),
        _unread(conn, asked, names),
        tuple(runs(conn)),
        ledger.tallies(conn, asked["since"], asked["until"]),
        time(begins[0]) if begins is not None else None,
        ledger.spent_by(conn, asked["since"], asked["until"]),
    )


def moved(
    conn: Connection,
    accounts: Collection[Account],
    since: datetime,
    until: datetime,
    stretches: int,
    asset: Asset | None = None,
) -> Generator[MovedHolding, None, None]:
    """Each holding that changed, row by row, for there may be very many. The caller owns the transaction."""
    names, known = accounts_of(conn, accounts), assets(conn)
    asked = {
        "since": to_ms(since), "until": to_ms(until), "stretches": stretches, "accounts": list(names),
        "assets": None if asset is None else [key for key, each in known.items() if each == asset],
    }  # fmt: skip
    by_holding = groupby(stream(conn, _STEPS, asked), key=itemgetter(0, 1))
    for (account, key, before), (_, rows) in zip(stream(conn, _BEFORE, asked), by_holding, strict=True):
        yield MovedHolding(names[account], known[key], before, tuple(Step(*row[2:]) for row in rows))


_WITHIN = """
    FROM changes WHERE after_at >= %(since)s AND after_at < %(until)s AND account = ANY(%(accounts)s)
        AND (%(assets)s::bigint[] IS NULL OR asset = ANY(%(assets)s))
"""
_STEPS = f"""
    SELECT account, asset, before, after,
        (after_at - %(since)s) * %(stretches)s / (%(until)s - %(since)s), drift
    {_WITHIN} ORDER BY account, asset, after_at, id
"""
_BEFORE = f"""
    SELECT b.account, b.asset, h.after FROM (SELECT DISTINCT account, asset {_WITHIN}) b LEFT JOIN LATERAL (
        SELECT c.after FROM changes c
        WHERE c.account = b.account AND c.asset = b.asset AND c.after_at < %(since)s
        ORDER BY c.after_at DESC, c.id DESC LIMIT 1) h ON true
    ORDER BY b.account, b.asset
"""


def price_steps(
    conn: Connection, since: datetime, until: datetime, stretches: int, asset: Asset | None = None
) -> dict[Asset, list[Quote]]:
    """The caller owns the transaction."""
    asked = {
        "since": to_ms(since),
        "until": to_ms(until),
        "stretches": stretches,
        "chain": None,
        "token": None,  # nosec B105
    }
    if asset is not None:
        asked |= asset._asdict()
    found: dict[Asset, list[Quote]] = {}
    for query in (_LAST_BEFORE, _LAST_OF_EACH):
        for chain, token, price, at in stream(conn, query, asked):
            found.setdefault(Asset(chain, token), []).append(Quote(price, from_ms(at)))
    return found


_ONE = "(%(chain)s::text IS NULL OR (s.chain, s.token) = (%(chain)s::text, %(token)s::text))"
_LAST_BEFORE = f"""
    SELECT s.chain, s.token, p.price, p.at FROM assets s CROSS JOIN LATERAL (
        SELECT price, at FROM prices WHERE asset = s.id AND at < %(since)s ORDER BY at DESC LIMIT 1) p
    WHERE {_ONE}
"""
_LAST_OF_EACH = f"""
    SELECT chain, token, price, at FROM (
        SELECT DISTINCT ON (s.id, stretch) s.id, s.chain, s.token, p.price, p.at,
            (p.at - %(since)s) * %(stretches)s / (%(until)s - %(since)s) AS stretch
        FROM assets s JOIN prices p ON p.asset = s.id AND p.at >= %(since)s AND p.at < %(until)s
        WHERE {_ONE} ORDER BY s.id, stretch, p.at DESC) last
    ORDER BY id, at
"""


def _held(
    conn: Connection, asked: Mapping[str, Any], names: Names, known: Mapping[int, Asset]
) -> dict[tuple[Account, Asset], Decimal]:
    """The last amount of each holding before the beginning."""
    rows = conn.stream(f"{HELD} WHERE b.account = ANY(:accounts)", **asked)
    return {(names[account], known[asset]): held for account, asset, held in rows}


def _changes(
    conn: Connection,
    asked: Mapping[str, Any],
    names: Names,
    known: Mapping[int, Asset],
    symbols: Mapping[int, str],
) -> list[Change]:
    sql = (
        "SELECT account, asset, before, after, before_at, after_at, price_before, price_after, drift"
        " FROM changes WHERE after_at >= %(since)s AND after_at < %(until)s AND account = ANY(%(accounts)s)"
        " ORDER BY after_at, id"
    )
    found = []
    for account, asset, before, after, before_at, after_at, *more in stream(conn, sql, asked):
        held = (known[asset], symbols[asset], before, after)
        found.append(Change(names[account], *held, time(before_at), from_ms(after_at), *more))
    return found


def _prices(conn: Connection, at: int, known: Mapping[int, Asset]) -> dict[Asset, Quote]:
    sql = (
        "SELECT s.id, p.price, p.at FROM assets s CROSS JOIN LATERAL ("
        " SELECT price, at FROM prices WHERE asset = s.id AND at < %s ORDER BY at DESC LIMIT 1) p"
    )
    return {known[asset]: Quote(price, from_ms(seen)) for asset, price, seen in stream(conn, sql, (at,))}


def _unread(conn: Connection, asked: Mapping[str, Any], names: Names) -> dict[Account, tuple[Gap, ...]]:
    sql = (
        "SELECT account, since, until FROM spells WHERE until > %(since)s AND since < %(until)s"
        " AND account = ANY(%(accounts)s) ORDER BY since"
    )
    found: dict[Account, tuple[Gap, ...]] = {}
    for account, since, until in stream(conn, sql, asked):
        known = found.get(names[account], ())
        found[names[account]] = (*known, Gap(from_ms(since), from_ms(until)))
    return found

"""What a backtest reads: history from some time on, as it was recorded."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from watcher.domain.history.reconstruction import RecordedHistory
from watcher.domain.model import Account, Asset, Change, Quote
from watcher.store.codec import from_ms, number, time, to_ms
from watcher.store.sqlite import poll_log
from watcher.store.sqlite.asset_names import read_names


def recorded(conn: sqlite3.Connection, since: datetime) -> RecordedHistory:
    """Everything from `since` on, and what was held before. The caller owns the transaction."""
    accounts = {
        row[0]: Account(*row[1:]) for row in conn.execute("SELECT id, source, chain, address FROM accounts")
    }
    assets: dict[int, Asset] = {}
    symbols: dict[Asset, str] = {}
    for key, chain, token, symbol in conn.execute("SELECT id, chain, token, symbol FROM assets"):
        assets[key] = Asset(chain, token)
        symbols[assets[key]] = symbol
    polls, names = poll_log.records(conn, since), read_names(conn, assets)
    return RecordedHistory(
        changes=_changes(conn, since, accounts, assets, symbols),
        held=_held(conn, since, accounts, assets),
        prices=_prices(conn, since, assets),
        symbols=symbols,
        polls=polls,
        runs=poll_log.runs(conn),
        same=names.same,
        former=names.former,
        known_from=polls[0].at if polls else None,
    )


def oldest(conn: sqlite3.Connection) -> datetime | None:
    """When history begins."""
    return time(conn.execute("SELECT min(after_at) FROM changes").fetchone()[0])


def _changes(
    conn: sqlite3.Connection,
    since: datetime,
    accounts: dict[int, Account],
    assets: dict[int, Asset],
    symbols: dict[Asset, str],
) -> list[Change]:
    sql = (
        "SELECT account, asset, before, after, before_at, after_at, price_before, price_after"
        " FROM changes WHERE after_at >= ? ORDER BY after_at, id"
    )
    return [
        Change(
            accounts[account],
            assets[asset],
            symbols[assets[asset]],
            number(before),
            Decimal(after),
            time(before_at),
            from_ms(after_at),
            number(price_before),
            number(price_after),
        )
        for account, asset, before, after, before_at, after_at, price_before, price_after in conn.execute(
            sql, (to_ms(since),)
        )
    ]


def _held(
    conn: sqlite3.Connection, since: datetime, accounts: dict[int, Account], assets: dict[int, Asset]
) -> dict[Account, dict[Asset, Decimal]]:
    """The last amount of each asset before `since`: by the index, one look-up a holding."""
    sql = (
        "SELECT b.account, b.asset, (SELECT c.after FROM changes c WHERE c.account = b.account"
        " AND c.asset = b.asset AND c.after_at < ? ORDER BY c.after_at DESC, c.id DESC LIMIT 1) AS held"
        " FROM balances b WHERE held IS NOT NULL"
    )
    found: dict[Account, dict[Asset, Decimal]] = {}
    for account, asset, held in conn.execute(sql, (to_ms(since),)):
        found.setdefault(accounts[account], {})[assets[asset]] = Decimal(held)
    return found


def _prices(conn: sqlite3.Connection, since: datetime, assets: dict[int, Asset]) -> dict[Asset, list[Quote]]:
    """The prices kept since then, each asset's last one before that included."""
    sql = (
        "SELECT p.asset, p.at, p.price FROM prices p WHERE p.at >= coalesce("
        " (SELECT max(q.at) FROM prices q WHERE q.asset = p.asset AND q.at <= ?), 0) ORDER BY p.asset, p.at"
    )
    found: dict[Asset, list[Quote]] = {}
    for asset, at, price in conn.execute(sql, (to_ms(since),)):
        found.setdefault(assets[asset], []).append(Quote(Decimal(price), from_ms(at)))
    return found


FEW = 100
"""Accounts whose history is looked up one by one."""


def history(
    conn: sqlite3.Connection,
    limit: int,
    accounts: Sequence[Account] | None = None,
    since: datetime | None = None,
    assets: Collection[Asset] | None = None,
    skip: int = 0,
) -> list[Change]:
    """Changes, newest first; baselines (`before` None) are left out."""
    sql = (
        "SELECT a.source, a.chain, a.address, s.chain, s.token, s.symbol, c.before, c.after,"
        " c.before_at, c.after_at, c.price_before, c.price_after, c.drift FROM changes c{by}"
        " JOIN accounts a ON a.id = c.account JOIN assets s ON s.id = c.asset"
        " WHERE c.before IS NOT NULL AND c.after_at >= ?"
    )
    wanted = None if accounts is None else set(accounts)
    parameters: list[int | str] = [to_ms(since) if since else -(2**62)]
    if wanted is not None and len(wanted) <= FEW:  # found by index, however much others have moved
        sql += " AND c.account IN (SELECT id FROM accounts WHERE address IN (SELECT value FROM json_each(?)))"
        parameters.append(json.dumps([account.address for account in wanted]))
    by = ""
    if assets is not None and len(assets) <= FEW:  # of one that seldom moved, all of history would be read
        by = " INDEXED BY changes_by_holding"
        sql += " AND c.account IN (SELECT id FROM accounts) AND c.asset IN (SELECT k.id FROM assets k"
        sql += " JOIN json_each(?) j ON k.chain = json_extract(j.value, '$[0]')"
        sql += " AND k.token = json_extract(j.value, '$[1]'))"
        parameters.append(json.dumps(list(assets)))
    sql += " ORDER BY c.after_at DESC, c.id DESC"
    found: list[Change] = []
    for row in conn.execute(sql.format(by=by), parameters):
        account = Account(*row[:3])
        if (wanted is None or account in wanted) and (assets is None or Asset(*row[3:5]) in assets):
            if skip:
                skip -= 1
                continue
            found.append(_change(account, row[3:]))
        if len(found) >= limit:
            break
    return found


def _change(account: Account, row: tuple[Any, ...]) -> Change:
    chain, token, symbol, before, after, before_at, after_at, price_before, price_after, drift = row
    times, prices = (time(before_at), from_ms(after_at)), (number(price_before), number(price_after))
    return Change(
        account, Asset(chain, token), symbol, number(before), Decimal(after), *times, *prices, bool(drift)
    )

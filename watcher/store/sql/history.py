"""What a backtest reads: history from some time on, as it was recorded. The caller owns the transaction."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal

from watcher.domain.history.reconstruction import DaemonRun, PollRecord, RecordedHistory
from watcher.domain.model import Account, Asset, Change, Quote
from watcher.store.codec import from_ms, number, time, to_ms
from watcher.store.outcomes import record
from watcher.store.sql.database import Database
from watcher.store.sql.names import accounts, asset_names


def recorded(database: Database, since: datetime, held: str) -> RecordedHistory:
    """Everything from `since` on, and what was held before: `held` asks for that."""
    names = accounts(database)
    assets: dict[int, Asset] = {}
    symbols: dict[Asset, str] = {}
    for key, chain, token, symbol in database.rows("SELECT id, chain, token, symbol FROM assets"):
        assets[key] = Asset(chain, token)
        symbols[assets[key]] = symbol
    polls, others = _polls(database, since, names, assets), asset_names(database, assets)
    amounts: dict[Account, dict[Asset, Decimal]] = {}
    for account, asset, amount in database.stream(held, since=to_ms(since)):
        amounts.setdefault(names[account], {})[assets[asset]] = Decimal(amount)
    return RecordedHistory(
        changes=_changes(database, since, names, assets, symbols),
        held=amounts,
        prices=_prices(database, since, assets),
        symbols=symbols,
        polls=polls,
        runs=runs(database),
        same=others.same,
        former=others.former,
        known_from=polls[0].at if polls else None,
    )


def _changes(
    database: Database,
    since: datetime,
    names: Mapping[int, Account],
    assets: Mapping[int, Asset],
    symbols: Mapping[Asset, str],
) -> list[Change]:
    sql = (
        "SELECT account, asset, before, after, before_at, after_at, price_before, price_after"
        " FROM changes WHERE after_at >= :since ORDER BY after_at, id"
    )
    found = []
    for row in database.stream(sql, since=to_ms(since)):
        account, key, before, after, before_at, after_at, price_before, price = row
        asset, held, times = (
            assets[key],
            (number(before), Decimal(after)),
            (time(before_at), from_ms(after_at)),
        )
        prices = (number(price_before), number(price))
        found.append(Change(names[account], asset, symbols[asset], *held, *times, *prices))
    return found


def _prices(database: Database, since: datetime, assets: Mapping[int, Asset]) -> dict[Asset, list[Quote]]:
    """The prices kept since then, each asset's last one before that included."""
    sql = (
        "SELECT p.asset, p.at, p.price FROM prices p LEFT JOIN"
        " (SELECT asset, max(at) AS at FROM prices WHERE at <= :since GROUP BY asset) b ON b.asset = p.asset"
        " WHERE p.at >= coalesce(b.at, 0) ORDER BY p.asset, p.at"
    )
    found: dict[Asset, list[Quote]] = {}
    for asset, at, price in database.stream(sql, since=to_ms(since)):
        found.setdefault(assets[asset], []).append(Quote(Decimal(price), from_ms(at)))
    return found


def _polls(
    database: Database, since: datetime, names: Mapping[int, Account], assets: Mapping[int, Asset]
) -> list[PollRecord]:
    """Every request since then whose accounts are known, in the order of time."""
    sql = (
        "SELECT ended_at, outcomes FROM requests WHERE reserved_at >= :since AND outcomes IS NOT NULL"
        " ORDER BY ended_at, id"
    )
    rows = database.stream(sql, since=to_ms(since))
    return [record(from_ms(at), text, names, assets) for at, text in rows]


def runs(database: Database) -> list[DaemonRun]:
    """Times in which at least one daemon was at work."""
    found: list[DaemonRun] = []
    for began, seen in database.rows("SELECT began, seen FROM runs ORDER BY began, seen"):
        run = DaemonRun(from_ms(began), from_ms(seen))
        if found and run.began < found[-1].seen:
            run = DaemonRun(found[-1].began, max(found.pop().seen, run.seen))
        found.append(run)
    return found


def newest_prices(database: Database, asset: Asset, since: datetime, limit: int) -> list[Quote]:
    """The newest samples of an asset's price, oldest first."""
    sql = (
        "SELECT price, at FROM prices WHERE asset = (SELECT id FROM assets WHERE chain = :chain"
        " AND token = :token) AND at >= :since ORDER BY at DESC LIMIT :limit"
    )
    rows = list(database.rows(sql, **asset._asdict(), since=to_ms(since), limit=limit))
    return [Quote(Decimal(price), from_ms(at)) for price, at in reversed(rows)]

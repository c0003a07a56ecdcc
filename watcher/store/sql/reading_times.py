"""When an account was read, as far as the poll log says, and when it could not be.

Requests name the accounts that they read by their numbers, in a JSON text.
"""

# ruff: noqa: S608 (only constants of this file are joined into statements)

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import timedelta
from itertools import chain

from watcher.domain.evaluation.builtin_notices import OF_SOURCES
from watcher.domain.history.timeline import Gap
from watcher.domain.model import Account, Asset
from watcher.ports.queries import ChartQuery, Partial, ReadingTimes
from watcher.store.codec import from_ms, time, to_ms
from watcher.store.sql.database import Database, Row

STRETCHES = 2000
"""Stretches of time into which the readings are cut where there are many."""
MOST = 3000
"""Readings up to which each is told; of more, the first and the last of each stretch."""

_LOG = (
    "FROM requests WHERE source = :source AND reserved_at > :since AND reserved_at <= :until"
    " AND CASE WHEN outcomes LIKE '{{\"r\":[%' THEN"
    " {find}(',' || substr(outcomes, 7, {find}(outcomes, ']') - 7) || ',', :account) > 0 END"
)
"""Those that have read an account: these are written first, as {"r":[1,2]."""


def looked(database: Database, wanted: ChartQuery, account: Account, key: int) -> ReadingTimes:
    """`key`: the number of the account."""
    sql = "SELECT min(after_at) FROM changes WHERE account = :key AND before IS NULL"
    first = time(next(database.rows(sql, key=key))[0])
    if not wanted.readings:
        return ReadingTimes(first, None)
    sql = (
        "SELECT ended_at FROM requests WHERE source = :source AND outcomes IS NOT NULL"
        " ORDER BY source, reserved_at LIMIT 1"
    )
    row = next(database.rows(sql, source=account.source), None)
    older = _outages(database, wanted, account, key)
    if row is None:
        return ReadingTimes(first, None, spells=older)
    # As far back again: what was usual before shows how long a wait is too long.
    back = wanted.since - max(wanted.until - wanted.since, timedelta(days=1))
    asked: dict[str, object] = {
        "source": account.source, "account": f",{key},", "mark": f'"{key}":', "since": to_ms(back),
        "until": to_ms(wanted.until),
    }  # fmt: skip
    log, mark = _LOG.format(find=database.FIND), f"{database.FIND}(outcomes, :mark)"
    sql = f"SELECT ended_at {log} AND {mark} = 0 ORDER BY ended_at LIMIT {MOST + 1}"
    every = [at for (at,) in database.rows(sql, **asked)]
    if len(every) > MOST:
        stretch = max((to_ms(wanted.until) - to_ms(wanted.since)) // STRETCHES, 1)
        sql = f"SELECT min(ended_at), max(ended_at) {log} AND {mark} = 0"
        sql += " GROUP BY ended_at / :stretch ORDER BY 1"
        every = list(chain.from_iterable(map(dict.fromkeys, database.rows(sql, **asked, stretch=stretch))))
    parts = list(database.rows(f"SELECT ended_at, outcomes {log} AND {mark} > 0 ORDER BY ended_at", **asked))
    times = tuple(map(from_ms, every))
    return ReadingTimes(first, from_ms(row[0]), times, tuple(_partial(database, key, parts)), older)


def _outages(database: Database, wanted: ChartQuery, account: Account, key: int) -> tuple[Gap, ...]:
    """The times within which this account, or all of its source, could not be read, for longer than the poll
    log remembers: they cut the charts of a year.

    None of it costs a poll anything: `spells` has a row for each time that three or more polls of an account
    failed in a row (written by a trigger when it is read again), and the notices about a source that failed
    or had no credits left are kept among the alerts. When no daemon ran is in `runs`.
    """
    rows = database.rows(
        "SELECT since, until FROM spells WHERE account = :account AND until > :since AND since < :until"
        " UNION SELECT fired_at, resolved_at FROM alerts WHERE subject = :source AND resolved_at > :since"
        f" AND fired_at < :until AND {database.among('rule', 'rules')} ORDER BY 1, 2",
        account=key, source=account.source, rules=sorted(OF_SOURCES), since=to_ms(wanted.since),
        until=to_ms(wanted.until),
    )  # fmt: skip
    return tuple(Gap(from_ms(began), from_ms(ended)) for began, ended in rows)


def _partial(database: Database, key: int, rows: Sequence[Row]) -> list[Partial]:
    mine, found = str(key), []
    parts = [(at, json.loads(text)) for at, text in rows]
    open_ = [
        {*each.get("o", {}).get(mine, ()), *(asset for asset, _ in each.get("h", {}).get(mine, ()))}
        for _, each in parts
    ]
    sql = f"SELECT id, chain, token FROM assets WHERE {database.among('id', 'ids')}"
    assets = {row[0]: Asset(*row[1:]) for row in database.rows(sql, ids=list(set().union(*open_)))}
    for (at, each), left in zip(parts, open_, strict=True):
        chains = frozenset(each.get("u", {}).get(mine, ()))
        found.append(Partial(from_ms(at), chains, frozenset(assets[asset] for asset in left)))
    return found

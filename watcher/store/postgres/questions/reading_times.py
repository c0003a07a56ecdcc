"""When an account was read, as far as the poll log says, and when it could not be.

Requests name the accounts that they read by their numbers, in a JSON text.
"""

from __future__ import annotations

import json
from datetime import timedelta
from itertools import chain

from watcher.domain.evaluation.builtin_notices import OF_SOURCES
from watcher.domain.history.timeline import Gap
from watcher.domain.model import Account, Asset
from watcher.ports.queries import ChartQuery, Partial, ReadingTimes
from watcher.store.codec import from_ms, time, to_ms
from watcher.store.postgres.pool import Connection

MOST = 3000
"""Readings up to which each is told; of more, the first and the last of each stretch of time."""

_READ = "strpos(',' || split_part(substr(outcomes, 7), ']', 1) || ',', %(account)s) > 0"
"""Whether an account is among those that a request has read: they are written first, as {"r":[1,2]."""

_LOG = (
    "FROM requests WHERE source = %(source)s AND reserved_at > %(since)s AND reserved_at <= %(until)s"
    f" AND starts_with(outcomes, '{{\"r\":[') AND {_READ}"
)
_WHOLE = f"{_LOG} AND strpos(outcomes, %(mark)s) = 0"
_PARTIAL = f"SELECT ended_at, outcomes {_LOG} AND strpos(outcomes, %(mark)s) > 0 ORDER BY ended_at"


def looked(conn: Connection, wanted: ChartQuery, account: Account, key: int, stretch: int) -> ReadingTimes:
    """`stretch`: milliseconds of which a chart tells no more apart."""
    sql = "SELECT min(after_at) FROM changes WHERE account = %s AND before IS NULL"
    first = next(time(at) for (at,) in conn.execute(sql, (key,)))
    if not wanted.readings:
        return ReadingTimes(first, None)
    sql = (
        "SELECT ended_at FROM requests WHERE source = %s AND outcomes IS NOT NULL"
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
        "until": to_ms(wanted.until), "stretch": max(stretch // 2, 1),
    }  # fmt: skip
    sql = f"SELECT ended_at {_WHOLE} ORDER BY ended_at LIMIT {MOST + 1}"
    every = [at for (at,) in conn.execute(sql, asked)]
    if len(every) > MOST:
        sql = f"SELECT min(ended_at), max(ended_at) {_WHOLE} GROUP BY ended_at / %(stretch)s ORDER BY 1"
        every = list(chain.from_iterable(map(dict.fromkeys, conn.execute(sql, asked))))
    parts = conn.execute(_PARTIAL, asked).fetchall()
    times = tuple(map(from_ms, every))
    return ReadingTimes(first, from_ms(row[0]), times, tuple(_partial(conn, key, parts)), older)


def _outages(conn: Connection, wanted: ChartQuery, account: Account, key: int) -> tuple[Gap, ...]:
    """The times within which this account, or all of its source, could not be read, for longer than the poll
    log remembers: they cut the charts of a year. The notices about a source are kept among the alerts."""
    asked = {
        "account": key, "source": account.source, "rules": sorted(OF_SOURCES),
        "since": to_ms(wanted.since), "until": to_ms(wanted.until),
    }  # fmt: skip
    rows = conn.execute(
        "SELECT since, until FROM spells WHERE account = %(account)s AND until > %(since)s"
        " AND since < %(until)s"
        " UNION SELECT fired_at, resolved_at FROM alerts WHERE subject = %(source)s"
        " AND resolved_at > %(since)s AND fired_at < %(until)s AND rule = ANY(%(rules)s) ORDER BY 1, 2",
        asked,
    )
    return tuple(Gap(from_ms(began), from_ms(ended)) for began, ended in rows)


def _partial(conn: Connection, key: int, rows: list[tuple[int, str]]) -> list[Partial]:
    mine, found = str(key), []
    parts = [(at, json.loads(text)) for at, text in rows]
    open_ = [
        {*each.get("o", {}).get(mine, ()), *(asset for asset, _ in each.get("h", {}).get(mine, ()))}
        for _, each in parts
    ]
    sql = "SELECT id, chain, token FROM assets WHERE id = ANY(%s)"
    assets = {row[0]: Asset(row[1], row[2]) for row in conn.execute(sql, (list(set().union(*open_)),))}
    for (at, each), left in zip(parts, open_, strict=True):
        chains = frozenset(each.get("u", {}).get(mine, ()))
        found.append(Partial(from_ms(at), chains, frozenset(assets[asset] for asset in left)))
    return found

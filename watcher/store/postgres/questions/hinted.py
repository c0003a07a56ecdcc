"""Polls that hints caused. The caller owns the transaction."""

from __future__ import annotations

from datetime import datetime

from watcher.domain.model import Account
from watcher.ports.hints import HintedPoll, HintTally, HintWord
from watcher.store.codec import from_ms, to_ms
from watcher.store.postgres.pool import Connection

_POLLS = "SELECT source, chain, address, by, told_at, hint, at, changed, credits FROM hinted WHERE at >= %s"
_NEWEST = " ORDER BY at DESC, id DESC LIMIT %s"
_TALLIES = (
    "SELECT source, by, count(*), count(*) FILTER (WHERE changed), count(*) FILTER (WHERE NOT changed),"
    " sum(credits)::bigint, coalesce(sum(credits) FILTER (WHERE NOT changed), 0)::bigint"
    " FROM hinted WHERE at >= %s GROUP BY source, by ORDER BY source, by"
)


def polls(conn: Connection, since: datetime, limit: int, account: Account | None = None) -> list[HintedPoll]:
    """Since then, newest first."""
    if account is None:
        rows = conn.execute(_POLLS + _NEWEST, (to_ms(since), limit))
    else:
        of = " AND source = %s AND chain = %s AND address = %s"
        rows = conn.execute(_POLLS + of + _NEWEST, (to_ms(since), *account, limit))
    return [
        HintedPoll(Account(*row[:3]), HintWord(row[3], from_ms(row[4]), row[5]), from_ms(row[6]), *row[7:])
        for row in rows
    ]


def tallies(conn: Connection, since: datetime) -> list[HintTally]:
    """What they came to, by source and hint source."""
    return [HintTally(*row) for row in conn.execute(_TALLIES, (to_ms(since),))]

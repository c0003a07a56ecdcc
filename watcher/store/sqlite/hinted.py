"""Polls that hints caused, as rows and back. The caller owns the transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from datetime import datetime

from watcher.domain.model import Account
from watcher.ports.hints import HintedPoll, HintTally, HintWord
from watcher.store.codec import from_ms, storable, to_ms

_NOTE = (
    "INSERT INTO hinted (request, source, chain, address, by, told_at, hint, at, changed, credits)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_POLLS = "SELECT source, chain, address, by, told_at, hint, at, changed, credits FROM hinted WHERE at >= ?"
_NEWEST = " ORDER BY at DESC, rowid DESC LIMIT ?"
_TALLIES = (
    "SELECT source, by, count(*), sum(changed IS 1), sum(changed IS 0), sum(credits),"
    " coalesce(sum(credits) FILTER (WHERE changed IS 0), 0)"
    " FROM hinted WHERE at >= ? GROUP BY source, by ORDER BY source, by"
)


def note(conn: sqlite3.Connection, request: int, polls: Iterable[HintedPoll]) -> None:
    """Write down the polls of one request."""
    conn.executemany(
        _NOTE,
        [
            (
                request, *each.account, each.word.by, to_ms(each.word.at), storable(each.word.id),
                to_ms(each.at), each.changed, each.credits,
            )
            for each in polls
        ],
    )  # fmt: skip


def polls(
    conn: sqlite3.Connection, since: datetime, limit: int, account: Account | None = None
) -> list[HintedPoll]:
    """Since then, newest first."""
    if account is None:
        rows = conn.execute(_POLLS + _NEWEST, (to_ms(since), limit))
    else:
        of = " AND source = ? AND chain = ? AND address = ?"
        rows = conn.execute(_POLLS + of + _NEWEST, (to_ms(since), *account, limit))
    return [
        HintedPoll(
            Account(*row[:3]), HintWord(row[3], from_ms(row[4]), row[5]), from_ms(row[6]),
            None if row[7] is None else bool(row[7]), row[8],
        )
        for row in rows
    ]  # fmt: skip


def tallies(conn: sqlite3.Connection, since: datetime) -> list[HintTally]:
    """What they came to, by source and hint source."""
    return [HintTally(*row) for row in conn.execute(_TALLIES, (to_ms(since),))]

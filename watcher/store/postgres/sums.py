"""Sums that were left to be judged apart: each by one at a time. The caller owns the transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from watcher.domain.decision import SumKey
from watcher.domain.model import Account, subject_key
from watcher.store.postgres.look import columns
from watcher.store.postgres.pool import Connection

_WAITING = "SELECT rule, subject FROM sums GROUP BY rule, subject ORDER BY min(id) LIMIT %s"
_MINE = (
    "SELECT rule, subject FROM unnest(%s::words[], %s::words[]) AS s (rule, subject)"
    " WHERE pg_try_advisory_xact_lock("
    "hashtextextended(current_schema() || E'\\n' || rule || E'\\n' || subject, 2))"
)
_TAKE = (
    "DELETE FROM sums USING unnest(%s::words[], %s::words[]) AS s (rule, subject)"
    " WHERE sums.rule = s.rule AND sums.subject = s.subject RETURNING sums.rule, sums.subject, sums.read"
)
_OWE = "INSERT INTO sums (rule, subject, read) SELECT * FROM unnest(%s::words[], %s::words[], %s::boolean[])"


def take(conn: Connection, most: int) -> dict[SumKey, bool]:
    """Some that nobody is at, until the end of the transaction. What is committed before this returns is seen
    by what is read afterwards; what is committed later leaves the sum there again."""
    waiting = conn.execute(_WAITING, (most,)).fetchall()
    mine = conn.execute(_MINE, columns(waiting, 2)).fetchall() if waiting else []
    taken: dict[SumKey, bool] = {}
    for rule, subject, read in conn.execute(_TAKE, columns(mine, 2)) if mine else ():
        key = SumKey(rule, subject)
        taken[key] = read or taken.get(key, False)
    return taken


def owe(conn: Connection, sums: Mapping[SumKey, bool]) -> None:
    """Leave them to be judged, as `Decision.sums` has them."""
    conn.execute(_OWE, columns(sorted((*key, read) for key, read in sums.items()), 3))


def owe_all_of(conn: Connection, accounts: Sequence[Account]) -> None:
    """Leave all sums to be judged of which these are parts."""
    owe(conn, {SumKey("", subject_key(account)): False for account in accounts})

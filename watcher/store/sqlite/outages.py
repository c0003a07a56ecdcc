"""When an account could not be read, for longer than the poll log remembers: it cuts the charts of a year.

Three sources, none of which costs a poll anything: `spells`, a row for each time that three or more polls
of an account failed in a row (written by a trigger when it is read again), and the notices about
a source that failed or had no credits left, which are kept among the alerts. When no daemon ran is in `runs`.
"""

from __future__ import annotations

import json
import sqlite3
from datetime import datetime

from watcher.domain.evaluation.builtin_notices import OF_SOURCES
from watcher.domain.history.timeline import Gap
from watcher.domain.model import Account
from watcher.store.sqlite.codec import from_ms, to_ms


def of(
    conn: sqlite3.Connection, account: Account, key: int, since: datetime, until: datetime
) -> tuple[Gap, ...]:
    """The times within which this account, or all of its source, could not be read."""
    asked = {
        "account": key, "source": account.source, "rules": json.dumps(sorted(OF_SOURCES)),
        "since": to_ms(since), "until": to_ms(until),
    }  # fmt: skip
    rows = conn.execute(
        "SELECT since, until FROM spells WHERE account = :account AND until > :since AND since < :until"
        " UNION SELECT fired_at, resolved_at FROM alerts WHERE subject = :source AND resolved_at > :since"
        " AND fired_at < :until AND rule IN (SELECT value FROM json_each(:rules)) ORDER BY 1",
        asked,
    )
    return tuple(Gap(from_ms(began), from_ms(ended)) for began, ended in rows)

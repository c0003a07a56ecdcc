"""What the schedule of a source has learnt of its accounts, whole: for people, and for a copy between stores.

Where one process plans for ever it is one fact; where any of many may plan next, each account has a row, and
that is newer than what the fact says of it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from watcher.ports.copying import Row
from watcher.store.postgres.pool import Connection, stream
from watcher.store.sql.ledger import facts

FACT = "cadence"
_FROM = "FROM cadence JOIN accounts ON id = account"
_ROWS = f"SELECT source, chain || ':' || address, learnt {_FROM}"
_OF_ONE = f"SELECT chain || ':' || address, learnt {_FROM} WHERE source = %s"
_SPREAD = """
    INSERT INTO cadence (account, learnt)
    SELECT id, learnt FROM unnest(%s::text[], %s::text[]) AS found (key, learnt)
    JOIN accounts ON source = %s AND chain || ':' || address = key
"""


def rows(conn: Connection) -> dict[Row, dict[str, str]]:
    """What the rows have of each account, by source and name of the fact."""
    found: dict[Row, dict[str, str]] = {}
    for source, key, text in stream(conn, _ROWS):
        found.setdefault((source, FACT), {})[key] = text
    return found


def whole(conn: Connection, source: str) -> dict[str, str]:
    """The facts of a source, with what the rows have of its accounts."""
    found = facts(conn, source)
    text = found.get(FACT)
    if text is None:
        return found
    return {**found, FACT: joined(text, dict(conn.execute(_OF_ONE, (source,)).fetchall()))}


def joined(text: Any, news: Mapping[str, str]) -> str:
    """The fact with what the rows have."""
    head = _parsed(text) or {}
    known = head.get("accounts", {})
    newer = {key: json.loads(each) for key, each in news.items()}
    if all(known.get(key) == each for key, each in newer.items()):
        return str(text)
    return _short({**head, "accounts": {**known, **newer}})


def spread(conn: Connection) -> None:
    """Make the rows of what the facts say."""
    for source, text in conn.execute("SELECT source, value FROM facts WHERE name = %s", (FACT,)).fetchall():
        known = (_parsed(text) or {}).get("accounts", {})
        conn.execute(_SPREAD, (list(known), [_short(each) for each in known.values()], source))


def _parsed(text: str) -> dict[str, Any] | None:
    """What cannot be read is learnt anew."""
    try:
        found = json.loads(text)
    except ValueError:
        return None
    return found if isinstance(found, dict) and isinstance(found.get("accounts", {}), dict) else None


def _short(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))

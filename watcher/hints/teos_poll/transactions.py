"""Looks by transactions: all of the tenant that were updated since the last look, in one call.

`Transactions` names who signed, and holds the transaction as JSON whose form is not documented: a hint goes
to each watched address that stands anywhere in a row. What others send to a watched address is no transaction
of the tenant, and is not found. That `OnUpdated` can be filtered by is inferred from its being a property.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from watcher.hints.teos.wire import text_of, where_of
from watcher.hints.teos_poll.looks import (
    MOST_PAGES,
    SHORT,
    Known,
    Look,
    Row,
    key_of,
    moment,
    read_rows,
    texts_in,
)
from watcher.ports.clock import Clock
from watcher.ports.hints import ApiAccess, Hint, Where

_OVERLAP = timedelta(minutes=1)
"""Before the newest that was seen: two that are updated at once need not be listed at once."""
_WORDS = re.compile(r"[0-9A-Za-z-]{40,80}")
_MOST_TEXT = 64 * 1024
"""Characters of one value that are searched."""


class TransactionLooks:
    """The tenant's transactions, from the oldest that is new."""

    def __init__(self, api: ApiAccess, version: str, addresses: Sequence[str], clock: Clock) -> None:
        self._api, self._path, self._clock = api, f"/odata/v{version}/Transactions", clock
        self._places = frozenset(map(where_of, addresses))

    async def look(self, known: Known) -> Look:
        until = self._clock.now()
        after = (known.at or until) - _OVERLAP
        rows: list[Row] = []
        for _ in range(MOST_PAGES):
            body = await self._api.call("GET", self._path, _query(after))
            found = read_transactions(body, self._places)
            rows += found
            last = max((row.at for row in found if row.at is not None), default=after)
            if last <= after or len(found) < SHORT:
                return Look(rows, until=until)
            after = last
        return Look(rows, complete=False)


def _query(after: datetime) -> list[tuple[str, str]]:
    at = f"{after.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}Z"
    return [("$filter", f"OnUpdated gt {at}"), ("$orderby", "OnUpdated")]


def read_transactions(body: bytes, places: frozenset[Where]) -> list[Row]:
    """The rows of a page, with hints at those of `places` that a confirmed transaction names."""
    return [_row(row, places) for row in read_rows(body)]


def _row(row: Mapping[str, Any], places: frozenset[Where]) -> Row:
    event = dict(row)
    which = (text_of(event, "blockchaintransactionid") or text_of(event, "id")).lower()
    confirmed = moment(row.get("onconfirmed"))
    done = confirmed is not None or text_of(event, "state").lower() == "confirmed"
    named = dict.fromkeys(_named(row, places)) if done else {}
    hints = tuple(Hint(where, f"{which}:{where.address}", confirmed) for where in named)
    return Row(key_of(f"{which}:{done}"), moment(row.get("onupdated")), hints)


def _named(row: Mapping[str, Any], places: frozenset[Where]) -> Iterator[Where]:
    words = (word for text in texts_in(row) for word in _WORDS.findall(text[:_MOST_TEXT]))
    return (where for where in map(where_of, words) if where in places)

"""Looks by operations: transfers of sparks from or to the addresses, each row with both sides.

`SparkOperations/Search` is documented in two forms: as a call with its arguments in brackets (TEOS' test
collection), and with a query (its guide). The first is tried first. A page has 25 rows. That the newest stand
first is seen from the rows, and said if it is not so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from watcher.hints.teos.wire import text_of, where_of
from watcher.hints.teos_poll.looks import MOST_PAGES, SHORT, Known, Look, Row, key_of, moment, read_rows
from watcher.ports.hints import ApiAccess, Hint, HintCallRejectedError, HintSourceError, Where

_PAGE = 25
"""Rows of a page."""

_ENUM = "Teos.Api.Model.Enums.SparkOperationDirection"


def chunks_of(addresses: Sequence[str], room: int) -> list[tuple[str, ...]]:
    """The addresses in as few calls as URLs of `room` bytes hold."""
    room -= len(_called(("",), 999))
    chunks: list[tuple[str, ...]] = []
    left = 0
    for address in addresses:
        left -= len(_quoted([address])) + len("%2C")
        if left < 0 or not chunks:
            chunks.append(())
            left = room - len(_quoted([address])) - len("%2C")
        chunks[-1] += (address,)
    return chunks


class OperationLooks:
    """The operations of some addresses, chunk by chunk."""

    def __init__(self, api: ApiAccess, version: str, addresses: Sequence[str], room: int) -> None:
        self._api, self._root = api, f"/odata/v{version}/"
        self._chunks = chunks_of(addresses, room - len(self._root))
        self._places = frozenset(map(where_of, addresses))
        self._queries = False
        """Whether the arguments go into the query."""
        self._answered = False

    async def look(self, known: Known) -> Look:
        looks = [await self._list(chunk, known) for chunk in self._chunks]
        return Look(
            [row for look in looks for row in reversed(look.rows)], all(look.complete for look in looks)
        )

    async def _list(self, addresses: Sequence[str], known: Known) -> Look:
        rows: list[Row] = []
        for page in range(1, MOST_PAGES + 1):
            found = read_operations(await self._page(addresses, page), self._places)
            _newest_first(found)
            rows += found
            all_new = not any(map(known.has, found))
            if known.at is None or len(found) < SHORT or not all_new:
                return Look(rows)
            if page > 1 and {row.key for row in found} <= {row.key for row in rows[: -len(found)]}:
                break  # it gives the same page again
        return Look(rows, complete=False)

    async def _page(self, addresses: Sequence[str], page: int) -> bytes:
        try:
            body = await self._asked(addresses, page)
        except HintCallRejectedError:
            if self._answered:
                raise
            self._queries = not self._queries
            body = await self._asked(addresses, page)
        self._answered = True
        return body

    async def _asked(self, addresses: Sequence[str], page: int) -> bytes:
        if not self._queries:
            return await self._api.call("GET", self._root + _called(addresses, page))
        query = [("addresses", _listed(addresses)), ("direction", "All")]
        query += [("pageNumber", str(page)), ("pageSize", str(_PAGE))]
        return await self._api.call("GET", f"{self._root}SparkOperations/Search", query)


def read_operations(body: bytes, places: frozenset[Where]) -> list[Row]:
    """The rows of a page, with hints at those of `places` that sent or got something."""
    return [_row(row, places) for row in read_rows(body)]


def _row(row: Mapping[str, Any], places: frozenset[Where]) -> Row:
    event = dict(row)
    parts = [text_of(event, name) for name in ("blockchaintransactionid", "uniqueassetid")]
    sides = [text for name in ("sender", "receiver") if (text := text_of(event, name))]
    key = "|".join([*parts, *sides, text_of(event, "sparks"), text_of(event, "datetime")])
    asset = parts[1].lower().removeprefix("0x").lstrip("0")
    told = dict.fromkeys(where for where in map(where_of, sides) if where in places)
    hints = tuple(Hint(where, f"{parts[0].lower()}:{asset}:{where.address}") for where in told)
    return Row(key_of(key), moment(row.get("datetime")), hints)


def _newest_first(rows: Sequence[Row]) -> None:
    times = [row.at for row in rows if row.at is not None]
    if len(times) > 1 and times[0] < times[-1]:
        what = "TEOS lists the oldest operations first, so that a look shows nothing new"
        raise HintSourceError(f"{what}; use 'by: transactions'", refused=True)


def _listed(addresses: Sequence[str]) -> str:
    return "[" + ",".join(f"'{address}'" for address in addresses) + "]"


def _quoted(addresses: Sequence[str]) -> str:
    return quote(",".join(f"'{address}'" for address in addresses), safe="")


def _called(addresses: Sequence[str], page: int) -> str:
    """The first page in the form that TEOS' test collection has; it has 25 rows."""
    more = f",pageNumber={page},pageSize={_PAGE}" if page > 1 else ""
    return f"SparkOperations/Search(addresses=%5B{_quoted(addresses)}%5D,direction={_ENUM}%27All%27{more})"

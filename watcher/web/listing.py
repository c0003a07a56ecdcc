"""Lists: what the address of a table takes (filters, an order, a page), read once and kept in its links.

A page declares a `Listing`. The query of each request is read into a `ListQuery`, which filters and sorts
rows in memory, or is handed to the store; templates make its form, heads and links of it (`parts.html`).
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Generic, TypeVar
from urllib.parse import urlencode

from aiohttp import web
from aiohttp.helpers import content_disposition_header

from watcher.domain.records import Record, field
from watcher.domain.values.formatting import iso
from watcher.domain.values.text import clean, harmless
from watcher.web.callers import caller_of
from watcher.web.parameters import ROWS, Parameters, path_below, refused
from watcher.web.templating import PageView, Templating

Row = TypeVar("Row")
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_DIGITS = re.compile(r"([0-9]{1,18})")
CSV = ".csv"
LONGEST = 100
"""Characters of a text that a list is filtered by."""


class ListFilter(Record, frozen=True):
    """Filter of a list. `choices`: what may be chosen, with what people read; None: any text.

    `aside`: shown on demand, for lists with many.
    """

    name: str
    label: str
    choices: Mapping[str, str] | None = None
    aside: bool = False
    check: Callable[[str], object] | None = None
    """Reads a text; ValueError says what is wrong with it."""
    hint: str = ""
    """What a text looks like, as in `24h`."""


class ListOrder(Record, frozen=True):
    """Order of a list, as the address names it. `descending`: the greatest first, if nothing else is said."""

    name: str
    label: str
    descending: bool = False


class Listing:
    """What the list of one page takes."""

    def __init__(
        self, filters: Sequence[ListFilter] = (), orders: Sequence[ListOrder] = (), others: Sequence[str] = ()
    ) -> None:
        """`orders`: the first is the usual one. `others`: what else the address takes, and keeps."""
        self.filters, self.orders, self._others = tuple(filters), tuple(orders), tuple(others)

    def read(
        self, request: web.Request, base: str, choices: Mapping[str, Mapping[str, str]] | None = None
    ) -> ListQuery:
        """What is asked for. `choices`: those that are not known before. 400 for what is not taken here."""
        names = [each.name for each in self.filters]
        parameters = Parameters(request.query, (*names, *self._others, "sort", "page"))
        fields = tuple(_field(each, parameters, choices or {}) for each in self.filters)
        others = {name: text for name in self._others if (text := parameters.one(name))}
        kind = request.match_info.route.resource
        sheet = kind is not None and kind.canonical.endswith(CSV)
        path = path_below(base, request.rel_url.raw_path)
        return ListQuery(
            path.removesuffix(CSV) if sheet else path, fields, self.orders, *self._order(parameters),
            parameters.page(), others, sheet,
        )  # fmt: skip

    def _order(self, parameters: Parameters) -> tuple[str, bool]:
        text = parameters.one("sort")
        if not text:
            return (self.orders[0].name, False) if self.orders else ("", False)
        name = text.removeprefix("-")
        if name not in {each.name for each in self.orders}:
            known = ", ".join(each.name for each in self.orders) or "nothing here"
            raise refused(f"sort must be one of {known}; with a - before it the other way round")
        return name, name != text


class ListField(Record, frozen=True):
    """Filter of a list with what it is set to; empty if it is not."""

    name: str
    label: str
    choices: Mapping[str, str] | None
    aside: bool
    value: str
    hint: str = ""


class ListQuery(Record, frozen=True):
    """What a request asks of a list."""

    path: str
    """As it goes over the wire: names in it may hold any sign."""
    fields: tuple[ListField, ...]
    orders: tuple[ListOrder, ...]
    sort: str
    reverse: bool
    """Whether the order is turned round."""
    page: int
    others: Mapping[str, str] = field(default_factory=dict)
    sheet: bool = False
    """Whether all rows are asked for, as CSV."""

    def __getitem__(self, name: str) -> str:
        """What a filter is set to; empty if it is not."""
        return next(each.value for each in self.fields if each.name == name)

    @property
    def filters(self) -> dict[str, str]:
        """Those that are set."""
        return {each.name: each.value for each in self.fields if each.value}

    @property
    def order(self) -> str:
        """As the address has it."""
        return f"-{self.sort}" if self.reverse else self.sort

    @property
    def descending(self) -> bool:
        return self.reverse != any(each.descending for each in self.orders if each.name == self.sort)

    def to(self, page: int = 1, **others: str) -> str:
        """Address of a page of the same list, with something else of what the address takes."""
        return self._address(self.order, page, others=others)

    def by(self, order: str) -> str:
        """Address of the same rows in an order; of the one that they are in, the other way round."""
        return self._address(f"-{order}" if order == self.order else order, 1)

    @property
    def clear(self) -> str:
        """Address of the list without filters."""
        return _joined(self.path, self.others)

    @property
    def csv(self) -> str:
        """Address of all rows as CSV."""
        return self._address(self.order, 1, CSV)

    def _address(
        self, order: str, page: int, ending: str = "", others: Mapping[str, str] | None = None
    ) -> str:
        query = {**self.others, **(others or {}), **self.filters}
        if self.orders and order != self.orders[0].name:
            query["sort"] = order
        if page > 1:
            query["page"] = str(page)
        return _joined(self.path + ending, query)

    def pick(
        self,
        rows: Iterable[Row],
        holds: Mapping[str, Callable[[Row, str], bool]],
        keys: Mapping[str, Callable[[Row], Any]],
    ) -> ListPage[Row]:
        """The page of these rows. `holds`: of each filter, whether a row is meant by what it is set to.
        `keys`: of each order, what it goes by, smallest first."""
        tests = [(holds[name], value) for name, value in self.filters.items()]
        found = [row for row in rows if all(test(row, value) for test, value in tests)]
        if self.sort:
            found.sort(key=keys[self.sort], reverse=self.descending)
        return self.of(found, len(found))

    def of(self, rows: Sequence[Row], count: int) -> ListPage[Row]:
        """The page of rows that are filtered and sorted already."""
        return self.fetch(count, lambda limit, skip: rows[skip : skip + limit])

    def fetch(self, count: int, rows: Callable[[int, int], Sequence[Row]]) -> ListPage[Row]:
        """The page of so many rows, of which `rows` gives at most a number, after some that are skipped."""
        if self.sheet:
            return ListPage(self, rows(count, 0), count, 1)
        page = min(self.page, max(1, -(-count // ROWS)))
        return ListPage(self, rows(ROWS, (page - 1) * ROWS), count, page)


class ListPage(Record, Generic[Row], frozen=True):
    """Rows of one page of a list, and of how many."""

    query: ListQuery
    rows: Sequence[Row]
    count: int
    page: int

    @property
    def pages(self) -> int:
        return max(1, -(-self.count // ROWS))


def list_routes(path: str, handler: Handler) -> list[web.RouteDef]:
    """The page at `path`, and its table as CSV."""
    return [web.get(path + CSV, handler), web.get(path, handler)]


async def sheet_answer(
    templating: Templating,
    request: web.Request,
    columns: Collection[str],
    rows: Callable[[PageView], Iterable[Mapping[str, object]]],
) -> web.Response:
    """A table as CSV, made beside the loop. `columns`: keys of the rows, as in the JSON."""
    view = PageView(await templating.snapshots.current(), caller_of(request))
    body = await templating.snapshots.work(lambda: sheet(columns, rows(view)))
    name = request.path.rpartition("/")[2]
    return web.Response(
        body=body, content_type="text/csv", charset="utf-8",
        headers={"Content-Disposition": content_disposition_header("attachment", filename=name)},
    )  # fmt: skip


def sheet(columns: Collection[str], rows: Iterable[Mapping[str, object]]) -> bytes:
    """Rows as CSV (RFC 4180), with the keys of the JSON."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(columns)
    writer.writerows([_cell(row[name]) for name in columns] for row in rows)
    return out.getvalue().encode("utf-8", "backslashreplace")


def _joined(path: str, query: Mapping[str, str]) -> str:
    return path + (f"?{urlencode(query)}" if query else "")


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return iso(value)
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | tuple):
        return harmless("; ".join(clean(str(each)) for each in value))
    text = str(value)
    return text if not isinstance(value, str) or _is_number(text) else harmless(text)


def _is_number(text: str) -> bool:
    return text.removeprefix("-").replace(".", "", 1).isdecimal() and text.isascii()


def _field(declared: ListFilter, parameters: Parameters, known: Mapping[str, Mapping[str, str]]) -> ListField:
    name, choices = declared.name, known.get(declared.name, declared.choices)
    value = (parameters.one(name) or "").strip()
    if choices is not None:
        if value and value not in choices:
            raise refused(f"{name} must be one of {', '.join(list(choices)[:50])}")
    elif len(value) > LONGEST:
        raise refused(f"{name} may have at most {LONGEST} characters")
    if value and declared.check is not None:
        try:
            declared.check(value)
        except ValueError as error:
            raise refused(f"{name}: {error}") from None
    return ListField(name, declared.label, choices, declared.aside, value, declared.hint)


def natural(name: str) -> list[tuple[int, int, str]]:
    """Key by which `desk-9` comes before `desk-10`."""
    parts = _DIGITS.split(name.casefold())
    return [(0, int(part), "") if part.isascii() and part.isdigit() else (1, 0, part) for part in parts]


def as_choices(values: Iterable[str]) -> dict[str, str]:
    """Choices with what people read of them."""
    return {str(each): each.replace("_", " ") for each in values}

"""The table of all wallets."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from decimal import Decimal

from aiohttp import web
from markupsafe import Markup

from watcher.charts.sparklines import sparklines, sparks_since
from watcher.charts.svg import sparkline
from watcher.domain.history.timeline import Segment, known_values
from watcher.domain.values.durations import span as duration
from watcher.domain.values.formatting import money
from watcher.reports.day_change import Worth
from watcher.reports.rows import AccountRow
from watcher.web import text
from watcher.web.listing import ListFilter, Listing, ListOrder, ListPage, list_routes, sheet_answer
from watcher.web.snapshot import PageSnapshot
from watcher.web.templating import PageView, Templating

LIST = Listing(
    (ListFilter("q", "Find"),),
    (
        ListOrder("wallet", "wallet"),
        ListOrder("chain", "chain"),
        ListOrder("value", "value", descending=True),
        ListOrder("age", "age"),
        ListOrder("misses", "misses", descending=True),
    ),
)
KEYS: dict[str, Callable[[AccountRow], tuple[object, ...]]] = {
    "wallet": lambda row: (row["wallet"], row["chain"]),
    "chain": lambda row: (row["chain"], row["wallet"]),
    "age": lambda row: (row["last_reading"] is not None, row["last_reading"]),
    "misses": lambda row: (row["misses"], row["wallet"]),
}


class WalletLine(AccountRow):
    """An account with what it is worth, how often it is to be read, and its value of late as a line."""

    worth: Worth
    promise: str
    spark: Markup


class WalletPages:
    """`/wallets`."""

    def __init__(self, templating: Templating) -> None:
        self._templating, self._snapshots = templating, templating.snapshots

    def routes(self) -> list[web.RouteDef]:
        return list_routes("/wallets", self.wallets)

    async def wallets(self, request: web.Request) -> web.Response:
        query = LIST.read(request, self._templating.base)

        def found(snapshot: PageSnapshot) -> ListPage[AccountRow]:
            keys = {**KEYS, "value": lambda row: self._value(row, snapshot)}
            return query.pick(snapshot.status["accounts"], {"q": text.is_found}, keys)

        def render(view: PageView) -> str:
            page = found(view.snapshot)
            lines = self._lines(page.rows, view.snapshot)
            return self._templating.render("wallets.html", view, list=query, found=page, rows=lines)

        if query.sheet:
            columns = AccountRow.__annotations__
            return await sheet_answer(
                self._templating, request, columns, lambda view: found(view.snapshot).rows
            )
        return await self._templating.page(request, render)

    @staticmethod
    def _value(row: AccountRow, snapshot: PageSnapshot) -> Decimal:
        return text.worth(snapshot.past, Templating.account(row)).value

    def _lines(self, rows: Sequence[AccountRow], snapshot: PageSnapshot) -> list[WalletLine]:
        intervals = {Templating.account(row): row["interval_seconds"] for row in rows}
        since = sparks_since(snapshot.past, intervals, snapshot.at)
        with self._snapshots.store.queries() as reader:
            sparks = sparklines(reader, snapshot.past, intervals, since, snapshot.at)
        return [
            {
                **row,
                "worth": text.worth(snapshot.past, account),
                "promise": text.promised(self._snapshots.wallets[account], row["interval_seconds"]),
                "spark": _spark(sparks[account], since, snapshot.at),
            }
            for account, row in zip(intervals, rows, strict=True)
        ]


def _spark(line: Sequence[Segment], since: datetime, now: datetime) -> Markup:
    ends = known_values(line)
    length = duration((now - since).total_seconds())
    title = f"from {money(ends[0])} to {money(ends[-1])} in {length}" if ends else ""
    return sparkline(line, since, now, title)

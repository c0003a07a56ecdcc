"""The table of all wallets."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from decimal import Decimal

from aiohttp import web
from markupsafe import Markup

from watcher.charts.sparklines import SPAN, sparklines
from watcher.charts.svg import sparkline
from watcher.domain.history.timeline import Segment, known_values
from watcher.domain.values.formatting import money
from watcher.reports.day_change import Worth
from watcher.reports.rows import AccountRow
from watcher.web import text
from watcher.web.parameters import ROWS, Parameters
from watcher.web.snapshot import PageSnapshot
from watcher.web.templating import PageView, Templating

BY_VALUE = "value"
SORTS: dict[str, Callable[[AccountRow], tuple[object, ...]]] = {
    "wallet": lambda row: (row["wallet"], row["chain"]),
    "age": lambda row: (row["last_reading"] is not None, row["last_reading"]),
    "misses": lambda row: (-row["misses"], row["wallet"]),
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
        return [web.get("/wallets", self.wallets)]

    async def wallets(self, request: web.Request) -> web.Response:
        parameters = Parameters(request.query, ("q", "sort", "page"))
        wanted, sort = (
            (parameters.one("q") or "").strip().lower()[:100],
            parameters.choice("sort", (*SORTS, BY_VALUE)) or "wallet",
        )
        number = parameters.page()

        def render(view: PageView) -> str:
            snapshot = view.snapshot
            rows = [row for row in snapshot.status["accounts"] if _found(row, wanted)]
            if sort == BY_VALUE:
                rows.sort(key=lambda row: self._value(row, snapshot), reverse=True)
            else:
                rows.sort(key=SORTS[sort])
            start = (number - 1) * ROWS
            shown = self._lines(rows[start : start + ROWS], snapshot)
            return self._templating.render(
                "wallets.html", view, rows=shown, count=len(rows), q=wanted, sort=sort,
                sorts=[*SORTS, BY_VALUE], page=number, pages=max(1, -(-len(rows) // ROWS)),
            )  # fmt: skip

        return await self._templating.page(request, render)

    @staticmethod
    def _value(row: AccountRow, snapshot: PageSnapshot) -> Decimal:
        return text.worth(snapshot.past, Templating.account(row)).value

    def _lines(self, rows: Sequence[AccountRow], snapshot: PageSnapshot) -> list[WalletLine]:
        intervals = {Templating.account(row): row["interval_seconds"] for row in rows}
        with self._snapshots.store.queries() as reader:
            sparks = sparklines(reader, snapshot.past, intervals, snapshot.at)
        return [
            {
                **row,
                "worth": text.worth(snapshot.past, account),
                "promise": text.promised(self._snapshots.wallets[account], row["interval_seconds"]),
                "spark": _spark(sparks[account], snapshot.at),
            }
            for account, row in zip(intervals, rows, strict=True)
        ]


def _spark(line: Sequence[Segment], now: datetime) -> Markup:
    ends = known_values(line)
    title = f"from {money(ends[0])} to {money(ends[-1])} in 7 days" if ends else ""
    return sparkline(line, now - SPAN, now, title)


def _found(row: AccountRow, wanted: str) -> bool:
    searched = (row["wallet"], row["source"], row["chain"], row["address"])
    return not wanted or any(wanted in each.lower() for each in searched)

"""The table of all wallets."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, get_type_hints

from aiohttp import web
from markupsafe import Markup

from watcher.charts.sparklines import sparklines, sparks_since
from watcher.charts.svg import sparkline
from watcher.config.wallets import WalletSettings
from watcher.domain.history.timeline import Segment, known_values
from watcher.domain.model import Asset
from watcher.domain.records import Record
from watcher.domain.values.chain_names import chain_name
from watcher.domain.values.durations import span as duration
from watcher.domain.values.formatting import money, plain
from watcher.reports import status
from watcher.reports.day_change import Holdings, Worth, believed
from watcher.reports.rows import AccountRow
from watcher.web import text
from watcher.web.listing import (
    ListFilter,
    Listing,
    ListOrder,
    ListPage,
    ListQuery,
    list_routes,
    natural,
    sheet_answer,
)
from watcher.web.snapshot import PageSnapshot
from watcher.web.templating import PageView, Templating

STATES = {
    "late": "late",
    "missing": "not read when tried last",
    "held": "an odd amount waits",
    "unread": "never read",
}
LIST = Listing(
    (
        ListFilter("q", "Find"),
        ListFilter("state", "State", STATES),
        ListFilter("tag", "Tag", {}, aside=True),
        ListFilter("chain", "Chain", {}, aside=True),
        ListFilter("source", "Source", {}, aside=True),
    ),
    (
        ListOrder("wallet", "wallet"),
        ListOrder("chain", "chain"),
        ListOrder("value", "value", descending=True),
        ListOrder("age", "age"),
        ListOrder("misses", "misses", descending=True),
    ),
)


class WalletGroup(Record, frozen=True):
    """A wallet with those of its accounts that are asked for."""

    wallet: WalletSettings
    rows: list[AccountRow]

    @property
    def name(self) -> str:
        return self.wallet.name

    @property
    def read(self) -> datetime | None:
        """When the one that was read longest ago was read; None if one never was."""
        times = [row["last_reading"] for row in self.rows]
        return None if None in times else min(at for at in times if at is not None)

    @property
    def unread(self) -> int:
        """How many were never read."""
        return sum(row["last_reading"] is None for row in self.rows)

    @property
    def late(self) -> int:
        return sum(map(status.behind, self.rows))

    @property
    def misses(self) -> int:
        return max(row["misses"] for row in self.rows)

    @property
    def troubles(self) -> list[str]:
        return list(dict.fromkeys(text for row in self.rows for text in (row["miss"], *row["held"]) if text))


class WalletLine(Record, frozen=True):
    """A wallet of the list with what it is worth, how often it is to be read, and its value of late as a
    line."""

    group: WalletGroup
    worth: Worth
    promises: list[str]
    spark: Markup


class WalletSheetRow(AccountRow):
    """An account as the table of wallets has it, for spreadsheets. `value_usd`: None if it was never read or
    nothing in it has a price; `without_price`: amounts that are not in it."""

    label: str
    tags: list[str]
    value_usd: str | None
    without_price: int


def _sheet_row(row: AccountRow, wallet: WalletSettings, snapshot: PageSnapshot) -> WalletSheetRow:
    worth = text.worth(snapshot.past, Templating.account(row))
    known = row["last_reading"] is not None and (worth.value or not worth.unpriced)
    return {
        **row,
        "label": wallet.label,
        "tags": list(wallet.tags),
        "value_usd": plain(worth.value) if known else None,
        "without_price": worth.unpriced,
    }


KEYS: dict[str, Callable[[WalletGroup], Any]] = {
    "wallet": lambda group: natural(group.name),
    "chain": lambda group: (chain_name(group.rows[0]["chain"]), natural(group.name)),
    "age": lambda group: (group.read is not None, group.read),
    "misses": lambda group: (group.misses, natural(group.name)),
}
STATE_HOLDS: dict[str, Callable[[AccountRow], bool]] = {
    "late": status.behind,
    "missing": lambda row: row["misses"] > 0,
    "held": lambda row: bool(row["held"]),
    "unread": lambda row: row["last_reading"] is None,
}


class WalletPages:
    """`/wallets`."""

    def __init__(self, templating: Templating) -> None:
        self._templating, self._snapshots = templating, templating.snapshots
        wallets = templating.snapshots.settings.wallets
        chains = sorted({chain for wallet in wallets for chain in wallet.account_chains})
        self._choices = {
            "tag": {tag: tag for tag in sorted({tag for wallet in wallets for tag in wallet.tags})},
            "chain": {chain: chain_name(chain) for chain in chains},
            "source": {name: name for name in templating.snapshots.settings.sources},
        }

    def routes(self) -> list[web.RouteDef]:
        return list_routes("/wallets", self.wallets)

    async def wallets(self, request: web.Request) -> web.Response:
        query = LIST.read(request, self._templating.base, self._choices)

        def found(groups: list[WalletGroup], snapshot: PageSnapshot) -> ListPage[WalletGroup]:
            keys = {
                **KEYS,
                "value": lambda group: believed(map(Templating.account, group.rows), snapshot.past),
            }
            return query.pick(groups, dict.fromkeys(query.filters, _taken), keys)

        def render(view: PageView) -> str:
            groups = self._groups(query, view.snapshot)
            page = found(groups, view.snapshot)
            return self._templating.render(
                "wallets.html", view, list=query, found=page, lines=self._lines(page.rows, view.snapshot),
                accounts=sum(len(group.rows) for group in groups),
            )  # fmt: skip

        def rows(view: PageView) -> list[WalletSheetRow]:
            groups = found(self._groups(query, view.snapshot), view.snapshot).rows
            return [_sheet_row(row, group.wallet, view.snapshot) for group in groups for row in group.rows]

        if query.sheet:
            return await sheet_answer(self._templating, request, get_type_hints(WalletSheetRow), rows)
        return await self._templating.page(request, render)

    def _groups(self, query: ListQuery, snapshot: PageSnapshot) -> list[WalletGroup]:
        """The wallets that have an account that is asked for."""
        wallets, wanted = self._snapshots.wallets, query.filters
        assets = _assets_like(wanted["q"], snapshot) if "q" in wanted else set()
        groups: dict[str, WalletGroup] = {}
        for row in snapshot.status["accounts"]:
            account = Templating.account(row)
            wallet = wallets[account]
            if not _is_meant(row, wallet, wanted):
                continue
            if "q" in wanted and not text.is_found(row, wanted["q"], wallet):
                state = snapshot.past.accounts.get(account)
                if state is None or assets.isdisjoint(state.amounts):
                    continue
            groups.setdefault(wallet.name, WalletGroup(wallet, [])).rows.append(row)
        return list(groups.values())

    @staticmethod
    def _worth(group: WalletGroup, snapshot: PageSnapshot) -> Worth:
        accounts = [Templating.account(row) for row in group.rows]
        known = [account for account in accounts if account in snapshot.past.accounts]
        return Holdings(known).totals(snapshot.past).worth(snapshot.past)

    def _lines(self, groups: Sequence[WalletGroup], snapshot: PageSnapshot) -> list[WalletLine]:
        intervals = [
            {Templating.account(row): row["interval_seconds"] for row in group.rows} for group in groups
        ]
        since = sparks_since(snapshot.past, [account for mine in intervals for account in mine], snapshot.at)
        with self._snapshots.store.queries() as reader:
            sparks = sparklines(reader, snapshot.past, intervals, since, snapshot.at)
        return [
            WalletLine(
                group,
                self._worth(group, snapshot),
                list(dict.fromkeys(text.promised(group.wallet, each) for each in mine.values())),
                _spark(spark, since, snapshot.at),
            )
            for group, mine, spark in zip(groups, intervals, sparks, strict=True)
        ]


def _taken(_group: WalletGroup, _value: str) -> bool:
    """Accounts are filtered before they are grouped."""
    return True


def _is_meant(row: AccountRow, wallet: WalletSettings, wanted: Mapping[str, str]) -> bool:
    return (
        wanted.get("tag") in (None, *wallet.tags)
        and wanted.get("chain") in (None, row["chain"])
        and wanted.get("source") in (None, row["source"])
        and ("state" not in wanted or STATE_HOLDS[wanted["state"]](row))
    )


def _assets_like(words: str, snapshot: PageSnapshot) -> set[Asset]:
    """Assets that people may mean by a symbol or a token."""
    wanted = words.casefold()
    if len(wanted) < 2:
        return set()
    return {
        asset
        for asset, symbol in snapshot.past.symbols.items()
        if wanted in symbol.casefold() or wanted in asset.token.casefold()
    }


def _spark(line: Sequence[Segment], since: datetime, now: datetime) -> Markup:
    ends = known_values(line)
    length = duration((now - since).total_seconds())
    title = f"from {money(ends[0])} to {money(ends[-1])} in {length}" if ends else ""
    return sparkline(line, since, now, title)

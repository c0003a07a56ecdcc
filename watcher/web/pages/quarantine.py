"""Quarantine: assets that no rule sees, or that nobody asked for; released, or hidden for a reason."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from aiohttp import web

from watcher.commands import assets
from watcher.commands.assets import Holding
from watcher.domain.alerts.lifecycle import short_id
from watcher.domain.model import Account, Asset
from watcher.domain.values.errors import InputError
from watcher.domain.values.formatting import counted
from watcher.domain.values.text import clean
from watcher.reports.holdings import assets_of
from watcher.reports.rows import AssetRow
from watcher.web.actions import NOTHING, chosen
from watcher.web.forms import Forms, actor_of
from watcher.web.listing import ListFilter, Listing, ListOrder, list_routes, sheet_answer
from watcher.web.parameters import refused
from watcher.web.results import ActionResult
from watcher.web.templating import PageView, Templating

HERE = "/quarantine"
STATES = {
    "newcomer": "new, seen by rules",
    "quarantined": "waits, seen by no rule",
    "hidden": "hidden by somebody",
    "visible": "seen by rules",
}
LIST = Listing(
    (ListFilter("state", "State", STATES), ListFilter("q", "Find")),
    (
        ListOrder("since", "newest", descending=True),
        ListOrder("wallet", "wallet"),
        ListOrder("asset", "asset"),
    ),
)
KEYS: Mapping[str, Callable[[AssetRow], Any]] = {
    "since": lambda row: row["since"].timestamp() if row["since"] is not None else 0.0,
    "wallet": lambda row: (row["wallet"].casefold(), row["symbol"].casefold()),
    "asset": lambda row: (row["symbol"].casefold(), row["asset"]),
}


class HeldAssetLine(AssetRow):
    """An asset of an account, with a name that forms know it by."""

    id: str


class QuarantinePage:
    """`/quarantine`. What rules see is listed when it is asked for: it can be hidden too."""

    def __init__(self, templating: Templating, forms: Forms) -> None:
        self._templating, self._snapshots, self._forms = templating, templating.snapshots, forms

    def routes(self) -> list[web.RouteDef]:
        shown = list_routes(HERE, self.quarantine)
        if not self._forms.possible:
            return shown
        return [*shown, web.post(f"{HERE}/release", self.release), web.post(f"{HERE}/hide", self.hide)]

    async def quarantine(self, request: web.Request) -> web.Response:
        query = LIST.read(request, self._templating.base)

        def lines(view: PageView) -> list[HeldAssetLine]:
            wanted = query["state"] == "visible"
            found = assets_of(self._snapshots.wallets, view.snapshot.past, held_back=not wanted)
            return [
                {**row, "id": _id(each, row)} for each, row in found if (row["state"] == "visible") == wanted
            ]

        holds: Mapping[str, Callable[[HeldAssetLine, str], bool]] = {
            "state": lambda row, value: row["state"] == value,
            "q": _is_found,
        }
        if query.sheet:
            columns = AssetRow.__annotations__
            return await sheet_answer(
                self._templating, request, columns, lambda view: query.pick(lines(view), holds, KEYS).rows
            )

        def render(view: PageView) -> str:
            found = query.pick(lines(view), holds, KEYS)
            return self._templating.render("quarantine.html", view, list=query, found=found, states=STATES)

        return await self._templating.page(request, render)

    async def release(self, request: web.Request) -> web.Response:
        """Rules see them with the next reading."""
        return await self._change(request, assets.release, "seen by rules with the next reading", "Released")

    async def hide(self, request: web.Request) -> web.Response:
        """No rule sees them, until somebody releases them."""
        form = await self._forms.read(request)
        reason = str(form.get("comment", ""))
        return await self._change(
            request, lambda store, actor, found: assets.hide(store, actor, found, reason),
            "seen by no rule until it is released", "Hidden",
        )  # fmt: skip

    async def _change(
        self, request: web.Request, change: Callable[..., None], each_done: str, all_done: str
    ) -> web.Response:
        form = await self._forms.read(request)
        ids, actor = chosen(form), actor_of(request, form, self._snapshots.clock.now())
        if not ids:
            return self._templating.results.back(form, NOTHING, HERE)
        past, store = (await self._snapshots.current()).past, self._snapshots.store

        def changing() -> list[AssetRow]:
            wanted = set(ids)
            found = [
                (each, row)
                for each, row in assets_of(self._snapshots.wallets, past)
                if _id(each, row) in wanted
            ]
            if found:
                change(store, actor, [_holding(each, row) for each, row in found])
            return [row for _, row in found]

        try:
            rows = await self._snapshots.work(changing)
        except InputError as error:
            raise refused(str(error)) from None
        self._snapshots.forget()
        return self._templating.results.back(form, _told(rows, len(ids), each_done, all_done), HERE)


def _told(rows: Sequence[AssetRow], asked: int, each_done: str, all_done: str) -> ActionResult:
    lines = [f"{_name(row)} of {row['wallet']}: {each_done}" for row in rows]
    left = asked - len(rows)
    if left:
        lines.append(f"{counted(left, 'asset')} not there any more")
    words = f"{all_done}: {counted(len(rows), 'asset')}" if rows else "Nothing was done"
    return ActionResult(words, lines, well=not left)


def _name(row: AssetRow) -> str:
    return f"{(row['symbol'] or row['asset'])[:60]} on {row['chain']}"


def _id(account: Account, row: AssetRow) -> str:
    """The same for the same asset of the same account, and of signs that forms can carry."""
    return short_id("held", *account, row["chain"], row["asset"])


def _holding(account: Account, row: AssetRow) -> Holding:
    return account, Asset(row["chain"], row["asset"])


def _is_found(row: HeldAssetLine, value: str) -> bool:
    wanted = value.casefold()
    said = (row["wallet"], row["chain"], row["asset"], clean(row["symbol"]), row["reason"], row["by"])
    return any(wanted in each.casefold() for each in said)

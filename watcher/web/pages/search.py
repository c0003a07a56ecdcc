"""The search: one box for wallets, tags, assets, chains, rules, alerts and deliveries."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple
from urllib.parse import urlencode

from aiohttp import web

from watcher.commands.alerts import named
from watcher.config.wallets import WalletSettings
from watcher.domain.values.chain_names import chain_name
from watcher.domain.values.normalization import one_form
from watcher.reports.portfolio.assets import AssetTotal
from watcher.web.addresses import asset_path, path_part
from watcher.web.holdings import AllHoldings
from watcher.web.listing import LONGEST
from watcher.web.parameters import Parameters, refused
from watcher.web.snapshot import PageSnapshot
from watcher.web.templating import PageView, Templating

MOST = 10
"""Hits that one group shows."""

_ID = re.compile(r"[0-9a-z]{4,64}")
_SHORTEST = 2
"""Letters of a search for which parts of names are looked through."""


class Hit(NamedTuple):
    """Something that was found. `why`: what of it was, where that is not its name."""

    name: str
    path: str
    why: str = ""
    exact: bool = False


class HitGroup(NamedTuple):
    """What was found of one kind. `path`: the list of all of it, if there is one."""

    title: str
    hits: Sequence[Hit]
    path: str = ""


class SearchPage:
    """`/search`."""

    def __init__(self, templating: Templating, holdings: AllHoldings) -> None:
        self._templating, self._snapshots, self._holdings = templating, templating.snapshots, holdings
        wallets = templating.snapshots.settings.wallets
        self._tags = sorted({tag for wallet in wallets for tag in wallet.tags})
        self._chains = sorted({chain for wallet in wallets for chain in wallet.account_chains})

    def routes(self) -> list[web.RouteDef]:
        return [web.get("/search", self.search)]

    async def search(self, request: web.Request) -> web.Response:
        """What is found; one exact hit leads straight there."""
        text = one_form((Parameters(request.query, ("q",)).one("q") or "").strip())
        if len(text) > LONGEST:
            raise refused(f"q may have at most {LONGEST} characters")
        snapshot = await self._snapshots.current()
        groups = await self._snapshots.work(
            lambda: [each for each in self._groups(text, snapshot) if each.hits]
        )
        exact = {hit.path for group in groups for hit in group.hits if hit.exact}
        if len(exact) == 1:
            return web.Response(status=303, headers={"Location": self._templating.base + exact.pop()})

        def render(view: PageView) -> str:
            return self._templating.render(
                "search.html", view, q=text, groups=groups, most=MOST, shortest=_SHORTEST
            )

        return await self._templating.page(request, render)

    def _groups(self, text: str, snapshot: PageSnapshot) -> Iterator[HitGroup]:
        if not text:
            return
        wanted, query = text.casefold(), urlencode({"q": text})
        wallets = self._snapshots.settings.wallets
        yield HitGroup("Wallets", _sorted(_wallet_hits(wallets, wanted)), f"/wallets?{query}")
        yield HitGroup("Tags", [_listed("tag", tag, tag, tag.casefold() == wanted) for tag in self._tags
                                if _is_in(wanted, tag)])  # fmt: skip
        yield HitGroup("Chains", list(self._chain_hits(wanted)))
        totals = self._holdings.totals.totals(snapshot.past)
        yield HitGroup("Assets", _sorted(_asset_hits(totals, wanted)), f"/assets?{query}")
        yield HitGroup("Rules", _sorted(self._rule_hits(wanted)), f"/rules?{query}")
        yield HitGroup("Alerts and changes", list(self._alert_hits(text)))

    def _chain_hits(self, wanted: str) -> Iterator[Hit]:
        for chain in self._chains:
            name = chain_name(chain)
            if _is_in(wanted, chain, name):
                yield _listed("chain", chain, name, wanted in (chain.casefold(), name.casefold()))

    def _rule_hits(self, wanted: str) -> Iterator[Hit]:
        for rule in self._templating.rules.by_id.values():
            if _is_in(wanted, rule.id, rule.type, rule.describe()):
                path = f"/rules/{path_part(rule.id)}"
                yield Hit(rule.id, path, rule.describe(), rule.id.casefold() == wanted)

    def _alert_hits(self, text: str) -> list[Hit]:
        """By an id, of a delivery too, or how it begins."""
        if not _ID.fullmatch(text.lower()):
            return []
        with self._snapshots.store.queries() as reader:
            found = named(reader, text.lower())
        return [
            Hit(label or name, f"/alerts/{path_part(name)}", f"id {name}", exact=len(found) == 1)
            for name, label in found.items()
        ]


def _wallet_hits(wallets: Iterable[WalletSettings], wanted: str) -> Iterator[Hit]:
    for wallet in wallets:
        name, label = wallet.name.casefold(), wallet.label.casefold()
        path = f"/wallets/{path_part(wallet.name)}"
        if _is_in(wanted, name, label):
            yield Hit(wallet.name, path, wallet.label, wanted in (name, label))
            continue
        addresses = {wallet.account_address, wallet.address}
        address = next((each for each in sorted(addresses) if _is_in(wanted, each)), "")
        if address:
            yield Hit(wallet.name, path, address, address.casefold() == wanted)
        elif _is_in(wanted, *wallet.tags):
            yield Hit(wallet.name, path, f"tags: {', '.join(wallet.tags)}")
        elif _is_in(wanted, wallet.note):
            yield Hit(wallet.name, path, wallet.note.partition("\n")[0])


def _asset_hits(totals: Iterable[AssetTotal], wanted: str) -> Iterator[Hit]:
    for each in totals:
        asset, symbol = each.asset, each.symbol or each.asset.token
        if _is_in(wanted, symbol, asset.token):
            exact = wanted in (symbol.casefold(), asset.token.casefold())
            why = f"on {chain_name(asset.chain)}"
            yield Hit(
                symbol, asset_path(*asset), why if symbol == asset.token else f"{why}, {asset.token}", exact
            )


def _listed(name: str, value: str, words: str, exact: bool) -> Hit:  # noqa: FBT001
    """What is found by a filter of the wallets."""
    return Hit(words, f"/wallets?{urlencode({name: value})}", value if words != value else "", exact)


def _sorted(hits: Iterable[Hit]) -> list[Hit]:
    """The exact ones first, then those that are found by their name."""
    return sorted(hits, key=lambda hit: not hit.exact)


def _is_in(wanted: str, *texts: str) -> bool:
    if len(wanted) < _SHORTEST:
        return any(wanted == each.casefold() for each in texts)
    return any(wanted in each.casefold() for each in texts)

"""`/api/v1/…`: the same JSON as the command line's `--json`, whole or in pages."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from aiohttp import web

from watcher.config.wallets import WalletSettings
from watcher.domain.alerts.selection import AlertFilter, Stage
from watcher.domain.audit import AuditAction, AuditFilter
from watcher.domain.messages.delivery import DeliveryState
from watcher.domain.messages.message import Severity
from watcher.domain.model import Account, Asset
from watcher.domain.values.decimals import ZERO
from watcher.ports.queries import Queries
from watcher.reports import holdings, status
from watcher.reports.alerts import AlertViews
from watcher.reports.audit import AuditRow, audit_row
from watcher.reports.portfolio.assets import whole_value
from watcher.reports.portfolio.portfolio import BY
from watcher.reports.portfolio.rows import AssetTotalRow, PortfolioRow
from watcher.reports.portfolio.views import asset_rows, portfolio_row
from watcher.reports.ranges import RANGES
from watcher.reports.rows import AlertRow, DeliveryRow, HistoryRow, StatusRow, WalletBalanceRow
from watcher.reports.statement.statement import UNTAGGED
from watcher.web.documents import Content, Documents, Packed, encoded, listed, pack
from watcher.web.endpoints import SINCE, Asked, Endpoint, QueryParameter
from watcher.web.holdings import USUAL_RANGE, AllHoldings
from watcher.web.openapi import describe
from watcher.web.pages.alerts import SEVERITIES, STATES, staged
from watcher.web.parameters import LONGEST, Parameters, Slice
from watcher.web.snapshot import PageSnapshot, PageSnapshots

FLAG = {"type": "boolean"}
TEXT = {"type": "string", "minLength": 1, "maxLength": LONGEST}
WALLET = QueryParameter("wallet", "Only this wallet.", TEXT, many=True)
TAG = QueryParameter("tag", "Only wallets with this tag.", TEXT, many=True)
SOURCE = QueryParameter("source", "Only what is read from this source.", TEXT, many=True)
CHAIN = QueryParameter("chain", "Only what is on this chain.", TEXT, many=True)
ASSET = QueryParameter("asset", "Only this asset, by its token or its symbol.", TEXT, many=True)
HELD_WITH = QueryParameter("tag", "Only what wallets with this tag hold.", TEXT)
BY_KIND = QueryParameter("by", "What is told apart.", {"enum": list(BY), "default": BY[0]})
RANGE = QueryParameter(
    "range", "How far back; it begins where data begins.", {"enum": list(RANGES), "default": USUAL_RANGE}
)
RULE = QueryParameter("rule", "Only those of this rule.", TEXT)
WHOSE = QueryParameter("wallet", "Only those about this wallet.", TEXT)
SEVERITY = QueryParameter("severity", "Only those of this severity.", {"enum": [*map(str, SEVERITIES)]})
STAGE = QueryParameter(
    "state", "All in this state, over or not, in place of those that live.", {"enum": STATES}
)
ACKNOWLEDGED = QueryParameter("acknowledged", "Only those that somebody has (not) acknowledged.", FLAG)
PAST = QueryParameter("all", "Resolved ones too.", FLAG)
EVENTS = QueryParameter("events", "In their place the changes that rules told.", FLAG)
ACTION = QueryParameter("action", "Only this.", {"enum": [*map(str, AuditAction)]})
SEARCH = QueryParameter("q", "Only where this stands: a name, an id, a word.", TEXT)
STATE = QueryParameter("state", "Only those in this state.", {"enum": [str(each) for each in DeliveryState]})


LIVE = frozenset({Stage.PENDING, Stage.FIRING})
OF_ALERTS = frozenset(Stage) - {Stage.EVENT}
USUAL = 100
"""Rows of a page, where nothing is said and all would be too many."""


def _usual_alerts(parameters: Parameters) -> int | None:
    """All that is live, for scripts count on that; of what is over or an event there may be very many."""
    older = parameters.flag("all") or parameters.flag("events") or parameters.one("state")
    return USUAL if older else None


class Api:
    """Reads only. Every answer is one consistent moment of the store."""

    def __init__(self, snapshots: PageSnapshots, all_held: AllHoldings, *, token: bool = False) -> None:
        """`token`: whether one is needed, so that the description says so."""
        self._snapshots, self._all_held, self._token = snapshots, all_held, token
        self._documents = Documents(snapshots.work)

    @property
    def endpoints(self) -> Sequence[Endpoint]:
        """All of them."""
        some = next(iter(self._snapshots.settings.wallets), None)
        whose = (WALLET.such_as(some.name) if some else WALLET, TAG, SOURCE, CHAIN, ASSET)
        return (
            Endpoint("status", "The state of everything, and one word for it.", StatusRow, self._status),
            Endpoint(
                "balances", "What is held: confirmed amounts that are not zero.", list[WalletBalanceRow],
                self._balances, whose, paged=True,
            ),
            Endpoint(
                "history", "What changed, newest first.", list[HistoryRow],
                self._history, (*whose, SINCE), paged=True, usual=USUAL,
            ),
            Endpoint(
                "alerts", "Alerts that are pending or firing.", list[AlertRow],
                self._alerts, (PAST, EVENTS, STAGE, RULE, WHOSE, SEVERITY, ACKNOWLEDGED, SINCE), paged=True,
                usual=_usual_alerts,
            ),
            Endpoint(
                "outbox", "Deliveries, newest first.", list[DeliveryRow],
                self._outbox, (STATE,), paged=True, usual=USUAL,
            ),
            Endpoint(
                "assets", "What is held by asset, over all wallets; the most valuable first.",
                list[AssetTotalRow], self._assets, (HELD_WITH,), paged=True,
            ),
            Endpoint(
                "portfolio", "What everything is worth, and what changed that.", PortfolioRow,
                self._portfolio, (BY_KIND, RANGE),
            ),
            Endpoint(
                "audit", "Who changed what, when and from where; newest first.", list[AuditRow],
                self._audit, (ACTION, SINCE, SEARCH), paged=True, usual=USUAL,
            ),
        )  # fmt: skip

    def routes(self) -> list[web.RouteDef]:
        description = Endpoint("openapi.json", "This.", Mapping[str, Any], self._describe)
        return [each.route() for each in (*self.endpoints, description)]

    async def _status(self, asked: Asked) -> Packed:
        snapshot = await self._snapshots.current()
        return await self._documents.of(
            asked.name, snapshot.revision, lambda: Content(encoded(snapshot.status))
        )

    async def _balances(self, asked: Asked) -> Packed:
        wallets = self._chosen(asked.parameters)
        wanted, part = _wanted(asked.parameters), asked.slice
        snapshot = await self._snapshots.current()
        past = snapshot.past

        def make() -> Content:
            symbols = past.symbols
            held = [
                each
                for each in holdings.holdings_of(wallets, past)
                if wanted is None or wanted(each[2], symbols.get(each[2], ""))
            ]
            some = held[part.skip : part.skip + part.limit] if part.limit else held
            more = part.skip + len(some) < len(held)
            return Content(listed(holdings.balance_rows(some, past)), len(held), more)

        return await self._documents.of(asked.name, _held_as(snapshot), make)

    async def _history(self, asked: Asked) -> Packed:
        wallets, wanted, part = self._chosen(asked.parameters), _wanted(asked.parameters), asked.slice
        span = asked.parameters.span("since")
        since = self._snapshots.clock.now() - span if span is not None else None
        symbols = (await self._snapshots.current()).past.symbols if wanted is not None else {}

        def make(reader: Queries) -> Content:
            assets = None if wanted is None else {a for a, name in dict(symbols).items() if wanted(a, name)}
            rows = status.history_of(wallets, reader, part.most + 1, since, assets, part.skip)
            return Content(encoded(rows[: part.most]), more=len(rows) > part.most)

        return await self._read(make)

    async def _alerts(self, asked: Asked) -> Packed:
        parameters, part = asked.parameters, asked.slice
        past, events = parameters.flag("all"), parameters.flag("events")
        state = parameters.choice("state", STATES) or ""
        snapshot = await self._snapshots.current()
        views = AlertViews(self._snapshots.settings, snapshot.past.silences, snapshot.at)
        stages = {Stage.EVENT} if events and not past else OF_ALERTS if past else LIVE
        among, live = None, not state and stages is LIVE
        if state:
            stages, among = staged(state, snapshot)
        wanted = self._which(parameters, stages, among)

        def of_snapshot() -> Content:
            found = sorted(filter(wanted.takes, snapshot.past.alerts.values()), key=lambda each: each.since)
            return _part_of(views.rows(found), part)

        def of_store(reader: Queries) -> Content:
            rows = views.rows(reader.happened(wanted, part.most, part.skip))
            return _counted(rows, reader.count_happened(wanted), part)

        if live:
            return await self._documents.of(asked.name, snapshot.revision, of_snapshot)
        return await self._read(of_store)

    def _which(
        self, parameters: Parameters, stages: Collection[Stage], among: Collection[str] | None
    ) -> AlertFilter:
        severity, span = parameters.choice("severity", SEVERITIES), parameters.span("since")
        return AlertFilter(
            stages,
            parameters.text("rule"),
            parameters.text("wallet"),
            Severity(severity) if severity is not None else None,
            parameters.flag("acknowledged") if parameters.one("acknowledged") is not None else None,
            self._snapshots.clock.now() - span if span is not None else None,
            among=among,
        )

    async def _outbox(self, asked: Asked) -> Packed:
        state = asked.parameters.choice("state", [str(each) for each in DeliveryState])
        part = asked.slice

        def make(reader: Queries) -> Content:
            rows = status.deliveries(reader, state, part.most, part.skip)
            return _counted(rows, reader.count_deliveries(state), part)

        return await self._read(make)

    async def _audit(self, asked: Asked) -> Packed:
        parameters, part = asked.parameters, asked.slice
        action, span = parameters.choice("action", list(AuditAction)), parameters.span("since")
        wanted = AuditFilter(
            self._snapshots.clock.now() - span if span is not None else None,
            AuditAction(action) if action is not None else None,
            text=parameters.text("q"),
        )

        def make(reader: Queries) -> Content:
            rows = [audit_row(each) for each in reader.audit(wanted, part.most, part.skip)]
            return _counted(rows, reader.count_audit(wanted), part)

        return await self._read(make)

    async def _assets(self, asked: Asked) -> Packed:
        tags = {tag: tag for each in self._snapshots.settings.wallets for tag in each.tags or (UNTAGGED,)}
        tag = "" if asked.parameters.one("tag") is None else asked.parameters.names("tag", tags)[0]
        snapshot = await self._snapshots.current()
        past, part = snapshot.past, asked.slice

        def make() -> Content:
            totals = self._all_held.totals.totals(past, tag)
            totals.sort(key=lambda each: (each.value is None, (each.value or ZERO).copy_negate(), each.asset))
            return _part_of(asset_rows(totals, whole_value(totals)), part)

        return await self._documents.of(asked.name, _held_as(snapshot), make)

    async def _portfolio(self, asked: Asked) -> Packed:
        by = asked.parameters.choice("by", BY) or BY[0]
        found = await self._all_held.portfolios.get(
            asked.parameters.choice("range", RANGES) or USUAL_RANGE, waits=None
        )
        if found is None:
            raise web.HTTPServiceUnavailable(text="the store cannot be read now")
        past = (await self._snapshots.current()).past

        def make() -> Content:
            return Content(encoded(portfolio_row(found, by, past)))

        return await self._documents.of(asked.name, found.until, make)

    async def _describe(self, asked: Asked) -> Packed:
        def make() -> Content:
            return Content(encoded(describe(self.endpoints, token=self._token)))

        return await self._documents.of(asked.name, None, make)

    async def _read(self, make: Callable[[Queries], Content]) -> Packed:
        """What the store has to be asked for each time."""
        return await self._snapshots.ask(lambda reader: pack(make(reader)))

    def _chosen(self, parameters: Parameters) -> Mapping[Account, WalletSettings]:
        """Accounts that are asked for. 404 if what is named is not configured."""
        wallets = self._snapshots.wallets
        known = self._snapshots.settings.wallets
        names = parameters.names("wallet", {each.name for each in known})
        tags = parameters.names("tag", {tag for each in known for tag in each.tags})
        sources = parameters.names("source", self._snapshots.settings.sources)
        return {
            account: wallet
            for account, wallet in wallets.items()
            if (not names or wallet.name in names)
            and (not sources or account.source in sources)
            and (not tags or not set(tags).isdisjoint(wallet.tags))
        }


def _wanted(parameters: Parameters) -> Callable[[Asset, str], bool] | None:
    """Whether an asset of a symbol is asked for; None if all are."""
    chains, assets = ({each.casefold() for each in parameters.texts(name)} for name in ("chain", "asset"))
    if not chains and not assets:
        return None

    def wanted(asset: Asset, symbol: str) -> bool:
        names = (asset.token.casefold(), symbol.casefold())
        return (not chains or asset.chain.casefold() in chains) and (
            not assets or not assets.isdisjoint(names)
        )

    return wanted


def _held_as(snapshot: PageSnapshot) -> object:
    """Equal as long as nobody holds anything else, and nothing has another price or name."""
    past = snapshot.past
    if past.revision is None:
        return snapshot.revision
    return past.revision, past.names, dict(past.quotes)


def _part_of(rows: Sequence[object], part: Slice) -> Content:
    """A page of rows that are all there."""
    some = list(rows[part.skip : part.skip + part.limit] if part.limit else rows)
    return Content(encoded(some), len(rows), part.skip + len(some) < len(rows))


def _counted(rows: Sequence[object], total: int, part: Slice) -> Content:
    """A page of rows that were read for it."""
    return Content(encoded(list(rows)), total, part.skip + len(rows) < total)

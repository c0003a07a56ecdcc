"""Rows of a statement: the shape that scripts rely on. Amounts and dollars are text with every digit."""

from __future__ import annotations

from datetime import datetime

from typing_extensions import TypedDict

from watcher.domain.values.formatting import plain
from watcher.reports.statement.flows import Flow, Flows
from watcher.reports.statement.statement import FlowGroup, Statement


class FlowRow(TypedDict):
    """Amounts, or dollars: opening + unknown_before + came − went + by_price = closing,
    and came − went + by_price is the change."""

    opening: str
    unknown_before: str
    came: str
    went: str
    by_price: str
    closing: str
    change: str


class FlowsRow(TypedDict):
    """A holding over the period. `value_usd` is null without a price, and for what counts in no sum."""

    wallet: str
    tags: list[str]
    source: str
    chain: str
    address: str
    asset: str
    symbol: str
    opening_known: bool
    amount: FlowRow
    interest: str
    price_usd_opening: str | None
    price_usd_closing: str | None
    value_usd: FlowRow | None
    counts: bool
    notes: list[str]


class FlowGroupRow(TypedDict):
    """A wallet or a tag: dollars of all its holdings that have a price."""

    name: str
    value_usd: FlowRow
    holdings: int
    unpriced: int
    opening_known: bool


class AlertSpanRow(TypedDict):
    """An alert that fired in the period."""

    id: str
    rule: str
    severity: str
    wallet: str
    subject: str
    because: str
    fired_at: datetime
    ended_at: datetime | None
    lasted_seconds: int


class PeriodEventRow(TypedDict):
    """An event that was told in the period."""

    at: datetime
    rule: str
    severity: str
    wallet: str
    title: str


class UnreadRow(TypedDict):
    """A time in which nothing was read; `wallet` is empty if it is not about one account alone."""

    since: datetime
    until: datetime
    wallet: str
    what: str
    why: str


class NeverReadRow(TypedDict):
    """An account of which nothing was ever read up to the end of the period."""

    wallet: str
    source: str
    chain: str
    address: str
    why: str


class SourceUseRow(TypedDict):
    """What a source cost by the ledger, and how its requests fared by the poll log."""

    source: str
    credits: int
    requests: int
    failed: int
    readings: int
    misses: int


class StatementRow(TypedDict):
    """The statement of a period: `since` is in it, `until` is not."""

    since: datetime
    until: datetime
    timezone: str
    selected: str
    total_usd: FlowRow
    wallets: list[FlowGroupRow]
    tags: list[FlowGroupRow]
    holdings: list[FlowsRow]
    alerts: list[AlertSpanRow]
    events: list[PeriodEventRow]
    unread: list[UnreadRow]
    never_read: list[NeverReadRow]
    sources: list[SourceUseRow]
    polls_from: datetime | None


def statement_row(found: Statement) -> StatementRow:
    names = {account: wallet for wallet, account in found.accounts}
    return {
        "since": found.since,
        "until": found.until,
        "timezone": found.zone,
        "selected": found.selected,
        "total_usd": _flow(found.total),
        "wallets": [_group(each) for each in found.wallets],
        "tags": [_group(each) for each in found.tags],
        "holdings": [_holding(each) for each in found.holdings],
        "alerts": _alerts(found),
        "events": [
            {
                "at": each.at,
                "rule": each.rule,
                "severity": str(each.severity),
                "wallet": each.wallet,
                "title": each.title,
            }
            for each in found.events
        ],
        "unread": [
            {
                "since": each.since,
                "until": each.until,
                "wallet": names[each.account] if each.account is not None else "",
                "what": each.what,
                "why": each.why,
            }
            for each in found.unread
        ],
        "never_read": [
            {"wallet": wallet, **account._asdict(), "why": why}  # type: ignore[typeddict-item]
            for wallet, account, why in found.never_read
        ],
        "sources": [
            {
                "source": each.source,
                "credits": each.credits,
                "requests": each.requests,
                "failed": each.polls.failed,
                "readings": each.polls.readings,
                "misses": each.polls.misses,
            }
            for each in found.uses
        ],
        "polls_from": found.polls_from,
    }


def _flow(flow: Flow) -> FlowRow:
    return {
        "opening": plain(flow.opening),
        "unknown_before": plain(flow.unknown_before),
        "came": plain(flow.came),
        "went": plain(flow.went),
        "by_price": plain(flow.by_price),
        "closing": plain(flow.closing),
        "change": plain(flow.change),
    }


def _group(group: FlowGroup) -> FlowGroupRow:
    worth = _flow(group.worth)
    return {
        "name": group.name,
        "value_usd": worth,
        "holdings": group.holdings,
        "unpriced": group.unpriced,
        "opening_known": group.opening_known,
    }


def _holding(flows: Flows) -> FlowsRow:
    worth = flows.worth if flows.price_after is not None else None
    return {
        "wallet": flows.wallet,
        "tags": list(flows.tags),
        "source": flows.account.source,
        "chain": flows.asset.chain,
        "address": flows.account.address,
        "asset": flows.asset.token,
        "symbol": flows.symbol,
        "opening_known": flows.opening_known,
        "amount": _flow(flows.amounts),
        "interest": plain(flows.interest),
        "price_usd_opening": plain(flows.price_before) if flows.price_before is not None else None,
        "price_usd_closing": plain(flows.price_after) if flows.price_after is not None else None,
        "value_usd": _flow(worth) if worth is not None else None,
        "counts": not flows.apart,
        "notes": list(flows.notes),
    }


def _alerts(found: Statement) -> list[AlertSpanRow]:
    return [
        {
            "id": each.alert.id,
            "rule": each.alert.rule,
            "severity": str(each.alert.severity),
            "wallet": each.alert.wallet,
            "subject": each.alert.label,
            "because": each.alert.because,
            "fired_at": each.fired,
            "ended_at": each.ended,
            "lasted_seconds": int(each.lasted.total_seconds()),
        }
        for each in found.alerts
    ]

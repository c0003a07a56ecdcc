"""Views: the portfolio and its assets as rows."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import ROUND_DOWN, Context, Decimal

from watcher.domain.decision import Snapshot
from watcher.domain.values.formatting import plain
from watcher.reports.portfolio.assets import AssetTotal
from watcher.reports.portfolio.portfolio import Portfolio, PortfolioGroup
from watcher.reports.portfolio.rows import AssetTotalRow, ClaimRow, PortfolioGroupRow, PortfolioRow

_CUT = Context(prec=1000, rounding=ROUND_DOWN)
_DIGITS = Decimal("0.000001")


def share(part: Decimal | None, whole: Decimal) -> Decimal | None:
    """Which part of the whole, cut to six digits; None where that says nothing."""
    if part is None or not whole:
        return None
    return _CUT.divide(part, whole).quantize(_DIGITS, context=_CUT)


def asset_rows(totals: Iterable[AssetTotal], whole: Decimal) -> list[AssetTotalRow]:
    """`whole`: what all of it is worth."""
    return [
        {
            "chain": each.asset.chain,
            "asset": each.asset.token,
            "symbol": each.symbol,
            "amount": plain(each.amount),
            "claimed_amount": plain(each.unasked),
            "wallets": each.wallets,
            "price_usd": plain(each.quote.price) if each.quote is not None else None,
            "price_at": each.quote.at if each.quote is not None else None,
            "value_usd": _text(value := each.value),
            "share": _text(share(value, whole)),
        }
        for each in totals
    ]


def group_rows(groups: Iterable[PortfolioGroup], whole: Decimal) -> list[PortfolioGroupRow]:
    """`whole`: what all of it is worth."""
    return [group_row(each, whole) for each in groups]


def group_row(group: PortfolioGroup, whole: Decimal) -> PortfolioGroupRow:
    worth, known = group.worth, group.valued
    asset, amounts = group.asset, group.amounts

    def usd(value: Decimal) -> str | None:
        return plain(value) if known else None

    return {
        "name": group.name,
        "chain": asset.chain if asset is not None else None,
        "asset": asset.token if asset is not None else None,
        "amount": plain(amounts.closing) if amounts is not None else None,
        "value_usd": usd(worth.closing),
        "share": _text(share(worth.closing, whole)) if known else None,
        "opening_usd": usd(worth.opening) if group.known_before else None,
        "unknown_before_usd": usd(worth.unknown_before),
        "came_usd": usd(worth.came),
        "went_usd": usd(worth.went),
        "by_price_usd": usd(worth.by_price),
        "change_usd": usd(worth.change),
        "holdings": group.holdings,
        "unpriced": group.unpriced,
    }


def portfolio_row(found: Portfolio, by: str, past: Snapshot) -> PortfolioRow:
    whole = found.total.closing
    return {
        "by": by,
        "since": found.since,
        "until": found.until,
        "total": group_row(found.everything, whole),
        "groups": group_rows(found.groups[by], whole),
        "claims": claim_rows(found, past),
        "course": [{"at": each.at, "value_usd": _text(each.value)} for each in found.course],
        "gaps": [{"since": each.since, "until": each.until} for each in found.gaps],
        "first_seen": found.fresh,
        "accounts": found.accounts,
        "unread": found.unread,
        "never_read": found.never_read,
    }


def claim_rows(found: Portfolio, past: Snapshot) -> list[ClaimRow]:
    return [
        {
            "chain": each.asset.chain,
            "asset": each.asset.token,
            "symbol": past.symbols.get(each.asset, ""),
            "amount": plain(each.amount),
            "value_usd": _text(each.value),
            "holdings": each.holdings,
        }
        for each in found.claims
    ]


def _text(value: Decimal | None) -> str | None:
    return plain(value) if value is not None else None

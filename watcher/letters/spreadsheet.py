"""Spreadsheet of a statement: CSV with one row for each wallet, chain and asset, and every digit."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from decimal import Decimal

from watcher.domain.values.formatting import iso, plain
from watcher.domain.values.text import harmless
from watcher.reports.statement.flows import NOTHING_FLOWED, Flows
from watcher.reports.statement.statement import Statement

COLUMNS = (
    *("since", "until", "wallet", "tags", "source", "chain", "address", "asset", "symbol"),
    *("opening", "first_seen", "in", "out", "closing", "interest", "price_usd_opening", "price_usd_closing"),
    *("value_usd_opening", "value_usd_newly_known", "value_usd_in", "value_usd_out", "value_usd_by_price"),
    *("value_usd_closing", "value_usd_change", "notes"),
)


def spreadsheet(found: Statement) -> str:
    """The rows as CSV (RFC 4180). What is not known is left empty, and so are the dollars of what counts in
    no sum: a column adds up to the figure of the letter."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    span = iso(found.since), iso(found.until)
    writer.writerows((*span, *_cells(each)) for each in found.holdings)
    writer.writerows((*span, *each) for each in _never_read(found))
    return out.getvalue()


def _cells(flows: Flows) -> tuple[str, ...]:
    held, account, asset = flows.amounts, flows.account, flows.asset
    opening = plain(held.opening) if flows.opening_known else ""
    amounts = (plain(held.unknown_before), plain(held.came), plain(held.went), plain(held.closing))
    worth = flows.worth if flows.price_after is not None else None
    values: tuple[str, ...] = ("",) * (len(NOTHING_FLOWED) + 1)
    if worth is not None:
        parts = (worth.opening, worth.unknown_before, worth.came, worth.went, worth.by_price, worth.closing)
        values = tuple(map(plain, (*parts, worth.change)))
        if not flows.opening_known or (flows.price_before is None and held.opening):
            values = ("", *values[1:])
    names = (flows.wallet, " ".join(flows.tags), account.source, asset.chain, account.address, asset.token)
    return (
        *map(harmless, (*names, flows.symbol)),
        opening,
        *amounts,
        plain(flows.interest),
        _optional(flows.price_before),
        _optional(flows.price_after),
        *values,
        harmless("; ".join(flows.notes)),
    )


def _never_read(found: Statement) -> Iterator[tuple[str, ...]]:
    for wallet, account, why in found.never_read:
        words = "; ".join(part for part in ("never read", why) if part)
        names = map(harmless, (wallet, "", account.source, account.chain, account.address, "", ""))
        empty = ("",) * (len(COLUMNS) - 10)
        yield (*names, *empty, harmless(words))


def _optional(price: Decimal | None) -> str:
    return "" if price is None else plain(price)

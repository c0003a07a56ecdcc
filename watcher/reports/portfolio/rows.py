"""Rows of the portfolio and of assets: the shape that scripts rely on. Amounts and dollars are text with
every digit; what nobody knows is null."""

from __future__ import annotations

from datetime import datetime

from typing_extensions import TypedDict

from watcher.reports.rows import Amount, AssetRow, Count


class AssetTotalRow(TypedDict):
    """An asset over all wallets. `claimed_amount`: how much of it counts in no value, for nobody asked for
    it, or somebody hid it. `share`: which part it is worth of all that has a price, cut to six digits."""

    chain: str
    asset: str
    symbol: str
    amount: Amount
    claimed_amount: Amount
    wallets: Count
    price_usd: Amount | None
    price_at: datetime | None
    value_usd: Amount | None
    share: Amount | None


class AssetHolderRow(AssetRow):
    """What one account holds of an asset, whether rules see it, and when that was last confirmed."""

    tags: list[str]
    as_of: datetime | None


class PortfolioGroupRow(TypedDict):
    """A tag, an asset, a chain, a source or a wallet. `value_usd` is opening + unknown_before + came − went
    + by_price, and came − went + by_price is the change. `opening_usd` is null where nothing of it was read
    before, all of it where nothing has a price. Only an asset has a `chain`, an `asset` and an `amount`."""

    name: str
    chain: str | None
    asset: str | None
    amount: Amount | None
    value_usd: Amount | None
    share: Amount | None
    opening_usd: Amount | None
    unknown_before_usd: Amount | None
    came_usd: Amount | None
    went_usd: Amount | None
    by_price_usd: Amount | None
    change_usd: Amount | None
    holdings: Count
    unpriced: Count


class ClaimRow(TypedDict):
    """An asset of which something counts in no value: nobody asked for it, or somebody hid it."""

    chain: str
    asset: str
    symbol: str
    amount: Amount
    value_usd: Amount | None
    holdings: Count


class ValueAtRow(TypedDict):
    """What everything that has a price was worth; null while nothing was known."""

    at: datetime
    value_usd: Amount | None


class UnreadGapRow(TypedDict):
    """A time in which nothing was read, or nothing of a whole source."""

    since: datetime
    until: datetime


class PortfolioRow(TypedDict):
    """Everything over a period: `since` is in it, `until` is not. `first_seen`: wallets of which something
    was read for the first time in it. `unread`: accounts that could not be read for a part of it, each by
    itself."""

    by: str
    since: datetime
    until: datetime
    total: PortfolioGroupRow
    groups: list[PortfolioGroupRow]
    claims: list[ClaimRow]
    course: list[ValueAtRow]
    gaps: list[UnreadGapRow]
    first_seen: Count
    accounts: Count
    unread: Count
    never_read: Count

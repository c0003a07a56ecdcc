"""Flows: what was held at both ends of a period and what came in and went out between, exactly.

Of every holding, and of every sum of holdings: opening + first seen + in − out = closing; and of its worth
in dollars: opening + newly known + in − out + by price = closing. Nothing is rounded.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple, Self

from watcher.domain.decision import Snapshot
from watcher.domain.messages.message import attribution
from watcher.domain.model import NEWCOMER, Account, AccountState, Asset, Change, Quote
from watcher.domain.records import Record
from watcher.domain.values.decimals import ZERO, minus, plus, size, times
from watcher.domain.values.formatting import moment
from watcher.ports.period import StatementData, Step

FIRST_SEEN = "first read within the period: what was there before is unknown"
COUNTED_ANEW = "counted anew within the period, in another unit or after a while unwatched"
NO_PRICE = "no price is known"
NO_PRICE_THEN = "no price was known at the beginning"
INTEREST = "interest is among what came in or went out"


class Flow(NamedTuple):
    """Amounts or dollars of a period. `unknown_before`: what was there when it was first counted, and nobody
    knows since when. `by_price`: what the same amount is worth more or less; of amounts always zero."""

    opening: Decimal = ZERO
    unknown_before: Decimal = ZERO
    came: Decimal = ZERO
    went: Decimal = ZERO
    by_price: Decimal = ZERO
    closing: Decimal = ZERO

    def add(self, other: Self) -> Flow:
        return Flow(*map(plus, self, other))

    @property
    def moved(self) -> Decimal:
        """What came in less what went out."""
        return minus(self.came, self.went)

    @property
    def change(self) -> Decimal:
        """What moved and what the price made: closing less opening, without what was newly known."""
        return plus(self.moved, self.by_price)

    @property
    def explained(self) -> Decimal:
        """What the parts come to: the closing figure, exactly."""
        return plus(plus(plus(self.opening, self.unknown_before), self.moved), self.by_price)


NOTHING_FLOWED = Flow()


def summed_flows(flows: Iterable[Flow]) -> Flow:
    """The sum of each part."""
    result = NOTHING_FLOWED
    for each in flows:
        result = result.add(each)
    return result


class Flows(Record, frozen=True):
    """One holding over a period. `opening_known`: it was read before the period began.

    `apart`: why it counts in no value, for anybody can have sent it, or somebody hid it; empty if it counts.
    """

    wallet: str
    tags: tuple[str, ...]
    account: Account
    asset: Asset
    symbol: str
    amounts: Flow
    opening_known: bool
    interest: Decimal
    """How much of what came in, less what went out, is interest of a rebasing token."""
    price_before: Decimal | None
    price_after: Decimal | None
    apart: str
    notes: tuple[str, ...]

    @property
    def priced(self) -> bool:
        """Whether it can be valued: it has a price, or there is nothing to value."""
        return self.price_after is not None or not any(self.amounts)

    @property
    def worth(self) -> Flow | None:
        """Its worth in dollars, all that flowed at the price of the end; None without a price, or apart.

        A price that became known within the period makes the opening amount newly known, and not dearer.
        """
        if self.apart or not self.priced:
            return None
        return worth_of(self.amounts, self.price_before, self.price_after)


def worth_of(amounts: Flow, before: Decimal | None, after: Decimal | None) -> Flow:
    """What amounts of one asset are worth in dollars, by its prices at both ends; of a sum of amounts the sum
    of what each is worth."""
    opening, unknown, came, went, _, closing = amounts
    after = after or ZERO
    newly = times(unknown, after)
    if before is None:
        newly, by_price, was = plus(newly, times(opening, after)), ZERO, ZERO
    else:
        _, by_price = attribution(opening, closing, before, after)
        was = times(opening, before)
    return Flow(was, newly, times(came, after), times(went, after), by_price, times(closing, after))


def flows_of(
    data: StatementData,
    past: Snapshot,
    wallets: Mapping[Account, tuple[str, tuple[str, ...]]],
    unread: Mapping[Account, datetime],
    until: datetime,
) -> list[Flows]:
    """Every holding that was held at an end, or moved between.

    `wallets`: of each account the name and tags; `unread`: since when accounts were not read, of those that
    were not at the end.
    """
    changes: dict[tuple[Account, Asset], list[Change]] = {}
    for change in data.changes:
        changes.setdefault((change.account, change.asset), []).append(change)
    found = []
    for holding in dict.fromkeys((*data.held, *changes)):
        account, asset = holding
        name, tags = wallets[account]
        amounts, interest, notes = amounts_of(data.held.get(holding), changes.get(holding, ()))
        if not any(amounts):
            continue
        before, after = data.prices_before.get(asset), data.prices_after.get(asset)
        state = past.accounts.get(account) or AccountState(account)
        known = holding in data.held or FIRST_SEEN not in notes
        why = apart(state, asset)
        notes += [*_doubts(state, asset, unread, past, until), *_remarks(amounts, before, after, why)]
        flows = Flows(
            name, tags, account, asset, past.symbols.get(asset, ""), amounts, known, interest,
            _price(before), _price(after), why, tuple(notes),
        )  # fmt: skip
        found.append(flows)
    return sorted(found, key=_order)


def _order(flows: Flows) -> tuple[str, Account, str, Asset]:
    return flows.wallet, flows.account, flows.symbol.lower(), flows.asset


def _price(quote: Quote | None) -> Decimal | None:
    return None if quote is None else quote.price


def amounts_of(held: Decimal | None, changes: Iterable[Change | Step]) -> tuple[Flow, Decimal, list[str]]:
    """The flow of one holding, how much of it is interest, and what is to be noted of it.

    Each change is measured from where the one before it ended; where it begins elsewhere (a first reading,
    another unit), the difference is no transfer.
    """
    notes: dict[str, None] = {}
    opening, amount = held, held
    unknown = came = went = interest = ZERO
    for change in changes:
        start = change.before if change.before is not None else change.after
        if amount is None:
            if change.before is None:
                notes[FIRST_SEEN] = None
                unknown = plus(unknown, start)
            else:
                opening = start
        elif start != amount:
            notes[COUNTED_ANEW] = None
            unknown = plus(unknown, minus(start, amount))
        moved = minus(change.after, start)
        came, went = (plus(came, moved), went) if moved > 0 else (came, plus(went, size(moved)))
        if change.drift:
            notes[INTEREST] = None
            interest = plus(interest, moved)
        amount = change.after
    closing = amount if amount is not None else ZERO
    return Flow(opening or ZERO, unknown, came, went, ZERO, closing), interest, list(notes)


def apart(state: AccountState, asset: Asset) -> str:
    """Why what it is worth counts in no value; empty if it does."""
    entry = state.quarantined.get(asset)
    if entry is not None:
        return f"hidden by {entry.by}" if entry.by else f"no rule sees it: {entry.reason}"
    return NEWCOMER if asset in state.newcomers else ""


def _doubts(
    state: AccountState, asset: Asset, unread: Mapping[Account, datetime], past: Snapshot, until: datetime
) -> Iterator[str]:
    """What of the closing figure is older than the end; of a time long past only what is so still."""
    since, stale, doubt = unread.get(state.account), state.stale.get(asset), past.doubts.get(asset)
    if since is not None:
        yield f"not read after {moment(since)}: the closing amount is of then"
    elif stale is not None and stale < until:
        yield f"what was read after {moment(stale)} is in doubt: the closing amount is of then"
    if doubt is not None and doubt.since < until:
        yield f"its price is in doubt since {moment(doubt.since)}: the one of before is taken"


def _remarks(amounts: Flow, before: Quote | None, after: Quote | None, apart: str) -> list[str]:
    if apart:
        return [apart]
    if after is None:
        return [NO_PRICE]
    return [NO_PRICE_THEN] if before is None and amounts.opening else []

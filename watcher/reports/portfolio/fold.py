"""Fold: every holding over a period, summed as it is read; nothing of a single one is kept.

The sums are those of a statement, for its own functions make them: amounts of one asset add up exactly, and
what they are worth together is what each of them is worth, added up.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from datetime import datetime
from decimal import Decimal
from itertools import groupby
from typing import NamedTuple

from watcher.config.wallets import WalletSettings
from watcher.domain.decision import Snapshot
from watcher.domain.model import Account, AccountState, Asset, Quote
from watcher.domain.records import Record, field
from watcher.domain.values.decimals import ZERO, minus, plus, times
from watcher.ports.period import MovedHolding
from watcher.ports.queries import Queries
from watcher.reports.statement.flows import NOTHING_FLOWED, Flow, amounts_of, apart, worth_of

STRETCHES = 240
"""Equal stretches into which a period is cut: what is shown over time is known at the end of each."""

BEGINNING = -1
"""Stands for the beginning of the period among the stretches."""

Ends = Mapping[Asset, tuple[Decimal | None, Decimal | None]]
"""The prices of each asset at the beginning and at the end of a period."""


Wanted = Callable[[], bool]
"""Whether anybody waits for it still; asked for each account."""


class NotWanted(Exception):  # noqa: N818 - nothing is wrong
    """Nobody waits for the sums any more."""


class CellKey(NamedTuple):
    """What is summed into one: holdings of an asset in the wallets of one source that have the same tags."""

    tags: tuple[str, ...]
    source: str
    asset: Asset


class Cell(Record):
    """Amounts of one asset, summed. `still`: of holdings that did not change; `flow`: of those that did."""

    still: Decimal = ZERO
    flow: Flow = NOTHING_FLOWED
    steps: dict[int, Decimal] = field(default_factory=dict)
    """Stretch → by how much more was known to be held at its end than before it."""
    first: int = STRETCHES
    """The first stretch at whose end anything was known of it."""
    holdings: int = 0
    """Those that hold something at the end."""
    known_before: bool = False
    """Whether any of them was read before the period began."""

    def add_still(self, amount: Decimal) -> None:
        self.still = plus(self.still, amount)
        self.first, self.known_before = BEGINNING, True
        self.holdings += 1

    def add(self, other: Cell) -> None:
        """Take in another sum of the same asset."""
        self.still, self.flow = plus(self.still, other.still), self.flow.add(other.flow)
        for stretch, step in other.steps.items():
            self.steps[stretch] = plus(self.steps.get(stretch, ZERO), step)
        self.first = min(self.first, other.first)
        self.holdings += other.holdings
        self.known_before |= other.known_before

    @property
    def amounts(self) -> Flow:
        """All of them over the period."""
        return self.flow.add(Flow(opening=self.still, closing=self.still))


class WalletSum(Record):
    """What one wallet is worth over the period, in dollars. `unpriced`: holdings without a price."""

    still_before: Decimal = ZERO
    still_newly: Decimal = ZERO
    still_after: Decimal = ZERO
    flow: Flow = NOTHING_FLOWED
    holdings: int = 0
    unpriced: int = 0
    known_before: bool = False

    @property
    def worth(self) -> Flow:
        by_price = minus(minus(self.still_after, self.still_before), self.still_newly)
        still = Flow(self.still_before, self.still_newly, ZERO, ZERO, by_price, self.still_after)
        return self.flow.add(still)


class ApartSum(Record):
    """Holdings of one asset that count in no value, for nobody asked for them, or somebody hid them."""

    amount: Decimal = ZERO
    holdings: int = 0


class Folded(Record):
    """All holdings of a period, summed."""

    cells: dict[CellKey, Cell] = field(default_factory=dict)
    wallets: dict[str, WalletSum] = field(default_factory=dict)
    apart: dict[Asset, ApartSum] = field(default_factory=dict)
    fresh: set[str] = field(default_factory=set)
    """Wallets of which something was read for the first time within the period."""


class Fold:
    """The sums of one period, taken holding by holding."""

    def __init__(
        self,
        wallets: Mapping[Account, WalletSettings],
        past: Snapshot,
        ends: Ends,
        since: datetime,
        until: datetime,
        wanted: Wanted = lambda: True,
    ) -> None:
        """`ends`: of every asset that has a price at either end."""
        self._wallets, self._past, self._ends = wallets, past, ends
        self._since, self._until = since, until
        self._wanted, self.found = wanted, Folded()

    def take_all(self, reader: Queries, asset: Asset | None = None) -> Folded:
        """Every holding that was held at an end, or moved between; only those of one asset if it is given."""
        left = dict.fromkeys(self._wallets)
        moved = reader.moved(self._wallets.keys(), self._since, self._until, STRETCHES, asset)
        with closing(moved):
            for account, holdings in groupby(moved, key=lambda each: each.account):
                self._go_on()
                del left[account]
                seen = set()
                for holding in holdings:
                    seen.add(holding.asset)
                    self._moved(holding)
                self._still(account, asset, seen)
        for account in left:
            self._go_on()
            self._still(account, asset, set())
        return self.found

    def _go_on(self) -> None:
        if not self._wanted():
            raise NotWanted

    def _still(self, account: Account, only: Asset | None, moved: set[Asset]) -> None:
        """What an account held all the time, from what it holds now."""
        state = self._past.accounts.get(account)
        if state is None:
            return
        shut = {*state.newcomers, *state.quarantined}
        wallet = self._wallets[account]
        total = self.found.wallets.get(wallet.name) or WalletSum()
        for asset, amount in self._held(state, only):
            if not amount or asset in moved:
                continue
            if asset in shut:
                self._put_apart(asset, amount)
                continue
            self._cell(wallet, account, asset).add_still(amount)
            total.holdings += 1
            total.known_before = True
            before, after = self._ends.get(asset, (None, None))
            if after is None:
                total.unpriced += 1
                continue
            worth = times(amount, after)
            total.still_after = plus(total.still_after, worth)
            if before is None:
                total.still_newly = plus(total.still_newly, worth)
            else:
                total.still_before = plus(total.still_before, times(amount, before))
        if total.holdings:
            self.found.wallets[wallet.name] = total

    @staticmethod
    def _held(state: AccountState, only: Asset | None) -> Iterator[tuple[Asset, Decimal]]:
        if only is None:
            yield from state.amounts.items()
        elif only in state.amounts:
            yield only, state.amounts[only]

    def _moved(self, holding: MovedHolding) -> None:
        account, asset, held, steps = holding
        amounts = amounts_of(held, steps)[0]
        if not any(amounts):
            return
        state = self._past.accounts.get(account) or AccountState(account)
        if apart(state, asset):
            self._put_apart(asset, amounts.closing)
            return
        wallet = self._wallets[account]
        known = held is not None or steps[0].before is not None
        cell = self._cell(wallet, account, asset)
        cell.flow = cell.flow.add(amounts)
        cell.holdings += bool(amounts.closing)
        cell.known_before |= known
        amount, course = amounts.opening, cell.steps
        for step in steps:
            course[step.stretch] = plus(course.get(step.stretch, ZERO), minus(step.after, amount))
            amount = step.after
        cell.first = min(cell.first, BEGINNING if known else steps[0].stretch)
        self._count(wallet.name, amounts, asset, known=known)

    def _count(self, name: str, amounts: Flow, asset: Asset, *, known: bool) -> None:
        total = self.found.wallets.setdefault(name, WalletSum())
        total.holdings += bool(amounts.closing)
        total.known_before |= known
        if not known:
            self.found.fresh.add(name)
        before, after = self._ends.get(asset, (None, None))
        if after is not None:
            total.flow = total.flow.add(worth_of(amounts, before, after))
        else:
            total.unpriced += bool(amounts.closing)

    def _cell(self, wallet: WalletSettings, account: Account, asset: Asset) -> Cell:
        key, cells = CellKey(wallet.tags, account.source, asset), self.found.cells
        cell = cells.get(key)
        if cell is None:
            cell = cells[key] = Cell()
        return cell

    def _put_apart(self, asset: Asset, amount: Decimal) -> None:
        if amount:
            total = self.found.apart.setdefault(asset, ApartSum())
            total.amount = plus(total.amount, amount)
            total.holdings += 1


def ends_of(prices: Mapping[Asset, list[Quote]], since: datetime) -> Ends:
    """The prices at both ends: the last before the period, and the last in it."""
    return {
        asset: (quotes[0].price if quotes[0].at < since else None, quotes[-1].price)
        for asset, quotes in prices.items()
    }

"""Assets: what is held of each in all wallets together, and who holds one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from threading import Lock
from typing import NamedTuple

from watcher.config.wallets import WalletSettings
from watcher.domain.decision import Snapshot
from watcher.domain.model import Account, AccountState, Asset, PriceSuspicion, Quote
from watcher.domain.records import Record, field
from watcher.domain.values.decimals import ZERO, minus, plus, times, total
from watcher.reports.holdings import assets_of
from watcher.reports.portfolio.rows import AssetHolderRow
from watcher.reports.statement.statement import UNTAGGED

Amounts = Mapping[Asset, Decimal]


class AssetTotal(NamedTuple):
    """One asset over wallets. `unasked`: how much of it counts in no value, for nobody asked for it, or
    somebody hid it. `quote`: None without a price."""

    asset: Asset
    symbol: str
    amount: Decimal
    unasked: Decimal
    wallets: int
    quote: Quote | None

    @property
    def value(self) -> Decimal | None:
        """What it is worth; None if nobody knows, or all of it is only claimed."""
        if self.quote is None or self.only_claimed:
            return None
        return times(minus(self.amount, self.unasked), self.quote.price)

    @property
    def only_claimed(self) -> bool:
        """Whether all of it counts in no value."""
        return self.unasked == self.amount

    @property
    def claimed(self) -> Decimal | None:
        """What is claimed to be worth so much; None without a price."""
        return times(self.unasked, self.quote.price) if self.quote is not None else None


class _Sums(Record):
    """The sums of all wallets that have the same tags."""

    amounts: dict[Asset, Decimal] = field(default_factory=dict)
    wallets: dict[Asset, int] = field(default_factory=dict)

    def take(self, amounts: Amounts, change: Callable[[Decimal, Decimal], Decimal], by: int) -> None:
        sums, counts = self.amounts, self.wallets
        for asset, amount in amounts.items():
            if amount:
                sums[asset] = change(sums.get(asset, ZERO), amount)
                counts[asset] = counts.get(asset, 0) + by


class AssetTotals:
    """All amounts of the wallets that are watched, by asset.

    What was added is remembered by wallet, so that each look takes in only what has changed since the one
    before: ten thousand wallets with twenty assets each would take a quarter of a second.
    """

    def __init__(self, watched: Mapping[Account, WalletSettings]) -> None:
        self._wallets: dict[str, tuple[tuple[str, ...], list[Account]]] = {}
        for account, wallet in watched.items():
            self._wallets.setdefault(wallet.name, (wallet.tags, []))[1].append(account)
        self._added: dict[str, list[Amounts]] = {}
        self._sums: dict[tuple[str, ...], _Sums] = {}
        self._lock = Lock()
        """Pages and files are made in threads of their own."""

    def totals(self, past: Snapshot, tag: str = "") -> list[AssetTotal]:
        """Of every asset that is held; in wallets with this tag, if one is given."""
        with self._lock:
            self._take_in(past)
            chosen = [sums for tags, sums in self._sums.items() if _has(tags, tag)]
            unasked = self._unasked(past, tag)
            if len(chosen) == 1:
                amounts, wallets = dict(chosen[0].amounts), dict(chosen[0].wallets)
            else:
                amounts, wallets = {}, {}
                for sums in chosen:
                    for asset, amount in sums.amounts.items():
                        amounts[asset] = plus(amounts.get(asset, ZERO), amount)
                        wallets[asset] = wallets.get(asset, 0) + sums.wallets[asset]
        symbols, quotes = past.symbols, past.quotes
        return [
            AssetTotal(
                asset,
                symbols.get(asset, ""),
                amount,
                unasked.get(asset, ZERO),
                wallets[asset],
                quotes.get(asset),
            )
            for asset, amount in amounts.items()
            if wallets[asset]
        ]

    def _take_in(self, past: Snapshot) -> None:
        states, added = past.accounts, self._added
        for name, (tags, accounts) in self._wallets.items():
            now = [state.amounts for each in accounts if (state := states.get(each)) is not None]
            before = added.get(name, [])
            if len(now) == len(before) and all(map(_is, now, before)):
                continue
            sums = self._sums.setdefault(tags, _Sums())
            sums.take(_together(before), minus, -1)
            sums.take(_together(now), plus, 1)
            added[name] = now

    def _unasked(self, past: Snapshot, tag: str) -> dict[Asset, Decimal]:
        found: dict[Asset, Decimal] = {}
        for tags, accounts in self._wallets.values():
            if not _has(tags, tag):
                continue
            for account in accounts:
                state = past.accounts.get(account)
                if state is None or not (state.newcomers or state.quarantined):
                    continue
                for asset in {*state.newcomers, *state.quarantined}:
                    if held := state.amounts.get(asset):
                        found[asset] = plus(found.get(asset, ZERO), held)
        return found


def _is(one: object, other: object) -> bool:
    return one is other


def _has(tags: Sequence[str], tag: str) -> bool:
    return not tag or tag in (tags or (UNTAGGED,))


def _together(parts: Sequence[Amounts]) -> Amounts:
    """What the accounts of one wallet hold."""
    if len(parts) == 1:
        return parts[0]
    found: dict[Asset, Decimal] = {}
    for amounts in parts:
        for asset, amount in amounts.items():
            found[asset] = plus(found.get(asset, ZERO), amount)
    return found


def whole_value(totals: Iterable[AssetTotal]) -> Decimal:
    """What all that counts and has a price is worth."""
    return total(value for each in totals if (value := each.value) is not None)


class TagTotal(NamedTuple):
    """What the wallets with one tag hold of an asset. `unasked`: how much of it counts in no value."""

    tag: str
    amount: Decimal
    unasked: Decimal
    wallets: int

    def worth(self, quote: Quote) -> Decimal:
        """What counts of it is worth so much."""
        return times(minus(self.amount, self.unasked), quote.price)


class AssetHolders(Record, frozen=True):
    """One asset: who holds it, by what names it went, and what its price is."""

    asset: Asset
    symbol: str
    total: AssetTotal
    rows: list[AssetHolderRow]
    """Who holds the most comes first."""
    tags: list[TagTotal]
    """A wallet with several tags counts in each of them."""
    namesakes: list[AssetTotal]
    """Other assets that are called the same: not added up, for nobody says that they are one."""
    other_names: list[str]
    doubt: PriceSuspicion | None
    sources: list[str]
    """Where the readings of it, and with them its price, come from."""
    stated: list[str]
    """Keys of the configuration under which a price of it can be stated."""

    @property
    def read_at(self) -> datetime | None:
        """When any of it was read last, and with it its price, unless that is in doubt."""
        return max((at for row in self.rows if (at := row["as_of"]) is not None), default=None)


def asset_holders(
    wallets: Mapping[Account, WalletSettings], past: Snapshot, totals: Sequence[AssetTotal], asset: Asset
) -> AssetHolders | None:
    """What is known of an asset; None if nobody ever held it. `totals`: those of all assets."""
    mine = {
        account: wallet
        for account, wallet in wallets.items()
        if asset in (past.accounts.get(account) or AccountState(account)).amounts
    }
    if not mine and asset not in past.symbols:
        return None
    found = assets_of(mine, past, asset)
    found.sort(key=lambda each: Decimal(each[1]["amount"]), reverse=True)
    rows: list[AssetHolderRow] = [
        {**row, "tags": list(mine[account].tags), "as_of": past.accounts[account].as_of(asset)}
        for account, row in found
    ]
    symbol = past.symbols.get(asset, "")
    whole = next((each for each in totals if each.asset == asset), None)
    names = [new.token for new, old in past.same.items() if old == asset]
    return AssetHolders(
        asset,
        symbol,
        whole or AssetTotal(asset, symbol, ZERO, ZERO, 0, past.quotes.get(asset)),
        rows,
        _tags(rows),
        [each for each in totals if symbol and each.asset != asset and _alike(each.symbol, symbol)],
        [*past.former.get(asset, ()), *names],
        past.doubts.get(asset),
        list(dict.fromkeys(account.source for account in mine)),
        list(dict.fromkeys(wallet.units for wallet in mine.values() if wallet.units)),
    )


def _alike(one: str, other: str) -> bool:
    return one.casefold() == other.casefold()


def _tags(rows: Iterable[AssetHolderRow]) -> list[TagTotal]:
    """What is held most comes first."""
    found: dict[str, list[AssetHolderRow]] = {}
    for row in rows:
        for tag in row["tags"] or [UNTAGGED]:
            found.setdefault(tag, []).append(row)
    sums = [
        TagTotal(
            tag,
            total(Decimal(row["amount"]) for row in mine),
            total(Decimal(row["amount"]) for row in mine if row["state"] != "visible"),
            len({row["wallet"] for row in mine}),
        )
        for tag, mine in found.items()
    ]
    return sorted(sums, key=lambda each: (each.amount.copy_negate(), each.tag))

"""What accounts hold, as rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal

from watcher.config.settings import Settings
from watcher.config.wallets import WalletSettings
from watcher.domain.decision import Snapshot
from watcher.domain.model import NEWCOMER, Account, AccountState, Asset
from watcher.domain.values.decimals import ZERO, times
from watcher.domain.values.formatting import plain
from watcher.reports.rows import AssetRow, HoldingRow, Visibility, WalletBalanceRow
from watcher.reports.status import wallets_by_account


def balances(settings: Settings, past: Snapshot) -> list[WalletBalanceRow]:
    """What is held now: every confirmed amount that is not zero, with its age."""
    return balances_of(wallets_by_account(settings), past)


def held(settings: Settings, past: Snapshot) -> int:
    """How many balances `balances` has."""
    states = (past.accounts.get(account) for account in wallets_by_account(settings))
    return sum(sum(map(bool, state.amounts.values())) for state in states if state is not None)


def balances_of(wallets: Mapping[Account, WalletSettings], past: Snapshot) -> list[WalletBalanceRow]:
    """The same of some accounts."""
    return list(balance_rows(holdings_of(wallets, past), past))


Held = tuple[WalletSettings, AccountState, Asset, Decimal]
"""An amount that is not zero: whose, of which account and of what."""


def holdings_of(wallets: Mapping[Account, WalletSettings], past: Snapshot) -> Iterator[Held]:
    """Each one in turn, as the rows of `balances` are."""
    for account, wallet in wallets.items():
        state = past.accounts.get(account)
        if state is not None:
            yield from ((wallet, state, asset, amount) for asset, amount in state.amounts.items() if amount)


def balance_rows(held: Iterable[Held], past: Snapshot) -> Iterator[WalletBalanceRow]:
    """Each row as it is needed: of ten thousand accounts all of them take a hundred megabytes."""
    holdings = _Holdings(past)
    for wallet, state, asset, amount in held:
        holding = holdings.row(wallet, state.account, asset, amount)
        yield {**holding, "claimed": not state.believes(asset), "as_of": state.as_of(asset)}


def assets_of(
    wallets: Mapping[Account, WalletSettings],
    past: Snapshot,
    only: Asset | None = None,
    *,
    held_back: bool = False,
) -> list[tuple[Account, AssetRow]]:
    """All assets that are held or that no rule sees, with why, and whose; only one if it is given.
    `held_back`: none that is like any other."""
    rows: list[tuple[Account, AssetRow]] = []
    holdings = _Holdings(past)
    for account, wallet in wallets.items():
        state = past.accounts.get(account) or AccountState(account)
        chosen: Iterable[Asset] = state.amounts if only is None else (only,)
        if held_back:
            chosen = dict.fromkeys((*state.quarantined, *state.newcomers))
        for asset in chosen:
            amount = state.amounts.get(asset, ZERO)
            entry, came = state.quarantined.get(asset), state.newcomers.get(asset)
            if not amount and entry is None:
                continue
            visibility: Visibility = "visible" if entry is None else "hidden" if entry.by else "quarantined"
            row: AssetRow = {
                **holdings.row(wallet, account, asset, amount),
                "state": "newcomer" if came is not None else visibility,
                "reason": entry.reason if entry else NEWCOMER if came is not None else "",
                "by": entry.by if entry else "",
                "since": entry.since if entry else came,
            }
            rows.append((account, row))
    return rows


class _Holdings:
    """Rows of what accounts hold. The text of a price is made once: many accounts hold the same assets."""

    def __init__(self, past: Snapshot) -> None:
        self._quotes, self._symbols = past.quotes, past.symbols
        self._prices: dict[Asset, str] = {}

    def row(self, wallet: WalletSettings, account: Account, asset: Asset, amount: Decimal) -> HoldingRow:
        quote, price = self._quotes.get(asset), self._prices.get(asset)
        if quote is not None and price is None:
            price = self._prices[asset] = plain(quote.price)
        return {
            "wallet": wallet.name,
            "source": account.source,
            "chain": asset.chain,
            "address": account.address,
            "asset": asset.token,
            "symbol": self._symbols.get(asset, ""),
            "amount": plain(amount),
            "price_usd": price,
            "value_usd": plain(times(amount, quote.price)) if quote is not None else None,
        }

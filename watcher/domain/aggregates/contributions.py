"""Contributions: what each account adds to a sum, and why it may not be known."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from copy import copy
from datetime import datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from watcher.domain.decision import Snapshot
from watcher.domain.model import (
    EMPTY,
    SWEEPS,
    Account,
    AccountState,
    Asset,
    PriceSuspicion,
    Quote,
    Wallet,
)
from watcher.domain.readings.prices import assumed
from watcher.domain.records import Record, field
from watcher.domain.rules import Side, Total
from watcher.domain.rules.match import PATTERN, id_in
from watcher.domain.values.chains import canonical
from watcher.domain.values.decimals import ZERO, total
from watcher.domain.values.durations import span
from watcher.domain.values.formatting import moment
from watcher.domain.values.ranges import Range

DAY = timedelta(days=1)

MOST_CHOICES = 200_000
"""Names come from outside; the cache must end somewhere."""


class Contribution(NamedTuple):
    """What one account adds to a selection, as its state says it."""

    amounts: Mapping[Asset, Decimal]
    """What is selected and not zero."""
    known: bool = False
    """Whether anything that is selected was ever named, zeros included."""
    chains: tuple[str, ...] = ()
    """The chains whose readings this rests on; none: any reading of the account."""
    trouble: str = ""
    """Why it is not known, whatever the time; empty if it is."""
    amount: Decimal = ZERO
    """All amounts together."""

    def read_at(self, state: AccountState) -> datetime:
        """When it was read, the oldest chain counting."""
        if len(self.chains) == 1:
            return state.seen[self.chains[0]]
        if self.chains:
            return min(state.seen[chain] for chain in self.chains)
        return max(state.seen.values())


def limit(side: Side, wallet: Wallet) -> timedelta:
    """How old the reading of a part may be: what the rule says; else three times what the wallet's own
    cadence promises (a day, if it promises nothing), and at least a day."""
    if side.max_age is not None:
        return side.max_age
    return max(DAY, 3 * (wallet.promise or DAY))


class Selection:
    """The accounts that one side of a rule selects, and which of their assets."""

    def __init__(
        self,
        side: Side,
        wallets: Mapping[Account, Wallet],
        also: Mapping[Asset, Collection[str]] = EMPTY,
    ) -> None:
        self.side, self._also = side, also
        self.wallets = wallets
        self.limits = {account: limit(side, wallet) for account, wallet in wallets.items()}
        self.places = {account: place for place, account in enumerate(wallets)}
        """Account → its place in the order of the configuration."""
        self.units = {account.chain: wallet.units for account, wallet in wallets.items() if wallet.units}
        """Chain → where prices of its assets can be stated, as in `Wallet`."""
        self._chosen: dict[Asset, tuple[str, bool]] = {}
        """A cache: whether an asset is selected under the symbol it last had."""
        self.parts: dict[Account, Contribution] = {}
        """A cache: what accounts add, as of the states that were looked at last."""
        self.repriced = 0
        """Counts how often the price of something selected may have changed."""

    def afresh(self) -> Selection:
        """The same selection, of which no part is known."""
        other = copy(self)
        other.parts = {}
        return other

    def prices_changed(self, assets: Iterable[Asset]) -> None:
        """These have another price, or their price is in doubt, or no more."""
        if self.side.valued and any(self._chosen.get(asset, ("", True))[1] for asset in assets):
            self.repriced += 1

    def chooses(self, asset: Asset, symbol: str) -> bool:
        found = self._chosen.get(asset)
        if found is None or found[0] != symbol:
            if len(self._chosen) > MOST_CHOICES:
                self._chosen.clear()
            match = self.side.match
            found = symbol, match.chain(asset.chain) and match.asset(asset, symbol, self._also.get(asset, ()))
            self._chosen[asset] = found
        return found[1]

    def part(
        self, account: Account, state: AccountState | None, symbols: Mapping[Asset, str]
    ) -> Contribution:
        """What this account adds."""
        if state is None or not state.seen:
            return Contribution(EMPTY, trouble=f"{self._where(account)} was never read")
        shut, new = state.quarantined, state.newcomers
        amounts: Mapping[Asset, Decimal] = {
            asset: amount
            for asset, amount in state.amounts.items()
            if self.chooses(asset, symbols.get(asset, ""))
            and not (shut and asset in shut)
            and not (new and asset in new)
        }
        known = bool(amounts)
        if not all(amounts.values()):
            amounts = {asset: amount for asset, amount in amounts.items() if amount}
        if len(amounts) == len(state.amounts):
            amounts = state.amounts  # one mapping in memory instead of two
        chains = self._chains(account, state, amounts)
        never = next((chain for chain in chains if chain not in state.seen), None)
        trouble = f"{self._where(account, chain=never)} was never read" if never else ""
        odd = state.held or state.stale or state.unsettled or self.wallets[account].asked
        if odd and not trouble:
            trouble = self._doubt(account, state, symbols)
        return Contribution(
            amounts, known, chains, trouble, total(amounts.values()) if self.side.amounts else ZERO
        )

    def _chains(
        self, account: Account, state: AccountState, amounts: Mapping[Asset, Decimal]
    ) -> tuple[str, ...]:
        """A sweep rests on the chains that hold something, or on those that the rule names."""
        if account.chain not in SWEEPS:
            return (account.chain,)
        named = self.side.match.chains
        if named and not any(sign in name for name in named for sign in PATTERN):
            seen = {canonical(chain): chain for chain in state.seen}
            return tuple(dict.fromkeys(seen.get(canonical(name), name) for name in named))
        return tuple(dict.fromkeys(asset.chain for asset in amounts))

    def _doubt(self, account: Account, state: AccountState, symbols: Mapping[Asset, str]) -> str:
        """What of this account is held, was not settled by its last reading, or was never told."""
        for asset in (*sorted(state.held), *sorted(state.stale)):
            symbol = symbols.get(asset, "")
            unseen = asset in state.quarantined or asset in state.newcomers
            if unseen or not self.chooses(asset, symbol):
                continue
            held = state.held.get(asset)
            why = f"in doubt ({held.reason})" if held is not None else "not settled by the last reading"
            return f"{self._where(account, asset, symbol)} is {why}; last read {moment(state.as_of(asset))}"
        for asset in sorted(state.unsettled):
            if self._may_be(asset, state, symbols):
                return f"{self._where(account, chain=asset.chain)} has not been read whole yet"
        for asset in self.wallets[account].asked or ():
            if asset not in state.amounts and self._may_be(asset, state, symbols):
                return f"{self._where(account, asset, symbols.get(asset, ''))} was never read"
        return ""

    def _may_be(self, asset: Asset, state: AccountState, symbols: Mapping[Asset, str]) -> bool:
        """Whether an asset that has no amount, or all that an answer did not name, may be selected."""
        if not self.side.match.chain(asset.chain):
            return False
        symbol = symbols.get(asset, "")
        if asset.token and symbol:
            return self.chooses(asset, symbol)
        if not self.side.match.assets:
            return True
        if asset.token:
            return self.chooses(asset, symbol) or not self.side.match.exact_ids
        return not any(
            each.chain == asset.chain and self.chooses(each, symbols.get(each, "")) for each in state.amounts
        )

    def too_old(
        self,
        account: Account,
        part: Contribution,
        state: AccountState,
        now: datetime,
        symbols: Mapping[Asset, str],
    ) -> str:
        """The sentence about a part that was read too long ago."""
        at = part.read_at(state)
        chain = next((chain for chain in part.chains if state.seen[chain] == at), None)
        assets = [asset for asset in part.amounts if chain in (None, asset.chain)]
        asset = assets[0] if len(assets) == 1 else None
        where = self._where(account, asset, symbols.get(asset, "") if asset else "", chain=chain)
        return f"{where} was last read {moment(at)}, {span((now - at).total_seconds())} ago"

    def never_seen(self) -> str:
        """Why nothing that is selected being known is not a zero; empty if it is one.

        A contract that is named and absent from complete readings is not held; a symbol that was never
        seen may be a slip of the pen, as may one that no source was asked for by name.
        """
        match = self.side.match
        if not match.assets:
            return ""
        if match.exact_ids and any(wallet.asked is None for wallet in self.wallets.values()):
            return ""
        return f"{' or '.join(match.assets)} was never seen in what is selected"

    def only_name(self) -> str:
        """The symbol that the rule names, if it is one."""
        names = self.side.match.assets
        return names[0] if len(names) == 1 and self.side.match.exact_assets and not id_in(names[0]) else ""

    def _where(
        self, account: Account, asset: Asset | None = None, symbol: str = "", chain: str | None = None
    ) -> str:
        name = self.wallets[account].name
        on = asset.chain if asset is not None else chain or account.chain
        what = f"{symbol or asset.token} in " if asset is not None else ""
        return f"{what}{name} on {on}"


def known(past: Snapshot) -> Mapping[Account, AccountState]:
    """The state of every account."""
    return past.everyone if past.everyone is not None else past.accounts


class View(Record):
    """What is known in one decision: the past, and over it what was just learnt."""

    past: Snapshot
    now: datetime
    symbols: Mapping[Asset, str]
    quoted: Mapping[Asset, Quote]
    """Prices that this decision keeps."""
    doubted: Mapping[Asset, PriceSuspicion | None]
    """Prices that it begins to doubt, or (None) doubts no more."""
    learnt: Mapping[Account, AccountState]
    _prices: dict[Asset, Decimal | None] = field(default_factory=dict)
    totals: dict[int, Total] = field(default_factory=dict)
    """Sums that are made already, by the id of the `Sum`."""

    def state(self, account: Account) -> AccountState | None:
        return self.learnt.get(account) or known(self.past).get(account)

    def price(self, asset: Asset) -> Decimal | None:
        """The last price kept, the same for all accounts; None if there is none, or if it is in doubt.

        It is at most five minutes or one per cent behind the newest answer.
        """
        try:
            return self._prices[asset]
        except KeyError:
            quote = self.quoted.get(asset) or self.past.quotes.get(asset)
            price = quote.price if quote is not None and self.doubt(asset) is None else None
            self._prices[asset] = price
            return price

    def price_between(self, asset: Asset) -> Range:
        """What the price of an asset that has none now may be."""
        quote = self.quoted.get(asset) or self.past.quotes.get(asset)
        return assumed(self.symbol(asset), quote, self.doubt(asset))

    def doubt(self, asset: Asset) -> PriceSuspicion | None:
        if asset in self.doubted:
            return self.doubted[asset]
        return self.past.doubts.get(asset)

    def symbol(self, asset: Asset) -> str:
        return self.symbols.get(asset) or asset.token

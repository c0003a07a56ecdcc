"""Names in CoinStats rows: which chain and which asset is meant, whatever way it is spelled this time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from decimal import Decimal
from functools import lru_cache
from typing import NamedTuple

import msgspec

from watcher.domain.model import EMPTY, Account, Asset
from watcher.domain.values.text import named
from watcher.sources.settings import fold_contract

_SENTINELS = frozenset({"0x" + "e" * 40, "0x" + "0" * 40, ""})
"""Contracts that stand for the native coin."""

_NATIVES = frozenset(
    {
        "avalanche-2", "binancecoin", "bitcoin", "celo", "cosmos", "ethereum", "hyperliquid", "mantle",
        "matic-network", "metis-token", "monad", "plasma", "polygon-ecosystem-token", "solana", "sui", "tron",
    }
)  # fmt: skip
"""Coins that are native somewhere and have a contract as well: without one they are the native coin."""

_MOST_NAMES = 200_000
_MOST_ROWS = 400_000
"""Amounts of last answers that are kept at most: some 100 MiB."""
_ALONE = 8
"""So many amounts an account weighs by itself."""


def is_token(text: str | None) -> bool:
    """Whether a text can name an asset."""
    return bool(text) and text is not None and len(text) <= 200 and text.isprintable()


_NO_PRICE = msgspec.Raw(b"null")


class KnownAsset:
    """An asset as the last row about it had it, so that the next one need only be compared."""

    __slots__ = ("asset", "coin", "contract", "price", "quoted", "symbol")

    def __init__(self, asset: Asset) -> None:
        self.asset = asset
        self.contract: str | None = None
        self.coin: str | None = None
        """What counts where there is no contract."""
        self.quoted = _NO_PRICE
        """Its price as it was written; `price` is what that says: None if it is no price to act on."""
        self.price: Decimal | None = None
        self.symbol: str | None = None
        """As it was written; what `RowNames.called` has for it follows from that."""


class LastAnswer(NamedTuple):
    """Holdings of an account as the last answer said them; all of them can be acted on."""

    known: tuple[KnownAsset, ...]
    mark: int
    """Stands for all amounts as they were written, and is far shorter: a hash with a secret of this process,
    so that nobody can find two texts that share one, and chance finds them once in 2**64 times."""
    amounts: dict[Asset, Decimal]
    """The same by asset, in the order of the rows; never written to again."""
    natives: frozenset[Asset]


@lru_cache(maxsize=4096)
def complete(chain: str) -> frozenset[str]:
    """The chains of an answer that is complete on this one: one object for all."""
    return frozenset({chain})


def _weight(last: LastAnswer | None) -> int:
    return _ALONE + (len(last.known) if last is not None else 0)


class RowNames:
    """Assets seen so far; forgets everything when it grows too large.

    Forgetting is safe: an asset is equal to its later twin.
    """

    def __init__(self) -> None:
        self._chains: dict[str, tuple[dict[str, KnownAsset], dict[str | None, KnownAsset]]]
        self._chains = defaultdict(lambda: ({}, {}))
        self._contracts: dict[tuple[str, str], tuple[Asset] | set[Asset]] = {}
        """By chain and coin id. Mostly it is one, and a set is five times as large."""
        self.last: dict[Account, LastAnswer | None] = {}
        self.spelled: dict[tuple[str, str], Account] = {}
        """Addresses and chains as answers write them, where that is known from an answer to one pair only."""
        self._called: dict[str, dict[Asset, str]] = {}
        self._learnt: dict[KnownAsset, str | None] = {}
        self._size = self._rows = 0

    def called(self, chain: str) -> Mapping[Asset, str]:
        """The symbols of all assets of a chain: one mapping, and another one only when a name is new."""
        return self._called.get(chain, EMPTY)

    def note(self, known: KnownAsset, symbol: str | None) -> None:
        """A symbol as a row has it; if it is new it counts as known from the next answer on."""
        if symbol != known.symbol:
            self._learnt[known] = symbol

    def learn(self) -> None:
        """Take in what was noted."""
        anew: dict[str, dict[Asset, str]] = {}
        for known, symbol in self._learnt.items():
            known.symbol, chain = symbol, known.asset.chain
            called = anew[chain] = anew.get(chain) or dict(self.called(chain))
            called.pop(known.asset, None)
            if shown := named(symbol or ""):
                called[known.asset] = shown
        self._called.update(anew)
        self._learnt.clear()

    def keep(self, account: Account, last: LastAnswer | None) -> None:
        """Keep what the last answer said of an account, to compare the next one with."""
        if account in self.last:
            self._rows -= _weight(self.last[account])
        self._rows += _weight(last)
        if self._rows > _MOST_ROWS:
            self.last.clear()
            self._rows = _weight(last)
        self.last[account] = last

    def of(self, chain: str) -> tuple[dict[str, KnownAsset], dict[str | None, KnownAsset]]:
        """The chain's assets by contract as written on the wire, and by coin id."""
        return self._chains[chain]

    def contract(self, chain: str, contract: str | None, coin_id: str | None) -> KnownAsset | None:
        """The asset of a row with a contract; None if the row has none, or a stand-in for the native coin."""
        if contract is None:
            return None
        by_contract = self.of(chain)[0]
        known = by_contract.get(contract)
        if known is None:
            token = fold_contract(contract.strip())
            if token in _SENTINELS or not is_token(token):
                return None
            self._grow()
            # The same contract in another case is the same object; and `uatom` is a contract and a coin id.
            by_contract, coins = self.of(chain)
            known = by_contract.get(token) or coins.get(token) or KnownAsset(Asset(chain, token))
            by_contract[token] = known
            by_contract[contract] = known
            if coin_id:
                there = self._contracts.setdefault((chain, coin_id), (known.asset,))
                if isinstance(there, set):
                    there.add(known.asset)
                elif known.asset not in there:
                    self._contracts[chain, coin_id] = {*there, known.asset}
        known.contract = contract
        return known

    def coin(self, chain: str, coin_id: str) -> KnownAsset:
        """The asset of a row without a contract: the native coin, known by its coin id."""
        known = self.of(chain)[1].get(coin_id)
        if known is None:
            self._grow()
            contracts, coins = self.of(chain)
            known = coins[coin_id] = contracts.get(coin_id) or KnownAsset(Asset(chain, coin_id))
        known.contract, known.coin = None, coin_id
        return known

    def lost_contracts(self, chain: str, coin_id: str, present: Collection[Asset]) -> list[Asset]:
        """The assets that a row without a contract may mean, if this coin had a contract until now.

        An answer that forgets the contract must not make a token vanish and another appear. Where the answer
        has the token with its contract as well, the row is another asset.
        """
        if coin_id in _NATIVES or coin_id in self.of(chain)[1]:
            return []
        known = self._contracts.get((chain, coin_id), ())
        return [] if any(asset in present for asset in known) else sorted(known)

    def _grow(self) -> None:
        self._size += 1
        if self._size > _MOST_NAMES:
            self._size = 0
            self._chains.clear()
            self._contracts.clear()
            self._called.clear()
            self._learnt.clear()
            self.last.clear()
            self._rows = 0

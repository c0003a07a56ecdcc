"""Which chain and which asset a CoinStats row means, whatever way it is spelled this time."""

from __future__ import annotations

from collections.abc import Collection
from functools import lru_cache

from watcher.domain.model import Asset
from watcher.sources._common import fold_contract

_ALIASES = {
    "binacesmartchain": "binance_smart",
    "binancesmartchain": "binance_smart",
    "binance-smart-chain": "binance_smart",
    "bsc": "binance_smart",
    "polygon-pos": "polygon",
    "arbitrum-one": "arbitrum",
    "optimistic-ethereum": "optimism",
    "avalanche-c-chain": "avalanche",
}
"""Spellings of one chain, seen in CoinStats' own documents and answers."""

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


@lru_cache(maxsize=4096)
def canonical(chain: str) -> str:
    """One spelling for the connectionId (`base-wallet`) and the network name (`base`) of a chain."""
    chain = chain.strip().lower()
    chain = _ALIASES.get(chain, chain)
    return chain.removesuffix("-wallet")


def is_token(text: str | None) -> bool:
    """Whether a text can name an asset."""
    return bool(text) and text is not None and len(text) <= 200 and text.isprintable()


class Names:
    """Assets and symbols seen so far, shared between readings; forgets everything when it grows too large.

    Forgetting is safe: an asset is equal to its later twin.
    """

    def __init__(self) -> None:
        self._chains: dict[str, tuple[dict[str, Asset], dict[str | None, Asset], dict[str, str]]] = {}
        self._complete: dict[str, frozenset[str]] = {}
        self._symbols: dict[str, str] = {}
        self._contracts: dict[tuple[str, str], set[Asset]] = {}
        self._size = 0

    def of(self, chain: str) -> tuple[dict[str, Asset], dict[str | None, Asset], dict[str, str]]:
        """The chain's assets by contract and by coin id as written on the wire, and all symbols."""
        found = self._chains.get(chain)
        if found is None:
            found = self._chains[chain] = ({}, {}, self._symbols)
        return found

    def complete(self, chain: str) -> frozenset[str]:
        found = self._complete.get(chain)
        if found is None:
            found = self._complete[chain] = frozenset({chain})
        return found

    def symbol(self, text: str) -> str:
        found = self._symbols.get(text)
        if found is None:
            found = "".join(c for c in " ".join(text.split()) if c.isprintable())[:64]
            self._symbols[text] = found
            self._grow()
        return found

    def contract(self, chain: str, contract: str | None, coin_id: str | None) -> Asset | None:
        """The asset of a row with a contract; None if the row has none, or a stand-in for the native coin."""
        if contract is None:
            return None
        by_contract = self.of(chain)[0]
        asset = by_contract.get(contract)
        if asset is None:
            token = fold_contract(contract.strip())
            if token in _SENTINELS or not is_token(token):
                return None
            # The same contract in another case is the same object.
            asset = by_contract.setdefault(token, Asset(chain, token))
            by_contract[contract] = asset
            if coin_id:
                self._contracts.setdefault((chain, coin_id), set()).add(asset)
            self._grow()
        return asset

    def coin(self, chain: str, coin_id: str) -> Asset:
        """The asset of a row without a contract: the native coin, known by its coin id."""
        by_coin = self.of(chain)[1]
        asset = by_coin.get(coin_id)
        if asset is None:
            asset = by_coin[coin_id] = Asset(chain, coin_id)
            self._grow()
        return asset

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
            self.__init__()  # type: ignore[misc]

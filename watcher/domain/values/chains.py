"""Chains and their names: people and answers write it in more than one way."""

from __future__ import annotations

from functools import lru_cache

_ALIASES = {
    "binacesmartchain": "binance_smart",
    "binancesmartchain": "binance_smart",
    "binance-smart-chain": "binance_smart",
    "bsc": "binance_smart",
    "polygon-pos": "polygon",
    "matic": "polygon",
    "arbitrum-one": "arbitrum",
    "optimistic-ethereum": "optimism",
    "avalanche-c-chain": "avalanche",
    "xdai": "gnosis",
}
"""Spellings of one chain, seen in CoinStats' own documents and answers."""

EVM = frozenset(
    {
        "arbitrum", "avalanche", "base", "binance_smart", "ethereum", "gnosis", "hyperevm", "linea", "monad",
        "optimism", "plasma", "polygon",
    }
)  # fmt: skip
"""Chains, by their one spelling, whose addresses are 0x and 40 hexadecimal digits. There are more."""


@lru_cache(maxsize=4096)
def canonical(chain: str) -> str:
    """One spelling for the connectionId (`base-wallet`) and the network name (`base`) of a chain."""
    chain = chain.strip().lower()
    chain = _ALIASES.get(chain, chain)
    return chain.removesuffix("-wallet")

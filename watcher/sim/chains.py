"""The chains the simulated CoinStats knows, in both of its name spaces."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Chain:
    """`connection_id` is what a query names, `chain` what CoinStats calls the network elsewhere."""

    connection_id: str
    chain: str
    name: str


TOP_TIER = (
    Chain("ethereum", "ethereum", "Ethereum"),
    Chain("binancesmartchain", "binance_smart", "BNB Smart Chain"),
    Chain("base-wallet", "base", "Base"),
    Chain("polygon-wallet", "polygon-pos", "Polygon"),
    Chain("arbitrum-wallet", "arbitrum-one", "Arbitrum"),
    Chain("optimism-wallet", "optimistic-ethereum", "Optimism"),
    Chain("avalanche-wallet", "avalanche", "Avalanche"),
    Chain("hyperevm-wallet", "hyperevm", "HyperEVM"),
    Chain("monad-wallet", "monad", "Monad"),
    Chain("plasma-wallet", "plasma", "Plasma"),
)
"""The EVM chains that `all` always includes (CoinStats docs)."""

_OTHERS = (
    Chain("bitcoin", "bitcoin", "Bitcoin"),
    Chain("bitcoin-cash", "bitcoin-cash", "Bitcoin Cash"),
    Chain("solana", "solana", "Solana"),
    Chain("cosmos", "cosmos", "Cosmos Hub"),
    Chain("sui-wallet", "sui", "Sui"),
    Chain("tron", "tron", "TRON"),
    Chain("kaspa-wallet", "kaspa", "Kaspa"),
    Chain("gnosis-wallet", "xdai", "Gnosis"),
    Chain("linea-wallet", "linea", "Linea"),
)

SPELLINGS = {"binacesmartchain": "binancesmartchain"}
"""The documents spell this connectionId in two ways; both are answered."""

SWEEPS = frozenset({"all", "forceall"})

_known = {chain.connection_id: chain for chain in (*TOP_TIER, *_OTHERS)}


def known_chains() -> tuple[Chain, ...]:
    return tuple(_known.values())


def find_chain(connection_id: str) -> Chain | None:
    return _known.get(SPELLINGS.get(connection_id, connection_id))


def chain_of(connection_id: str) -> Chain:
    """The chain; one that a test names for the first time is made known."""
    found = find_chain(connection_id)
    if found is None:
        short = connection_id.removesuffix("-wallet")
        found = _known[connection_id] = Chain(connection_id, short, short.title())
    return found

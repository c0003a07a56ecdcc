"""Names of chains that people know; ids stay what files, rules and commands take."""

from __future__ import annotations

from functools import lru_cache

from watcher.domain.values.chains import canonical

_NAMES = {
    "abstract": "Abstract", "akash": "Akash", "algorand": "Algorand", "all": "all chains", "ape": "ApeChain",
    "aptos": "Aptos", "arbitrum": "Arbitrum One", "arbitrum-nova": "Arbitrum Nova", "aurora": "Aurora",
    "avalanche": "Avalanche", "axelar": "Axelar", "babylon": "Babylon", "base": "Base",
    "berachain": "Berachain", "binance_smart": "BNB Smart Chain", "bitcoin": "Bitcoin",
    "bitcoin-cash": "Bitcoin Cash", "bitcoin_cash": "Bitcoin Cash", "bitcoin_sv": "Bitcoin SV",
    "bittensor": "Bittensor", "blast": "Blast", "boba": "Boba", "canto": "Canto", "cardano": "Cardano",
    "casper": "Casper", "celestia": "Celestia", "celo": "Celo", "core": "Core", "cosmos": "Cosmos Hub",
    "cronos-cosmos": "Cronos POS", "dash": "Dash", "doge": "Dogecoin", "dydx": "dYdX", "elrond": "MultiversX",
    "eos": "EOS", "ethereum": "Ethereum", "ethereum_classic": "Ethereum Classic", "filecoin": "Filecoin",
    "flare": "Flare", "forceall": "all chains", "fraxtal": "Fraxtal", "gnosis": "Gnosis",
    "harmony": "Harmony", "hedera": "Hedera", "hyperevm": "HyperEVM", "immutable": "Immutable zkEVM",
    "injective": "Injective", "ink": "Ink", "internet-computer": "Internet Computer", "iota": "IOTA",
    "juno": "Juno", "kaspa": "Kaspa", "katana": "Katana", "kava": "Kava", "kusama": "Kusama",
    "linea": "Linea", "litecoin": "Litecoin", "manta": "Manta", "mantle": "Mantle", "megaeth": "MegaETH",
    "merlin": "Merlin", "mode": "Mode", "monad": "Monad", "near": "NEAR", "neo": "Neo",
    "ontology": "Ontology", "optimism": "OP Mainnet", "osmosis": "Osmosis", "plasma": "Plasma",
    "plume": "Plume", "polkadot": "Polkadot", "polygon": "Polygon", "pulsechain": "PulseChain",
    "ronin": "Ronin", "rootstock": "Rootstock", "scroll": "Scroll", "sei": "Sei",
    "secret": "Secret Network",  # nosec B105
    "solana": "Solana", "soneium": "Soneium", "sonic": "Sonic", "stacks": "Stacks", "starknet": "Starknet",
    "stellar": "Stellar", "story": "Story", "stride": "Stride", "sui": "Sui", "taiko": "Taiko",
    "terra": "Terra", "tezos": "Tezos", "thorchain": "THORChain", "ton": "TON", "tron": "TRON",
    "unichain": "Unichain", "vechain": "VeChain", "waves": "Waves", "worldchain": "World Chain",
    "xdc": "XDC Network", "xrp": "XRP Ledger", "xrpl": "XRP Ledger", "zcash": "Zcash",
    "zetachain": "ZetaChain", "zilliqa": "Zilliqa", "zircuit": "Zircuit", "zkevm-polygon": "Polygon zkEVM",
    "zora": "Zora",
}  # fmt: skip
"""By the one spelling of a chain (`canonical`)."""


@lru_cache(maxsize=4096)
def chain_name(chain: str) -> str:
    """`BNB Smart Chain` for `binancesmartchain`; an id that is not known stays as it is."""
    return _NAMES.get(canonical(chain), chain)

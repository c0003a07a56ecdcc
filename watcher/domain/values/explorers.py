"""Explorers: web pages that show an account of a chain to anybody."""

from __future__ import annotations

import re
from collections.abc import Mapping

from watcher.domain.values.chains import canonical

ADDRESS = "{address}"
"""Stands in a pattern for the address of the account."""

_SCANS = {
    "abstract": "abscan.org", "ape": "apescan.io", "arbitrum": "arbiscan.io",
    "arbitrum-nova": "nova.arbiscan.io", "avalanche": "snowtrace.io", "base": "basescan.org",
    "berachain": "berascan.com", "binance_smart": "bscscan.com", "blast": "blastscan.io",
    "celo": "celoscan.io", "ethereum": "etherscan.io", "ethereum_classic": "etc.blockscout.com",
    "fraxtal": "fraxscan.com", "gnosis": "gnosisscan.io", "hyperevm": "hyperevmscan.io",
    "linea": "lineascan.build", "mantle": "mantlescan.xyz", "monad": "monadscan.com",
    "near": "nearblocks.io", "optimism": "optimistic.etherscan.io", "plasma": "plasmascan.to",
    "polygon": "polygonscan.com", "scroll": "scrollscan.com", "soneium": "soneium.blockscout.com",
    "sonic": "sonicscan.org", "taiko": "taikoscan.io", "unichain": "uniscan.xyz",
    "worldchain": "worldscan.org",
    "cardano": "cardanoscan.io", "bitcoin": "mempool.space", "filecoin": "filfox.info/en",
    "litecoin": "blockchair.com/litecoin", "doge": "blockchair.com/dogecoin", "dash": "blockchair.com/dash",
    "zcash": "blockchair.com/zcash", "bitcoin_cash": "blockchair.com/bitcoin-cash",
    "bitcoin-cash": "blockchair.com/bitcoin-cash", "bitcoin_sv": "whatsonchain.com",
    "cosmos": "www.mintscan.io/cosmos", "osmosis": "www.mintscan.io/osmosis",
    "celestia": "www.mintscan.io/celestia", "injective": "www.mintscan.io/injective",
    "dydx": "www.mintscan.io/dydx", "akash": "www.mintscan.io/akash", "axelar": "www.mintscan.io/axelar",
    "tron": "tronscan.org/#",
}  # fmt: skip
"""Those whose page of an account is `/address/…`."""

SHIPPED: Mapping[str, str] = {
    **{chain: f"https://{place}/address/{ADDRESS}" for chain, place in _SCANS.items()},
    "algorand": f"https://allo.info/account/{ADDRESS}",
    "aptos": f"https://explorer.aptoslabs.com/account/{ADDRESS}?network=mainnet",
    "elrond": f"https://explorer.multiversx.com/accounts/{ADDRESS}",
    "hedera": f"https://hashscan.io/mainnet/account/{ADDRESS}",
    "kaspa": f"https://explorer.kaspa.org/addresses/{ADDRESS}",
    "kusama": f"https://kusama.subscan.io/account/{ADDRESS}",
    "polkadot": f"https://polkadot.subscan.io/account/{ADDRESS}",
    "solana": f"https://solscan.io/account/{ADDRESS}",
    "stellar": f"https://stellar.expert/explorer/public/account/{ADDRESS}",
    "sui": f"https://suiscan.xyz/mainnet/account/{ADDRESS}",
    "tezos": f"https://tzkt.io/{ADDRESS}",
    "ton": f"https://tonviewer.com/{ADDRESS}",
    "xrp": f"https://xrpscan.com/account/{ADDRESS}",
    "xrpl": f"https://xrpscan.com/account/{ADDRESS}",
}
"""Chain, by its one spelling → the page of an account."""

_PLAIN = re.compile(r"[A-Za-z0-9:._-]{1,200}")
_KEY = re.compile(r"[xyz]pub[A-Za-z0-9]{50,}")
"""A key of many addresses is no page of these explorers, and tells all of them."""


def explorers_of(chain: str, address: str, added: Mapping[str, str] = SHIPPED) -> dict[str, str]:
    """The explorers of an account: name → its page; none for a chain or an address that has no such page.

    `added`: patterns by the one spelling of their chains.
    """
    pattern = added.get(canonical(chain))
    if pattern is None or not _PLAIN.fullmatch(address) or _KEY.fullmatch(address):
        return {}
    return {name_of(pattern): pattern.replace(ADDRESS, address)}


def name_of(pattern: str) -> str:
    """What people call an explorer: its host."""
    host = re.split(r"[/?#]", pattern.partition("://")[2], maxsplit=1)[0]
    return host.removeprefix("www.")

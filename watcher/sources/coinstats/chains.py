"""Chain ids of CoinStats: those that it was seen to take, and what was meant by one that is none of them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from difflib import get_close_matches
from functools import lru_cache

from watcher.domain.model import SWEEPS
from watcher.domain.values.chain_names import chain_name
from watcher.domain.values.chains import canonical
from watcher.domain.values.errors import Advice

KNOWN = frozenset(
    {
        "abstract-wallet", "acala-wallet", "ailayer-wallet", "akash-wallet", "aleo-wallet", "algorand",
        "ape-wallet", "aptos-wallet", "arbitrum-nova-wallet", "arbitrum-wallet", "aurora-wallet",
        "avalanche-wallet", "axelar-wallet", "babylon-wallet", "band_protocol", "base-wallet",
        "beam-wallet", "berachain-wallet", "binacesmartchain", "binancesmartchain", "bitcoin",
        "bitcoin-cash", "bitcoin_cash", "bitcoin_sv", "bitlayer-wallet", "bittensor-wallet", "blast-wallet",
        "bob-wallet", "boba-wallet", "bsquared-wallet", "canto-wallet", "cardano", "casper-wallet",
        "celestia-wallet", "celo-wallet", "core-wallet", "cosmos", "cronos-cosmos-wallet", "dash",
        "degen-wallet", "digibyte", "doge-wallet", "duckchain-wallet", "dydx-wallet", "dymension-wallet",
        "eclipse-wallet", "elrond-wallet", "eos", "ethereum", "ethereum_classic", "fetch-wallet",
        "filecoin-wallet", "fio-wallet", "flare-wallet", "fraxtal-wallet", "gnosis-wallet",
        "harmony-wallet", "hedera-wallet", "hyperevm-wallet", "immutable-wallet", "initia-wallet",
        "injective-wallet", "ink-wallet", "internet-computer-wallet", "iota", "juno-wallet", "karak-wallet",
        "kaspa-wallet", "katana-wallet", "kava-cosmos-wallet", "kava-wallet", "kujira-wallet",
        "kusama-wallet", "linea-wallet", "litecoin", "manta-wallet", "mantle-wallet", "mantra-wallet",
        "megaeth-wallet", "merlin-wallet", "meter-wallet", "minima-wallet", "mode-wallet", "monad-wallet",
        "near-wallet", "neo", "okx-wallet", "ontology", "optimism-wallet", "orderly-wallet",
        "osmosis-wallet", "pepecoin-wallet", "plasma-wallet", "plume-wallet", "polkadot", "polygon-wallet",
        "pulsechain-wallet", "redstone-wallet", "ronin-wallet", "rootstock-wallet", "scroll-wallet",
        "secret-wallet", "sei-wallet", "solana", "soneium-wallet", "sonic-wallet", "stacks-wallet",
        "starknet-wallet", "stellar", "story-wallet", "stride-wallet", "sui-wallet", "supra-wallet",
        "taiko-wallet", "terra-wallet", "terra-wallet-2", "tezos", "thorchain-wallet", "ton-wallet", "tron",
        "unichain-wallet", "vechain", "waves", "worldchain-wallet", "xdc-wallet", "xrp", "xrpl-wallet",
        "zcash-wallet", "zetachain-wallet", "zigchain-wallet", "zilliqa", "zircuit-wallet",
        "zkevm-polygon-wallet", "zora-wallet",
        "all", "forceall",
    }
)  # fmt: skip
"""Ids of chains (`connectionId`) that CoinStats was seen to take, in its documents and with its users. It has
more, and adds some: who is not in here is not wrong."""

_SHORT = {
    "ada": "cardano", "apt": "aptos-wallet", "arb": "arbitrum-wallet", "atom": "cosmos",
    "avax": "avalanche-wallet", "bch": "bitcoin_cash", "bnb": "binancesmartchain", "bsc": "binancesmartchain",
    "btc": "bitcoin", "dogecoin": "doge-wallet", "dot": "polkadot", "eth": "ethereum", "ltc": "litecoin",
    "op": "optimism-wallet", "ripple": "xrp", "sol": "solana", "trx": "tron", "xlm": "stellar",
}  # fmt: skip
"""What people write; close matches would find others."""


_CALLED = {
    "1": "ethereum", "ether": "ethereum", "erc20": "ethereum", "etc": "ethereum_classic",
    "10": "optimism-wallet",
    "56": "binancesmartchain", "bep20": "binancesmartchain", "binance": "binancesmartchain",
    "binancesc": "binancesmartchain",
    "100": "gnosis-wallet",
    "137": "polygon-wallet", "pol": "polygon-wallet", "polygonpos": "polygon-wallet",
    "1101": "zkevm-polygon-wallet",
    "5000": "mantle-wallet",
    "8453": "base-wallet",
    "42161": "arbitrum-wallet", "42170": "arbitrum-nova-wallet",
    "42220": "celo-wallet",
    "43114": "avalanche-wallet", "avalanchec": "avalanche-wallet", "avaxc": "avalanche-wallet",
    "59144": "linea-wallet",
    "81457": "blast-wallet",
    "534352": "scroll-wallet",
    "7777777": "zora-wallet",
    "algo": "algorand", "egld": "elrond-wallet", "icp": "internet-computer-wallet", "ksm": "kusama-wallet",
    "trc20": "tron", "xtz": "tezos", "zec": "zcash-wallet",
}  # fmt: skip
"""Chains as other programs name them in their files, in small letters and without what is between words;
numbers are chain ids as in EIP-155."""

_BESIDE = ("mainnet", "network", "blockchain", "chain")
_NO_LETTER = re.compile("[^a-z0-9]")


def called(name: str) -> str:
    """The id of the chain that people or other programs call so; empty if that is not sure."""
    if name in KNOWN:
        return name
    plain = _NO_LETTER.sub("", name.lower())
    short = next((plain.removesuffix(each) for each in _BESIDE if plain.endswith(each)), plain)
    for word in (plain, short):
        if found := _CALLED.get(word) or _SHORT.get(word) or _plainly().get(word):
            return found
    return ""


@lru_cache(maxsize=1)
def _plainly() -> Mapping[str, str]:
    """Ids by what they say and by the names that people are shown, without what is between words; of two that
    say the same the one to write."""
    by_id = {_NO_LETTER.sub("", canonical(each)): each for each in sorted(KNOWN)}
    by_name = {
        _NO_LETTER.sub("", chain_name(each).lower()): by_id[_NO_LETTER.sub("", canonical(each))]
        for each in sorted(KNOWN - SWEEPS, reverse=True)
    }
    return by_name | by_id


@lru_cache(maxsize=1024)
def meant(chain: str) -> str:
    """The id that was probably meant by one that is not known; empty if there is none like it."""
    name = chain.strip().lower()
    if name in _SHORT:
        return _SHORT[name]
    twins = sorted(known for known in KNOWN if canonical(known) == canonical(name))
    if twins:
        return twins[-1]
    close = get_close_matches(name, sorted(KNOWN), n=1, cutoff=0.75)
    return close[0] if close else ""


def stranger(chain: str) -> Advice | None:
    """Warning about a chain id that nobody is known to have used; None if it is known."""
    if chain in KNOWN:
        return None
    like = meant(chain)
    remedy = (
        f"did you mean '{like}'?" if like else "see that it is in the list that `watcher init` shows for ?"
    )
    return Advice(f"'{chain}' is no chain id that CoinStats is known to have", remedy)

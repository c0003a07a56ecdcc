"""Explorers: each link leads to the account, and no address can lead elsewhere."""

from __future__ import annotations

import pytest

from watcher.domain.values.chains import canonical
from watcher.domain.values.explorers import ADDRESS, SHIPPED, explorers_of, name_of
from watcher.sources.coinstats.chains import KNOWN

EVM = "0x9f114da25b61b77606d47eab414b9360f8783979"


@pytest.mark.parametrize(
    ("chain", "address", "page"),
    [
        ("ethereum", EVM, f"https://etherscan.io/address/{EVM}"),
        ("base-wallet", EVM, f"https://basescan.org/address/{EVM}"),
        ("base", EVM, f"https://basescan.org/address/{EVM}"),
        ("binancesmartchain", EVM, f"https://bscscan.com/address/{EVM}"),
        ("solana", "9xQeWvG816bUx9EPf", "https://solscan.io/account/9xQeWvG816bUx9EPf"),
        ("tron", "TNUC9Qb1rRpS5CbW", "https://tronscan.org/#/address/TNUC9Qb1rRpS5CbW"),
        ("bitcoin_cash", "bitcoincash:qr", "https://blockchair.com/bitcoin-cash/address/bitcoincash:qr"),
        ("near-wallet", "desk.near", "https://nearblocks.io/address/desk.near"),
        ("aptos-wallet", "0x1", "https://explorer.aptoslabs.com/account/0x1?network=mainnet"),
    ],
)
def test_an_account_has_the_page_of_its_chains_explorer(chain: str, address: str, page: str) -> None:
    assert list(explorers_of(chain, address).values()) == [page]


@pytest.mark.parametrize(
    "address", ["", "a/../../login", "x?y=1", "0x1#z", "@evil.example", "a b", "ä", "x" * 201, "0x1\n", "%2e"]
)
def test_an_address_that_is_no_plain_word_has_no_link(address: str) -> None:
    assert explorers_of("ethereum", address) == {}


def test_a_key_of_many_addresses_is_told_to_no_explorer() -> None:
    assert explorers_of("bitcoin", "zpub" + "6" * 107) == {}


def test_a_chain_that_has_no_explorer_has_no_link() -> None:
    assert explorers_of("teos", EVM) == explorers_of("all", EVM) == {}


def test_an_explorer_is_called_by_its_host() -> None:
    assert name_of("https://www.mintscan.io/cosmos/address/x") == "mintscan.io"
    assert list(explorers_of("ethereum", EVM)) == ["etherscan.io"]


def test_all_that_ship_are_of_chains_that_are_known_and_lead_to_the_address() -> None:
    assert set(SHIPPED) <= {canonical(each) for each in KNOWN}
    assert all(each.startswith("https://") and each.count(ADDRESS) == 1 for each in SHIPPED.values())

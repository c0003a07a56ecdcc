"""A chain has more names than one; a rule that uses one of them means the chain."""

from __future__ import annotations

import pytest

from tests.domain.given import SWEEP, World, reading
from watcher.domain.model import Account, Asset, Wallet
from watcher.domain.rules import Match, ThresholdRule

BASE = Asset("base", "ethereum")
"""As an answer for `all` names it; the wallet's own list, and the documents, say `base-wallet`."""
WALLETS = {SWEEP: Wallet("fund", "coinstats", SWEEP.address)}


def low(**fields: object) -> ThresholdRule:
    match = {"chains": ["base-wallet"], "assets": ["ETH"]}
    return ThresholdRule.model_validate({"id": "low", "match": match, "below": "1", **fields})


@pytest.mark.parametrize(
    ("named", "chain"),
    [
        ("base-wallet", "base"), ("base", "base-wallet"), ("binancesmartchain", "binance_smart"),
        ("binacesmartchain", "binancesmartchain"), ("polygon-pos", "polygon-wallet"), ("eth*", "ethereum"),
    ],
)  # fmt: skip
def test_a_rule_may_use_any_name_of_a_chain(named: str, chain: str) -> None:
    assert Match(chains=(named,)).chain(chain)


@pytest.mark.parametrize(("named", "chain"), [("base", "ethereum"), ("bitcoin", "bitcoin-cash")])
def test_another_chain_is_another_chain(named: str, chain: str) -> None:
    assert not Match(chains=(named,)).chain(chain)


@pytest.mark.parametrize("per", ["asset", "account", "all"])
def test_a_rule_about_a_chain_of_a_sweep_may_use_the_name_that_wallets_use(per: str) -> None:
    world = World(low(per=per), wallets=WALLETS)
    names = {BASE: "ETH"}
    world.see(reading(SWEEP, {BASE: "2"}, symbols=names))
    assert world.see(reading(SWEEP, {BASE: "0.5"}, symbols=names)) == ["low firing"]


def test_a_contract_that_a_chain_of_a_sweep_lacks_is_zero_by_any_name_of_the_chain() -> None:
    match = {"chains": ["base-wallet"], "assets": ["0xa0b86991c6218b36c1d19d4a2e9eb0ce3606eb48"]}
    world = World(low(match=match), wallets=WALLETS)
    account = Account("coinstats", "all", SWEEP.address)
    world.see(reading(account, {BASE: "2"}))
    assert world.see(reading(account, {BASE: "2"})) == ["low firing"]

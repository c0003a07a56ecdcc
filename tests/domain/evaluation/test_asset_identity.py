"""What an answer brings under a new name, and no longer under the old, is the same asset: nothing moved."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal

import pytest

from tests.domain.given import World, reading
from watcher.domain.evaluation.rule_index import Rules
from watcher.domain.model import Account, Asset, Reading, Wallet
from watcher.domain.readings.asset_policies import Policies
from watcher.domain.rules import AssetRule, ChangeRule, Rule, ThresholdRule

DAY = timedelta(days=1)
N: list[str] = []
TOLD = ["watcher.renamed notice"]
POLYGON = Account("coinstats", "polygon-wallet", "0xaa")
SECOND = Account("coinstats", "polygon-wallet", "0xbb")
SWEPT = Account("coinstats", "all", "0xcc")
SUI = Account("coinstats", "sui", "0xdd")
MATIC = Asset("polygon-wallet", "matic-network")
POL = Asset("polygon-wallet", "polygon-ecosystem-token")
OTHER = Asset("polygon-wallet", "some-other-coin")
USDC = Asset("polygon-wallet", "0x" + "a" * 40)
FAKE = Asset("polygon-wallet", "0x" + "f" * 40)
NAMES = {MATIC: "MATIC", POL: "POL", OTHER: "OTHER", USDC: "USDC", FAKE: "POL"}
WALLETS = {
    POLYGON: Wallet("gas", "coinstats", "0xaa"),
    SECOND: Wallet("hot", "coinstats", "0xbb"),
    SWEPT: Wallet("fund", "coinstats", "0xcc"),
    SUI: Wallet("sui", "coinstats", "0xdd"),
}


def rules(*assets: str) -> tuple[Rule, ...]:
    match = {"assets": list(assets)} if assets else {}
    low = ThresholdRule.model_validate({"id": "low", "below": "100", "match": match, "severity": "critical"})
    moved = ChangeRule.model_validate({"id": "moved", "match": match})
    summed = {"id": "total", "below": "120", "per": "wallet", "match": match}
    total = (ThresholdRule.model_validate(summed),) if assets else ()
    new = AssetRule.model_validate({"id": "new", "event": "appears"})
    return (low, moved, new, *total)


def world(*assets: str) -> World:
    return World(*rules(*(assets or ("MATIC",))), wallets=WALLETS)


def see(
    account: Account,
    amounts: Mapping[Asset, str],
    names: Mapping[Asset, str] = NAMES,
    complete: bool = True,
) -> Reading:
    """The natives are what has no contract; Sui's coin has a type instead."""
    natives = frozenset(asset for asset in amounts if not asset.token.startswith("0x"))
    whole = None if complete else ()
    return reading(account, amounts, symbols=names, complete=whole)._replace(natives=natives)


@pytest.mark.parametrize("named", ["MATIC", "matic-network", "MAT*"])
@pytest.mark.parametrize("restarts", [False, True])
def test_a_coin_under_another_id_and_symbol_is_the_same_coin(named: str, restarts: bool) -> None:
    there = world(named)
    assert there.see(see(POLYGON, {MATIC: "1500.25", USDC: "7"})) == N
    if restarts:
        there.restart()
    assert there.see(see(POLYGON, {POL: "1500.25", USDC: "7"}), after=DAY) == TOLD
    assert there.title == "MATIC is called POL now; it is the same asset"
    assert there.fact("Rules that say MATIC") == "low, moved, total: they carry on"
    assert POL not in there.states[POLYGON].amounts, "one identity"
    if restarts:
        there.restart()
    assert there.see(see(POLYGON, {POL: "1500.25", USDC: "7"})) == N, "one notice"
    assert there.see(see(POLYGON, {POL: "50", USDC: "7"})) == ["moved event", "low firing", "total firing"]
    assert [str(change.before) for change in there.changes if change.asset == MATIC][-1] == "1500.25"
    assert there.see(see(POLYGON, {POL: "150", USDC: "7"})) == [
        "moved event",
        "low resolved",
        "total resolved",
    ]


def test_an_alert_goes_on_under_the_new_name() -> None:
    there = world()
    assert there.see(see(POLYGON, {MATIC: "50"})) == ["low firing", "total firing"]
    assert there.see(see(POLYGON, {POL: "50"})) == TOLD
    assert [alert.subject for alert in there.live if alert.rule == "low"] == [
        "coinstats/polygon-wallet/0xaa/polygon-wallet/matic-network"
    ]
    assert there.see(see(POLYGON, {POL: "500"})) == ["moved event", "low resolved", "total resolved"]


def test_the_sole_coin_of_a_chain_is_its_coin_whatever_it_is_called_and_however_much_it_is() -> None:
    there = world()
    there.see(see(POLYGON, {MATIC: "1500"}))
    assert there.see(see(POLYGON, {OTHER: "1490"})) == ["moved event", "watcher.renamed notice"]
    assert there.changes[-1][1:2] == (MATIC,)


def test_two_coins_in_one_answer_are_two() -> None:
    there = world()
    there.see(see(POLYGON, {MATIC: "1500"}))
    assert there.see(see(POLYGON, {MATIC: "1500", POL: "1500"})) == ["new event"]
    assert set(there.states[POLYGON].amounts) == {MATIC, POL}
    assert there.see(see(POLYGON, {MATIC: "1500", POL: "1500"})) == N


def test_of_several_coins_the_one_with_the_same_amount_is_the_same() -> None:
    staked, liquid = Asset("polygon-wallet", "staked-coin"), Asset("polygon-wallet", "staked-matic")
    names = {**NAMES, staked: "STK", liquid: "stMATIC"}
    there = world()
    there.see(see(POLYGON, {MATIC: "1500", staked: "7"}, names))
    assert there.see(see(POLYGON, {OTHER: "1500", staked: "7"}, names)) == TOLD
    assert set(there.states[POLYGON].amounts) == {MATIC, staked}
    there = world()
    there.see(see(POLYGON, {MATIC: "1500", staked: "7"}, names))
    there.see(see(POLYGON, {OTHER: "1200", staked: "7"}, names))
    assert OTHER in there.states[POLYGON].amounts, "another amount, and not the only coin: nobody knows"


def test_a_strangers_token_of_that_name_and_amount_never_takes_over() -> None:
    there = world()
    there.see(see(POLYGON, {MATIC: "1500", USDC: "7"}))
    assert "watcher.renamed notice" not in there.see(see(POLYGON, {FAKE: "1500", USDC: "7"}))
    told = there.see(see(POLYGON, {FAKE: "1500", USDC: "7"}))
    assert {"low firing", "moved event"} <= set(told), "all of it is gone"


def test_tokens_that_are_swapped_one_for_one_are_two() -> None:
    there = World(*rules("USDC"), wallets=WALLETS)
    names = {**NAMES, FAKE: "USDC"}
    there.see(see(POLYGON, {USDC: "1500"}, names))
    there.see(see(POLYGON, {FAKE: "1500"}, names))
    assert "low firing" in there.see(see(POLYGON, {FAKE: "1500"}, names))


def test_an_answer_that_is_not_whole_renames_nothing_that_it_may_only_have_left_out() -> None:
    there = world()
    there.see(see(POLYGON, {MATIC: "1500"}))
    assert there.see(see(POLYGON, {OTHER: "1490"}, complete=False)) == N
    assert set(there.states[POLYGON].amounts) == {MATIC}
    assert there.see(see(POLYGON, {MATIC: "1500", OTHER: "1490"})) == ["new event"]


def test_a_row_that_lost_its_contract_is_no_coin() -> None:
    lost = Asset("polygon-wallet", "usd-coin")
    there = world()
    there.see(see(POLYGON, {MATIC: "1500", USDC: "7"}))
    told = there.see(see(POLYGON, {lost: "7"}, {**NAMES, lost: "USDC"}))
    assert told == N
    assert there.states[POLYGON].amounts == {MATIC: 1500, USDC: 7}


def test_what_one_wallet_taught_holds_for_all() -> None:
    there = world()
    there.see(see(POLYGON, {MATIC: "1500"}), see(SECOND, {MATIC: "200"}))
    assert there.see(see(POLYGON, {POL: "1500"}), see(SECOND, {POL: "50"})) == [
        "moved event",
        "low firing",
        "total firing",
        *TOLD,
    ]
    fresh = Account("coinstats", "polygon-wallet", "0xee")
    there.wallets = {**WALLETS, fresh: Wallet("new", "coinstats", "0xee")}
    there.restart(*rules("MATIC"))
    there.see(see(fresh, {POL: "3"}))
    assert set(there.states[fresh].amounts) == {MATIC}, "one identity, also where it was never seen before"


def test_a_sweep_is_told_the_same_thing_once() -> None:
    matic, pol = Asset("polygon", "matic-network"), Asset("polygon", "polygon-ecosystem-token")
    names = {**NAMES, matic: "MATIC", pol: "POL"}
    there = world()
    there.see(see(POLYGON, {MATIC: "1500"}))
    there.see(see(SWEPT, {matic: "900"}, names))
    assert there.see(see(POLYGON, {POL: "1500"})) == TOLD
    assert there.see(see(SWEPT, {pol: "900"}, names)) == TOLD
    assert len({delivery.id for delivery in there.told}) == 1, "the same delivery: a store keeps it once"


def test_a_spelling_of_a_contract_is_no_news() -> None:
    short, long = Asset("sui", "0x2::sui::SUI"), Asset("sui", "0x" + "0" * 63 + "2::sui::SUI")
    names = {short: "SUI", long: "SUI"}
    there = World(*rules(), wallets=WALLETS)
    there.see(see(SUI, {long: "1500"}, names)._replace(prices={long: Decimal(2)}))
    assert there.see(see(SUI, {short: "1500"}, names)._replace(prices={short: Decimal(2)})) == N
    assert there.see(see(SUI, {short: "1400"}, names)._replace(prices={short: Decimal(2)})) == ["moved event"]
    assert set(there.states[SUI].amounts) == {long}
    there.see(see(SUI, {short: "1400", long: "1400"}, names))
    assert there.states[SUI].amounts == {long: 1400}
    assert there.states[SUI].miss, "both at once: nobody knows which counts"


def test_base58_contracts_that_differ_in_case_are_two() -> None:
    solana = Account("coinstats", "solana", "S")
    one, two = (
        Asset("solana", "EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v"),
        Asset("solana", "EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1V"),
    )
    there = World(*rules(), wallets={solana: Wallet("sol", "coinstats", "S")})
    there.see(see(solana, {one: "1500"}))
    there.see(see(solana, {two: "1500"}))
    assert set(there.states[solana].amounts) == {one, two}


def test_a_name_of_one_answer_is_not_kept() -> None:
    """A provider's slip must not make a rule see the wrong asset for ever."""
    there = World(*rules("OTHER"), wallets=WALLETS)
    for name in ("USDC", "OTHER", "USDC"):
        there.see(see(POLYGON, {MATIC: "1", USDC: "70"}, {**NAMES, USDC: name}))
    assert there.former == {}
    told = there.see(see(POLYGON, {MATIC: "1", USDC: "60"}))
    assert told == N


def test_what_waits_in_quarantine_may_be_called_anything() -> None:
    there = world("SPAM")
    there.rules = Rules(rules("SPAM"), WALLETS, ("ops",), Policies())
    spam = {**NAMES, FAKE: "SPAM"}
    there.see(see(POLYGON, {MATIC: "1"}, spam))
    there.see(see(POLYGON, {MATIC: "1", FAKE: "5"}, spam))
    assert FAKE in there.states[POLYGON].quarantined
    told = there.see(see(POLYGON, {MATIC: "1", FAKE: "5"}, {**NAMES, FAKE: "OTHER"}), after=3 * DAY)
    assert told == ["watcher.blind.total firing"], "no rule sees it, and the rule that names it says so"


def test_a_price_belongs_to_the_coin_and_not_to_its_id() -> None:
    there = World(
        ThresholdRule.model_validate({"id": "worth", "metric": "value_usd", "below": "100"}), wallets=WALLETS
    )
    there.see(replace_prices(see(POLYGON, {MATIC: "1500"}), MATIC, "0.5"))
    told = there.see(replace_prices(see(POLYGON, {POL: "1500"}), POL, "0.05"))
    assert told == TOLD, "a tenth of the price is odd, and held"
    assert MATIC in there.doubts


def replace_prices(seen: Reading, asset: Asset, price: str) -> Reading:
    priced = reading(seen.account, {asset: "1"}, {asset: price})
    return seen._replace(prices=priced.prices)

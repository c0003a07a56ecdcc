"""Rules held against what was seen: each lint speaks where it should, and is silent elsewhere."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest

from tests.domain.given import BOND, DESK, ETH, HOT, START, SWEEP, USDC, WALLETS, World, reading
from watcher.analysis.lint import Finding, LintFacts, lint
from watcher.domain.evaluation.rule_index import matches_of
from watcher.domain.model import Account, Asset, Change, Quarantined, Quote, Wallet
from watcher.domain.records import replace
from watcher.domain.rules import TYPES, Rule
from watcher.sources.coinstats.settings import CoinStatsSettings

DAY = timedelta(days=1)
FAKE = Asset("ethereum", "0xbad")
COVERED: dict[str, Any] = {"id": "all", "type": "no_data", "longer_than": "100d"}


def rule(**fields: Any) -> Rule:
    return TYPES[fields["type"]].model_validate({"id": "r", **fields})


def seen(
    *rules: Rule,
    holding: Mapping[Asset, str] | None = None,
    prices: Mapping[Asset, str] | None = None,
    **more: Any,
) -> LintFacts:
    """HOT holds this; SWEEP and DESK were read too."""
    world = World()
    symbols = {ETH: "ETH", USDC: "USDC", FAKE: "usdc", BOND: "BOND"}
    world.see(
        reading(HOT, holding or {ETH: "5", USDC: "7000"}, prices, symbols=symbols),
        reading(SWEEP, {ETH: "5"}),
        reading(DESK, {BOND: "100"}),
    )
    return LintFacts([*rules, rule(**COVERED)], WALLETS, world.past(), world.now, **more)


def found(*args: Any, **kwargs: Any) -> list[str]:
    return [each.lint for each in lint(seen(*args, **kwargs))]


def the_one(*args: Any, **kwargs: Any) -> Finding:
    (finding,) = lint(seen(*args, **kwargs))
    return finding


LOW = {"type": "threshold", "match": {"wallets": ["hot"], "assets": ["ETH"]}, "below": "2"}


def test_sound_rules_are_left_alone() -> None:
    assert found(rule(**LOW), rule(id="moved", type="change", by="$5"), prices={ETH: "2000"}) == []


# Selections


@pytest.mark.parametrize(
    ("written", "symbol"), [("Bitcoin", "BTC"), ("polygon", "POL"), ("USD Coin", "USDC")]
)
def test_the_name_of_a_coin_in_place_of_its_symbol_is_told_before_the_first_poll(
    written: str, symbol: str
) -> None:
    named = rule(type="threshold", match={"assets": [written]}, below="2")
    (finding,) = lint(LintFacts([named, rule(**COVERED)], WALLETS, World().past(), START))
    assert (finding.lint, finding.remedy) == ("name-for-symbol", f"write {symbol}")
    assert "symbols, not names" in finding.what


def test_a_chain_id_that_nobody_is_known_to_have_used_is_told_until_it_was_read() -> None:
    wallets = {Account("coinstats", "bsc", "0xaa"): Wallet("hot", "coinstats", "0xaa")}
    kinds = {"coinstats": CoinStatsSettings.model_validate({"kind": "coinstats", "api_key": "key"})}
    (finding,) = lint(LintFacts([rule(**COVERED)], wallets, World().past(), START, kinds=kinds))
    assert (finding.lint, finding.subjects) == ("unknown-chain", ("hot",))
    assert str(finding).endswith("CoinStats is known to have; did you mean 'binancesmartchain'?")
    (account,) = wallets
    world = World(wallets=wallets)
    world.see(reading(account, {Asset("bsc", "binancecoin"): "1"}))
    assert lint(LintFacts([rule(**COVERED)], wallets, world.past(), world.now, kinds=kinds)) == []


def test_a_wallet_in_which_nothing_was_ever_seen_is_told() -> None:
    wallets = {HOT: WALLETS[HOT]}
    world = World(wallets=wallets)
    world.see(reading(HOT, {}))
    assert lint(LintFacts([rule(**COVERED)], wallets, world.past(), world.now)) == []
    world.see(reading(HOT, {}), after=2 * DAY)
    (finding,) = lint(LintFacts([rule(**COVERED)], wallets, world.past(), world.now))
    assert (finding.lint, finding.subjects) == ("never-held", ("hot",))


def test_a_rule_by_a_former_name_matches_and_is_no_finding() -> None:
    named = rule(type="threshold", match={"wallets": ["hot"], "assets": ["OLD"]}, below="2")
    world = World(named)
    for symbol in ("OLD", "NEW"):
        world.see(reading(HOT, {ETH: "5"}, symbols={ETH: symbol}), reading(SWEEP, {}), reading(DESK, {}))
    finds = lint(LintFacts([named, rule(**COVERED)], WALLETS, world.past(), world.now))
    assert [each.lint for each in finds] == []


def test_a_rule_about_credits_covers_no_wallet() -> None:
    only = LintFacts([rule(type="budget", source="coinstats", used="80%")], WALLETS, World().past(), START)
    assert [each.lint for each in lint(only)] == ["no-rule"]


def test_a_misspelt_asset_is_found_and_the_right_one_named() -> None:
    finding = the_one(rule(type="change", match={"assets": ["USCD", "ETH"]}))
    assert (finding.lint, finding.rule) == ("matches-nothing", "r")
    assert "'USCD'" in finding.what
    assert "did you mean 'USDC'?" in finding.remedy


@pytest.mark.parametrize(
    "match",
    [{"assets": ["eth"]}, {"assets": [USDC.token.upper()]}, {"assets": ["US*"]}, {"wallets": ["desk"]}],
)
def test_what_was_read_matches_by_symbol_contract_and_pattern(match: dict[str, Any]) -> None:
    assert found(rule(type="change", match=match)) == []


def test_a_token_that_is_still_to_come_may_be_waited_for() -> None:
    assert found(rule(type="asset", event="appears", match={"assets": ["0x99"]})) == []


def test_accounts_never_read_say_nothing_of_what_they_hold() -> None:
    each = rule(type="change", match={"assets": ["NEW"]})
    wallets = {**WALLETS, Account("coinstats", "ethereum", "0xnew"): WALLETS[HOT]}
    assert lint(LintFacts([each], wallets, seen().past, START)) == []


def test_parts_of_a_match_that_exclude_each_other_are_found() -> None:
    finding = the_one(rule(type="change", match={"wallets": ["desk"], "tags": ["gas"]}))
    assert "wallets: desk and tags: gas together" in finding.what


def test_two_tokens_of_one_symbol_are_told_apart_only_by_contract() -> None:
    holding = {ETH: "5", USDC: "7000", FAKE: "1000000"}
    finding = the_one(rule(type="change", match={"assets": ["USDC"]}), holding=holding)
    assert (finding.lint, finding.subjects) == ("ambiguous-symbol", ("0xa0b8", "0xbad"))
    assert found(rule(type="change", match={"assets": [USDC.token]}), holding=holding) == []


def test_a_token_in_quarantine_that_bears_the_name_is_pointed_at() -> None:
    world = seen(holding={ETH: "5", USDC: "7000", FAKE: "9"})
    state = world.past.accounts[HOT]._replace(quarantined={FAKE: Quarantined(START, "it has no price")})
    past = replace(world.past, accounts={**world.past.accounts, HOT: state})
    rules = [rule(type="change", match={"assets": ["USDC"]}), rule(**COVERED)]
    (finding,) = lint(LintFacts(rules, WALLETS, past, world.now))
    assert (finding.lint, finding.subjects) == ("in-quarantine", ("usdc (0xbad) in hot on ethereum",))


def test_a_wallet_that_no_rule_covers_is_named() -> None:
    world = seen()
    finding = lint(LintFacts([rule(**LOW)], WALLETS, world.past, world.now))[-1]
    assert (finding.lint, finding.subjects, finding.rule) == ("no-rule", ("desk", "fund"), "")
    base = Account("coinstats", "base-wallet", HOT.address)
    both = {HOT: WALLETS[HOT], base: WALLETS[HOT]}
    part = lint(LintFacts([rule(type="change", match={"chains": ["ethereum"]})], both, world.past, world.now))
    assert [each.what for each in part] == ["no rule covers wallet hot on base-wallet"]


def test_the_selections_of_a_rule_with_two_of_them_are_both_looked_at() -> None:
    if "ratio" not in TYPES:
        pytest.skip("there is no such rule type")
    ratio = rule(
        type="ratio", of={"match": {"assets": ["BONDS"]}}, to={"match": {"wallets": ["hot"]}}, below="1"
    )
    assert [each.assets or each.wallets for each in matches_of(ratio)] == [("BONDS",), ("hot",)]
    assert the_one(ratio).lint == "matches-nothing"


# Levels


def test_a_level_crossed_already_is_told_with_an_example() -> None:
    finding = the_one(rule(**{**LOW, "below": "6", "match": {"assets": ["ETH"]}}))
    assert finding.lint == "already-crossed"
    assert "2 of the 2 that it selects (hot: ETH on ethereum: 5 ETH is below 6 ETH)" in finding.what
    assert finding.subjects == ("hot: ETH on ethereum", "fund: ETH on ethereum")


def test_what_fires_already_is_no_news() -> None:
    each = rule(**{**LOW, "below": "6"})
    world = World(each)
    assert world.see(reading(HOT, {ETH: "5"})) == ["r firing"]
    assert lint(LintFacts([each], {HOT: WALLETS[HOT]}, world.past(), world.now)) == []


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"type": "threshold", "below": "0"}, "amount is never below 0"),
        ({"type": "threshold", "metric": "value_usd", "below": "10"}, "nothing that it selects has a price"),
        ({"type": "change", "by": "$5000"}, "nothing that it selects has a price"),
        ({"type": "change", "by": "150%", "direction": "out"}, "no more than 100% can go out"),
    ],
)
def test_a_rule_that_can_never_fire_is_told(fields: dict[str, Any], words: str) -> None:
    finding = the_one(rule(**fields))
    assert finding.lint == "never-fires"
    assert words in finding.what


@pytest.mark.parametrize(
    ("fields", "effect"),
    [({"below": "500000000000000000"}, "it fires for all"), ({"above": "9000000000"}, "it will not fire")],
)
def test_a_level_in_another_unit_is_told(fields: dict[str, str], effect: str) -> None:
    finding = the_one(rule(type="threshold", match={"assets": ["ETH"]}, **fields))
    assert finding.lint == "wrong-unit"
    assert effect in finding.what


def series(*amounts: str) -> dict[tuple[Account, Asset], Sequence[Change]]:
    numbers = [Decimal(each) for each in amounts]
    return {
        (HOT, ETH): [
            Change(HOT, ETH, "ETH", before, after, START, START + timedelta(hours=number))
            for number, (before, after) in enumerate(pairwise(numbers))
        ]
    }


ABOUT_TWO = series(*["2.1", "1.9"] * 6, "5")


def test_a_band_narrower_than_the_noise_is_told_and_a_better_one_named() -> None:
    finding = the_one(rule(**LOW), changes=ABOUT_TWO)
    assert finding.lint == "band-narrower-than-noise"
    assert "would have fired 6 times in 30 days for hot: ETH on ethereum" in finding.what
    assert "it has no band" in finding.what
    assert finding.remedy == 'with clear_above: "2.4" it would have fired 1 time'
    assert found(rule(**LOW, clear_above="2.05"), changes=ABOUT_TWO) == ["band-narrower-than-noise"]


@pytest.mark.parametrize(
    ("more", "changes"),
    [
        ({"clear_above": "2.4"}, ABOUT_TWO),
        ({"reads": 2}, ABOUT_TWO),
        ({}, series("2.1", "1.9", "2.1", "1.9", "5")),
        ({}, series(*["9", "8"] * 20)),
    ],
)
def test_a_wide_band_or_few_crossings_are_not_noise(more: dict[str, Any], changes: Any) -> None:
    assert found(rule(**LOW, **more), changes=changes) == []


def test_the_noise_of_a_price_counts_where_dollars_are_judged() -> None:
    quotes = [Quote(Decimal(price), START + timedelta(hours=n)) for n, price in enumerate([199, 201] * 9)]
    each = rule(type="threshold", metric="value_usd", match=LOW["match"], above="1000", clear_below="996")
    past = seen(prices={ETH: "199"}).past
    finding = lint(LintFacts([each, rule(**COVERED)], WALLETS, past, START, prices=lambda _: quotes))[0]
    assert finding.lint == "band-narrower-than-noise"
    assert finding.remedy.startswith('with clear_below: "980"')


# Times


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({**LOW, "for": "10m"}, "for-shorter-than-cadence"),
        ({"type": "no_data", "longer_than": "10m"}, "silence-shorter-than-cadence"),
    ],
)
def test_a_duration_shorter_than_the_cadence_is_told(fields: dict[str, Any], name: str) -> None:
    each = rule(**fields)
    finding = the_one(each, intervals={HOT: 1800.0, DESK: 60.0})
    assert (finding.lint, finding.subjects) == (name, ("hot on ethereum",))
    assert "hot on ethereum is read about every 30 min" in finding.what
    assert found(each, intervals={HOT: 600.0, DESK: 60.0}) == []


def test_an_account_that_is_never_read_is_told_as_such() -> None:
    first, _ = lint(seen(rule(**LOW, **{"for": "10m"}), intervals={HOT: math.inf}))
    assert "hot on ethereum is read never" in first.what


def test_reads_say_that_it_is_meant() -> None:
    assert found(rule(**LOW, **{"for": "10m"}, reads=2), intervals={HOT: 1800.0}) == []


def test_a_window_shorter_than_the_cadence_is_told() -> None:
    if "within" not in TYPES["change"].model_fields:
        pytest.skip("there are no windows")
    each = rule(type="change", by="10%", within="1h", match={"wallets": ["hot"]})
    assert found(each, intervals={HOT: 7200.0}) == ["window-shorter-than-cadence"]


def test_a_sum_whose_parts_are_read_too_seldom_is_told() -> None:
    each = rule(type="threshold", per="all", match=LOW["match"], below="1", max_age="1h")
    finding = the_one(each, intervals={HOT: 7200.0, DESK: 60.0})
    assert (finding.lint, finding.subjects) == ("sum-mostly-unknown", ("hot on ethereum",))
    assert "a part older than 1h makes its sum unknown" in finding.what
    assert found(each, intervals={HOT: 3000.0}) == []
    assert (
        found(rule(type="threshold", per="all", match=LOW["match"], below="1"), intervals={HOT: 7200.0}) == []
    )


def test_joined_conditions_are_linted_one_by_one() -> None:
    conditions = [{"below": "0"}, {"metric": "value_usd", "above": "1"}]
    each = {"type": "threshold", "match": LOW["match"]}
    assert found(rule(**each, all=conditions)) == ["never-fires"]
    assert "never-fires" not in found(rule(**each, any=conditions))


def test_findings_come_in_the_order_of_the_rules() -> None:
    rules = [rule(id=name, type="threshold", below="0", match={"wallets": ["hot"]}) for name in "cab"]
    past = seen().past
    assert [each.rule for each in lint(LintFacts(rules, WALLETS, past, START))] == ["c", "a", "b", ""]


@pytest.mark.parametrize(
    ("amounts", "looks"),
    [
        ([str(1000 + n / 16) for n in range(15)], True),
        ([str(1000 + n / 16) for n in range(8)], False),
        ([str(1000 + n % 2 / 16) for n in range(20)], False),
        ([str(1000 + n * 50) for n in range(20)], False),
    ],
)
def test_an_asset_that_grows_by_hairs_is_proposed_as_rebasing(amounts: list[str], looks: bool) -> None:
    found_now = [each.lint for each in lint(seen(changes=series(*amounts)))]
    assert found_now == (["looks-rebasing"] if looks else [])

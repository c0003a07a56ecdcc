"""Which levels belong on a chart, and which have a place there."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from tests.contract.given import ETH, HOT
from watcher.charts.levels import fitting, levels_of
from watcher.config.configuration import build_rules, configure
from watcher.domain.evaluation.rule_index import Rules
from watcher.domain.model import Account, Asset
from watcher.ports.queries import Holding

BASE = Account("coinstats", "base-wallet", HOT.address)
USDC, SPAM, COIN = Asset("ethereum", "0xusdc"), Asset("ethereum", "0xspam"), Asset("base-wallet", "ethereum")
CONFIG = f"""\
version: 1
sources:
  coinstats: {{kind: coinstats, api_key: x, credits: {{limit: 20000}}}}
wallets:
  - {{name: hot, source: coinstats, address: "{HOT.address}", chains: [ethereum, base-wallet], tags: [gas]}}
rules: [rules.yaml]
"""
HELD = (Holding(HOT, ETH, "ETH", True), Holding(HOT, USDC, "USDC", True), Holding(HOT, SPAM, "SPAM", False))


def rules(folder: Path, *lines: str) -> Rules:
    (folder / "watcher.yaml").write_text(CONFIG)
    (folder / "rules.yaml").write_text("rules:\n" + "".join(f"  - {{{line}}}\n" for line in lines))
    return build_rules(configure(folder / "watcher.yaml", {}))


def test_the_levels_of_an_asset_are_those_of_the_rules_that_select_it(tmp_path: Path) -> None:
    found = rules(
        tmp_path,
        'id: low, type: threshold, match: {assets: [ETH]}, below: "0.5", clear_above: "0.8"',
        'id: worth, type: threshold, metric: value_usd, above: "5000"',
        'id: other, type: threshold, match: {assets: [USDC]}, below: "1"',
        'id: elsewhere, type: threshold, match: {wallets: ["cold-*"]}, below: "1"',
        'id: dear, type: threshold, metric: price_usd, above: "5000"',
        'id: joined, type: threshold, any: [{below: "1"}, {above: "7"}]',
        'id: moved, type: change, by: "5"',
    )
    levels = levels_of(found, HELD, ETH, "ETH")
    assert [(each.rule, each.metric, each.values) for each in levels] == [
        ("low", "amount", (Decimal("0.5"), Decimal("0.8"))),
        ("worth", "value_usd", (Decimal(5000),)),
    ]
    assert [each.text for each in levels] == [
        "fires below 0.5 ETH, clears above 0.8 ETH", "fires above $5,000.00",
    ]  # fmt: skip
    assert [each.rule for each in levels_of(found, HELD, ETH, "ETH", only="worth")] == ["worth"]
    assert levels_of(found, HELD, SPAM, "SPAM") == []


def test_the_level_of_one_account_is_not_drawn_on_the_sum_of_two(tmp_path: Path) -> None:
    found = rules(tmp_path, 'id: low, type: threshold, below: "1"')
    same = Holding(HOT._replace(address="0x2"), ETH, "ETH", True)
    assert levels_of(found, (*HELD, same), ETH, "ETH") == []


@pytest.mark.parametrize(
    ("rule", "drawn"),
    [
        ("per: wallet", True),
        ("per: wallet, unpriced: ignore, match: {wallets: [hot]}", True),
        ("per: account", False),  # of the other account something is shown too
        ("per: wallet, match: {assets: [ETH]}", False),  # less than what is shown
        ("per: wallet, match: {chains: [ethereum]}", False),
        ("per: tag, match: {tags: [gas]}", False),  # another wallet may have the tag tomorrow
        ("per: all", False),
    ],
)
def test_a_sum_is_drawn_only_where_all_of_it_and_nothing_else_is_shown(
    tmp_path: Path, rule: str, *, drawn: bool
) -> None:
    found = rules(tmp_path, f'id: sum, type: threshold, metric: value_usd, below: "9", {rule}')
    held = (*HELD, Holding(BASE, COIN, "ETH", True))
    assert bool(levels_of(found, held, None, "")) is drawn


def test_of_a_wallet_that_holds_nothing_with_a_price_there_is_no_level(tmp_path: Path) -> None:
    found = rules(tmp_path, 'id: sum, type: threshold, metric: value_usd, below: "9", per: wallet')
    assert levels_of(found, HELD[2:], None, "") == []


@pytest.mark.parametrize(
    ("values", "levels", "drawn"),
    [
        ("100 120", "110", "110"),
        ("100 120", "90 85", "90 85"),  # half of the height is still the curve's
        ("100 120", "79", ""),
        ("100 120", "90 135", "90"),  # both would leave it less than half: the nearer one
        ("1 10", "0.5", "0.5"),  # the axis begins at zero anyway
        ("1 10", "1000", ""),
        ("5 5", "4", "4"),  # nothing is lost of a flat line
        ("5 5", "0.1", "0.1"),
        ("5 5", "1000000", ""),
        ("0 0", "0.5 1000000", "0.5"),  # an emptied wallet still has its level
        ("-5 -5", "-4", "-4"),
        ("", "1", ""),
        ("1 2", "", ""),
    ],
)
def test_a_level_never_squeezes_the_curve(values: str, levels: str, drawn: str) -> None:
    found = fitting([Decimal(each) for each in values.split()], [Decimal(each) for each in levels.split()])
    assert found == {Decimal(each) for each in drawn.split()}

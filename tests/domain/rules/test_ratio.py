"""Ratio rules: two sums held against each other, on either API."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.domain.given import BOND, DESK, ETH, HOT, NOTE, SWEEP, USDC, Stored, World, failed, reading
from watcher.domain.model import Account, Reading, Wallet
from watcher.domain.rules import RatioRule, Total
from watcher.domain.values.verdict import Answer

F, R = ["cover firing"], ["cover resolved"]
N: list[str] = []

WALLETS = {
    HOT: Wallet("vault", "coinstats", HOT.address, ("reserve",)),
    DESK: Wallet("desk", "teos", DESK.address, ("issued",), (BOND,)),
}


def cover(**fields: Any) -> RatioRule:
    of = {"match": {"tags": ["reserve"]}, "metric": "value_usd"}
    to = {"match": {"tags": ["issued"]}, "metric": "amount"}
    return RatioRule.model_validate({"id": "cover", "of": of, "to": to, "below": "1.02", **fields})


def reserves(amount: str, price: str = "1") -> Reading:
    return reading(HOT, {USDC: amount}, {USDC: price})


def issued(amount: str) -> Reading:
    return reading(DESK, {BOND: amount})


def world(rule: RatioRule) -> World:
    return World(rule, wallets=WALLETS)


@pytest.mark.parametrize(
    ("fields", "of", "told"),
    [
        pytest.param({}, ["1.03", "1.02", "1.5"], [N, N, N], id="equal is not below"),
        pytest.param({}, ["1.01999999999999999999999999999999"], [F], id="below at first sight"),
        pytest.param({}, ["1.03", "1.01", "1.00", "1.02"], [N, F, N, R], id="below to below to equal"),
        pytest.param({}, ["1.01", "1.03", "1.01", "1.03"], [F, R, F, R], id="across and back"),
        pytest.param({"clear_above": "1.05"}, ["1", "1.03", "1.05", "1.06"], [F, N, N, R], id="clear level"),
        pytest.param({"below": None, "above": "1.02"}, ["1.02", "1.021", "1.02"], [N, F, R], id="above"),
        pytest.param({"reads": 3}, ["1", "1", "1"], [N, N, F], id="three readings"),
        pytest.param({"for": "4m"}, ["1", "1", "1"], [N, N, F], id="for"),
    ],
)
@pytest.mark.parametrize("restarts", [False, True])
def test_a_ratio_fires_once_and_resolves_once(
    fields: dict[str, Any], of: list[str], told: list[list[str]], restarts: bool
) -> None:
    there = world(cover(**fields))
    assert there.see(issued("1000")) == N
    found = []
    for amount in of:
        found.append(there.see(reserves(amount, "1000"), after=timedelta(minutes=2)))
        if restarts:
            assert there.restart() == []
    assert found == told


def test_a_reading_of_either_side_is_news() -> None:
    there = world(cover(reads=2))
    assert there.see(reserves("1000000"), issued("1000000")) == N
    assert there.see(issued("1000000")) == F
    assert there.see(issued("900000")) == R


def test_the_because_shows_both_sides_and_what_they_come_to() -> None:
    there = world(cover(below="1.03"))
    there.see(reserves("1020000"), issued("1000000"))
    assert there.title == (
        "reserve ÷ issued: reserve $1,020,000.00 ÷ issued 1,000,000 BOND = 1.02 is below 1.03"
    )
    assert there.fact("Sum of") == "2 accounts"
    amounts = [value for label, value in there.told[-1].message.facts if label in ("Amount", "Value")]
    assert amounts == ["$1,020,000.00", "1,000,000 BOND"]


@pytest.mark.parametrize(
    ("of", "to", "words"),
    [
        ("1019999.999", "1000000", "$1,019,999.99 ÷ issued 1,000,000 BOND = 1.0199… is below 1.02"),
        ("1020000", "1000000.000000001",
         "$1,020,000.00 ÷ issued 1,000,000.000000001 BOND = 1.0199… is below 1.02"),
        ("1.01999999999999999999", "1", "$1.01 ÷ issued 1 BOND = 1.0199… is below 1.02"),
    ],
)  # fmt: skip
def test_what_is_shown_never_lies_across_the_level(of: str, to: str, words: str) -> None:
    there = world(cover())
    there.see(reserves(of), issued(to))
    assert there.title.endswith(words)


def test_a_ratio_just_over_the_level_shows_the_digits_that_make_it_so() -> None:
    there = world(cover(below=None, above="1.02"))
    there.see(reserves("1020000.0000000001"), issued("1000000"))
    assert there.title.endswith(
        "$1,020,000.0000000001 ÷ issued 1,000,000 BOND = 1.0200000000000001 is above 1.02"
    )


def test_nothing_issued_is_unknown_and_moves_nothing() -> None:
    there = world(cover())
    assert there.see(reserves("5"), issued("0")) == N
    assert there.see(issued("5")) == F
    assert there.see(issued("0")) == N
    assert there.see(issued("0")) == N
    assert [alert.state for alert in there.live if alert.rule == "cover"] == ["firing"]


def test_a_side_that_is_not_known_makes_the_ratio_unknown() -> None:
    there = world(cover(max_age="1h"))
    assert there.see(reserves("100"), failed(DESK)) == N
    assert there.see(issued("100")) == F
    # The desk is asked for a second asset, and it is not clear how much of it there is.
    unclear = Reading(
        DESK, {BOND: Decimal(1)}, symbols={NOTE: "NOTE"}, unclear={NOTE: "it came twice"}, names_all=False
    )
    assert there.see(unclear) == R, "only what is asked for is a part"
    assert there.see(issued("100"), after=timedelta(minutes=50)) == F
    assert there.see(issued("1"), after=timedelta(minutes=20)) == N, "the reserves are too old"
    assert there.see(reserves("100")) == R


def test_a_price_on_the_other_side_is_seen_when_this_side_is_read() -> None:
    other = Account("coinstats", "ethereum", "0xdd")
    wallets = {**WALLETS, SWEEP: Wallet("debt", "coinstats", SWEEP.address, ("owed",)),
               other: Wallet("other", "coinstats", other.address)}  # fmt: skip
    there = Stored(cover(to={"match": {"tags": ["owed"]}}), wallets=wallets)
    assert there.see(reserves("1100"), reading(SWEEP, {ETH: "1"}, {ETH: "1000"})) == N
    assert there.see(reserves("1100")) == N
    assert there.see(reading(other, {ETH: "5"}, {ETH: "1200"})) == N, "neither side was read"
    assert there.see(reserves("1100")) == F


def test_amounts_of_different_assets_are_not_added() -> None:
    there = world(cover())
    assert there.see(reserves("1"), reading(DESK, {BOND: "100", NOTE: "5"})) == N


NUMBERS = st.decimals(min_value=0, max_value=10**12, allow_nan=False, allow_infinity=False, places=18)
LEVELS = st.decimals(min_value=Decimal("0.0001"), max_value=1000, allow_nan=False, places=6)


@settings(max_examples=300)
@given(NUMBERS, NUMBERS, LEVELS, st.booleans(), st.booleans())
def test_the_verdict_is_that_of_exact_fractions(
    of: Decimal, to: Decimal, level: Decimal, over: bool, at_level: bool
) -> None:
    rule = cover(**({"below": None, "above": str(level)} if over else {"below": str(level)}))
    if at_level:
        of = Decimal(Fraction(level) * Fraction(to) == 0) if not to else level * Decimal(int(to))
        to = Decimal(int(to))
    totals = Total(None, of, "not asked for"), Total(to, None, "", "not asked for")
    verdict = rule.judge_sums(totals, firing=False)
    assert rule.answer_sums(totals, firing=False) is verdict.answer
    if not to:
        assert verdict.answer is Answer.UNKNOWN
        return
    ratio = Fraction(of) / Fraction(to)
    assert (verdict.answer is Answer.MET) == (ratio > Fraction(level) if over else ratio < Fraction(level))
    shown = verdict.because.split(" = ")[1].split(" ")[0].rstrip("…").replace(",", "")
    side = (Fraction(shown) > Fraction(level)) - (Fraction(shown) < Fraction(level))
    true = (ratio > Fraction(level)) - (ratio < Fraction(level))
    assert side == true, verdict.because

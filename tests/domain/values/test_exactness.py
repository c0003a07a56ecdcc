"""Amounts of any size stay exact, and nothing shown rounds across a threshold."""

from __future__ import annotations

import re
from decimal import Decimal, localcontext

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.domain.given import BOND, DESK, ETH, HOT, World, reading
from watcher.domain.messages.message import attribution, change_facts
from watcher.domain.rules import AssetRule, ChangeRule, ThresholdRule
from watcher.domain.values.decimals import minus, size, times, total
from watcher.domain.values.formatting import (
    amount,
    amount_against,
    exactly,
    full,
    money,
    money_against,
    percent,
    plain,
)

LONG = "123456789012345678901234567890.123456789012345678901234567891"
LESS = "123456789012345678901234567890.12345678901234567890123456789"
NUMBERS = st.decimals(-(10**30), 10**30, places=30)
MODEST = settings(max_examples=60)


@MODEST
@given(one=NUMBERS, other=NUMBERS)
def test_arithmetic_keeps_every_digit(one: Decimal, other: Decimal) -> None:
    with localcontext() as context:
        context.prec = 200
        assert (minus(one, other), times(one, other)) == (one - other, one * other)
        assert (total([one, other, one]), size(one)) == (one + other + one, abs(one))


@MODEST
@given(NUMBERS, NUMBERS, NUMBERS, NUMBERS)
def test_amount_and_price_together_explain_all_of_a_change_in_value(
    before: Decimal, after: Decimal, price_before: Decimal, price_after: Decimal
) -> None:
    by_amount, by_price = attribution(before, after, price_before, price_after)
    assert total([by_amount, by_price]) == minus(times(after, price_after), times(before, price_before))


def test_a_change_in_the_sixtieth_digit_is_a_change() -> None:
    world = World(ChangeRule(id="moved"))
    world.see(reading(DESK, {BOND: LONG}))
    assert world.see(reading(DESK, {BOND: LESS})) == ["moved event"]
    assert (plain(world.changes[-1].after), plain(world.changes[-1].before or Decimal(0))) == (LESS, LONG)
    assert world.fact("Moved").startswith("−0.000000000000000000000000000001 BOND")


@pytest.mark.parametrize("metric", ["amount", "value_usd"])
def test_a_threshold_of_sixty_digits_is_met_by_less_and_not_by_equal(metric: str) -> None:
    world = World(ThresholdRule(id="low", below=LONG, metric=metric))  # type: ignore[arg-type]
    prices = {BOND: "1"}
    assert world.see(reading(DESK, {BOND: LONG}, prices)) == []
    assert world.see(reading(DESK, {BOND: LESS}, prices)) == ["low firing"]
    assert "456,789,012,345,678,901,234,567,890.123456789012345678901234567891" in world.title
    assert "456,789,012,345,678,901,234,567,890.12345678901234567890123456789 " in world.title


def test_a_share_of_sixty_digits_is_exact() -> None:
    tenth, almost = LONG.replace(".", ""), LONG.replace(".", "")[:-1] + "0"
    for moved, told in ((tenth, ["moved event"]), (almost, [])):
        world = World(ChangeRule(id="moved", by="10%"))
        with localcontext() as context:
            context.prec = 200
            after = plain(Decimal(tenth) * 10 - Decimal(moved))
        world.see(reading(DESK, {BOND: tenth + "0"}))
        assert world.see(reading(DESK, {BOND: after})) == told


def test_the_worth_of_a_newcomer_is_exact() -> None:
    for floor, told in ((LONG, ["new event"]), (LONG + "1", [])):
        world = World(AssetRule(id="new", event="appears", min_value_usd=floor))  # type: ignore[arg-type]
        world.see(reading(HOT, {}))
        assert world.see(reading(HOT, {ETH: LONG}, {ETH: "1"})) == told


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("0.4999999999", "0.49999999…"),
        ("4.999999999", "4.99999999…"),
        ("-4.999999999", "−4.99999999…"),
        ("1234567.5", "1,234,567.5"),
        ("0.000000000000000001", "0.000000000000000001"),
        ("1E+3", "1,000"),
        ("0E-18", "0"),
        ("10.00", "10"),
        ("-0", "0"),
    ],
)
def test_an_amount_is_cut_and_marked_never_rounded(value: str, shown: str) -> None:
    assert amount(Decimal(value)) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("4999.999", "$4,999.99"),
        ("-4999.999", "−$4,999.99"),
        ("0.00999", "$0.0099…"),
        ("0", "$0.00"),
        ("1E+30", "$1,000,000,000,000,000,000,000,000,000,000.00"),
    ],
)
def test_money_is_cut_to_cents_never_rounded(value: str, shown: str) -> None:
    assert money(Decimal(value)) == shown


def test_a_share_is_cut_never_rounded() -> None:
    assert percent(Decimal("9.99999"), Decimal(100)) == "9.99\N{NARROW NO-BREAK SPACE}%"
    assert percent(Decimal("-1"), Decimal(3)) == "−33.33\N{NARROW NO-BREAK SPACE}%"


def as_number(text: str) -> Decimal:
    return Decimal(re.sub(r"[^0-9.\-]", "", text.replace("−", "-")))


NEAR = st.tuples(
    st.decimals(-100, 100, places=12), st.decimals("-0.00001", "0.00001", places=20), st.integers(0, 20)
).map(lambda parts: (round(parts[0], parts[2] % 12), round(parts[0] + parts[1], parts[2])))


@settings(max_examples=300)
@given(NEAR)
@example((Decimal("0.09765625"), Decimal("0.09765625000000000001")))
@example((Decimal("5000.005"), Decimal("5000.006")))
@example((Decimal("5000.005"), Decimal("5000.001")))
@example((Decimal(1), Decimal("1.0000000001")))
@example((Decimal("2.81E-9"), Decimal("2.81E-9")))
def test_what_is_shown_lies_on_the_same_side_of_the_level(pair: tuple[Decimal, Decimal]) -> None:
    level, value = pair
    for text, bar in (
        (amount_against(value, level, ""), full(level)),
        (money_against(value, level), exactly(level)),
    ):
        shown, at = as_number(text), as_number(bar)
        assert at == level
        assert (shown > at) - (shown < at) == (value > level) - (value < level), (text, bar)


@pytest.mark.parametrize(
    ("before", "after", "price_before", "price_after", "label", "text"),
    [
        ("10", "8", "100", "110", "Value", "$1,000.00 → $880.00: −$120.00 (amount −$220.00, price +$100.00)"),
        ("10", "8", "100", "100", "Value", "$1,000.00 → $800.00: −$200.00"),
        ("0", "8", "100", "110", "Value", "$0.00 → $880.00: +$880.00"),
        ("10", "8", None, "110", "Value", "$880.00; before unknown (no price then)"),
        ("10", "8", None, None, "Value", "unknown: the asset has no price"),
        ("10", "8", None, None, "Moved", "−2 ETH (−20\N{NARROW NO-BREAK SPACE}%)"),
        ("0", "8", None, None, "Moved", "+8 ETH"),
    ],
)
def test_a_change_in_words(
    before: str, after: str, price_before: str | None, price_after: str | None, label: str, text: str
) -> None:
    world = World(ChangeRule(id="moved"))
    world.see(reading(HOT, {ETH: before}, {ETH: price_before} if price_before else {}))
    world.see(reading(HOT, {ETH: after}, {ETH: price_after} if price_after else {}))
    change = world.changes[-1]
    assert dict(change_facts(change))[label] == text

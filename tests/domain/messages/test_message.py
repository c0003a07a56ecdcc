"""What people read: titles, facts, and the operator's own words."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.domain.given import ETH, HOT, SOL, SWEEP, USDC, World, reading
from watcher.domain.messages.message import Kind
from watcher.domain.messages.template_filters import FILTERS
from watcher.domain.messages.template_variables import LONGEST, VARIABLES, TemplateFailedError
from watcher.domain.messages.templates import TEMPLATE_HELP, check_template, render
from watcher.domain.rules import ChangeRule, ThresholdRule
from watcher.domain.values.errors import InputError


def moved(**fields: Any) -> ChangeRule:
    return ChangeRule(id="moved", **fields)


def told(rule: ChangeRule, symbol: str = "ETH") -> World:
    world = World(rule)
    world.see(reading(HOT, {ETH: "10"}, {ETH: "100"}, symbols={ETH: symbol}))
    world.see(reading(HOT, {ETH: "8"}, {ETH: "110"}, symbols={ETH: symbol}))
    assert {(each.message.rule, each.message.kind) for each in world.told} == {("moved", Kind.EVENT)}
    return world


def test_a_change_says_where_what_why_and_when() -> None:
    world = told(moved(direction="out", by="10%"))
    assert world.title == "−2 ETH ($220.00, −20\N{NARROW NO-BREAK SPACE}%) left hot"
    assert [label for label, _ in world.told[-1].message.facts] == [
        "Wallet", "Chain", "Address", "Asset", "Before", "After", "Moved", "Value", "When", "Because",
    ]  # fmt: skip
    assert world.fact("Because") == "20\N{NARROW NO-BREAK SPACE}% moved out, at least 10%"
    assert world.fact("Address") == HOT.address


def test_an_asset_without_a_symbol_is_named_by_its_identity() -> None:
    world = World(moved())
    world.see(reading(HOT, {USDC: "1"}, symbols={}))
    world.see(reading(HOT, {USDC: "2"}, symbols={}))
    assert world.fact("Asset") == "no symbol (0xa0b8)"


def test_an_asset_in_a_sweep_is_told_with_its_own_chain() -> None:
    world = World(moved())
    world.see(reading(SWEEP, {SOL: "1"}))
    world.see(reading(SWEEP, {SOL: "2"}))
    assert world.fact("Chain") == "solana"


def test_every_variable_of_a_change_has_its_text() -> None:
    words = " | ".join(f"{name}={{{{ {name} }}}}" for name in VARIABLES if name != "description")
    world = told(moved(description=words))
    text = world.fact("Description")
    for part in ("wallet=hot", "chain=ethereum", "symbol=ETH", "amount=8", "before=10", "after=8", "tags=gas",
                 "rule=moved", "severity=warning", "state=event", "price=$110.00"):  # fmt: skip
        assert part in text
    assert "percent=−20\N{NARROW NO-BREAK SPACE}%" in text
    assert "= |" not in text, "a variable is empty"


@pytest.mark.parametrize("symbol", ["{{ 7 * 7 }}", "{% for %}", "{{ wallet.__class__ }}"])
def test_a_name_from_the_api_is_never_a_template(symbol: str) -> None:
    world = told(moved(summary="moved {{ symbol }}"), symbol)
    assert world.title == f"moved {symbol}"


@pytest.mark.parametrize(
    "summary",
    [
        "{{ [1][1 if wallet == 'hot' else 0] }}",
        "{{ 1 // (0 if wallet == 'hot' else 1) }}",
        "{{ wallet == 'hot' and symbol.nothing.more }}",
        "{{ wallet == 'hot' and (symbol * 3) }}",
        "{{ 2 ** 9 if wallet == 'hot' else '' }}",
        "{{ wallet == 'hot' and symbol.format.__globals__ }}",
    ],
)
def test_a_template_that_fails_still_delivers(summary: str) -> None:
    world = told(moved(summary=summary))
    assert world.title.startswith("−2 ETH")
    assert world.fact("Template").startswith("summary could not be rendered")


@pytest.mark.parametrize(
    "text",
    ["{{ amonut }}", "{{ wallet", "{% include 'x' %}", "{{ wallet.__class__.__mro__ }}", "{{ range(9) }}"],
)
def test_a_template_that_cannot_work_is_refused_at_load(text: str) -> None:
    with pytest.raises(InputError) as caught:
        check_template("summary", text)
    assert caught.value.place == ("summary",)


@pytest.mark.parametrize("text", ["{{ 'a' * 100000000000 }}", "{{ 9 ** 9 ** 9 }}", "{{ [0] * 10000000000 }}"])
def test_a_template_cannot_fill_the_memory(text: str) -> None:
    with pytest.raises(TemplateFailedError):
        render(text, {})


@pytest.mark.parametrize(
    ("text", "case"),
    [
        ("{{ 1 // (0 if symbol else 1) }}", "with everything known"),
        ("{{ symbol and symbol.nothing.more }}", "with everything known"),
        ("{{ wallet | money }}", "with everything known"),
        ("{{ amount | amount('x') }}", "with everything known"),
        ("{{ percent.split()[0] }}", "with all that can be unknown left empty"),
    ],
)
def test_a_template_is_tried_on_samples_when_it_is_loaded(text: str, case: str) -> None:
    with pytest.raises(InputError, match=f"^cannot be rendered {case}"):
        check_template("description", text)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("{{ '1234567.123456789012' | amount }}", "1,234,567.12345678…"),
        ("{{ '1234567.123456789012' | amount(2) }}", "1,234,567.12…"),
        ("{{ '123456789012345678901234567890.5' | amount }}", "123,456,789,012,345,678,901,234,567,890.5"),
        ("{{ '1999.999' | money }}", "$1,999.99"),
        ("{{ '$1,234.50' | money }}", "$1,234.50"),
        ("{{ '−3' | money }}", "−$3.00"),
        ("{{ '1' | percent('8') }}", "12.5 %"),
        ("{{ '1' | percent('0') }}", ""),
        ("{{ since | ago }}", "25 min ago"),
        ("{{ '' | amount }}{{ '' | money }}{{ '' | percent('1') }}{{ '' | ago }}", ""),
    ],
)
def test_filters_show_numbers_and_times_as_messages_do(text: str, shown: str) -> None:
    assert render(text, {"since": "2026-01-05 08:00:00 UTC", "at": "2026-01-05 08:25:00 UTC"}) == shown


def test_the_help_for_templates_names_every_variable_and_filter() -> None:
    for name in (*VARIABLES, *FILTERS):
        assert f"{name} (" in TEMPLATE_HELP


def test_a_message_knows_when_its_alert_began() -> None:
    rule = ThresholdRule.model_validate(
        {"id": "low", "type": "threshold", "below": "20", "for": "10m", "summary": "for {{ since | ago }}"}
    )
    world = World(rule)
    world.see(reading(HOT, {ETH: "8"}))
    world.see(reading(HOT, {ETH: "8"}), after=timedelta(minutes=25))
    assert world.title == "for 25 min ago"


def test_words_are_cut_to_a_bearable_length_and_a_title_is_one_line() -> None:
    assert len(render("{{ because }}", {"because": "x" * 9999})) == LONGEST
    assert told(moved(summary="one\ntwo")).title == "one"


def test_an_empty_summary_leaves_the_plain_title() -> None:
    assert told(moved(summary="{{ '' }}")).title.startswith("−2 ETH")


def test_a_rule_tells_the_channels_it_names_and_else_all_of_them() -> None:
    world = told(moved(notify=("treasurer", "audit")))
    assert [each.channel for each in world.told] == ["treasurer", "audit"]
    assert [each.channel for each in told(moved()).told] == ["ops"]


def test_a_threshold_message_has_its_own_variables() -> None:
    rule = ThresholdRule(id="low", below="20", summary="{{ amount }} {{ symbol }} = {{ value }}: {{ state }}")  # type: ignore[arg-type]
    world = World(rule)
    world.see(reading(HOT, {ETH: "8"}, {ETH: "110"}))
    assert world.title == "8 ETH = $880.00: firing"
    assert world.fact("Value") == "$880.00 at $110.00"

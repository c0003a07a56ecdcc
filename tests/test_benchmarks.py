"""The benchmark: a busy machine moves no ratio, the fake moves prices, and the page says what was found."""

from __future__ import annotations

import json
import runpy
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

from benchmarks import fake
from benchmarks.product import rules_of
from benchmarks.sides import HERE, Side, ratios, rotated, table
from watcher.domain.rules import TYPES

PICTURES = Path(__file__).parent.parent / "docs" / "pictures"


def rows(answer: bytes) -> list[dict[str, Any]]:
    return [row for wallet in json.loads(answer, parse_float=Decimal) for row in wallet["balances"]]


def prices(answer: bytes) -> list[tuple[str, Decimal]]:
    return [(row["coinId"], row["price"]) for row in rows(answer)]


def amounts(answer: bytes) -> list[Decimal]:
    return [row["amount"] for row in rows(answer)]


def answers(count: int, changed: float, accounts: int = 50) -> list[bytes]:
    """So many answers to the same request."""
    state = fake.State(fake.make_wallets(accounts), changed)
    found = []
    for _ in range(count):
        state.requests += 1
        found.append(fake.body(state, [fake.address(number) for number in range(accounts)]))
    return found


def test_a_round_in_which_the_machine_is_slower_moves_no_ratio() -> None:
    rounds = [{"here": {"CPU": 80 * slow}, "before": {"CPU": 100 * slow}} for slow in (1.0, 2.0, 1.5)]
    assert [round(each, 6) for each in ratios(rounds, "CPU", "here", "before")] == [0.8, 0.8, 0.8]
    assert "0.800 [0.800-0.800]" in list(table(rounds))[1]


def test_a_figure_that_is_nothing_has_no_ratio() -> None:
    rounds = [{"here": {"held": 1.0}, "before": {"held": 0.0}}]
    assert ratios(rounds, "held", "here", "before") == []
    assert "[" not in list(table(rounds))[1]


def test_each_side_is_first_as_often_as_the_others() -> None:
    sides = [HERE, Side("before"), Side("other")]
    first = [rotated(sides, turn)[0].name for turn in range(6)]
    assert first == ["here", "before", "other"] * 2


def test_from_answer_to_answer_nearly_every_price_moves_and_a_coin_has_one_price_in_each() -> None:
    first, second = (prices(answer) for answer in answers(2, 0.0))
    assert len(dict(first)) == len(set(first))
    moved = sum(one != other for one, other in zip(first, second, strict=True)) / len(first)
    assert 0.9 < moved < 1


def test_as_many_balances_change_as_were_asked_for() -> None:
    seen = [amounts(answer) for answer in answers(41, 0.01)]
    pairs = [
        (one, other)
        for now, then in zip(seen[1:], seen, strict=False)
        for one, other in zip(now, then, strict=True)
    ]
    assert 0.009 < sum(one != other for one, other in pairs) / len(pairs) < 0.011
    before, after = (amounts(answer) for answer in answers(2, 1.0))
    assert all(one != other for one, other in zip(before, after, strict=True))


def test_two_programs_that_ask_alike_are_told_the_same() -> None:
    assert answers(3, 0.3) == answers(3, 0.3)


def test_there_are_as_many_rules_as_were_asked_for_and_all_are_sound() -> None:
    for number in (0, 5, 50, 500):
        rules = [TYPES[each["type"]].model_validate(each) for each in rules_of(number)]
        assert len({rule.id for rule in rules}) == number


def test_the_page_and_its_chart_say_what_was_measured() -> None:
    drawn: dict[str, Callable[..., Any]] = runpy.run_path(str(PICTURES / "figures.py"))
    page = (PICTURES.parent / "benchmarks.md").read_text(encoding="utf-8")
    assert drawn["filled"](page) == page, "make pictures ARGS=figures"
    chart = drawn["chart"](drawn["figures"]("benchmarks"))
    assert chart == (PICTURES / "benchmarks.svg").read_text(encoding="utf-8"), "make pictures ARGS=figures"

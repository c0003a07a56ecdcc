"""A rule is the same when it means the same, however it is written."""

from __future__ import annotations

from typing import Any

import pytest

from watcher.domain.rules import TYPES

THRESHOLD: dict[str, Any] = {"type": "threshold", "below": "5"}
BOTH: list[Any] = [{"below": "5"}, {"metric": "value_usd", "below": "7"}]
JOINED: dict[str, Any] = {"type": "threshold", "per": "tag", "match": {"assets": ["USDC"]}, "all": BOTH}
ANY = {"type": "threshold", "per": "tag", "match": {"assets": ["USDC"]}, "any": BOTH}
AB, BAB = {"wallets": ["a", "b"]}, {"wallets": ["b", "a", "b"]}
RATIO: dict[str, Any] = {
    "type": "ratio",
    "of": {"match": AB},
    "to": {"match": {"assets": "USDC"}},
    "below": "1",
}
USED = {"type": "budget", "source": "s", "used": "80%"}


def fingerprint(fields: dict[str, Any]) -> str:
    return TYPES[fields["type"]].model_validate({"id": "low", **fields}).fingerprint()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (THRESHOLD, {**THRESHOLD, "below": "5.0"}),
        (THRESHOLD, {**THRESHOLD, "below": 5}),
        (THRESHOLD, {**THRESHOLD, "below": "5e0"}),
        (THRESHOLD, {**THRESHOLD, "below": "0_5.000"}),
        ({**THRESHOLD, "below": "1000"}, {**THRESHOLD, "below": "1e3"}),
        ({**THRESHOLD, "below": "0"}, {**THRESHOLD, "below": "-0.0"}),
        (THRESHOLD, {**THRESHOLD, "metric": "amount", "per": "asset", "for": "0s", "reads": 1, "match": {}}),
        ({**THRESHOLD, "for": "60m"}, {**THRESHOLD, "for": "1h"}),
        ({**THRESHOLD, "match": AB}, {**THRESHOLD, "match": BAB}),
        ({**THRESHOLD, "match": {"wallets": "a"}}, {**THRESHOLD, "match": {"wallets": ["a"]}}),
        ({**THRESHOLD, "match": {"assets": ["eth"]}}, {**THRESHOLD, "match": {"assets": ["ETH"]}}),
        ({**THRESHOLD, "match": {"assets": ["0xA0B8"]}}, {**THRESHOLD, "match": {"assets": ["0xa0b8"]}}),
        ({**THRESHOLD, "match": {"chains": ["base-wallet"]}}, {**THRESHOLD, "match": {"chains": ["base"]}}),
        (JOINED, {**JOINED, "all": BOTH[::-1]}),
        (JOINED, {**JOINED, "all": [{"below": "5.00"}, *BOTH[1:]]}),
        (RATIO, {**RATIO, "of": {"match": BAB, "metric": "value_usd", "name": "reserves"}}),
        ({"type": "change", "by": "10%"}, {"type": "change", "by": "10.0 %", "since": "previous"}),
        ({"type": "change", "by": "$5000"}, {"type": "change", "by": "$5000.00"}),
        (
            {"type": "budget", "source": "s", "used": "80%"},
            {"type": "budget", "source": "s", "used": "80.0%"},
        ),
        (THRESHOLD, {**THRESHOLD, "severity": "critical", "notify": "ops", "summary": "x"}),
    ],
)
def test_two_wordings_of_one_rule_are_one_rule(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert fingerprint(one) == fingerprint(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (THRESHOLD, {**THRESHOLD, "below": "5.01"}),
        (THRESHOLD, {"type": "threshold", "above": "5"}),
        (THRESHOLD, {**THRESHOLD, "for": "1s"}),
        ({**THRESHOLD, "match": {"wallets": ["a"]}}, {**THRESHOLD, "match": {"wallets": ["A"]}}),
        ({**THRESHOLD, "match": {"wallets": ["a"]}}, {**THRESHOLD, "match": {"tags": ["a"]}}),
        (JOINED, ANY),
        (RATIO, {**RATIO, "of": RATIO["to"], "to": RATIO["of"]}),
        ({"type": "change", "by": "10%"}, {"type": "change", "by": "10"}),
        ({"type": "change", "by": "$10"}, {"type": "change", "by": "10"}),
    ],
)
def test_two_rules_that_judge_otherwise_are_two(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert fingerprint(one) != fingerprint(other)


def test_a_plainly_written_rule_is_the_one_that_older_stores_know() -> None:
    rule = TYPES["threshold"].model_validate(
        {"id": "low", "match": {"wallets": ["gas-*"], "assets": ["ETH"]}, "below": "0.5", "for": "10m"}
    )
    assert rule.fingerprint() == "46209e8132ff5a43"


@pytest.mark.parametrize(
    ("fields", "known"),
    [
        (
            {
                "type": "threshold",
                "all": [{"below": "1"}, {"metric": "price_usd", "above": "2"}],
                "match": {"assets": ["ETH"]},
            },
            "cc77d23d3f542c68",
        ),
        ({"type": "change", "by": "10%", "within": "1h"}, "4f96ef6eaf496d8a"),
        ({"type": "asset", "event": "appears"}, "fe396253dea7ddb5"),
        ({"type": "no_data", "longer_than": "1h"}, "e98d9b0edd881509"),
        (
            {
                "type": "ratio",
                "of": {"match": {"tags": ["a"]}},
                "to": {"match": {"tags": ["a"]}},
                "below": "2",
            },
            "375fec9d39f9ea8d",
        ),
        ({"type": "runway", "shorter_than": "5d", "for": "5m"}, "8f27bad42c991624"),
        ({"type": "budget", "source": "coinstats", "used": "80%"}, "8874df71cefd11ca"),
    ],
)
def test_the_order_of_fields_stays_as_older_stores_know_it(fields: dict[str, Any], known: str) -> None:
    """A field that moves, also from a base into its type, would end every alert of the type."""
    assert TYPES[fields["type"]].model_validate({"id": "a", **fields}).fingerprint() == known

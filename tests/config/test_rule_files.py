"""Rule files: every mistake at once, and what is named must exist."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest

from tests.config.given import line_of
from watcher.config.rule_files import Rulebook, load_rules
from watcher.domain.model import Wallet
from watcher.domain.records import replace
from watcher.domain.values.errors import ConfigurationError, Problem

WALLETS = (
    Wallet("treasury-hot", "coinstats", "0x9f114da25b61b77606d47eab414b9360f8783979", ("treasury", "hot")),
    Wallet("gas-1", "coinstats", "0x52908400098527886e0f7030069857d2e4169ee7", ("gas",)),
    Wallet("bond-desk", "teos", "0xd9d18f6979473f8bdc6290ad772000c53bd5c907"),
)


def load(folder: Path, *texts: str) -> Rulebook:
    paths = []
    for number, text in enumerate(texts):
        paths.append(folder / f"rules-{number}.yaml")
        paths[-1].write_text(text, encoding="utf-8")
    return load_rules(paths, {"ops", "treasurer"}, WALLETS, {"coinstats", "teos"})


def mistakes(folder: Path, *texts: str) -> list[Problem]:
    with pytest.raises(ConfigurationError) as caught:
        load(folder, *texts)
    return caught.value.problems


def test_rules_come_in_the_order_of_their_files(tmp_path: Path) -> None:
    one = "rules:\n  - {id: a, type: change}\n  - {id: b.1_x-y, type: asset, event: appears}\n"
    two = "rules:\n  - {id: c, type: threshold, below: 0.5, notify: ops, match: {wallets: 'gas-*'}}\n"

    book = load(tmp_path, one, two)

    assert [rule.id for rule in book.rules] == ["a", "b.1_x-y", "c"]
    assert book.rules[2].notify == ("ops",)
    assert book.warnings == ()


def test_an_amount_without_quotes_is_exact(tmp_path: Path) -> None:
    text = (
        "rules:\n  - {id: a, type: threshold, below: 0.1000000000000000000000000000001, clear_above: 1e3}\n"
    )

    (rule,) = load(tmp_path, text).rules

    assert str(rule.model_dump()["below"]) == "0.1000000000000000000000000000001"


WRONG = """\
rules:
  - id: has space
    type: change
  - id: first
    type: treshold
    below: "1"
  - id: second
    type: threshold
    bellow: "1"
    below: "1"
  - id: third
    type: threshold
    below: "0.8"
    clear_above: "0.5"
  - id: fourth
    type: threshold
  - id: fifth
    type: threshold
    below: "1"
    above: "2"
  - id: sixth
    type: change
    by: lots
  - id: seventh
    type: change
    direction: outwards
    notify: [ops, treasurre]
  - id: eighth
    type: no_data
    longer_than: 30 minutes
    match: {wallets: [treasury-hit], tags: [treasuri], sources: [coinstat]}
  - id: ninth
    type: asset
    event: apears
    severity: critcal
  - id: ninth-again
    type: asset
    event: appears
    summary: "{{ wallte }}"
  - id: tenth
    match: {walets: [a]}
  - id: eleventh
    type: threshold
    below: 0x10
    notify: []
  - id: twelfth
    type: change
    id: thirteenth
  - word
  - id: fourteenth
    type: threshold
    below: .nan
    for: 10 min
    match: {tag: gas}
  - id: watcher.source
    type: no_data
    longer_than: 30
  - id: fifteenth
    type: threshold
    below: "1"
    repeat: 6
  - id: sixteenth
    type: change
    summary: "{{ amount | mony }}"
  - id: seventeenth
    type: threshold
    above: "1e1000"
  - id: eighteenth
    type: change
    by: 1e-400000000%
ruls: []
"""

EXPECTED = [
    ("- id: has space", "id has characters", "letters, digits"),
    ("type: treshold", "unknown rule type 'treshold'", "'threshold'"),
    ('bellow: "1"', "unknown key 'bellow'", "'below'"),
    ('clear_above: "0.5"', "clear_above", "raise clear_above"),
    ("- id: fourth", "below and above", ""),
    ("- id: fifth", "below and above", "two rules"),
    ("by: lots", "'lots' is not", ""),
    ("direction: outwards", "'outwards' is not one of in, out, both", ""),
    ("notify: [ops, treasurre]", "no channel 'treasurre'", "'treasurer'"),
    ("longer_than: 30 minutes", "'30 minutes' is not a duration", "write 30m"),
    ("match: {wallets: [treasury-hit]", "no wallet 'treasury-hit'", "'treasury-hot'"),
    ("match: {wallets: [treasury-hit]", "tag 'treasuri'", "'treasury'"),
    ("match: {wallets: [treasury-hit]", "no source 'coinstat'", "'coinstats'"),
    ("event: apears", "'apears' is not one of", "'appears'"),
    ("severity: critcal", "'critcal' is not one of", "'critical'"),
    ('summary: "{{ wallte }}"', "unknown variable wallte", ""),
    ("- id: tenth", "'type' is missing", "threshold"),
    ("below: 0x10", "unquoted 0x", "quotes"),
    ("notify: []", "notify is empty", "leave it out"),
    ("id: thirteenth", "'id' stands here twice", "remove"),
    ("- word", "must be a mapping", "- id"),
    ("below: .nan", "not", ""),
    ("for: 10 min", "'10 min' is not a duration", "write 10m"),
    ("match: {tag: gas}", "unknown key 'tag'", "'tags'"),
    ("- id: watcher.source", "'watcher.source' is for notices that are built in", "begin it otherwise"),
    ("longer_than: 30", "longer_than is a bare number", "as in 30s"),
    ("repeat: 6", "repeat is a bare number", "as in 6s"),
    ('summary: "{{ amount | mony', "No filter named 'mony'", "there are amount, money, percent, ago"),
    ('above: "1e1000"', "'1e1000' has more than 100 digits before or after", "an amount can reach"),
    ("by: 1e-400000000%", "has more than 100 digits", "an amount can reach"),
    ("ruls: []", "unknown key 'ruls'", "rules"),
]


@pytest.mark.parametrize(("part", "what", "remedy"), EXPECTED)
def test_each_mistake_has_its_line_and_a_remedy(tmp_path: Path, part: str, what: str, remedy: str) -> None:
    problems = mistakes(tmp_path, WRONG)

    line = line_of(WRONG, part)
    found = [p for p in problems if f"rules-0.yaml:{line}:" in p.where and what in p.what]
    assert len(found) == 1, [str(problem) for problem in problems]
    assert remedy in f"{found[0].what}; {found[0].remedy}"


def test_all_mistakes_come_together(tmp_path: Path) -> None:
    other = "rules:\n  - {id: x, type: change, notify: nobody}\n"

    problems = mistakes(tmp_path, WRONG, other)

    assert len(problems) == len(EXPECTED) + 1, [str(problem) for problem in problems]
    assert "rules-1.yaml:2:" in problems[-1].where


def test_an_id_is_used_once_in_all_files(tmp_path: Path) -> None:
    text = "rules:\n  - {id: same, type: change}\n"

    (problem,) = mistakes(tmp_path, text, text)

    assert "rules-1.yaml:2:10" in problem.where
    assert "rules-0.yaml:2:10" in problem.what


def test_a_pattern_that_matches_nothing_is_a_warning(tmp_path: Path) -> None:
    text = "rules:\n  - {id: a, type: change, match: {wallets: ['cold-*'], tags: ['g?s', 'x[yz]']}}\n"

    warnings = load(tmp_path, text).warnings

    assert [warning.what for warning in warnings] == [
        "the pattern 'cold-*' matches no wallet",
        "the pattern 'x[yz]' matches no tag",
    ]
    assert warnings[0].where.startswith(f"{tmp_path}/rules-0.yaml:2:")


@pytest.mark.parametrize("text", ["", "- a\n", "rulez: []\n", "rules: {}\n", "rules: x\n", "a: [\n"])
def test_a_file_that_is_no_rule_file_is_told(tmp_path: Path, text: str) -> None:
    problems = mistakes(tmp_path, text)

    assert all(problem.where.startswith(f"{tmp_path}/rules-0.yaml") for problem in problems)


def test_a_file_without_rules_is_allowed_with_a_warning(tmp_path: Path) -> None:
    book = load(tmp_path, "rules:\n")

    assert book.rules == ()
    assert len(book.warnings) == 1


def test_a_dollar_sign_in_a_rule_is_a_dollar_sign(tmp_path: Path) -> None:
    (rule,) = load(tmp_path, 'rules:\n  - {id: a, type: change, by: "$5000"}\n').rules

    assert rule.model_dump()["by"] == "$5000"


def test_rules_that_inhibit_and_escalations_must_name_what_there_is(tmp_path: Path) -> None:
    one = "rules:\n  - {id: a, type: change, inhibited_by: [b, nobody]}\n"
    two = (
        "rules:\n  - {id: b, type: no_data, longer_than: 30m, escalate: {after: 30m, notify: [phone, ops]}}\n"
    )

    found = [problem.what for problem in mistakes(tmp_path, one, two)]

    assert found == ["there is no rule 'nobody'", "there is no channel 'phone'"]


def test_rules_that_inhibit_each_other_in_a_circle_are_refused(tmp_path: Path) -> None:
    text = "".join(
        f"  - {{id: {name}, type: change, inhibited_by: [{other}]}}\n"
        for name, other in (("a", "b"), ("b", "c"), ("c", "a"), ("d", "a"), ("e", "e"))
    )

    found = mistakes(tmp_path, "rules:\n" + text)

    assert [problem.where.split(":")[-2] for problem in found] == ["2", "3", "4", "6"]
    assert all("inhibited by itself" in problem.what for problem in found)


DOUBTFUL = """\
rules:
  - {id: a, type: threshold, per: wallet, match: {assets: ['USD*']}, below: 1}
  - {id: b, type: threshold, per: all, metric: value_usd, above: 1}
  - {id: c, type: threshold, per: tag, metric: value_usd, unpriced: ignore, max_age: 30m, above: 1}
  - id: d
    type: ratio
    of: {match: {tags: [gas]}, metric: amount}
    to: {match: {tags: [hot], assets: [USDC]}}
    below: 1
  - {id: e, type: threshold, per: all, match: {assets: [USDC, USDT]}, max_age: 2h, below: 1}
"""


def test_a_sum_that_is_probably_not_meant_so_is_a_warning(tmp_path: Path) -> None:
    path = tmp_path / "sums.yaml"
    path.write_text(DOUBTFUL, encoding="utf-8")
    slow = replace(WALLETS[0], promise=timedelta(hours=1))

    warnings = load_rules([path], {"ops"}, (slow, *WALLETS[1:]), {"coinstats", "teos"}).warnings

    assert [(warning.where.rsplit(":", 2)[1], warning.what.split(",")[0]) for warning in warnings] == [
        ("2", "amounts are added"),
        ("4", "'treasury-hot' is read more seldom than max_age: the sum will mostly be unknown"),
        ("5", "amounts are added"),
    ]


SENSELESS = [
    ("per: wallet, metric: price_usd, below: 1", "price_usd cannot be summed"),
    ("per: wallet, below: 1", "amounts of different assets cannot be added"),
    ("per: wallets, below: 1", "'wallets' is not one of"),
    ("max_age: 1h, below: 1", "max_age is for sums"),
    ("unpriced: ignore, below: 1", "unpriced is for sums"),
    ("per: all, match: {assets: [a]}, max_age: 0s, below: 1", "max_age must be positive"),
    ("all: [{below: 1}, {metric: value_usd, above: 1}], below: 1", "all holds the conditions; move below"),
    ("all: [{below: 1}, {above: 1}], any: [{below: 1}, {above: 1}]", "all and any cannot both be there"),
    ("any: [{below: 1}]", "at least 2"),
    ("any: [{below: 1}, {below: 2, clear_above: 1}]", "raise clear_above"),
    ("any: [{below: 1}, {metric: amount}]", "exactly one of below and above"),
    ("any: [{below: 1}, {bellow: 1}]", "unknown key 'bellow'"),
    ("per: all, match: {assets: [a]}, any: [{below: 1}, {metric: price_usd, above: 1}]", "cannot be summed"),
    ("type: ratio, of: {match: {}}, to: {match: {}}", "exactly one of below and above"),
    ("type: ratio, of: {match: {}}, below: 1", "'to' is missing"),
    ("type: ratio, of: {match: {}, metric: price_usd}, to: {match: {}}, below: 1", "'price_usd' is not"),
    ("type: ratio, match: {}, of: {match: {}}, to: {match: {}}, below: 1", "a ratio has two selections"),
    ("type: ratio, of: {match: {tags: [gsa]}}, to: {match: {}}, below: 1", "no wallet has the tag 'gsa'"),
]  # fmt: skip


@pytest.mark.parametrize(("fields", "what"), SENSELESS)
def test_a_sum_without_sense_is_a_mistake(tmp_path: Path, fields: str, what: str) -> None:
    kind = "" if fields.startswith("type") else "type: threshold, "

    found = mistakes(tmp_path, f"rules:\n  - {{id: a, {kind}{fields}}}\n")

    assert any(what in str(problem) for problem in found), [str(problem) for problem in found]


@pytest.mark.parametrize(
    ("fields", "key"),
    [
        ("type: threshold, below: 1, for_: 5m", "for"),
        ("type: runway, shorter_than: 5d, for_: 5m", "for"),
        ("type: ratio, of: {match: {}}, to: {match: {}}, below: 1, for_: 5m", "for"),
        ("type: threshold, all_: [{below: 1}, {metric: value_usd, above: 1}]", "all"),
        ("type: threshold, any_: [{below: 1}, {above: 2}]", "any"),
    ],
)
def test_a_key_is_only_what_it_is_called_in_yaml(tmp_path: Path, fields: str, key: str) -> None:
    found = mistakes(tmp_path, f"rules:\n  - {{id: a, {fields}}}\n")

    assert f"unknown key '{key}_' in rules[0]; did you mean '{key}'?" in str(found[0])


def test_a_rule_about_credits_names_a_source_that_there_is(tmp_path: Path) -> None:
    text = "rules:\n  - {id: a, type: budget, source: coinstat, used: 80%}\n"

    (problem,) = mistakes(tmp_path, text)

    assert "no source 'coinstat'" in problem.what
    assert "coinstats" in problem.remedy


def test_a_name_is_found_composed_or_not(tmp_path: Path) -> None:
    composed, apart = "z\u00fcrich", "zu\u0308rich"
    for named, written in ((composed, apart), (apart, composed)):
        path = tmp_path / "rules.yaml"
        path.write_text(
            f"rules:\n  - {{id: a, type: change, match: {{wallets: {written}}}}}\n", encoding="utf-8"
        )
        book = load_rules([path], {"ops"}, (Wallet(named, "coinstats", "0xaa"),), {"coinstats"})
        assert book.rules[0].match.wallets == (composed,)


def test_a_rule_file_in_json_says_the_same(tmp_path: Path) -> None:
    text = json.dumps(
        {"rules": [{"id": "a", "type": "change"}, {"id": "b", "type": "threshold", "below": 1}]}
    )
    assert [rule.id for rule in load(tmp_path, text).rules] == ["a", "b"]
    twice = json.dumps({"rules": [{"id": "a", "type": "change"}, {"id": "a", "type": "change", "up": 1}]})
    assert [str(each.place) for each in mistakes(tmp_path, twice)] != []

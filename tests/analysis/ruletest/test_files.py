"""A file of rule tests that is wrong: every mistake, with its place and its remedy, and nothing is run."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.analysis.ruletest.given import mistakes, write
from watcher.analysis.ruletest.load import load_suites

SOUND = """\
- name: sound
  readings: [{wallet: main, asset: ETH, amounts: "1"}]
  expect: [{at: 5m, alerts: nothing}]
"""


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("wallet: main", "wallet: mian", "5:25: there is no wallet 'mian'; did you mean 'main'?"),
        ("wallet: main", "wallet: wide", "5:16: 'wide' is on several chains; add 'chain: …'"),
        ("asset: ETH", "asset: ETH, chain: solana", "'main' is not on the chain 'solana'"),
        ('"1"', '"1 0,5"', "5:52: tests[0].readings[0].amounts: '0,5' is no reading"),
        ('"1"', '"1", price: "1"', "unknown key 'price' in tests[0].readings[0]; did you mean 'prices'?"),
        ("alerts: nothing", "alert: nothing", "6:23: unknown key 'alert' in tests[0].expect[0]"),
        ("alerts: nothing", "alerts: [{rule: lwo}]", "6:39: there is no rule 'lwo'; did you mean 'low'?"),
        ("alerts: nothing", "told: [{rule: low, channels: [osp]}]", "there is no channel 'osp'; did"),
        ("alerts: nothing", "told: [{rule: low, wallet: x}]", "there is no wallet 'x'"),
        ("alerts: nothing", "alerts: [{rule: low, state: gone}]", "'gone' is not one of pending, firing"),
        (", alerts: nothing", "", "this expects nothing at all; write alerts: or told:"),
        ("at: 5m", "at: 5", "is a bare number; write its unit too, as in 5s"),
        ("[{at: 5m, alerts: nothing}]", "[{at: 5m, told: nothing}, {at: 5m, told: nothing}]",
         "the times must rise"),
        ("[{at: 5m, alerts: nothing}]", "[]", "tests[0].expect is empty"),
        ('asset: ETH, amounts: "1"}', 'asset: ETH, amounts: "1"}, {wallet: main, asset: eth, amounts: "2"}',
         "eth of 'main' has a series already"),
    ],
)  # fmt: skip
def test_a_mistake_is_named_where_it_stands(tmp_path: Path, old: str, new: str, said: str) -> None:
    assert old in SOUND

    found = mistakes(write(tmp_path, SOUND.replace(old, new)))

    assert len(found) == 1
    assert said in found[0]


def test_all_mistakes_of_all_parts_are_told_at_once(tmp_path: Path) -> None:
    text = SOUND.replace("wallet: main", "wallet: mian").replace("alerts: nothing", "alerts: [{rule: lwo}]")

    assert len(mistakes(write(tmp_path, text + SOUND))) == 3  # two tests have the same name too


def test_a_mistake_in_the_rules_is_told_as_check_tells_it(tmp_path: Path) -> None:
    path = write(tmp_path, SOUND, "rules:\n  - {id: low, type: threshold, blow: '1'}\n")

    assert any("rules.yaml:2:" in each and "'blow'" in each for each in mistakes(path))


@pytest.mark.parametrize(
    ("head", "said"),
    [
        ("rules: [nothing.yaml]", "no file matches 'nothing.yaml'"),
        ("pack: gsa", "there is no pack 'gsa'; did you mean 'gas'?"),
        ("channels: [ops]", "name the rules that are tested"),
        ("pack: gas\nrules: [rules.yaml]", "name the rules that are tested"),
    ],
)
def test_a_file_names_the_rules_that_it_tests(tmp_path: Path, head: str, said: str) -> None:
    path = write(tmp_path, SOUND.replace("alerts: nothing", "told: nothing"))
    path.write_text(path.read_text().replace("rules: [rules.yaml]", head, 1))

    assert said in mistakes(path)[0]


def test_a_channel_that_no_test_knows_is_a_mistake_when_channels_are_named(tmp_path: Path) -> None:
    path = write(tmp_path, SOUND)
    path.write_text(
        path.read_text().replace("rules: [rules.yaml]", "rules: [rules.yaml]\nchannels: [ops]", 1)
    )

    assert "there is no channel 'phone'" in mistakes(path)[0]


def test_the_readings_of_a_file_are_bounded_in_all(tmp_path: Path) -> None:
    many = SOUND.replace('"1"', '"1x60000"')
    assert len(load_suites([write(tmp_path, many)])) == 1

    found = mistakes(write(tmp_path, many + many.replace("name: sound", "name: again")))

    assert len(found) == 1
    assert "this file has 120,000 readings, more than 100,000; split it into several files" in found[0]

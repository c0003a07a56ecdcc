"""Every pack that ships is tested, in the words of its own test file."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.analysis.ruletest.given import ROOT, results
from watcher.analysis.ruletest.load import load_suites
from watcher.config.starter import PACKS, starter_files
from watcher.domain.rules import StateRule

TESTS = ROOT / "rules" / "tests"


@pytest.mark.parametrize("pack", PACKS)
def test_the_tests_of_a_pack_pass(pack: str) -> None:
    for result in results(TESTS / f"{pack}.yaml"):
        assert result.passed, (result.name, result.failures)


@pytest.mark.parametrize("pack", PACKS)
def test_every_rule_of_a_pack_is_seen_to_tell_and_to_resolve(pack: str) -> None:
    path = TESTS / f"{pack}.yaml"
    said = {tuple(words.split()[:2]) for each in results(path) for _, words in each.timeline}

    for rule in load_suites([path])[0].rules:
        wanted = ("firing", "resolved") if isinstance(rule, StateRule) else ("event",)
        assert all((rule.id, kind) in said for kind in wanted), rule.id


@pytest.mark.parametrize("pack", PACKS)
def test_every_pack_is_seen_to_stay_quiet_on_what_is_no_reading(pack: str) -> None:
    quiet = [
        case
        for case in load_suites([TESTS / f"{pack}.yaml"])[0].cases
        if all(set(series.amounts) & set("_") and "?" in series.amounts for series in case.test.readings[:1])
        and "change nothing" in case.test.name
    ]

    assert quiet


def test_no_test_file_is_without_its_pack() -> None:
    assert {path.stem for path in TESTS.iterdir()} == set(PACKS)


def test_init_writes_the_tests_where_no_configuration_takes_them_for_rules(tmp_path: Path) -> None:
    for name, text in starter_files().items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")

    assert sorted(path.stem for path in (tmp_path / "rules").glob("*.yaml")) == sorted(PACKS)
    for path in (tmp_path / "rules" / "tests").glob("*.yaml"):
        assert all(result.passed for result in results(path))

"""`watcher test`: what it prints, writes and returns."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree.ElementTree import fromstring

import pytest

from tests.analysis.ruletest.given import write
from watcher.cli import _run as watcher

GOOD = """\
- name: quiet
  readings: [{wallet: main, asset: ETH, amounts: "2 3"}]
  expect: [{at: 5m, told: nothing}]
"""
BAD = """\
- name: "wrong <&> \\u0007"
  readings: [{wallet: main, asset: ETH, amounts: "2 0.5"}]
  expect: [{at: 5m, told: [{rule: silent}]}]
"""


def run(*arguments: object) -> int:
    return watcher([str(each) for each in arguments])


def test_all_that_passes_is_a_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("test", write(tmp_path, GOOD)) == 0
    assert capsys.readouterr().out == "1 test: 1 passed, 0 failed\n"


def test_a_failure_is_shown_side_by_side_and_ends_with_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(tmp_path, GOOD + BAD)

    assert run("test", path) == 1

    out = capsys.readouterr().out
    assert f"FAILED  {path}:7  wrong <&>" in out
    assert "at 5m, told:" in out
    assert "      - silent    | nothing" in out
    assert '      +           | low firing "main: 0.5 ETH is below 1 ETH" to ops, phone' in out
    assert out.endswith("2 tests: 1 passed, 1 failed\n")


def test_only_the_tests_that_are_named_are_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(tmp_path, GOOD + BAD)

    assert run("test", path, "--only", "QUIET") == 0
    assert run("test", path, "--only", "nothing of that name") == 78


def test_junit_is_sound_xml_with_every_test(tmp_path: Path) -> None:
    target = tmp_path / "junit.xml"

    assert run("test", write(tmp_path, GOOD + BAD), "--junit", target) == 1

    suite = fromstring(target.read_text()).find("testsuite")  # noqa: S314 - our own
    assert suite is not None
    assert (suite.get("tests"), suite.get("failures")) == ("2", "1")
    cases = suite.findall("testcase")
    assert [case.find("failure") is not None for case in cases] == [False, True]


def test_json_says_the_same(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("test", write(tmp_path, GOOD + BAD), "--json") == 1

    good, bad = json.loads(capsys.readouterr().out)
    assert (good["passed"], good["told"], bad["passed"]) == (True, [], False)
    assert bad["failures"][0]["rows"][0] == {"expected": "silent", "got": ""}
    assert bad["told"][0]["after_seconds"] == "300.0"


def test_a_wrong_file_is_78_and_a_missing_one_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("test", write(tmp_path, "- {name: x}\n")) == 78
    assert "'readings' is missing" in capsys.readouterr().err
    assert run("test", tmp_path / "none.yaml") == 78


def test_the_schemas_name_what_the_files_take(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("schema", "--tests") == 0
    tests = json.loads(capsys.readouterr().out)
    assert {"rules", "pack", "channels", "wallets", "tests"} == set(tests["properties"])
    assert {"const": "nothing"} in tests["$defs"]["Expectation"]["properties"]["told"]["anyOf"]

    assert run("schema", "--rules") == 0
    rules = json.loads(capsys.readouterr().out)
    summary = rules["$defs"]["ThresholdRule"]["properties"]["summary"]["description"]
    assert all(word in summary for word in ("wallet (", "money (", "ago ("))

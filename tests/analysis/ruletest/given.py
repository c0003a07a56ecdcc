"""Files of rule tests, and what comes of them."""

from __future__ import annotations

import asyncio
import textwrap
from pathlib import Path

import pytest

from watcher.analysis.ruletest.load import load_suites
from watcher.analysis.ruletest.run import TestResult, run_case
from watcher.domain.values.errors import ConfigurationError

ROOT = Path(__file__).parents[3]

RULES = """\
rules:
  - {id: low, type: threshold, match: {assets: [ETH]}, below: "1", notify: [ops, phone]}
  - {id: moved, type: change, match: {wallets: [main]}, direction: out, by: "10%"}
  - {id: silent, type: no_data, match: {wallets: [main]}, longer_than: 1h}
"""


def write(folder: Path, tests: str, rules: str = RULES) -> Path:
    """A file of tests beside its rules; `tests` is what stands below `tests:`."""
    (folder / "rules.yaml").write_text(rules, encoding="utf-8")
    path = folder / "tests.yaml"
    wallets = "wallets: [{name: main, tags: [hot]}, {name: wide, chains: [base, ethereum]}]"
    head = f"rules: [rules.yaml]\n{wallets}\ntests:\n"
    path.write_text(head + textwrap.indent(textwrap.dedent(tests), "  "), encoding="utf-8")
    return path


def results(path: Path) -> list[TestResult]:
    async def run() -> list[TestResult]:
        return [await run_case(suite, case) for suite in load_suites([path]) for case in suite.cases]

    return asyncio.run(run())


def story(folder: Path, readings: str, expect: str, more: str = "") -> TestResult:
    """One test; `readings` and `expect` are lists in YAML's short form."""
    text = f"- name: story\n  every: 10m\n  readings: {readings}\n  expect: {expect}\n{more}"
    (result,) = results(write(folder, text))
    return result


def told(result: TestResult) -> list[tuple[float, str]]:
    """Minutes, rule and kind of all that was told."""
    return [(after.total_seconds() / 60, " ".join(words.split()[:2])) for after, words in result.timeline]


def mistakes(path: Path) -> list[str]:
    """Each as `line:column: what`."""
    with pytest.raises(ConfigurationError) as caught:
        load_suites([path])
    return [str(problem).replace(f"{path}:", "") for problem in caught.value.problems]

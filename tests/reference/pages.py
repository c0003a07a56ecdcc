"""Which page holds what is made, and where in it: what stands around it is written by hand."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from tests.reference import chains, configuration, facts

FOLDER = Path(__file__).parents[2] / "docs" / "reference"
BEGIN, END = "<!-- made by `make reference` -->\n\n", "\n\n<!-- end -->"

PAGES: Mapping[Path, Callable[[], str]] = {
    FOLDER / "configuration.md": configuration.configuration,
    FOLDER / "rules.md": configuration.rules,
    FOLDER / "rule-tests.md": configuration.rule_tests,
    FOLDER / "init-answers.md": configuration.answers,
    FOLDER / "cli.md": facts.command_line,
    FOLDER / "api.md": facts.http,
    FOLDER / "metrics.md": facts.metrics,
    FOLDER / "store.md": facts.views,
    FOLDER / "chains.md": chains.chains,
}


def written(page: str, made: str) -> str:
    """The page with what is made in its place."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"the page has no place for what is made: {BEGIN.strip()} … {END.strip()}")
    return before + begin + made + end + after

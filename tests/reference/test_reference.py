"""The pages of reference say what the code says, and every key that people write is explained."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.reference.facts import RECORDED
from tests.reference.keys import SINCE
from tests.reference.pages import FOLDER, PAGES, written
from watcher import cli
from watcher.analysis.ruletest import schema as ruletest
from watcher.cli._answers import InitAnswers
from watcher.config.json_schema import json_schema, model_schema, part_schema, rules_schema


def answers_schema() -> dict[str, Any]:
    definitions: dict[str, Any] = {}
    model_schema(InitAnswers, definitions)
    return {"$defs": definitions}


SCHEMAS = (json_schema, rules_schema, ruletest.tests_schema, part_schema, answers_schema)
LONGEST = 35
"""Words of one sentence."""


def keys(schema: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Each key of the file and of the mappings in it, with what is said of it."""
    for name, model in {"": schema, **schema["$defs"]}.items():
        yield from ((f"{name}.{key}", each) for key, each in model.get("properties", {}).items())


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.stem)
def test_a_page_is_as_the_code_would_write_it(page: Path) -> None:
    """After a change: `make reference`."""
    text = page.read_text(encoding="utf-8")
    assert text == written(text, PAGES[page]())


@pytest.mark.parametrize("schema", SCHEMAS)
def test_each_key_says_what_it_does(schema: Any) -> None:
    """It stands below the field, for editors and for the reference."""
    assert [name for name, each in keys(schema()) if not each.get("description")] == []


@pytest.mark.parametrize("schema", SCHEMAS)
def test_what_is_said_of_a_key_is_short(schema: Any) -> None:
    sentences = {
        (name, sentence)
        for name, each in keys(schema())
        for sentence in re.split(r"(?<=[.;:]) ", each["description"].partition(" Jinja2 template. ")[0])
    }
    assert [each for each in sentences if len(each[1].split()) > LONGEST] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.stem)
def test_an_anchor_leads_to_one_place(page: Path) -> None:
    found = re.findall(r'<a id="([^"]+)">', page.read_text(encoding="utf-8"))
    assert len(found) == len(set(found))


def test_what_is_newer_than_its_page_is_there() -> None:
    text = "".join(page.read_text(encoding="utf-8") for page in PAGES)
    assert [anchor for anchor in SINCE if f'<a id="{anchor}">' not in text] == []


def test_each_metric_that_is_served_is_explained_as_it_is_served() -> None:
    served = (RECORDED / "story" / "metrics.txt").read_text(encoding="utf-8")
    told = dict(re.findall(r"(?m)^# HELP (watcher_\w+) (.*)$", served))
    page = (FOLDER / "metrics.md").read_text(encoding="utf-8")
    explained = dict(re.findall(r"(?m)^\| `(watcher_\w+)` \|.*\| (.*) \|$", page))
    assert told.items() <= explained.items()


def test_the_exit_codes_are_those_of_the_command_line() -> None:
    page = (FOLDER / "exit-codes.md").read_text(encoding="utf-8")
    table = page.partition("\n## ")[0]
    codes = {int(code) for code in re.findall(r"(?m)^\| ([0-9]+) \|", table)}
    assert codes == {cli.OK, cli.FAILED, cli.USAGE, cli.CONFIG, cli.INTERRUPTED}

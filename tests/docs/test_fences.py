"""Commands and configurations that the pages show are understood, as they stand there."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from tests.cli.test_help import GROUPS, verb
from tests.config.given import SOUND
from tests.docs.shown import DOCS, ROOT, Fence, fences
from watcher.cli._answers import InitAnswers
from watcher.config.json_schema import json_schema, rules_schema
from watcher.config.rule_files import load_rules
from watcher.config.settings import read_settings

PAGES = [*sorted(ROOT.glob("*.md")), *sorted(DOCS.rglob("*.md"))]
OTHERS = {
    "display_information",
    "services",
    "scrape_configs",
    "groups",
    "global",
    "receivers",
    "route",
}
"""First keys of what other programs read."""
ELSEWHERE = re.compile(
    r"there is no (?:channel|source|wallet|file)|no (?:file|rule file|file of wallets) matches"
    r"|no wallet is called|nobody can answer in|is no bot's token|must be the token of"
)
"""Mistakes that are none: what another part of a configuration says, and what a secret looks like."""


class Editor(yaml.SafeLoader):
    """YAML 1.2, as editors read it: `off` is a word, and a day is text."""


Editor.yaml_implicit_resolvers = {
    first: [(tag, form) for tag, form in each if tag.rpartition(":")[2] not in ("bool", "timestamp")]
    for first, each in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
Editor.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"true|false"), list("tf"))


def shown(language: str) -> Iterator[tuple[str, Fence]]:
    for path in PAGES:
        for fence in fences(path.read_text(encoding="utf-8")):
            if fence.language == language:
                yield str(path.relative_to(ROOT)), fence


def commands() -> list[tuple[str, str]]:
    """Each line of a shell that calls the product, and each call that stands in a sentence."""
    found = []
    for page, fence in shown("sh"):
        for line in fence.text.replace("\\\n", " ").splitlines():
            found += [(page, each.strip()) for each in re.split(r"&&|;|\|", line.partition(" # ")[0])]
    for path in PAGES:
        text = re.sub(r"(?ms)^```.*?^```", "", path.read_text(encoding="utf-8"))
        said = re.findall(r"`(?:sudo )?(watcher [a-z][^`]*)`", text)
        found += [(str(path.relative_to(ROOT)), " ".join(each.split())) for each in said]
    plain = ((page, re.sub(r"^(?:\$ |sudo |\S*/bin/(?=watcher ))*", "", line)) for page, line in found)
    return sorted({(page, line) for page, line in plain if line.startswith("watcher ")})


@pytest.mark.parametrize(("page", "line"), commands())
def test_a_command_that_a_page_shows_is_understood(page: str, line: str) -> None:
    words = [each for each in shlex.split(line.replace("…", "")) if each not in ("[OPTIONS]", "...")]
    words = words[: next((n for n, each in enumerate(words) if each in (">", "2>", "<", "&")), len(words))]
    if len(words) == 1 or words[1].startswith("-"):
        return
    name = f"{words[1]} {words[2]}" if words[1] in GROUPS and len(words) > 2 else words[1]
    known = {option for each in verb(name).params for option in (*each.opts, *each.secondary_opts)}
    asked = {each.partition("=")[0] for each in words if re.match(r"--?[a-z]", each)}
    assert asked - known - {"--help", "-h"} == set(), page


def configurations() -> list[Any]:
    found = []
    for page, fence in shown("yaml"):
        read = yaml.safe_load(fence.text)
        if page == "docs/contributing.md" and fence.kind == "rules":
            continue  # it shows a type of rule that is yet to be made
        if fence.kind in ("yaml", "rules") and isinstance(read, dict) and not OTHERS & set(read):
            found.append(pytest.param(fence, id=f"{page}:{next(iter(read), '')}"))
    return found


@pytest.mark.parametrize("fence", configurations())
def test_an_editor_finds_nothing_wrong_with_what_a_page_shows(fence: Fence) -> None:
    """The schema takes what the loader takes."""
    part = yaml.load(fence.text, Editor)  # noqa: S506 (it is a safe one)
    if "leave_out" not in part:
        schema = rules_schema() if fence.kind == "rules" else json_schema()
        jsonschema.validate(part, {**schema, "required": [], "anyOf": [{}]})


@pytest.mark.parametrize("fence", configurations())
def test_what_a_page_shows_of_a_configuration_or_of_rules_is_sound(fence: Fence, tmp_path: Path) -> None:
    path = tmp_path / "watcher.yaml"
    if fence.kind == "rules":
        path.write_text(fence.text, encoding="utf-8")
        assert load_rules([path], None, None, None).rules
        return
    part = yaml.safe_load(fence.text)
    if "leave_out" in part:
        assert InitAnswers.model_validate(part)  # what `init --answers` takes
        return
    assert set(part) <= set(json_schema()["properties"]), "a key of the configuration, or of no one"
    rest = (each for each in re.split(r"(?m)^(?=\w)", SOUND) if each.partition(":")[0] not in part)
    path.write_text("".join(rest) + fence.text, encoding="utf-8")
    problems = map(str, read_settings(path, {}, secrets=False).problems)
    assert [each for each in problems if not ELSEWHERE.search(each)] == []

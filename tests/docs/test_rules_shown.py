"""The rules that the pages show: their tests pass, and what they say is what the product says."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import pytest

from tests.docs.shown import DOCS, RECIPES, ROOT, failures, fences, filled, pages, suites
from watcher.domain.rules import TYPES

SHOWN = [str(path.relative_to(ROOT)) for path in pages()]
NAMES = sorted(path.stem for path in RECIPES.glob("*.yaml"))


@pytest.mark.parametrize("page", SHOWN)
async def test_the_tests_of_a_page_pass(page: str, tmp_path: Path) -> None:
    assert await failures((ROOT / page).read_text(encoding="utf-8"), tmp_path) == []


@pytest.mark.parametrize("page", SHOWN)
async def test_what_a_page_shows_is_what_there_is(page: str, tmp_path: Path) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    assert await filled(text, tmp_path) == text, "make reference fills it in"


@pytest.mark.parametrize("name", NAMES)
def test_a_recipe_has_a_page_with_its_rules_and_its_tests(name: str) -> None:
    page = (DOCS / "cookbook" / f"{name}.md").read_text(encoding="utf-8")
    marks = [fence.mark for fence in fences(page)]
    assert (marks[0], marks[-1]) == (f"rules/cookbook/{name}.yaml", f"rules/cookbook/tests/{name}.yaml")
    assert any(mark.startswith(("told: ", "ledger: ")) for mark in marks)
    parts = re.findall(r"(?m)^## (.*)$", page)
    assert parts == ["What it says", "When it is silent", "What to adapt", "Its test"]


@pytest.mark.parametrize("name", NAMES)
def test_each_rule_of_a_recipe_is_in_its_tests(name: str, tmp_path: Path) -> None:
    (suite,) = suites((DOCS / "cookbook" / f"{name}.md").read_text(encoding="utf-8"), tmp_path)
    expected = [each for case in suite.cases for each in case.test.expect]
    told = {each.rule for one in expected for each in one.told or ()}
    assert {rule.id for rule in suite.rules if rule.type not in ("budget", "no_data")} <= told


@pytest.mark.parametrize("name", TYPES)
def test_the_page_of_a_type_of_rule_says_all_there_is_to_know_of_it(name: str) -> None:
    page = (DOCS / "rules" / f"{name}.md").read_text(encoding="utf-8")
    asked = {"The smallest rule", "What it says", "When it is silent", "Its test", "Recipes"}
    assert asked - set(re.findall(r"(?m)^## (.*)$", page)) == set()
    assert f"(../reference/rules.md#rules.{name})" in page
    recipes = set(re.findall(r"\(\.\./cookbook/([\w-]+)\.md\)", page))
    assert len(recipes) >= 2
    assert any(f"type: {name}\n" in (RECIPES / f"{recipe}.yaml").read_text() for recipe in recipes)


def test_the_cookbook_lists_each_recipe_once() -> None:
    listed = re.findall(r"\(cookbook/([\w-]+)\.md\)", (DOCS / "cookbook.md").read_text(encoding="utf-8"))
    assert sorted(listed) == NAMES
    assert len(NAMES) >= 20


def test_no_two_recipes_have_a_rule_of_one_id() -> None:
    """All of them may stand in one configuration."""
    ids = [name for path in RECIPES.glob("*.yaml") for name in re.findall(r"- id: (\S+)", path.read_text())]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("name", sorted({*TYPES, "alert-life"}))
async def test_a_picture_shows_the_story_of_its_page(name: str, tmp_path: Path) -> None:
    """And each type of rule has a page with a picture."""
    drawn = await runpy.run_path(str(DOCS / "pictures" / "rules.py"))["picture"](name, tmp_path)
    kept = (DOCS / "pictures" / "rules" / f"{name}.svg").read_text(encoding="utf-8")
    assert drawn == kept, "make pictures ARGS=rules draws it"
    page = DOCS / ("rules" if name in TYPES else "concepts") / f"{name}.md"
    assert f"(../pictures/rules/{name}.svg)" in page.read_text(encoding="utf-8")


def test_there_is_a_recipe_for_each_type_of_rule() -> None:
    used = {name for path in RECIPES.glob("*.yaml") for name in re.findall(r"type: (\S+)", path.read_text())}
    assert used == set(TYPES)

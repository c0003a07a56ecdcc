"""A mistake ends with the page that explains its key, and the anchor is there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.reference.facts import RECORDED
from watcher.config.pages import anchors_of, explained, lines
from watcher.config.rule_files import load_rules
from watcher.config.settings import read_settings
from watcher.domain.values.errors import MOST_SHOWN, ConfigurationError, Place, Problem


def recorded() -> Iterator[tuple[str, str]]:
    text = "".join(path.read_text(encoding="utf-8") for path in (RECORDED / "configurations").glob("*.txt"))
    yield from re.findall(r"\(docs: reference/([\w-]+)\.md#([^)]+)\)", text)


def test_each_anchor_that_a_recorded_mistake_ends_with_is_there() -> None:
    found = set(recorded())
    assert len(found) > 50
    assert [(page, anchor) for page, anchor in found if anchor not in anchors_of(page)] == []


def about(*way: str) -> str:
    return explained(Problem(Place("watcher.yaml"), "is wrong", way=way))


@pytest.mark.parametrize(
    ("way", "page"),
    [
        (
            ("configuration", "sources", "cs", "coinstats", "credits", "limit"),
            "sources.coinstats.credits.limit",
        ),
        (("configuration", "sources", "teos", "coinstats", "api_key"), "sources.api_key"),
        (("configuration", "channels", "slack", "apprise", "url"), "channels.apprise.url"),
        (("configuration", "channels", "ops", "telegram", "quiet", "from"), "channels.quiet.from"),
        (("configuration", "wallets", "chain"), "wallets"),
        (("configuration", "sources", "t", "teos", "units", "0x1", "symbol"), "sources.teos.units.symbol"),
        (("configuration", "log"), "log"),
    ],
)
def test_a_key_leads_to_its_kind_whatever_its_entry_is_called(way: tuple[str, ...], page: str) -> None:
    assert about(*way) == f"reference/configuration.md#{page}"


def test_a_key_that_nobody_knows_leads_to_what_is_around_it() -> None:
    assert about("rules", "rules", "threshold", "lower") == "reference/rules.md#rules.threshold"
    assert about("rules", "rules", "change", "match", "tag") == "reference/rules.md#rules.match"


def test_what_no_page_explains_ends_with_none() -> None:
    assert about() == about("configuration") == about("configuration", "nonsense") == about("no", "log") == ""


def test_every_mistake_of_a_file_is_told_with_its_page(tmp_path: Path) -> None:
    path = tmp_path / "watcher.yaml"
    path.write_text("version: 1\nsources:\n  cs: {kind: coinstats, api_key: k, credits: {limit: 0}}\n")
    told = lines(ConfigurationError(read_settings(path, {}).problems))
    pages = ("wallets", "sources.coinstats.credits.limit")
    assert [line.rpartition(" (docs: ")[2] for line in told] == [
        f"reference/configuration.md#{page})" for page in pages
    ]


def test_a_rule_file_leads_to_the_keys_of_rules(tmp_path: Path) -> None:
    path = tmp_path / "rules.yaml"
    path.write_text("rules:\n  - {id: low, type: threshold, below: few}\n")
    with pytest.raises(ConfigurationError) as found:
        load_rules([path], None, None, None)
    (line,) = lines(found.value)
    assert line.endswith(" (docs: reference/rules.md#rules.threshold.below)")


def test_what_is_left_out_of_a_long_list_is_still_said() -> None:
    problem = Problem(Place("watcher.yaml"), "is wrong", way=("configuration", "log"))
    said = lines(ConfigurationError([problem] * (MOST_SHOWN + 1)))
    assert len(said) == MOST_SHOWN + 1
    assert said[-1].startswith("… and 1 more")

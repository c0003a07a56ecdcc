"""Members are alike if they have the same rules and watch list, and may spend the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, create_model

from tests.config.given import SOUND
from watcher.app.identity import fingerprint_of, identity_of
from watcher.config.configuration import Configuration, configure
from watcher.domain.records import replace

RULES = "rules:\n  - {id: low, type: threshold, below: '1'}\n"
ENV = {"COINSTATS_API_KEY": "k-5d0c91", "HOOK": "h"}


def read(folder: Path, *edits: tuple[str, str], rules: str = RULES, **env: str) -> Configuration:
    text = SOUND
    for old, new in edits:
        assert old in text
        text = text.replace(old, new)
    path = folder / "watcher.yaml"
    path.write_text(text + "rules: [rules.yaml]\n" if "rules:" not in text else text)
    (folder / "rules.yaml").write_text(rules)
    return configure(path, {**ENV, **env})


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("    tags: [treasury]", "    tags: [other]"),
        ("    every: 1m", "    every: 2m"),
        ("    every: 1m", "    every: 1m\n    weight: 5"),
        ('assets: ["0x0fc6e610b23b09fae00e10001"]', 'assets: ["0x0fc6e610b23b09fae00e10002"]'),
        ("    kind: coinstats", "    kind: coinstats\n    credits: {limit: 40000}"),
        ("    kind: coinstats", "    kind: coinstats\n    requests_per_second: 5"),
        ("  ops:", "  others:"),
    ],
)
def test_members_that_would_ask_judge_or_spend_otherwise_are_not_alike(
    tmp_path: Path, old: str, new: str
) -> None:
    assert fingerprint_of(read(tmp_path, (old, new))) != fingerprint_of(read(tmp_path))


def test_members_with_other_rules_are_not_alike(tmp_path: Path) -> None:
    other = fingerprint_of(read(tmp_path, rules=RULES.replace("'1'", "'2'")))
    assert other != fingerprint_of(read(tmp_path))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("    kind: coinstats", "    kind: coinstats\n    base_url: http://127.0.0.1:9"),
        ("    kind: coinstats", "    kind: coinstats\n    timeout: 5s"),
        ("version: 1", "version: 1\ndisplay: {locale: de}"),
    ],
)
def test_the_way_to_a_source_and_how_things_are_shown_may_differ(tmp_path: Path, old: str, new: str) -> None:
    assert fingerprint_of(read(tmp_path, (old, new))) == fingerprint_of(read(tmp_path))


def test_members_with_keys_of_their_own_are_alike_and_no_key_is_told(tmp_path: Path) -> None:
    other = read(tmp_path, COINSTATS_API_KEY="another-one")
    assert identity_of(other) == identity_of(read(tmp_path))
    assert "another-one" not in repr(identity_of(other))


def test_a_version_that_knows_one_thing_more_of_a_rule_or_a_source_is_alike_until_it_is_said(
    tmp_path: Path,
) -> None:
    found = read(tmp_path)

    def later(model: BaseModel, **said: int) -> Any:
        made = create_model("Later", __base__=type(model), new_thing=(int, 7))
        return made.model_construct(**{**dict(model), **said}, _fields_set=None)

    def of_next_version(**said: int) -> str:
        sources = {name: later(kind, **said) for name, kind in found.settings.sources.items()}
        rules = tuple(later(rule, **said) for rule in found.rules)
        return fingerprint_of(replace(found, rules=rules, settings=replace(found.settings, sources=sources)))

    assert of_next_version() == fingerprint_of(found)
    assert of_next_version(new_thing=8) != fingerprint_of(found)


def test_members_of_the_versions_before_are_alike(tmp_path: Path) -> None:
    assert fingerprint_of(read(tmp_path)) == "0cc4c53e3f2e"

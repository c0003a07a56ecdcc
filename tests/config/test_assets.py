"""The `assets:` of a configuration."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from tests.config.given import SOUND, line_of, load, mistakes
from watcher.config.json_schema import json_schema

ASSETS = """\
assets:
  - match: {assets: ["0xa0b86991c6218b36c1d19d4a2e9eb0ce3606eb48"]}
    allow: true
  - match: {wallets: [treasury]}
    floor_usd: $10
    jump: off
"""


def test_what_is_said_of_assets_is_read_in_its_order(tmp_path: Path) -> None:
    first, second = load(tmp_path, SOUND + ASSETS).assets
    assert first.allow is True
    assert (second.floor_usd, second.jump, second.model_fields_set) == (
        Decimal(10), None, {"match", "floor_usd", "jump"},
    )  # fmt: skip
    assert load(tmp_path).assets == ()


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("wallets: [treasury]", "wallets: [tresury]", "no wallet is called 'tresury'"),
        ("allow: true", "alow: true", "unknown key 'alow'"),
        ("jump: off", "jump: 3", "at least 100"),
        ("allow: true", "allow: maybe", "allow"),
    ],
)
def test_a_mistake_is_told_with_its_line(tmp_path: Path, old: str, new: str, words: str) -> None:
    text = SOUND + ASSETS.replace(old, new)
    problems = mistakes(tmp_path, text)
    assert words in str(problems[0])
    assert f"watcher.yaml:{line_of(text, new)}:" in str(problems[0])


def test_the_schema_knows_them() -> None:
    schema = json_schema()
    entry = schema["$defs"]["AssetEntry"]
    assert set(entry["properties"]) == {"match", "allow", "floor_usd", "jump", "rebasing"}
    assert schema["properties"]["assets"]["items"] == {"$ref": "#/$defs/AssetEntry"}

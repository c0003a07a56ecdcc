"""JSON is read the quick way, and nobody can tell: the tree and every place are those that YAML gives."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.configured import load_settings
from watcher.config import yaml_reader
from watcher.config.document import Document, Node
from watcher.config.environment import Environment
from watcher.domain.values.errors import ConfigurationError

TEXTS = st.text(st.characters(codec="ascii"), max_size=30) | st.sampled_from(
    ["", "null", "true", "1", "0x12", "0.5", "<<", "*a", "&a", "!tag", "$$", "${HOME}", "${NO_SUCH}", "a: b"]
)
NUMBERS = st.integers(-(10**25), 10**25) | st.floats(allow_nan=True)
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)


def both(folder: Path, text: str) -> tuple[Document, Document]:
    """The document as it is read, and as YAML reads it."""
    path = folder / "file.json"
    path.write_bytes(text.encode())
    expand = Environment({"HOME": "here"}, folder).expand
    quick = yaml_reader.read_document(path, expand)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(yaml_reader, "quick_tree", lambda *_, **__: None)
        return quick, yaml_reader.read_document(path, expand)


def tree(node: Node) -> Any:
    value: Any = node.value
    if isinstance(value, dict):
        value = {key: tree(each) for key, each in value.items()}
    elif isinstance(value, list):
        value = [tree(each) for each in value]
    text = str(node.value) if type(node.value) is int else node.text  # -0 is written in two ways
    return (node.line, node.column, type(node.value), value, text, dict(node.keys), node.hidden, node.size)


@settings(max_examples=200)
@given(
    value=st.dictionaries(TEXTS, VALUES, max_size=4) | st.lists(VALUES, max_size=4),
    indent=st.sampled_from([None, 1, 2]),
)
def test_json_gives_the_tree_that_yaml_gives(
    value: Any, indent: int | None, tmp_path_factory: pytest.TempPathFactory
) -> None:
    quick, slow = both(tmp_path_factory.getbasetemp(), json.dumps(value, indent=indent))

    quick.place(())
    assert quick.problems == slow.problems
    assert tree(quick.root) == tree(slow.root)


def test_plain_json_is_read_the_quick_way(tmp_path: Path) -> None:
    quick, slow = both(tmp_path, '{"a": [1, "${HOME}"]}')

    assert quick.places is not None
    assert slow.places is None


@pytest.mark.parametrize(
    "text",
    [
        '{"a": 1, "a": 2}',
        '{"a": "${NO_SUCH}"}',
        '{"a": "\N{LINE SEPARATOR}"}',
        '{"a": "\x7f"}',
        '{"a": "\\u0085"}',
        '{"a": 1,}',
        "[" * 50 + "]" * 50,
        "[" * 5000 + "]" * 5000,
        "# no JSON\n{a: b}",
    ],
)
def test_what_json_and_yaml_may_read_differently_is_left_to_yaml(tmp_path: Path, text: str) -> None:
    quick, slow = both(tmp_path, text)

    assert quick.places is None
    assert quick.problems == slow.problems
    assert tree(quick.root) == tree(slow.root)


@pytest.mark.parametrize("backslashes", range(4))
def test_a_character_of_two_halves_may_follow_backslashes(tmp_path: Path, backslashes: int) -> None:
    text = "\\" * backslashes + "\N{LINEAR B SYLLABLE B008 A} \\ud800\\udc00"
    quick, _ = both(tmp_path, json.dumps([text]))

    assert (quick.problems, quick.root.plain()) == ([], [text])


def test_json_that_yaml_refuses_is_read_without_places(tmp_path: Path) -> None:
    quick, slow = both(tmp_path, '{"a"\n: 1}')

    assert slow.problems
    assert quick.root.plain() == {"a": 1}
    assert quick.place(("a",)) == (str(quick.path), 1, 1)


MISTAKEN = """{
  "version": 1,
  "sources": {
    "coinstats": {"kind": "coinstats", "api_key_file": "key", "requests_per_second": -1}
  },
  "wallets": [
    {"name": "a", "source": "coinstats", "address": "0x12", "chains": ["ethereum"]},
    {"name": "a", "source": "coinstat", "address": "0x13", "chains": ["ethereum"], "evry": "5m"},
    {"name": "a", "source": "coinstats", "address": "0x14", "chains": "Ethereum", "every": 5}
  ],
  "channels": {"ops": {"url": "json://localhost"}}, "rule": []
}
"""


def test_mistakes_in_json_are_told_where_they_stand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "key").write_text("secret")
    path = tmp_path / "watcher.json"
    path.write_text(MISTAKEN)

    with pytest.raises(ConfigurationError) as quick:
        load_settings(path, {})
    monkeypatch.setattr(yaml_reader, "quick_tree", lambda *_, **__: None)
    with pytest.raises(ConfigurationError) as slow:
        load_settings(path, {})

    assert quick.value.problems == slow.value.problems
    assert len(quick.value.problems) >= 5
    assert all(not each.where.endswith(":0:0") for each in quick.value.problems)

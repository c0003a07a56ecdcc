"""What the reader keeps, what it refuses, and where it says a mistake is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from watcher.config.document import Document
from watcher.config.yaml_reader import read_document


def read(folder: Path, text: str | bytes) -> Document:
    path = folder / "file.yaml"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return read_document(path)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("0.5", "0.5"),
        ("0.10", "0.10"),
        ("1e3", "1e3"),
        ("1.100000000000000000000000001", "1.100000000000000000000000001"),
        ("007", "007"),
        ("123456789012345678901234567890", "123456789012345678901234567890"),
        (".nan", ".nan"),
        ("2026-01-02", "2026-01-02"),
        ("12:30:45", "12:30:45"),
        ("yes", "yes"),
        ("off", "off"),
        ("20000", 20000),
        ("-3", -3),
        ('"20000"', "20000"),
        ("true", True),
        ('"true"', "true"),
        ("null", None),
        ("~", None),
        ('""', ""),
        ("!!str 12", "12"),
    ],
)
def test_a_value_is_what_was_written(tmp_path: Path, written: str, meant: object) -> None:
    document = read(tmp_path, f"key: {written}\n")

    assert document.problems == []
    assert document.root.plain() == {"key": meant}
    assert type(document.root.plain()["key"]) is type(meant)


def test_words_that_yaml_takes_for_booleans_are_words_as_keys_too(tmp_path: Path) -> None:
    assert read(tmp_path, "off: a\nno: b\n1: c\n").root.plain() == {"off": "a", "no": "b", "1": "c"}


@pytest.mark.parametrize("text", ["a: 0x52\n", "0x52: a\n", "a: [0x52]\n", "a: {0x52: b}\n"])
def test_an_unquoted_hex_number_is_told_to_be_quoted(tmp_path: Path, text: str) -> None:
    document = read(tmp_path, text)

    (problem,) = document.problems
    assert problem.where == f"{tmp_path}/file.yaml:1:{text.index('0x') + 1}"
    assert "quotes" in problem.remedy


def test_a_key_stands_only_once(tmp_path: Path) -> None:
    document = read(tmp_path, "a:\n  b: 1\n  c: 2\n  b: 3\n")

    (problem,) = document.problems
    assert problem.where.endswith(":4:3")
    assert "'b'" in problem.what
    assert "line 2" in problem.what


def test_aliases_and_merges_are_read_where_they_stand(tmp_path: Path) -> None:
    document = read(tmp_path, "a: &x {k: 1, l: 2}\nb: *x\nc:\n  <<: *x\n  l: 3\n")

    assert document.problems == []
    assert document.root.plain()["b"] == {"k": 1, "l": 2}
    assert document.root.plain()["c"] == {"l": 3, "k": 1}


def test_an_alias_bomb_is_refused_before_it_grows(tmp_path: Path) -> None:
    lines = ["a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 30)]

    document = read(tmp_path, "\n".join(lines))

    (problem,) = document.problems
    assert "aliases" in problem.what
    assert document.root.value is None


@pytest.mark.parametrize(
    ("text", "place", "said"),
    [
        ("a: &x [*x]\n", "1:8", "alias"),
        ("a: *nowhere\n", "1:4", "alias"),
        ("a: " + "[" * 60 + "]" * 60, "1:44", "nested deeper"),
        ("a: 1\n---\nb: 2\n", "2:1", "second document"),
        ("a: !!python/object:os.system x\n", "1:4", "tags"),
        ("? [a]\n: b\n", "1:3", "plain word"),
        ("a: b: c\n", "1:5", "not valid YAML"),
        ("a: 1\n\tb: 2\n", "2:1", "not valid YAML"),
        ('a: "open\n', "2:1", "not valid YAML"),
        ("a: [1, 2\nb: 3\n", "2:2", "not valid YAML"),
    ],
)
def test_what_cannot_be_read_is_told_with_its_place(tmp_path: Path, text: str, place: str, said: str) -> None:
    document = read(tmp_path, text)

    (problem,) = document.problems
    assert said in problem.what
    assert problem.where == f"{tmp_path}/file.yaml:{place}"
    assert problem.remedy


@pytest.mark.parametrize(
    ("text", "remedy"),
    [
        ("a:\n  kind teos\n  key: ${X}\n", "colon"),
        ("a:\n  kind: teos\n    key: ${X}\n", "the line before for its colon"),
        ('a: "open\nb: 1\nc: "x"\n', "a quote above is not closed"),
        ("a: 'it's'\n", "stands inside a quoted text"),
        ("a: {b: ${X}}\n", "${…} needs quotes"),
        ("a:\n\u00a0 b: 1\n    c: 2\n", "no ordinary one"),
        ("a:\n  - b: 1\n   c: 2\n", "indentation of this line and the one before"),
    ],
)
def test_the_remedy_of_a_syntax_error_is_about_the_mistake(tmp_path: Path, text: str, remedy: str) -> None:
    (problem,) = read(tmp_path, text).problems

    assert remedy in problem.remedy, str(problem)


def test_a_syntax_error_shows_nothing_of_the_text(tmp_path: Path) -> None:
    for text in ("key: !hunter22!x 1\n", "key: *hunter22\n", "key: %hunter22\n", "key: [hunter22: }\n"):
        problems = read(tmp_path, text).problems

        assert problems
        assert not any("hunter22" in str(problem) for problem in problems)


def test_a_file_that_is_not_text_is_refused_with_its_line(tmp_path: Path) -> None:
    (problem,) = read(tmp_path, b"a: 1\nb: \xff\xfe\n").problems

    assert problem.where.endswith(":2:1")
    assert "UTF-8" in problem.what


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    (problem,) = read_document(tmp_path / "gone.yaml").problems

    assert "no such file" in problem.what
    assert read_document(tmp_path).problems


@pytest.mark.parametrize("indent", [None, 2, "\t"])
def test_json_is_read_as_it_is(tmp_path: Path, indent: Any) -> None:
    value = {"a": [1, "0x52", None, True], "b": {"c": "tab\there, / and \U0001f600 é \\ud83d", "d": ""}}

    document = read(tmp_path, json.dumps(value, indent=indent))

    assert document.problems == []
    assert document.root.plain() == value

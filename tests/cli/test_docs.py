"""`watcher docs`: the pages that ship with the package, and the parts of them that mistakes lead to."""

from __future__ import annotations

import pytest

from watcher.cli.docs import MOST, docs, section
from watcher.config.pages import FOLDER

PAGE = """\
# Keys

## sources

| key | what |
|---|---|
| <a id="sources.a"></a>`a` | one |
| <a id="sources.a.b"></a>`a.b` | two |
| <a id="sources.c"></a>`c` | three |

### Kind `x`, alone

<a id="sources.x"></a>It has no keys.

## wallets

What is watched.
"""


def test_the_list_has_every_page_with_its_title(capsys: pytest.CaptureFixture[str]) -> None:
    assert docs() == 0
    listed = dict(line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines())
    assert len(listed) == len(list(FOLDER.rglob("*.md")))
    assert listed["reference/configuration"] == "Keys of watcher.yaml"


@pytest.mark.parametrize("name", ["reference/exit-codes", "reference/exit-codes.md"])
def test_a_page_is_shown_as_it_is(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert docs([name]) == 0
    text = (FOLDER / "reference" / "exit-codes.md").read_text(encoding="utf-8")
    assert capsys.readouterr().out.strip() == text.strip()


def test_what_a_mistake_ends_with_leads_to_its_key(capsys: pytest.CaptureFixture[str]) -> None:
    assert docs(["reference/configuration.md#sources.coinstats.credits"]) == 0
    shown = capsys.readouterr().out
    assert "### sources: kind coinstats" in shown
    assert "| `credits.limit` |" in shown
    assert "requests_per_second" not in shown
    assert "<a id" not in shown


def test_a_key_is_shown_with_those_below_it() -> None:
    assert section(PAGE, "sources.a").splitlines()[-2:] == [
        '| <a id="sources.a"></a>`a` | one |',
        '| <a id="sources.a.b"></a>`a.b` | two |',
    ]


def test_a_heading_is_shown_with_all_that_stands_below_it() -> None:
    assert "It has no keys." in section(PAGE, "sources")
    assert section(PAGE, "kind-x-alone") == section(PAGE, "sources.x")
    assert section(PAGE, "wallets").endswith("What is watched.")


def test_words_are_found_in_headings_first(capsys: pytest.CaptureFixture[str]) -> None:
    assert docs(["quiet", "hours"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert ": ## Quiet hours" in lines[0]
    assert len(lines) <= MOST + 1


@pytest.mark.parametrize("name", ["no such words", "../README", "/etc/passwd", "reference/rules#nothing"])
def test_what_is_not_there_is_said(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert docs([name]) == 1
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err

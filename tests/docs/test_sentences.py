"""Sentences of the pages are short: 17 words in the mean of a page, 35 at most."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.docs.shown import DOCS, ROOT

MEAN, MOST = 17, 35
PAGES = ["README.md", *sorted(str(path.relative_to(ROOT)) for path in DOCS.rglob("*.md"))]
_ENDS = re.compile(r"(?<=[.!?])[*_)\"”]*\s+(?=[^a-z\s])")
_ASIDE = re.compile(r"(?m)^```[\s\S]*?^```$|<!--[\s\S]*?-->|^#+ .*$|^ *!\[.*$|^\|[-:| ]+\|$")


def sentences(text: str) -> list[str]:
    """The sentences of a page's paragraphs, lists and cells of tables; of cells only whole ones."""
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", _ASIDE.sub("\n", text))
    text = re.sub(r"`[^`]*`", "Code", text)  # a sentence may begin with it
    found = []
    for block in re.split(r"\n\s*\n|\n(?=\s*(?:[-*]|\d+\.) )|\n(?=\|)", text):
        cells = block.strip().strip("|").split("|") if block.lstrip().startswith("|") else [block]
        for cell in cells:
            parts = [each for each in _ENDS.split(" ".join(cell.split())) if each]
            found += parts if len(cells) == 1 or cell.rstrip().endswith(".") else []
    return found


def lengths(text: str) -> list[tuple[int, str]]:
    return [(len(re.findall(r"[\w'’.,-]*\w", each)), each) for each in sentences(text)]


@pytest.mark.parametrize("page", PAGES)
def test_the_sentences_of_a_page_are_short(page: str) -> None:
    found = lengths(Path(ROOT, page).read_text(encoding="utf-8"))
    assert [each for count, each in found if count > MOST] == []
    assert not found or sum(count for count, _ in found) / len(found) <= MEAN


def test_sentences_are_counted_as_people_count_them() -> None:
    page = (
        "# A title\n\nOne two `x y`. Three, four\nfive: six!\n\n- an item\n- Another. With two.\n| a. | b |"
    )
    assert [count for count, _ in lengths(page)] == [3, 4, 2, 1, 2, 1]


def test_the_readme_is_read_in_one_go() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 120

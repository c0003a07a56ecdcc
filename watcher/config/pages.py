"""Pages that ship with the package: which of them explains a key, and where in it."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files
from pathlib import Path

from watcher.domain.values.errors import ConfigurationError, Problem

FOLDER = Path(str(files("watcher") / "docs"))
_ANCHOR = re.compile(r'<a id="([^"]+)">|^## (\w+)$', re.MULTILINE)


def explained(problem: Problem) -> str:
    """Page and anchor of the key that a mistake is about, as in `reference/rules.md#rules.match`."""
    page, *keys = problem.way or ("",)
    anchors = anchors_of(page)
    found: tuple[str, ...] = ()
    for key in keys:  # names too, as they stand in the file: they lead nowhere
        ways = [(*found[:length], key) for length in range(len(found), 0, -1)] or [(key,)]
        found = next((way for way in ways if ".".join(way) in anchors), found)
    return f"reference/{page}.md#{'.'.join(found)}" if found else ""


def lines(error: ConfigurationError) -> list[str]:
    """The mistakes for people, each with the page that explains its key."""
    said = error.lines()
    for number, (line, problem) in enumerate(zip(said, error.problems, strict=False)):
        page = explained(problem) if line == str(problem) else ""
        said[number] = f"{line} (docs: {page})" if page else line
    return said


@cache
def anchors_of(page: str) -> frozenset[str]:
    """What can be led to on a page of reference; nothing if there is no such page."""
    path = FOLDER / "reference" / f"{page}.md"
    text = path.read_text(encoding="utf-8") if page and path.is_file() else ""
    return frozenset(first or second for first, second in _ANCHOR.findall(text))

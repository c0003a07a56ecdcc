"""The verb `docs`: the pages that ship with watcher, without a browser."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

MOST = 40
"""Places that are shown where words are found."""
_ANCHOR = re.compile(r'<a id="([^"]*)"></a>')
_HEADING = re.compile(r"(#+) (.*)")

Wanted = Annotated[
    list[str] | None,
    typer.Argument(metavar="PAGE", help="A page, or with #ANCHOR a part of it; or words to look for."),
]


def docs(page: Wanted = None) -> int:
    """Read the documentation: its pages, one of them, or where words stand in it.

    Messages about mistakes end with a page and an anchor, which can be given here as they stand there.
    Exit code 1 if nothing is found.
    """
    from watcher.config.pages import FOLDER

    wanted = " ".join(page or ())
    name, _, anchor = wanted.partition("#")
    path = FOLDER / f"{name.removesuffix('.md')}.md"
    if not wanted:
        for each in _pages(FOLDER):
            typer.echo(f"{_named(each, FOLDER):34} {_title(each)}")
        return 0
    if name and path.is_file() and path.resolve().is_relative_to(FOLDER.resolve()):
        text = path.read_text(encoding="utf-8")
        part = section(text, anchor) if anchor else text
        if not part:
            typer.echo(f"{_named(path, FOLDER)} has no part '{anchor}'", err=True)
            return 1
        _show(part)
        return 0
    return _search(FOLDER, wanted)


def _search(folder: Path, words: str) -> int:
    found = [
        f"{_named(each, folder)}: {' '.join(_ANCHOR.sub('', line).split())}"
        for headings in (True, False)
        for each in _pages(folder)
        for line in each.read_text(encoding="utf-8").splitlines()
        if words.lower() in line.lower() and headings == line.startswith("#")
    ]
    if not found:
        typer.echo(f"there is no page '{words}', and no page says that; `watcher docs` lists them", err=True)
        return 1
    for line in found[:MOST]:
        typer.echo(line)
    if len(found) > MOST:
        typer.echo(f"… and {len(found) - MOST:,} more places")
    return 0


def section(text: str, anchor: str) -> str:
    """The part of a page at an anchor: what stands below a heading, or a key with those below it."""
    lines = text.splitlines()
    headings = [number for number, line in enumerate(lines) if _HEADING.match(line)]
    at = next((n for n, line in enumerate(lines) if f'<a id="{anchor}">' in line), None)
    if at is not None and lines[at].startswith("|"):
        head = max(n for n in range(at) if lines[n].startswith("|---"))
        above = [lines[n] for n in headings if n < at][-1:]
        return "\n".join((*above, "", *lines[head - 1 : head + 1], *_rows(lines[at:], anchor)))
    if at is not None:
        begin = max((n for n in headings if n <= at), default=0)
    else:
        begin = next((n for n in headings if _slug(lines[n]) == anchor), -1)
    if begin < 0:
        return ""
    depth = len(lines[begin]) - len(lines[begin].lstrip("#"))
    ends = (n for n in headings if n > begin and not lines[n].startswith("#" * (depth + 1)))
    return "\n".join(lines[begin : next(ends, len(lines))])


def _rows(lines: list[str], anchor: str) -> Iterator[str]:
    yield lines[0]
    for line in lines[1:]:
        found = _ANCHOR.search(line)
        if found is None or not found[1].startswith(f"{anchor}."):
            return
        yield line


def _slug(heading: str) -> str:
    """The anchor of a heading, as code hosts and the built site make it."""
    return re.sub(r"[^\w\- ]", "", heading.lstrip("#").strip().lower()).replace(" ", "-")


def _show(text: str) -> None:
    text = re.sub(r"<!--.*?-->\n*", "", _ANCHOR.sub("", text), flags=re.DOTALL)
    if not sys.stdout.isatty():
        typer.echo(text)
        return
    from rich.console import Console
    from rich.markdown import Markdown

    console = Console()
    with console.pager(styles=True):
        console.print(Markdown(text))


def _pages(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.md"), key=lambda path: (len(path.parts), path.parts))


def _named(path: Path, folder: Path) -> str:
    return path.relative_to(folder).with_suffix("").as_posix()


def _title(path: Path) -> str:
    with path.open(encoding="utf-8") as lines:
        return next((line.removeprefix("# ").strip() for line in lines if line.startswith("# ")), "")

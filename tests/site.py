"""Whether the built documentation loads anything from elsewhere: `python -m tests.site` looks at site/."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

SITE = Path(__file__).parents[1] / "site"
_LOADING = {"script": "src", "img": "src", "iframe": "src", "source": "src", "link": "href", "object": "data"}
_ADDRESS = re.compile(r"(?:https?:)?//")
_OF_CSS = re.compile(r"(?:url\(|@import)\s*['\"]?((?:https?:)?//[^'\")\s]+)")


class Loads(HTMLParser):
    """What a page loads by itself; links that a reader follows are not."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found = _OF_CSS.findall(page)
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        address = values.get(_LOADING.get(tag, "")) or ""
        if _ADDRESS.match(address) and values.get("rel") != "canonical":
            self.found.append(address)
        if "mermaid" in (values.get("class") or ""):
            self.found.append("a diagram of mermaid, whose script the theme loads")


def loads(folder: Path) -> Iterator[str]:
    """Each load from elsewhere, with its page."""
    for path in sorted((*folder.rglob("*.html"), *folder.rglob("*.css"))):
        text = path.read_text(encoding="utf-8")
        found = Loads(text).found if path.suffix == ".html" else _OF_CSS.findall(text)
        yield from (f"{path.relative_to(folder)}: {each}" for each in found)


if __name__ == "__main__":
    if not (SITE / "index.html").exists():
        sys.exit("there is no site/index.html: mkdocs build")
    if told := list(loads(SITE)):
        sys.exit("loaded from elsewhere:\n" + "\n".join(told))

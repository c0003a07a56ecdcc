"""What the search of the site shows first: pages that explain, not those of one case or of the code."""

from __future__ import annotations

from typing import Any

_BOOSTS = {
    "rules": 3, "reference/rules": 2, "reference/chains": 3, "start": 3, "concepts": 2, "howto": 2,
    "channels": 1.5, "trouble": 3, "faq": 3, "cookbook": 0.3, "decisions": 0.2, "architecture": 0.2,
    "contributing": 0.2, "survival": 0.2, "benchmarks": 0.2, "glossary": 0.5, "security": 0.5,
    "reference/cli": 0.5,
}  # fmt: skip
"""Page or folder → by how much it counts."""


def on_page_markdown(markdown: str, *, page: Any, **_: Any) -> str:
    """As front matter would say it, which code hosts show as a table."""
    path = page.file.src_uri.removesuffix(".md")
    boost = _BOOSTS.get(path) or _BOOSTS.get(path.partition("/")[0])
    if boost:
        page.meta["search"] = {"boost": boost}
    return markdown

"""What must differ from one run to the next is replaced; all else is compared as it is.

The clock of the verbs stands still (`process.py`), so that times, ages and ids are the same each time.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from html.parser import HTMLParser

RULES: Mapping[str, tuple[str, str]] = {
    # Every server here listens on a free port of loopback; the system gives those of five digits.
    "ports": (r"\b127\.0\.0\.1:\d{5}\b", "127.0.0.1:<port>"),
    # Another release, another Python or library is no change of what users see.
    "versions": (
        r"\b(watcher|Python|SQLite|aiohttp|apprise|apscheduler|pydantic|sqlite-utils) \d+\.[\d.a-z]+",
        r"\1 <version>",
    ),
    "versions in JSON": (
        r'("(?:watcher|python|sqlite|sqlite-utils|aio\w+|ap\w+|pydantic|version)": )"\d+\.[^"]*"',
        r'\1"<version>"',
    ),
    # How large SQLite makes a file.
    "bytes": (r"\b[\d,.]+ (bytes|KiB|MiB|KB|MB)\b", r"<size> \1"),
    "bytes in JSON": (r'("bytes": )\d+', r"\1<size>"),
    # The names of loggers are those of modules.
    "loggers": (r"\b(debug|info|warning|error) +watcher[\w.]*:", r"\1 watcher.<module>:"),
    # Who holds the lock.
    "processes": (r"\b(pid|process) \d+", r"\1 <pid>"),
}


def normal(text: str, folders: Mapping[str, str] = {}) -> str:
    """`folders`: path → name."""
    for path in sorted(folders, key=len, reverse=True):
        text = text.replace(path, f"<{folders[path]}>")
    for pattern, instead in RULES.values():
        text = re.sub(pattern, instead, text)
    return text


def schema(text: str) -> str:
    """A JSON Schema, its keys in the order of the alphabet: their order means nothing."""
    return json.dumps(json.loads(text), indent=2, ensure_ascii=False, sort_keys=True) + "\n"


UNSTEADY = re.compile(
    r"watcher_(poll_duration_seconds_(?:bucket|sum)|db_size_bytes|loop_lag_seconds)\b(\{.*\})? "
)
"""Metrics whose values depend on the machine."""


def metrics(text: str) -> str:
    """What `/metrics` says, without the values that depend on the machine."""
    lines = []
    for line in text.splitlines():
        found = UNSTEADY.match(line)
        # There is no lag before a minute is over.
        if found is None or found[1] != "loop_lag_seconds":
            lines.append(f"{found[0]}<value>" if found else line)
    return re.sub(r'(_build_info\{version=)"[^"]*"', r'\1"<version>"', "\n".join(lines)) + "\n"


def visible_text(page: str) -> str:
    """What people read of a page of HTML: a line for each piece of text."""
    reader = _Text()
    reader.feed(page)
    return "\n".join(reader.lines)


class _Text(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []
        self._hidden = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in ("script", "style"):
            self._hidden = tag

    def handle_endtag(self, tag: str) -> None:
        if tag == self._hidden:
            self._hidden = ""

    def handle_data(self, data: str) -> None:
        text = " ".join(data.split())
        if text and not self._hidden:
            self.lines.append(text)

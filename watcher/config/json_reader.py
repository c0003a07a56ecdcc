"""JSON → nodes without places, an eighth of YAML's time: a long watch list is mostly a program's JSON.

Who asks for a place has the file read once more, as YAML, which remembers all of them.
"""

from __future__ import annotations

import json
import re
from typing import Any

from watcher.config.document import NO_KEYS, Expand, Node, TextNodes

INTEGER = re.compile(r"-?(0|[1-9][0-9]{0,17})")
_SURROGATES = re.compile(r"\\u([dD][89abAB][0-9a-fA-F]{2})\\u([dD][c-fC-F][0-9a-fA-F]{2})")
_CONSTANTS: dict[bool | None, str] = {None: "null", True: "true", False: "false"}


def looks_like_json(text: str) -> bool:
    return text.lstrip()[:1] in ("{", "[")


def as_yaml(text: str) -> str:
    """JSON that YAML's grammar would refuse (tabs, surrogate pairs), in a form that it takes."""
    if not looks_like_json(text):
        return text
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return text
    # In JSON no tab stands inside a string, so columns and values both survive this.
    return _SURROGATES.sub(_joined, text.replace("\t", " "))


def _joined(match: re.Match[str]) -> str:
    before = start = match.start()
    while before and match.string[before - 1] == "\\":
        before -= 1
    if (start - before) % 2:  # the backslash is itself escaped, and what follows are plain letters
        return match.group()
    return bytes.fromhex(match[1] + match[2]).decode("utf-16-be")


def quick_tree(text: str, expand: Expand | None, *, deepest: int, most: int) -> Node | None:
    """The tree of a JSON file; None if that is not sure to be the same that YAML makes of it.

    It is not where there is a mistake, or a character that the two read differently.
    """
    if not looks_like_json(text) or not text.isascii() or "\\u" in text or "\x7f" in text:
        return None
    try:
        # Numbers with a point stay the text that was written.
        value = json.loads(
            text, parse_int=_whole, parse_float=str, parse_constant=str, object_pairs_hook=_unique
        )
        root = _Builder(expand, deepest).node(value, 0)
    except (ValueError, RecursionError):
        return None
    return root if root.size <= most else None


def _whole(text: str) -> int | str:
    return int(text) if INTEGER.fullmatch(text) else text


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key stands twice")
    return found


class _Builder(TextNodes):
    """Turns values into nodes."""

    def __init__(self, expand: Expand | None, deepest: int) -> None:
        super().__init__(expand)
        self._deepest = deepest

    def node(self, value: Any, depth: int) -> Node:
        """Raises ValueError for what is too deep, or cannot be expanded."""
        if depth > self._deepest:
            raise ValueError("too deep")
        if type(value) is str:
            return self._text(value, 0, 0)
        node = self.node
        if type(value) is dict:
            values = {key: node(each, depth + 1) for key, each in value.items()}
            return Node(0, 0, values, size=1 + sum([each.size for each in values.values()]))
        if type(value) is list:
            items = [node(each, depth + 1) for each in value]
            return Node(0, 0, items, "", NO_KEYS, size=1 + sum([each.size for each in items]))
        return Node(0, 0, value, _CONSTANTS[value] if type(value) is not int else str(value), NO_KEYS)

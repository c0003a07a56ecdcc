"""YAML and JSON files → plain data that remembers where each piece was written.

Read for people's files, so stricter than YAML and without its surprises: a number with a point or
an exponent stays the text that was written (exact), `yes`, `on` and `off` are words, an unquoted
`0x…` is a mistake instead of an integer, and a key may stand only once.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from watcher.domain.errors import Problem

MAX_BYTES = 16 * 1024 * 1024
MAX_NODES = 1_000_000
"""Aliases count as what they stand for: a few lines cannot grow into gigabytes."""
MAX_DEPTH = 40

Loc = Sequence[str | int]
Hidden = tuple[str, str]
"""A text that nobody may see, and what to show in its place."""
Expand = Callable[[str], tuple[str, tuple[Hidden, ...]]]
"""Scalar text → its expanded text, and what must stay hidden. Raises ValueError in words for people."""

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_WORDS: dict[str, bool | None] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_INTEGER = re.compile(r"-?(0|[1-9][0-9]{0,17})")
_HEX = re.compile(r"[-+]?0x[0-9a-fA-F_]+")
_SURROGATES = re.compile(r"\\u([dD][89abAB][0-9a-fA-F]{2})\\u([dD][c-fC-F][0-9a-fA-F]{2})")
_SYNTAX_REMEDIES = {
    "mapping values are not allowed": "a value that contains ': ' needs quotes; check the indentation too",
    "cannot start any token": "put the value in quotes, and indent with spaces instead of tabs",
    "found a tab": "indent with spaces instead of tabs",
    "did not find expected ',' or": "a bracket is not closed, or a comma is missing",
    "expected <block end>": "check the indentation of this line and the one before",
    "could not find expected ':'": "a key needs a colon and a space: 'key: value'",
    "while scanning a quoted scalar": "a quote is not closed",
    "found unexpected end of stream": "a quote or a bracket is not closed",
    "unknown escape": "use single quotes around a text with backslashes",
}


@dataclass(slots=True)
class Node:
    """One value and where it stands. `text` is a scalar as it was written, before any expansion."""

    line: int
    column: int
    value: str | int | bool | dict[str, Node] | list[Node] | None
    text: str = ""
    keys: dict[str, tuple[int, int]] = field(default_factory=dict)
    hidden: tuple[Hidden, ...] = ()
    size: int = 1
    faulty: bool = False
    """A mistake was reported here already; what else is wrong with it would only repeat that."""

    def plain(self) -> Any:
        """The value as dicts, lists and scalars."""
        if isinstance(self.value, dict):
            return {key: node.plain() for key, node in self.value.items()}
        if isinstance(self.value, list):
            return [node.plain() for node in self.value]
        return self.value

    def get(self, key: str) -> Node | None:
        return self.value.get(key) if isinstance(self.value, dict) else None

    def plain_keys(self) -> list[str]:
        return list(self.value) if isinstance(self.value, dict) else []

    def put(self, key: str, node: Node) -> None:
        """Set a key of a mapping, where `node` stands."""
        if isinstance(self.value, dict):
            self.value[key] = node
            self.keys[key] = (node.line, node.column)

    def drop(self, key: str) -> None:
        if isinstance(self.value, dict):
            self.value.pop(key, None)

    def children(self) -> Iterator[tuple[str | int, Node]]:
        if isinstance(self.value, dict):
            yield from self.value.items()
        elif isinstance(self.value, list):
            yield from enumerate(self.value)

    def all_hidden(self) -> Iterator[Hidden]:
        """What must stay hidden in this value and everything below it."""
        yield from self.hidden
        for _, node in self.children():
            yield from node.all_hidden()


@dataclass(slots=True)
class Document:
    """One file, its tree, and every mistake found in it so far."""

    path: Path
    root: Node
    problems: list[Problem] = field(default_factory=list)

    def at(self, loc: Loc) -> Node:
        """The node at `loc`, or the nearest one around it (a missing key, a tag of a union)."""
        return self._walk(loc)[0]

    def where(self, loc: Loc, *, key: bool = False) -> str:
        """`file:line:column` of a value, or of its key."""
        node, line, column = self._walk(loc)
        return f"{self.path}:{line}:{column}" if key else f"{self.path}:{node.line}:{node.column}"

    def report(self, loc: Loc, what: str, remedy: str = "", *, key: bool = False) -> None:
        """Note a mistake. Hidden texts are taken out of the words."""
        node = self.at(loc)
        self.problems.append(Problem(self.where(loc, key=key), veil(what, node), veil(remedy, node)))

    def in_order(self) -> list[Problem]:
        """The mistakes as a reader of the file meets them."""
        return sorted(self.problems, key=_position)

    def _walk(self, loc: Loc) -> tuple[Node, int, int]:
        node = self.root
        line, column = node.line, node.column
        for part in loc:
            below = None
            if isinstance(node.value, dict) and isinstance(part, str):
                below = node.value.get(part)
                line, column = node.keys.get(part, (line, column))
            elif isinstance(node.value, list) and isinstance(part, int) and part < len(node.value):
                below = node.value[part]
                line, column = below.line, below.column
            node = below or node
        return node, line, column


def _position(problem: Problem) -> tuple[int, ...]:
    found = re.search(r":([0-9]+):([0-9]+)$", problem.where)
    return (int(found[1]), int(found[2])) if found else (0, 0)


def veil(words: str, node: Node) -> str:
    """`words` without anything that is hidden in `node`."""
    for secret, shown in node.all_hidden():
        if secret:
            words = words.replace(secret, shown)
        # A part of it (a token inside a URL, say) is as bad as the whole.
        _, _, rest = secret.rpartition("://")
        parts = [part for part in re.split(r"[^A-Za-z0-9]+", rest) if len(part) >= 4]
        if any(part.lower() in words.replace(shown, "").lower() for part in parts):
            return f"the value is not accepted here (it is not shown, as it comes from {shown})"
    return words


def read_document(path: Path, expand: Expand | None = None) -> Document:
    """Read one file. Mistakes are in `problems`; the tree holds what could be read."""
    nothing = Node(1, 1, None)
    document = Document(path, nothing)
    try:
        raw = _bytes(path)
        text = raw.decode("utf-8-sig")
        document.root = _Builder(document, expand).build(_as_yaml(text))
    except FileNotFoundError:
        document.problems.append(Problem(str(path), "there is no such file"))
    except OSError as error:
        document.problems.append(Problem(str(path), f"the file cannot be read: {error.strerror}"))
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        document.problems.append(Problem(f"{path}:{line}:1", "the file is not UTF-8", "save it as UTF-8"))
    except _Unreadable as error:
        document.problems.append(Problem(f"{path}:{error.line}:{error.column}", error.what, error.remedy))
    except yaml.YAMLError as error:
        document.problems.append(_syntax(path, error, text))
    return document


def _bytes(path: Path) -> bytes:
    with path.open("rb") as file:
        raw = file.read(MAX_BYTES + 1)
    if len(raw) > MAX_BYTES:
        raise _Unreadable(1, 1, f"the file is larger than {MAX_BYTES >> 20} MiB", "split the rules")
    return raw


class _Unreadable(Exception):  # noqa: N818 - it never leaves this file
    def __init__(self, line: int, column: int, what: str, remedy: str = "") -> None:
        self.line, self.column, self.what, self.remedy = line, column, what, remedy
        super().__init__(what)


def _as_yaml(text: str) -> str:
    """JSON that YAML's grammar would refuse (tabs, surrogate pairs), in a form that it takes."""
    if text.lstrip()[:1] not in ("{", "["):
        return text
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return text
    # In JSON no tab stands inside a string, so columns and values both survive this.
    return _SURROGATES.sub(_joined, text.replace("\t", " "))


def _joined(match: re.Match[str]) -> str:
    if match.string[: match.start()][-1:] == "\\":
        return match.group()
    return bytes.fromhex(match[1] + match[2]).decode("utf-16-be")


def _syntax(path: Path, error: yaml.YAMLError, text: str) -> Problem:
    """A syntax error without the text around it, which might hold a secret."""
    mark = getattr(error, "problem_mark", None)
    where = f"{path}:{mark.line + 1}:{mark.column + 1}" if mark else str(path)
    said = str(getattr(error, "problem", None) or getattr(error, "reason", None) or "it cannot be parsed")
    context = str(getattr(error, "context", None) or "")
    said = re.sub(r"'[A-Za-z0-9!%*&@_.-]{2,}[^']*'", "a name", said)
    remedies = [words for part, words in _SYNTAX_REMEDIES.items() if part in f"{context} {said}"]
    if mark and "${" in "".join(text.splitlines()[mark.line : mark.line + 1]):
        remedies = ["inside {…} and […] a value with ${…} needs quotes"]
    return Problem(where, f"not valid YAML: {said}", remedies[0] if remedies else "check the lines around it")


class _Builder:
    """Turns parser events into nodes; owns the anchors of one file."""

    def __init__(self, document: Document, expand: Expand | None) -> None:
        self._document = document
        self._expand = expand
        self._anchors: dict[str, Node] = {}
        self._events: Iterator[Any] = iter(())

    def build(self, text: str) -> Node:
        self._events = iter(yaml.parse(text, Loader=_LOADER))
        root = Node(1, 1, None)
        documents = 0
        for event in self._events:
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    line, column = _place(event)
                    raise _Unreadable(line, column, "a second document begins here", "remove the '---'")
                root = self._node(next(self._events), 0)
        return root

    def _node(self, event: Any, depth: int) -> Node:
        line, column = _place(event)
        if depth > MAX_DEPTH:
            raise _Unreadable(line, column, f"nested deeper than {MAX_DEPTH} levels", "close the brackets")
        if isinstance(event, yaml.AliasEvent):
            if event.anchor not in self._anchors:
                raise _Unreadable(
                    line,
                    column,
                    "'*' begins an alias, and there is no such anchor before it",
                    "put a text that begins with '*' in quotes",
                )
            return self._anchors[event.anchor]
        if event.tag is not None and event.tag not in ("!", "tag:yaml.org,2002:str"):
            self._mistake(line, column, "YAML tags ('!…') have no meaning here", "put the text in quotes")
        if isinstance(event, yaml.ScalarEvent):
            node = self._scalar(event, line, column)
        elif isinstance(event, yaml.MappingStartEvent):
            node = self._mapping(line, column, depth)
        else:
            node = self._sequence(line, column, depth)
        if node.size > MAX_NODES:
            raise _Unreadable(line, column, f"aliases make this larger than {MAX_NODES:,} values")
        if event.anchor:
            self._anchors[event.anchor] = node
        return node

    def _scalar(self, event: Any, line: int, column: int) -> Node:
        text: str = event.value
        if not event.style and event.tag is None:
            if text in _WORDS:
                return Node(line, column, _WORDS[text], text)
            if _INTEGER.fullmatch(text):
                return Node(line, column, int(text), text)
            if _HEX.fullmatch(text):
                self._mistake(
                    line, column, "YAML reads an unquoted 0x… as a number", 'put it in quotes: "0x…"'
                )
                return Node(line, column, text, text, faulty=True)
        hidden: tuple[Hidden, ...] = ()
        value = text
        if self._expand is not None and "$" in text:
            try:
                value, hidden = self._expand(text)
            except ValueError as error:
                self._mistake(line, column, *str(error).split("; ", 1))
                return Node(line, column, text, text, faulty=True)
        return Node(line, column, value, text, hidden=hidden)

    def _sequence(self, line: int, column: int, depth: int) -> Node:
        items: list[Node] = []
        for event in self._events:
            if isinstance(event, yaml.SequenceEndEvent):
                break
            items.append(self._node(event, depth + 1))
        return Node(line, column, items, size=1 + sum(item.size for item in items))

    def _mapping(self, line: int, column: int, depth: int) -> Node:
        values: dict[str, Node] = {}
        node = Node(line, column, values)
        merged: list[Node] = []
        for event in self._events:
            if isinstance(event, yaml.MappingEndEvent):
                break
            if not isinstance(event, yaml.ScalarEvent):
                raise _Unreadable(
                    *_place(event), "a key must be a plain word", "put a key with brackets in quotes"
                )
            key, place = event.value, _place(event)
            if not event.style and _HEX.fullmatch(key):
                self._mistake(
                    *place, "YAML reads an unquoted 0x… as a number", 'put the key in quotes: "0x…":'
                )
            value = self._node(next(self._events), depth + 1)
            node.size += value.size
            if key == "<<" and not event.style:
                merged += value.value if isinstance(value.value, list) else [value]
            elif key in values:
                first = node.keys[key][0]
                self._mistake(
                    *place, f"the key '{key}' stands here twice (first in line {first})", "remove one"
                )
            else:
                values[key], node.keys[key] = value, place
        self._merge(node, merged)
        return node

    def _merge(self, node: Node, bases: list[Node]) -> None:
        """Add the keys of `<<` that the mapping does not have itself."""
        for base in bases:
            if not isinstance(base.value, dict):
                self._mistake(
                    base.line, base.column, "'<<' takes a mapping, or a list of them", "use an alias"
                )
                continue
            for key, value in base.value.items():
                if node.get(key) is None:
                    node.put(key, value)
                    node.keys[key] = base.keys[key]

    def _mistake(self, line: int, column: int, what: str, remedy: str = "") -> None:
        where = f"{self._document.path}:{line}:{column}"
        self._document.problems.append(Problem(where, what, remedy))


def _place(event: Any) -> tuple[int, int]:
    return event.start_mark.line + 1, event.start_mark.column + 1

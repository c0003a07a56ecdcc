"""YAML and JSON files → documents.

Read for people's files, so stricter than YAML and without its surprises: a number with a point or
an exponent stays the text that was written (exact), `yes`, `on` and `off` are words, an unquoted
`0x…` is a mistake instead of an integer, and a key may stand only once.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import yaml

from watcher.config.document import NO_KEYS, Document, Expand, Node, TextNodes
from watcher.config.json_reader import INTEGER, as_yaml, quick_tree
from watcher.domain.values.errors import InputError, Place, Problem

MAX_BYTES = 16 * 1024 * 1024
MAX_NODES = 1_000_000
"""Aliases count as what they stand for: a few lines cannot grow into gigabytes."""
MAX_DEPTH = 40

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_WORDS: dict[str, bool | None] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_NUMERIC = frozenset("+-0123456789")
_HEX = re.compile(r"[-+]?0x[0-9a-fA-F_]+")
_ODD_SPACE = re.compile(r"[ -]*[^\S \t\r]")
_SYNTAX_REMEDIES = {
    "mapping values are not allowed": (
        "a value that contains ': ' needs quotes; check the indentation, and the line before for its colon"
    ),
    "did not find expected key": "a quote above is not closed, or stands inside a quoted text",
    "did not find expected '-'": "check the indentation of this line and the one before",
    "cannot start any token": "put the value in quotes, and indent with spaces instead of tabs",
    "found a tab": "indent with spaces instead of tabs",
    "did not find expected ',' or": "a bracket is not closed, or a comma is missing",
    "expected <block end>": "check the indentation of this line and the one before",
    "could not find expected ':'": "a key needs a colon and a space: 'key: value'",
    "while scanning a quoted scalar": "a quote is not closed",
    "found unexpected end of stream": "a quote or a bracket is not closed",
    "unknown escape": "use single quotes around a text with backslashes",
}


def read_document(path: Path, expand: Expand | None = None) -> Document:
    """Read one file. Mistakes are in `problems`; the tree holds what could be read."""
    nothing = Node(1, 1, None)
    document = Document(path, nothing)
    try:
        raw = _bytes(path)
        text = raw.decode("utf-8-sig")
        quick = quick_tree(text, expand, deepest=MAX_DEPTH, most=MAX_NODES)
        if quick is None:
            document.root = _Builder(document, expand).build(as_yaml(text))
        else:
            document.root, document.places = quick, partial(_with_places, text)
    except FileNotFoundError:
        document.problems.append(Problem(Place(str(path)), "there is no such file"))
    except OSError as error:
        document.problems.append(Problem(Place(str(path)), f"the file cannot be read: {error.strerror}"))
    except UnicodeDecodeError as error:
        place = Place(str(path), raw.count(b"\n", 0, error.start) + 1, 1)
        document.problems.append(Problem(place, "the file is not UTF-8", "save it as UTF-8"))
    except _Unreadable as error:
        place = Place(str(path), error.line, error.column)
        document.problems.append(Problem(place, error.what, error.remedy))
    except yaml.YAMLError as error:
        document.problems.append(_syntax(path, error, text))
    return document


def _with_places(text: str) -> Node:
    """The tree of a file that holds no mistake; JSON that YAML's grammar refuses has no places in it."""
    try:
        return _Builder(Document(Path(), Node(1, 1, None)), None).build(as_yaml(text))
    except (yaml.YAMLError, _Unreadable):
        return Node(1, 1, None)


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


def _syntax(path: Path, error: yaml.YAMLError, text: str) -> Problem:
    """A syntax error without the text around it, which might hold a secret."""
    mark = getattr(error, "problem_mark", None)
    place = Place(str(path), mark.line + 1, mark.column + 1) if mark else Place(str(path))
    said = str(getattr(error, "problem", None) or getattr(error, "reason", None) or "it cannot be parsed")
    context = str(getattr(error, "context", None) or "")
    said = re.sub(r"'[A-Za-z0-9!%*&@_.-]{2,}[^']*'", "a name", said)
    remedies = [words for part, words in _SYNTAX_REMEDIES.items() if part in f"{context} {said}"]
    lines = text.split("\n")[max(mark.line - 1, 0) : mark.line + 1] if mark else []
    if lines and "${" in lines[-1] and "flow" in context:
        remedies = ["inside {…} and […] a value with ${…} needs quotes"]
    if any(_ODD_SPACE.match(line) for line in lines):
        remedies = ["a space before the first word is no ordinary one, as copied from a page; type it anew"]
    return Problem(place, f"not valid YAML: {said}", remedies[0] if remedies else "check the lines around it")


class _Builder(TextNodes):
    """Turns parser events into nodes; owns the anchors of one file."""

    def __init__(self, document: Document, expand: Expand | None) -> None:
        super().__init__(expand)
        self._document = document
        self._anchors: dict[str, Node] = {}
        self._events: Iterator[Any] = iter(())

    def build(self, text: str) -> Node:
        loader = _LOADER(text)
        try:
            self._events = iter(loader.get_event, None)
            return self._only_document()
        finally:
            loader.dispose()

    def _only_document(self) -> Node:
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
        # This and what it calls run for every word of the file: of a long watch list, a hundred thousand.
        mark = event.start_mark
        line, column = mark.line + 1, mark.column + 1
        if depth > MAX_DEPTH:
            raise _Unreadable(line, column, f"nested deeper than {MAX_DEPTH} levels", "close the brackets")
        if type(event) is yaml.AliasEvent:
            return self._alias(event, line, column)
        if event.tag is not None and event.tag not in ("!", "tag:yaml.org,2002:str"):
            self._mistake(line, column, "YAML tags ('!…') have no meaning here", "put the text in quotes")
        if type(event) is yaml.ScalarEvent:
            node = self._scalar(event, line, column)
        elif type(event) is yaml.MappingStartEvent:
            node = self._mapping(line, column, depth)
        else:
            node = self._sequence(line, column, depth)
        if node.size > MAX_NODES:
            raise _Unreadable(line, column, f"aliases make this larger than {MAX_NODES:,} values")
        if event.anchor:
            self._anchors[event.anchor] = node
        return node

    def _alias(self, event: Any, line: int, column: int) -> Node:
        if event.anchor not in self._anchors:
            raise _Unreadable(
                line,
                column,
                "'*' begins an alias, and there is no such anchor before it",
                "put a text that begins with '*' in quotes",
            )
        return self._anchors[event.anchor]

    def _scalar(self, event: Any, line: int, column: int) -> Node:
        text: str = event.value
        if not event.style and event.tag is None:
            if text in _WORDS:
                return Node(line, column, _WORDS[text], text, NO_KEYS)
            if text[0] in _NUMERIC:
                if INTEGER.fullmatch(text):
                    return Node(line, column, int(text), text, NO_KEYS)
                if _HEX.fullmatch(text):
                    self._mistake(
                        line, column, "YAML reads an unquoted 0x… as a number", 'put it in quotes: "0x…"'
                    )
                    return Node(line, column, text, text, NO_KEYS, faulty=True)
        try:
            return self._text(text, line, column)
        except InputError as error:
            self._mistake(line, column, error.what, error.remedy, error)
            return Node(line, column, text, text, NO_KEYS, faulty=True)

    def _sequence(self, line: int, column: int, depth: int) -> Node:
        items: list[Node] = []
        node = Node(line, column, items, "", NO_KEYS)
        for event in self._events:
            if type(event) is yaml.SequenceEndEvent:
                break
            item = self._node(event, depth + 1)
            node.size += item.size
            items.append(item)
        return node

    def _mapping(self, line: int, column: int, depth: int) -> Node:
        values: dict[str, Node] = {}
        keys: dict[str, tuple[int, int]] = {}
        node = Node(line, column, values, "", keys)
        merged: list[Node] = []
        for event in self._events:
            if type(event) is not yaml.ScalarEvent:
                if type(event) is yaml.MappingEndEvent:
                    break
                raise _Unreadable(
                    *_place(event), "a key must be a plain word", "put a key with brackets in quotes"
                )
            mark: Any = event.start_mark
            key: str = event.value
            key, place = self._words.setdefault(key, key), (mark.line + 1, mark.column + 1)
            if not event.style and key[:1] in _NUMERIC and _HEX.fullmatch(key):
                self._mistake(
                    *place, "YAML reads an unquoted 0x… as a number", 'put the key in quotes: "0x…":'
                )
            value = self._node(next(self._events), depth + 1)
            node.size += value.size
            if key == "<<" and not event.style:
                merged += value.value if isinstance(value.value, list) else [value]
            elif key in values:
                first = keys[key][0]
                self._mistake(
                    *place, f"the key '{key}' stands here twice (first in line {first})", "remove one"
                )
            else:
                values[key], keys[key] = value, place
        if merged:
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

    def _mistake(
        self, line: int, column: int, what: str, remedy: str = "", cause: InputError | None = None
    ) -> None:
        place = Place(str(self._document.path), line, column)
        self._document.problems.append(Problem(place, what, remedy, cause))


def _place(event: Any) -> tuple[int, int]:
    return event.start_mark.line + 1, event.start_mark.column + 1

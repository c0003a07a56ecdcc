"""One configuration or rule file as a tree that remembers where each piece was written."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from watcher.domain.records import Record, field
from watcher.domain.values.errors import InputError, Place, Problem

Loc = Sequence[str | int]
Hidden = tuple[str, str]
"""A text that nobody may see, and what to show in its place."""

Expand = Callable[[str], tuple[str, tuple[Hidden, ...]]]
"""Scalar text → its expanded text, and what must stay hidden. Raises InputError."""

SHARED = 24
"""Words of so many characters are worth being shared; longer ones are seldom equal."""
LONGEST = 1000
"""Characters of what is said of one mistake."""
_VEILED = "the value is not accepted here"
NO_KEYS: dict[str, tuple[int, int]] = {}
"""Of what is no mapping; never written to."""
NOWHERE = -1
"""The line of a value that stands where stands what is around it."""


class SharedList(list["Node"]):
    """A list that many nodes have: nobody changes it, so its plain values are known once for all."""

    __slots__ = ("plain",)

    def __init__(self, nodes: Iterable[Node]) -> None:
        super().__init__(nodes)
        self.plain = [node.plain() for node in self]


class Node(Record):
    """One value and where it stands. `text` is a scalar as it was written, before any expansion."""

    line: int
    column: int
    value: str | int | bool | dict[str, Node] | list[Node] | None
    text: str = ""
    keys: dict[str, tuple[int, int]] = field(default_factory=dict)
    """Where the keys of a mapping stand."""
    hidden: tuple[Hidden, ...] = ()
    size: int = 1
    faulty: bool = False
    """A mistake was reported here already; what else is wrong with it would only repeat that."""
    file: Path | None = None
    """The file in which it stands, and all below it; None: the one in which stands what is around it."""

    def plain(self) -> Any:
        """The value as dicts, lists and scalars."""
        if isinstance(self.value, dict):
            return {key: node.plain() for key, node in self.value.items()}
        if isinstance(self.value, SharedList):
            return self.value.plain
        if isinstance(self.value, list):
            return [node.plain() for node in self.value]
        return self.value

    def get(self, key: str) -> Node | None:
        return self.value.get(key) if isinstance(self.value, dict) else None

    def plain_keys(self) -> list[str]:
        return list(self.value) if isinstance(self.value, dict) else []

    def item(self, number: int) -> Node | None:
        there = isinstance(self.value, list) and number < len(self.value)
        return self.value[number] if isinstance(self.value, list) and there else None

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

    def words(self) -> list[str]:
        """The words of a list, or the one word that stands without a list around it."""
        each = (self, *(node for _, node in self.children()))
        return [str(node.value) for node in each if isinstance(node.value, str | int)]

    def stand_as(self, other: Node) -> None:
        """Take over the places of the same value in another tree of the file.

        What was put in since then stands where the key stands that it was made from, or else its mapping.
        """
        self.line, self.column = other.line, other.column
        if isinstance(self.value, dict):
            for key, node in self.value.items():
                twin = other.get(key)
                if twin is not None:
                    self.keys[key] = other.keys[key]
                else:
                    twin = other.get(f"{key}_file") or Node(other.line, other.column, None)
                    self.keys[key] = (twin.line, twin.column)
                node.stand_as(twin)
        elif isinstance(self.value, list) and isinstance(other.value, list):
            for item, twin in zip(self.value, other.value, strict=False):
                item.stand_as(twin)

    def all_hidden(self) -> Iterator[Hidden]:
        """What must stay hidden in this value and everything below it."""
        yield from self.hidden
        for _, node in self.children():
            yield from node.all_hidden()


class Document(Record):
    """One file, its tree, and every mistake found in it so far; also those of the files that it names."""

    path: Path
    root: Node
    problems: list[Problem] = field(default_factory=list)
    places: Callable[[], Node] | None = None
    """Of a tree that was read without places: gives one that has them."""
    parts: list[Document] = field(default_factory=list)
    """Files of which pieces stand in the tree, in the order in which they were read."""
    joined: dict[str, tuple[Node | None, Sequence[Node]]] = field(default_factory=dict)
    """Sections that pieces of other files were joined to: as each stands in this file, and all its pieces."""
    whole: bool = True
    """Whether all files that it names could be read: else what is not found may stand in one of them."""
    warnings: list[Problem] = field(default_factory=list)
    placed: bool = False
    """Whether all places are known that can be."""
    page: str = "configuration"
    """The page of reference that explains its keys."""

    def at(self, loc: Loc) -> Node:
        """The node at `loc`, or the nearest one around it (a missing key, a tag of a union)."""
        return self._walk(loc)[0]

    def line(self, loc: Loc) -> int:
        """The line of a value."""
        return self.place(loc).line

    def place(self, loc: Loc, *, key: bool = False) -> Place:
        """Position of a value, or of its key."""
        self._read_places()
        node, line, column = self._walk(loc)
        return Place(str(self.file(loc)), *((line, column) if key else (node.line, node.column)))

    def file(self, loc: Loc) -> Path:
        """The file in which a value stands. What it says of paths starts there."""
        node, found = self.root, self.path
        for part in loc:
            below = node.get(part) if isinstance(part, str) else node.item(part)
            if below is None:
                break
            node, found = below, below.file or found
        return found

    def report(
        self,
        loc: Loc,
        what: str,
        remedy: str = "",
        *,
        key: bool = False,
        cause: InputError | None = None,
        named: str = "",
    ) -> None:
        """Add a mistake. Hidden texts are taken out of the words, and not out of the keys that it is `named`
        by: a host's name is often in both."""
        node = self.at(loc)
        what, remedy = (_cut(veil(words, node)) for words in (what, remedy))
        what = what if what.startswith(_VEILED) else f"{named}{what}"
        self.problems.append(Problem(self.place(loc, key=key), what, remedy, cause, self.way(loc)))

    def way(self, loc: Loc) -> tuple[str, ...]:
        """Its page, and what leads to a value: keys and names, and after each mapping of a kind that kind."""
        node, found = self.root, [self.page]
        for part in loc:
            found += [part] if isinstance(part, str) else []
            node = (node.get(part) if isinstance(part, str) else node.item(part)) or node
            kind = node.get("kind") or node.get("type")
            found += [kind.text] if kind is not None and kind.text else []
        return tuple(found)

    def report_error(self, loc: Loc, error: InputError) -> None:
        """Add what was found wrong with the value at `loc`, at the part of it that is wrong."""
        self.report((*loc, *error.place), error.what, error.remedy, cause=error)

    def in_order(self) -> list[Problem]:
        """The mistakes as a reader of one file after the other meets them."""
        files = {str(each.path): number for number, each in enumerate((self, *self.parts))}

        def position(problem: Problem) -> tuple[int, int, int]:
            place = problem.place
            return files.get(place.file, -1), place.line, place.column

        return sorted(self.problems, key=position)

    def join(self, section: str, whole: Node, pieces: Sequence[Node]) -> None:
        """Put a section in place of the one of this file: that one and pieces of others, which stay alive."""
        if isinstance(self.root.value, dict):
            self.joined[section] = self.root.get(section), pieces
            self.root.value[section] = whole
            self.root.keys.setdefault(section, (whole.line, whole.column))

    def _read_places(self) -> None:
        if self.placed:
            return
        self.placed = True
        for part in self.parts:
            part._read_places()  # noqa: SLF001
        if self.places is not None:
            self._stand()
        for section, (_, pieces) in self.joined.items():
            whole = self.root.get(section)
            for piece in reversed(pieces):
                if whole is not None and whole.keys:
                    whole.keys.update(piece.keys)

    def _stand(self) -> None:
        """Give the tree its places, as this file alone has them."""
        places, self.places = self.places, None
        values = self.root.value if isinstance(self.root.value, dict) else {}
        whole = {section: values.pop(section) for section in self.joined}
        values.update({section: own for section, (own, _) in self.joined.items() if own is not None})
        self.root.stand_as(places() if places is not None else self.root)
        for section, (own, _) in self.joined.items():
            if own is not None:
                whole[section].line, whole[section].column = own.line, own.column
        values.update(whole)

    def _walk(self, loc: Loc) -> tuple[Node, int, int]:
        node = self.root
        line, column = node.line, node.column
        for part in loc:
            below = None
            if isinstance(node.value, dict) and isinstance(part, str):
                below = node.value.get(part)
                line, column = node.keys.get(part, (line, column))
            elif isinstance(part, int) and (below := node.item(part)) is not None:
                if below.line == NOWHERE:
                    break
                line, column = below.line, below.column
            node = below or node
        return node, line, column


class TextNodes:
    """Nodes of the texts of one file. What readers of every syntax share.

    Keys and short words, which stand in a watch list ten thousand times, are kept once.
    """

    def __init__(self, expand: Expand | None) -> None:
        self._expand = expand
        self._words: dict[str, str] = {}

    def _text(self, text: str, line: int, column: int) -> Node:
        """Node of a text with its variables put in. InputError if one cannot be."""
        if len(text) <= SHARED:
            text = self._words.setdefault(text, text)
        if self._expand is None or "$" not in text:
            return Node(line, column, text, text, NO_KEYS)
        value, hidden = self._expand(text)
        return Node(line, column, value, text, NO_KEYS, hidden)


def _cut(words: str) -> str:
    """A mistake is read by people: a megabyte of the file in it helps nobody."""
    return words if len(words) <= LONGEST else f"{words[:LONGEST]}…"


def veil(words: str, node: Node) -> str:
    """`words` without anything that is hidden in `node`."""
    for secret, shown in node.all_hidden():
        if secret:
            words = words.replace(secret, shown)
        # A part of it (a token inside a URL, say) is as bad as the whole; a word of the key's name is none.
        _, _, rest = secret.rpartition("://")
        parts = [part for part in re.split(r"[^a-z0-9]+", rest.lower()) if len(part) >= 4]
        said = words.replace(shown, "").lower()
        if any(part in said and part not in shown.lower() for part in parts):
            return f"{_VEILED} (it is not shown, as it comes from {shown})"
    return words

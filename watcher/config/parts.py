"""Parts: files that a configuration names, read and joined to its tree.

`include:` names files that hold wallets, channels and rule files as watcher.yaml does; a text among
`wallets:` is a file of wallets. Relative paths start at the file that says them. A part includes no others.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TypeAlias

from watcher.config.document import NO_KEYS, Document, Expand, Node
from watcher.config.yaml_reader import read_document
from watcher.domain.values.errors import InputError, Problem
from watcher.domain.values.spelling import nearest
from watcher.system.files import matching

SECTIONS = ("wallets", "channels", "rules")
TABLES = (".csv", ".tsv", ".txt")
TREES = (".yaml", ".yml", ".json")
_A_LIST = "begin each wallet with '- name: …', or name a file: [wallets.csv]"
_RULES = "write [rules/*.yaml]"

_Loc: TypeAlias = tuple[str | int, ...]


def read_whole(path: Path, expand: Expand | None = None, more: Document | None = None) -> Document:
    """A configuration file with all its parts in one tree. Mistakes are in `problems`.

    `more`: a list of wallets that is taken as one part more: what if it was named too? Files that are named
    may then still be missing: it may be one of them.
    """
    document = read_document(path, expand)
    if isinstance(document.root.value, dict):
        _Parts(document, expand, more).join()
    return document


def rule_files(document: Document) -> tuple[Path, ...]:
    """The rule files that a configuration and its parts name, each once."""
    node = document.root.get("rules")
    if node is None or node.value is None:
        return ()
    if not isinstance(node.value, list):
        document.report(("rules",), "rules must be a list of files", _RULES)
        return ()
    found: dict[Path, None] = {}
    for index, each in node.children():
        if not isinstance(each.value, str) or not each.value:
            remedy = (
                "rules stand in files of their own, which 'rules:' names, not 'include:'"
                if isinstance(each.value, dict)
                else "as in rules/*.yaml"
            )
            document.report(("rules", index), "a rule file must be a path", remedy)
        else:
            found.update(dict.fromkeys(_named(document, ("rules", index), each, "rule file")))
    return tuple(found)


def _named(document: Document, loc: _Loc, node: Node, what: str, *, must_be: bool = True) -> list[Path]:
    """The files that a text means; none after reporting why. `must_be`: there must be one."""
    folder = document.file(loc).parent
    try:
        files = matching(folder, str(node.value))
    except InputError as error:
        document.report(loc, f"'{node.text}' looks through too much", str(error))
        return []
    except (OSError, ValueError):
        document.report(loc, f"'{node.text[:60]}' is no path and no pattern of paths")
        return []
    if must_be and not files and not node.faulty:
        document.report(loc, f"no {what} matches '{node.text}'", f"the path starts at {folder.absolute()}")
    return files


class _Parts:
    """Reads the parts of one document and joins them to it."""

    def __init__(self, document: Document, expand: Expand | None, more: Document | None) -> None:
        self._document = document
        self._expand = expand
        self._more = more
        self._read = {document.path.resolve()}
        self._included: list[Document] = []

    def join(self) -> None:
        self._included = list(self._include())
        self._join_wallets()
        self._join_channels()
        self._join_rules()
        for part in self._document.parts:
            self._document.problems += part.problems
            self._document.warnings += part.warnings
            self._document.whole &= part.whole

    def _items(self, document: Document, section: str) -> Iterator[tuple[_Loc, Node]]:
        """The entries of a list, texts and others."""
        node = document.root.get(section)
        for index, item in enumerate(node.value) if node and isinstance(node.value, list) else ():
            yield (section, index), item

    def _files(self, document: Document, loc: _Loc, node: Node, what: str) -> Iterator[Path]:
        """The files that a text means and that were not read yet."""
        files = _named(document, loc, node, what, must_be=self._more is None)
        document.whole &= bool(files)
        for path in files:
            if path.resolve() not in self._read:
                self._read.add(path.resolve())
                yield path

    def _include(self) -> Iterator[Document]:
        document, node = self._document, self._document.root.get("include")
        if node is not None and not isinstance(node.value, list | None):
            document.report(("include",), "include must be a list of files", "write [teams/*.yaml]")
        for loc, item in self._items(document, "include"):
            if not isinstance(item.value, str) or not item.value:
                document.report(loc, "an included file must be a path", "as in teams/*.yaml")
                continue
            for path in self._files(document, loc, item, "file"):
                if path.suffix.lower() in TABLES:
                    remedy = "name it under 'wallets:', as in wallets: [wallets.csv]"
                    document.report(loc, f"{path} is a table of wallets", remedy)
                    document.whole = False
                else:
                    yield self._part(path, SECTIONS)

    def _part(self, path: Path, sections: Sequence[str], *, lists: bool = False) -> Document:
        """One file. `lists`: it may be a list, too."""
        part = read_document(path, self._expand)
        self._document.parts.append(part)
        if part.root.value is None:
            part.whole = not part.problems
            if part.whole:
                part.warnings.append(Problem(part.place(()), "there is nothing in this file"))
        elif isinstance(part.root.value, dict):
            for key in part.root.plain_keys():
                if key not in sections:
                    where = "a file of wallets" if lists else "an included file"
                    part.report((key,), f"unknown key '{key}' in {where}", nearest(key, sections), key=True)
        elif not (lists and isinstance(part.root.value, list)):
            part.whole = False
            part.report((), "the file must be a mapping of keys to values", f"begin it with '{sections[0]}:'")
        return part

    def _join_wallets(self) -> None:
        pieces, entries = [], list[Node]()
        named = any(isinstance(item.value, str) for _, item in self._items(self._document, "wallets"))
        if not named and self._more is None and not any(part.root.get("wallets") for part in self._included):
            return
        for document in (self._document, *self._included):
            section = document.root.get("wallets")
            if section is None or section.value is None:
                continue
            pieces.append(section)
            if not isinstance(section.value, list):
                document.report(("wallets",), "wallets must be a list", _A_LIST)
            for loc, item in self._items(document, "wallets"):
                if isinstance(item.value, str):
                    entries += self._wallets_in(document, loc, item)
                else:
                    entries.append(self._of(document, item))
        if self._more is not None:
            self._document.whole = False
            self._document.parts.append(self._more)
            entries += self._entries(self._more, self._more.root)
        self._join("wallets", Node(0, 0, entries, "", NO_KEYS), pieces)

    def _wallets_in(self, document: Document, loc: _Loc, item: Node) -> Iterator[Node]:
        suffix = Path(str(item.value)).suffix.lower()
        if suffix not in (*TABLES, *TREES):
            what = f"'{item.text[:60]}' is no wallet, and no CSV, YAML or JSON file by its name"
            document.report(loc, what, _A_LIST)
            return
        for path in self._files(document, loc, item, "file of wallets"):
            if suffix in TABLES:
                from watcher.config.wallet_table import read_wallet_table

                part = read_wallet_table(path)
                self._document.parts.append(part)
                section: Node | None = part.root
            else:
                part = self._part(path, ("wallets",), lists=True)
                section = part.root if isinstance(part.root.value, list) else part.root.get("wallets")
            yield from self._entries(part, section) if section is not None else ()

    def _entries(self, part: Document, section: Node) -> Iterator[Node]:
        """The wallets of a file that holds nothing else."""
        around: _Loc = () if section is part.root else ("wallets",)
        if section.value is not None and not isinstance(section.value, list):
            part.report(around, "wallets must be a list", "begin each wallet with '- name: …'")
        for index, item in section.children() if isinstance(section.value, list) else ():
            if isinstance(item.value, str):
                part.report(
                    (*around, index),
                    "a wallet must be a mapping of keys to values",
                    "name files in watcher.yaml",
                )
            else:
                yield self._of(part, item)

    def _join_channels(self) -> None:
        if not any(part.root.get("channels") for part in self._included):
            return
        pieces, whole, first = [], Node(0, 0, {}), dict[str, Document]()
        for document in (self._document, *self._included):
            section = document.root.get("channels")
            if section is None or section.value is None:
                continue
            pieces.append(section)
            if not isinstance(section.value, dict):
                document.report(
                    ("channels",), "channels must be a mapping", "write 'NAME: {url: …}' below it"
                )
            for name, node in section.value.items() if isinstance(section.value, dict) else ():
                if name in first:
                    there = first[name].place(("channels", name), key=True)
                    what = f"two channels are named '{name}' (first at {there})"
                    document.report(("channels", name), what, "give each channel a name of its own", key=True)
                else:
                    first[name] = document
                    whole.put(name, self._of(document, node))
                    whole.keys[name] = section.keys.get(name, (0, 0))
        self._join("channels", whole, pieces)

    def _join_rules(self) -> None:
        if not any(part.root.get("rules") for part in self._included):
            return
        pieces, entries = [], list[Node]()
        for document in (self._document, *self._included):
            section = document.root.get("rules")
            if section is None or section.value is None:
                continue
            pieces.append(section)
            if isinstance(section.value, list):
                entries += [self._of(document, item) for item in section.value]
            else:
                document.report(("rules",), "rules must be a list of files", _RULES)
        self._join("rules", Node(0, 0, entries, "", NO_KEYS), pieces)

    def _join(self, section: str, whole: Node, pieces: Sequence[Node]) -> None:
        if pieces:
            whole.line, whole.column = pieces[0].line, pieces[0].column
            whole.file = None if self._document.root.get(section) is pieces[0] else self._file_of(section)
        self._document.join(section, whole, pieces)

    def _file_of(self, section: str) -> Path:
        """The first part that has such a section."""
        return next(part.path for part in self._included if part.root.get(section) is not None)

    def _of(self, document: Document, node: Node) -> Node:
        """A piece, which says from which file it is."""
        if document is not self._document:
            node.file = document.path
        return node

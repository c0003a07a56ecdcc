"""Sections: pieces of a configuration as the models that they are written for, secrets put in."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from watcher.config.document import Document, Node
from watcher.config.environment import Environment
from watcher.config.problems import M, checked
from watcher.config.yaml_reader import read_document
from watcher.domain.values.spelling import nearest
from watcher.store import KINDS

if TYPE_CHECKING:
    from watcher.ports.store import StoreBackend

STORE = "sqlite"
"""The kind of store that need not be written."""

NAME_RULE = "use letters, digits and - _ . and begin with a letter or digit"


class SectionReader:
    """Reads sections of one document; its mistakes gather in the document."""

    def __init__(self, document: Document, environment: Environment) -> None:
        self._document = document
        self._environment = environment

    @classmethod
    def store_in(cls, path: Path, env: Mapping[str, str]) -> StoreBackend | None:
        """The store that a file names, read without the rest; None if it names none that is sound."""
        environment = Environment(env, path.absolute().parent, secrets=False)
        found = cls(read_document(path, environment.expand), environment).kind_at(("store",), KINDS, STORE)
        return found.backend(path.absolute()) if found is not None else None

    def _section(self, key: str, model: type[Any]) -> Any:
        node = self._document.root.get(key)
        if node is None or node.value is None:
            return None
        self._environment.fill(self._document, (key,), model)
        return checked(self._document, (key,), model)

    def kind_at(self, loc: tuple[str, ...], kinds: Mapping[str, type[M]], default: str | None) -> M | None:
        """One integration's settings, by the model that its `kind` names."""
        node = self._document.at(loc)
        if node is self._document.root:
            node = Node(node.line, node.column, {})
            self._document.root.put(loc[0], node)
        if not isinstance(node.value, dict):
            if not node.faulty:
                self._document.report(
                    loc, f"{'.'.join(loc)} must be a mapping of keys to values", "begin with 'kind:'"
                )
            return None
        written = node.get("kind")
        kind = written.value if written else default
        if kind is None:
            shown = " or ".join(f"'kind: {each}'" for each in kinds)
            self._document.report(loc, f"'kind' is missing in {'.'.join(loc)}", f"add {shown}", key=True)
            return None
        model = kinds.get(str(kind))
        if model is None:
            if not written or not written.faulty:
                name = written.text if written else str(kind)
                self._document.report((*loc, "kind"), f"unknown kind '{name}'", nearest(name, kinds))
            return None
        if "kind" not in model.model_fields:
            node.drop("kind")
        elif written is None:
            node.put("kind", Node(node.line, node.column, str(kind), str(kind)))
        self._environment.fill(self._document, loc, model)
        return checked(self._document, loc, model)

    def _named(self, section: str, kinds: Mapping[str, type[M]], default: str | None) -> dict[str, M]:
        node = self._document.root.get(section)
        if node is None or node.value is None:
            if section == "sources":
                self._document.report((section,), "there are no sources", "add 'sources:' with one access")
            return {}
        if not isinstance(node.value, dict):
            self._document.report(
                (section,), f"{section} must be a mapping", "write 'NAME: {kind: …}' below it"
            )
            return {}
        found: dict[str, M] = {}
        for name in node.plain_keys():
            self._must_be_name((section, name), name)
            settings = self.kind_at((section, name), kinds, default)
            if settings is not None:
                found[name] = settings
        return found

    def _must_be_name(self, loc: tuple[str, ...], name: str) -> None:
        if not _is_name(name):
            self._document.report(loc, f"'{name}' cannot be a name here", NAME_RULE, key=True)


def _is_name(text: str) -> bool:
    return text[:1].isalnum() and text.isascii() and all(c.isalnum() or c in "-_." for c in text)

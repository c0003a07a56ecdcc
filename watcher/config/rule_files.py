"""Rule files → rules, or every mistake at once."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import NamedTuple

from pydantic import BaseModel

from watcher.config.document import Document, Loc
from watcher.config.problems import checked
from watcher.config.yaml_reader import read_document
from watcher.domain.model import Wallet
from watcher.domain.rules import TYPES, Match, Rule
from watcher.domain.values.errors import ConfigurationError, Place, Problem
from watcher.domain.values.normalization import one_form
from watcher.domain.values.spelling import nearest

MOST_GUESSES = 50
"""Names of one file for which the one that was meant is looked for: among ten thousand it takes a while."""


class Rulebook(NamedTuple):
    """The rules of all files, in their order, and what is allowed and probably not meant."""

    rules: tuple[Rule, ...]
    warnings: tuple[Problem, ...]


def load_rules(
    paths: Sequence[Path],
    channels: Collection[str] | None,
    wallets: Sequence[Wallet] | None,
    sources: Collection[str] | None,
) -> Rulebook:
    """Read rule files and hold them against the configuration that they belong to; None: there is none.

    ConfigurationError carries every mistake of every file.
    """
    problems: list[Problem] = []
    warnings: list[Problem] = []
    rules: list[Rule] = []
    places: dict[str, Place] = {}
    inhibitions: list[_Inhibition] = []
    documents: list[Document] = []
    for path in paths:
        document = read_document(path)
        document.page = "rules"
        reader = _Reader(document, channels, wallets, sources, warnings)
        for index, name, rule in reader.rules():
            if rule is not None:
                rules.append(rule)
            if name is None:
                continue
            loc = ("rules", index, "id")
            if name in places:
                what = f"two rules have the id '{name}' (first at {places[name]})"
                document.report(
                    loc, what, "give each rule an id of its own, and keep it: alerts are kept under it"
                )
            places.setdefault(name, document.place(loc))
            named = reader.texts(("rules", index, "inhibited_by"))
            inhibitions += [_Inhibition(document, place, name, other) for place, other in named]
        documents.append(document)
    _check_inhibitions(inhibitions, places)
    for document in documents:
        problems += document.in_order()
    if problems:
        raise ConfigurationError(problems)
    return Rulebook(tuple(rules), tuple(warnings))


class _Inhibition(NamedTuple):
    """One rule that names another as the one that inhibits it, and where."""

    document: Document
    place: Loc
    rule: str
    by: str


def _check_inhibitions(found: Sequence[_Inhibition], known: Collection[str]) -> None:
    """Rules that inhibit each other in a circle would keep both from people."""
    graph: dict[str, set[str]] = {}
    for each in found:
        if each.by not in known:
            each.document.report(each.place, f"there is no rule '{each.by}'", nearest(each.by, known))
        graph.setdefault(each.rule, set()).add(each.by)
    for each in found:
        reached, waiting = {each.by}, [each.by]
        while waiting:
            new = graph.get(waiting.pop(), set()) - reached
            reached |= new
            waiting += new
        if each.rule in reached:
            what = f"'{each.rule}' would be inhibited by itself, through '{each.by}': nobody would be told"
            each.document.report(each.place, what, "take one of them out")


class _Reader:
    """Reads the rules of one file; its mistakes gather in the document."""

    def __init__(
        self,
        document: Document,
        channels: Collection[str] | None,
        wallets: Sequence[Wallet] | None,
        sources: Collection[str] | None,
        warnings: list[Problem],
    ) -> None:
        self._document = document
        self._channels = channels
        self._wallets = wallets
        self._warnings = warnings
        self._guesses = 0
        self._known: dict[str, tuple[str, set[str]]] = {}
        if wallets is not None:
            self._known["wallets"] = ("wallet", {wallet.name for wallet in wallets})
            self._known["tags"] = ("tag", {tag for wallet in wallets for tag in wallet.tags})
        if sources is not None:
            self._known["sources"] = ("source", set(sources))

    def rules(self) -> Iterator[tuple[int, str | None, Rule | None]]:
        """The place in the list, the id and the rule; None for an id or a rule that is not sound."""
        document, root = self._document, self._document.root
        if document.problems and root.value is None:
            return
        section = root.get("rules")
        if not isinstance(root.value, dict) or section is None:
            document.report((), "this is no rule file: it has no list 'rules'", "begin it with 'rules:'")
            return
        for key in root.plain_keys():
            if key != "rules":
                document.report(
                    (key,), f"unknown key '{key}'", "a rule file has the key 'rules' only", key=True
                )
        if section.value is None:
            self._warnings.append(Problem(document.place(("rules",)), "there is no rule in this file"))
        elif not isinstance(section.value, list):
            document.report(("rules",), "rules must be a list", "begin each rule with '- id: …'")
        for index, node in section.children() if isinstance(section.value, list) else ():
            rule = self._rule(("rules", int(index)))
            name = next((text for _, text in self.texts(("rules", int(index), "id"))), None)
            yield int(index), name, rule
            if isinstance(node.value, dict):
                self._names(("rules", int(index)), rule)
            for key, what, remedy in rule.doubts(self._wallets or ()) if rule is not None else ():
                self._warnings.append(Problem(document.place(("rules", int(index), key)), what, remedy))

    def _rule(self, loc: tuple[str | int, ...]) -> Rule | None:
        node = self._document.at(loc)
        if not isinstance(node.value, dict):
            self._document.report(
                loc, "a rule must be a mapping of keys to values", "begin it with '- id: …'"
            )
            return None
        written = node.get("type")
        if written is None:
            self._document.report(loc, "'type' is missing in this rule", nearest("", TYPES))
            return None
        model = TYPES.get(str(written.value))
        if model is None:
            self._document.report(
                (*loc, "type"), f"unknown rule type '{written.text}'", nearest(written.text, TYPES)
            )
            return None
        return checked(self._document, loc, model)

    def _names(self, loc: tuple[str | int, ...], rule: Rule | None) -> None:
        """Hold what a rule names against what is configured, even if the rule has other mistakes."""
        notify = self._document.at(loc).get("notify")
        for place, name in self.texts((*loc, "notify")) if notify else ():
            if self._channels is not None and name not in self._channels:
                self._document.report(place, f"there is no channel '{name}'", nearest(name, self._channels))
        if notify is not None and notify.value == []:
            self._document.report(
                (*loc, "notify"), "notify is empty: nobody would hear of it", "leave it out for all"
            )
        escalation = self._document.at(loc).get("escalate")
        for place, name in self.texts((*loc, "escalate", "notify")) if escalation else ():
            if self._channels is not None and name not in self._channels:
                self._document.report(place, f"there is no channel '{name}'", nearest(name, self._channels))
        for place in _selections(rule, loc) if rule is not None else ((*loc, "match"),):
            for key, (word, known) in self._known.items():
                for where, pattern in self.texts((*place, key)):
                    self._pattern(where, pattern, word, known)
        source = self._document.at(loc).get("source")
        asked = "source" in _fields(rule) and "sources" in self._known
        if source is not None and isinstance(source.value, str) and asked:
            self._pattern((*loc, "source"), source.value, "source", self._known["sources"][1])

    def _pattern(self, loc: Loc, pattern: str, word: str, known: set[str]) -> None:
        if any(fnmatchcase(one_form(each), one_form(pattern)) for each in known):
            return
        where = "no wallet has the tag" if word == "tag" else f"there is no {word}"
        if any(sign in pattern for sign in "*?["):
            what = f"the pattern '{pattern}' matches no {word}"
            place = self._document.place(loc)
            self._warnings.append(Problem(place, what, "correct it, or leave it for later"))
        else:
            self._guesses += 1
            remedy = nearest(pattern, known) if self._guesses <= MOST_GUESSES else ""
            if remedy == "there is none":
                remedy = f"no {word} is configured at all"
            self._document.report(loc, f"{where} '{pattern}'", remedy)

    def texts(self, loc: tuple[str | int, ...]) -> Iterator[tuple[tuple[str | int, ...], str]]:
        """The words of a list, or the one word, at a place that may not exist."""
        parent, key = self._document.at(loc[:-1]), str(loc[-1])
        node = parent.get(key)
        if node is None:
            return
        for place, each in [(loc, node), *(((*loc, part), child) for part, child in node.children())]:
            if isinstance(each.value, str) and not each.faulty:
                yield place, each.value


def _fields(rule: BaseModel | None) -> Collection[str]:
    return type(rule).model_fields if rule is not None else ()


def _selections(model: BaseModel, loc: tuple[str | int, ...]) -> Iterator[tuple[str | int, ...]]:
    """Where the selections of a rule stand, nested ones included."""
    for name, info in type(model).model_fields.items():
        value = getattr(model, name)
        place = (*loc, info.alias or name)
        if isinstance(value, Match):
            yield place
        elif isinstance(value, BaseModel):
            yield from _selections(value, place)

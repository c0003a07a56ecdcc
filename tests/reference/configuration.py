"""Pages of the keys: of the configuration, of rules, and of rule tests."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tests.reference.keys import (
    HEAD,
    KeyTables,
    Schema,
    alternatives,
    is_file,
    needed_keys,
    plain,
    two_columns,
)
from watcher.analysis.ruletest import series
from watcher.analysis.ruletest.schema import tests_schema
from watcher.cli._answers import InitAnswers
from watcher.config.json_schema import json_schema, model_schema, rules_schema
from watcher.domain.messages.template_filters import FILTERS
from watcher.domain.messages.template_variables import VARIABLES
from watcher.domain.rules import TYPES

KINDS = ("store", "sources", "hints", "channels")
"""Sections whose entries are of kinds."""

DOCS = Path(__file__).parents[2] / "docs"
FOLDERS = {"store": "stores"}
"""Section → the folder with the pages of its kinds, where that is called otherwise."""


def configuration() -> str:
    """Each section of `watcher.yaml`."""
    schema = json_schema()
    tables = KeyTables(schema["$defs"])
    parts = [_section(tables, key, each) for key, each in schema["properties"].items()]
    return "\n\n".join(part for each in parts for part in each)


def _section(tables: KeyTables, name: str, schema: Schema) -> Iterator[str]:
    yield f"## {name}"
    yield " ".join(f"{schema['description']} {_shape(tables, name, schema)}".split())
    inner = next(iter(alternatives(schema)))
    if name in KINDS:
        choices = alternatives(inner.get("additionalProperties", schema))
        models = [each["$ref"].rpartition("/")[2] for each in choices]
        kinds = {tables.definitions[each]["properties"]["kind"]["const"]: each for each in models}
        yield from (_led(part) for part in of_kinds(tables, name, kinds, "kind"))
        return
    inner = inner.get("items", inner)
    inner = inner.get("additionalProperties", inner) or inner
    inner = next(iter(alternatives(inner)))
    model = tables.definitions.get(str(inner.get("$ref", "")).rpartition("/")[2], inner)
    if "properties" in model:
        yield tables.table(name, model)


def _led(part: str) -> str:
    """What is said of a kind, with a way to its page, if it has one."""
    found = re.match(r'<a id="(\w+)\.([\w-]+)">', part)
    page = f"{FOLDERS.get(found[1], found[1])}/{found[2]}.md" if found else ""
    return f"{part} [How to use it](../{page})." if page and (DOCS / page).is_file() else part


def _shape(tables: KeyTables, name: str, schema: Schema) -> str:
    needed = " It is needed." if name in ("version", "sources") else ""
    if name in KINDS or "properties" in next(iter(alternatives(schema))) or tables.below(schema):
        return needed
    return f"It takes: {tables.takes(schema)}.{needed}"


def of_kinds(tables: KeyTables, anchor: str, kinds: Mapping[str, str], word: str) -> Iterator[str]:
    """The keys that kinds have in common, once; then each kind with its own."""
    models = {kind: tables.definitions[model] for kind, model in kinds.items()}
    shared = _shared(models, word)
    for several, title in ((False, f"keys of every {word}"), (True, f"keys of several {word}s")):
        rows: list[str] = []
        for key, of in shared.items():
            if several == (len(of) < len(kinds)):
                model, some = models[of[0]], f" ({word}s: {', '.join(of)})" * several
                told = {**model["properties"][key], "description": plain(model["properties"][key]) + some}
                rows += tables.rows(anchor, "", key, told, model)
        if rows:
            yield f"### {anchor}: {title}"
            yield "\n".join((HEAD, *rows))
    every = f" It also takes [the keys of every {word}](#{anchor}-keys-of-every-{word})"
    for kind, model in models.items():
        mine = [key for key, of in shared.items() if kind in of]
        others = [f"[`{key}`](#{anchor}.{key})" for key in mine if len(shared[key]) < len(kinds)]
        also = (
            every if any(len(of) == len(kinds) for of in shared.values()) else " It also takes" * bool(others)
        )
        joint = f"{',' if also is every else ''} {', '.join(others)}" if others else ""
        said = " ".join(str(model.get("description", "")).split("\n\n")[0].split())
        said += "" if word in model["required"] else f" This {word} need not be written."
        yield f"### {anchor}: {word} {kind}"
        yield f'<a id="{anchor}.{kind}"></a>{said}{also}{joint}.'.replace("..", ".")
        yield tables.table(f"{anchor}.{kind}", model, leave_out=[word, *mine])


def _shared(models: Mapping[str, Schema], word: str) -> dict[str, list[str]]:
    """The keys that mean the same in two kinds or more, and in which."""
    found: dict[str, list[str]] = {}
    for key in dict.fromkeys(key for model in models.values() for key in model["properties"]):
        having = {kind: _form(model, key) for kind, model in models.items() if key in model["properties"]}
        form, count = Counter(having.values()).most_common(1)[0]
        model = models[next(iter(having))]
        if count > 1 and key != word and not is_file(key, model):
            found[key] = [kind for kind, each in having.items() if each == form]
    return found


def _form(model: Schema, key: str) -> str:
    """What makes two keys of one name the same."""
    schema = {name: each for name, each in model["properties"][key].items() if name != "title"}
    return json.dumps([schema, key in needed_keys(model)], sort_keys=True)


def rules() -> str:
    """The keys of each type of rule, and what templates may say."""
    tables = KeyTables(rules_schema()["$defs"])
    types = {kind: model.__name__ for kind, model in TYPES.items()}
    parts = [part.replace("### ", "## ") for part in of_kinds(tables, "rules", types, "type")]
    for number, part in enumerate(parts):
        if found := re.match(r'<a id="rules\.(\w+)">', part):
            parts[number] = f"{part} [How to use it](../rules/{found[1]}.md)."
    variables = ("## Variables of templates", two_columns("variable", "what it is", VARIABLES))
    filters = ("## Filters of templates", two_columns("filter", "what it does", FILTERS))
    return "\n\n".join(('<a id="rules"></a>', *parts, *variables, *filters))


def answers() -> str:
    """The keys of the file that `watcher init --answers` takes."""
    definitions: dict[str, Any] = {}
    model_schema(InitAnswers, definitions)
    return KeyTables(definitions).table("", definitions["InitAnswers"])


def rule_tests() -> str:
    """The keys of a file of rule tests, and how series are written."""
    schema = tests_schema()
    notation = (series.__doc__ or "").partition("\n\n")[2]
    return "\n\n".join(
        (KeyTables(schema["$defs"]).table("", schema), "## Series of readings", notation.strip())
    )

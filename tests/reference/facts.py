"""Pages of what programs see: the command line, HTTP, metrics, and the views of the store."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.reference.keys import KeyTables, two_columns
from watcher.store.sqlite.views import COLUMNS

ROOT = Path(__file__).parents[2]
RECORDED = ROOT / "tests" / "recordings" / "recorded"
_KINDS = {
    "counter": ("_total", "counter"), "CounterMetricFamily": ("_total", "counter"),
    "InfoMetricFamily": ("_info", "info"), "histogram": ("", "histogram"),
}  # fmt: skip
"""What makes a family → how its name ends, and its type; all else are gauges."""


def command_line() -> str:
    """The help of each verb, as it is recorded."""
    text = (RECORDED / "commandline" / "help.txt").read_text(encoding="utf-8")
    found = re.findall(r"(?ms)^\$ (watcher[^\n]*?) --help\n(.*?)\nexit 0$", text)
    return "\n\n".join(f"## {verb}\n\n```text\n{said.strip()}\n```" for verb, said in found)


def http() -> str:
    """Each address of `/api/v1`, as OpenAPI describes it."""
    described = json.loads((RECORDED / "story" / "openapi.json").read_text(encoding="utf-8"))
    tables = KeyTables(described["components"]["schemas"])
    parts = []
    for path, methods in described["paths"].items():
        asked = methods["get"]
        taken = {
            each["name"]: f"{each['description']} ({tables.takes(each['schema'])})"
            for each in asked["parameters"]
            if each["in"] == "query"
        }
        row = asked["responses"]["200"]["content"]["application/json"]["schema"]
        model = row.get("items", row)["$ref"].rpartition("/")[2]
        answer = f"A {'list of rows, each' if 'items' in row else 'row'} with {_fields(tables, model)}."
        parts += [f"### {path}", asked["summary"], *([two_columns("takes", "which", taken)] if taken else [])]
        parts.append(answer)
    return "\n\n".join(parts)


def _fields(tables: KeyTables, model: str) -> str:
    return ", ".join(f"`{name}`" for name in tables.definitions[model]["properties"])


def metrics() -> str:
    """Each family of `/metrics`: read from the source, since some come only where there is something."""
    families = sorted(
        found for path in (ROOT / "watcher" / "web").glob("*metric*.py") for found in _families(path)
    )
    rows = (f"| `{name}` | {kind} | {labels} | {text} |" for name, kind, labels, text in families)
    return "\n".join(("| metric | type | labels | what it says |", "|---|---|---|---|", *rows))


def _families(path: Path) -> Iterator[tuple[str, str, str, str]]:
    """Name, type, labels and words, as each family is made or stands in a table."""
    module = ast.parse(path.read_text(encoding="utf-8"))
    constants = _assigned(module.body)
    for part in ast.walk(module):
        if isinstance(part, ast.FunctionDef):
            named = constants | _assigned(ast.walk(part))
            for call in (node for node in ast.walk(part) if isinstance(node, ast.Call)):
                if _says(call.args):
                    name, text, made = *_says(call.args), getattr(call.func, "id", "")
                    given = [each.value for each in call.keywords if each.arg == "labels"] or call.args[2:3]
                    labels = [label for each in given for label in _names(each, named)]
                    yield _row(name, made, labels, text)
        elif isinstance(part, ast.Tuple) and _says(part.elts):
            yield _row(_says(part.elts)[0], "", ["source"], _says(part.elts)[1])


def _says(parts: Sequence[ast.expr]) -> tuple[str, ...]:
    """The name of a family and its words; empty if that is none."""
    match parts:
        case [ast.Constant(value=str(name)), ast.Constant(value=str(text)), *_] if name[:8] == "watcher_":
            return name, text
    return ()


def _row(name: str, made: str, labels: Sequence[str], text: str) -> tuple[str, str, str, str]:
    ending, kind = _KINDS.get(made, ("", "gauge"))
    return name + ending, kind, ", ".join(f"`{each}`" for each in labels), text


def _assigned(nodes: Iterable[ast.AST]) -> dict[str, ast.expr]:
    return {
        target.id: node.value
        for node in nodes
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }


def _names(node: ast.expr, named: Mapping[str, ast.expr]) -> Iterator[str]:
    match node:
        case ast.Constant(value=str(name)):
            yield name
        case ast.Name(id=name) if name in named:
            yield from _names(named[name], named)
        case ast.List(elts=parts) | ast.Tuple(elts=parts):
            for part in parts:
                yield from _names(part, named)
        case ast.Starred(value=inner):
            yield from _names(inner, named)


def views() -> str:
    """Each view of the SQLite file, and what its columns mean."""
    parts: list[Any] = []
    for view, columns in COLUMNS.items():
        parts += [f"## {view}", two_columns("column", "what it is", columns)]
    return "\n\n".join(parts)

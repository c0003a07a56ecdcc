"""Schemas as tables for people: a row a key, each with an anchor that messages can lead to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from watcher.config.json_schema import DURATION

Schema = Mapping[str, Any]

SINCE: Mapping[str, str] = {
    "store.postgresql.url": "1.1",
    "store.postgresql.schema": "1.1",
    "store.postgresql.pool": "1.1",
    "cluster.name": "1.1",
    "cluster.roles": "1.1",
}
"""Anchor → the version that brought the key; what is not named is as old as version 1.0."""

MORE: Mapping[str, str] = {"wallets.chains": "[Those that are known](chains.md)."}
"""Anchor → where more is said of the key."""

HEAD = "| key | takes | default | what it does |\n|---|---|---|---|"
NOTHING: tuple[object, ...] = (None, "", [], {})


@dataclass
class KeyTables:
    """Tables of one page. `shown`: the anchor of each model whose keys stand on the page already."""

    definitions: Mapping[str, Schema]
    shown: dict[str, str] = field(default_factory=dict)

    def table(self, anchor: str, schema: Schema, leave_out: Sequence[str] = ()) -> str:
        """All keys of one mapping."""
        rows = [
            row
            for key, each in schema.get("properties", {}).items()
            if key not in leave_out
            for row in self.rows(anchor, "", key, each, schema)
        ]
        return "\n".join((HEAD, *rows)) if rows else "It has no keys."

    def rows(self, anchor: str, before: str, key: str, schema: Schema, around: Schema) -> Iterator[str]:
        """One key of a mapping, and below it those of the mapping that it takes itself."""
        if is_file(key, around):
            return
        here, name = f"{anchor}.{key}".removeprefix("."), f"{before}{key}"
        said, below = " ".join(plain(schema).split()), self.below(schema)
        said = said.replace("A template.", "A [template](#variables-of-templates).")
        said += f" Since {SINCE[here]}." if here in SINCE else ""
        said += f" {MORE[here]}" if here in MORE else ""
        names = f'<a id="{here}"></a>`{name}`'
        if f"{key}_file" in around["properties"]:
            names += f' or <a id="{here}_file"></a>`{name}_file`, which names a file with it'
        earlier = [f"[as above](#{self.shown[each]})" for each in below if each in self.shown]
        takes = self.takes(schema)
        takes = " ".join((takes, *earlier)) if earlier else takes
        cells = (names, takes, default(schema, needed=key in needed_keys(around)), said)
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
        for each in below:
            if each in self.shown:
                continue
            self.shown[each] = here
            inner = self.definitions[each]
            inside = f"{name}{'.NAME' if named(schema) else ''}."
            for one, schema_of_it in inner["properties"].items():
                yield from self.rows(here, inside, one, schema_of_it, inner)

    def below(self, schema: Schema) -> list[str]:
        """The models of the mappings that a key takes, alone, in a list, or under names."""
        found = []
        for each in alternatives(schema):
            inner = each.get("items") or each.get("additionalProperties") or each
            for one in alternatives(inner) if isinstance(inner, Mapping) else ():
                name = str(one.get("$ref", "")).rpartition("/")[2]
                if "properties" in self.definitions.get(name, {}):
                    found.append(name)
        return found

    def takes(self, schema: Schema) -> str:
        """What a key takes, in words."""
        words = [word for each in alternatives(schema) for word in self._one(each)]
        words = list(dict.fromkeys(words))
        if "list of words" in words and "text" in words:
            words.remove("text")
        if "number" in words and "text" in words:
            words.remove("text")  # in quotes, so that it stays exact
        return " or ".join(words)

    def _one(self, schema: Schema) -> Iterator[str]:
        if "$ref" in schema:
            inner = self.definitions[schema["$ref"].rpartition("/")[2]]
            yield from ("the keys below it",) if "properties" in inner else self._one(inner)
        elif "const" in schema:
            yield f"`{schema['const']}`"
        elif "enum" in schema:
            yield from (f"`{each}`" for each in schema["enum"])
        elif schema.get("pattern") == DURATION["pattern"]:
            yield "duration"
        elif str(schema.get("pattern", "")).endswith("%$"):
            yield "percentage"
        elif schema.get("type") == "array":
            item = self.takes(schema.get("items", {}))
            yield _LISTS.get(item, f"list of: {item}")
        elif schema.get("type") == "object":
            yield self._mapping(schema)
        elif schema.get("type") in _WORDS:
            yield _WORDS[schema["type"]] + _bounds(schema)

    def _mapping(self, schema: Schema) -> str:
        inner = schema.get("additionalProperties")
        for pattern in schema.get("patternProperties", {}).values():
            inner = pattern
        if not isinstance(inner, Mapping):
            return "the keys below it"
        keys = self.takes(schema.get("propertyNames", {"type": "string"})) or "name"
        return f"mapping: {'name' if keys == 'text' else keys} → {self.takes(inner)}"


_LISTS = {"text": "list of words", "the keys below it": "list, each with the keys below it"}
_WORDS = {"string": "text", "integer": "whole number", "number": "number", "boolean": "`true` or `false`"}


def _bounds(schema: Schema) -> str:
    if schema["type"] == "string":
        return ""
    low, high = schema.get("minimum"), schema.get("maximum")
    more = f"above {schema['exclusiveMinimum']:,}" if "exclusiveMinimum" in schema else ""
    between = f"{low:,} to {high:,}" if low is not None and high is not None else ""
    ends = [more, between or (f"at most {high:,}" if high is not None else "")]
    ends += [f"from {low:,}"] if low is not None and not between else []
    said = ", ".join(each for each in ends if each)
    return f", {said}" if said else ""


def alternatives(schema: Schema) -> list[Schema]:
    """What may stand in a place: one of several, or the one; `null` is told by the default."""
    kinds = schema.get("type")
    if isinstance(kinds, list):
        return [{**schema, "type": each} for each in kinds if each != "null"]
    found = [one for each in schema.get("anyOf") or schema.get("oneOf") or () for one in alternatives(each)]
    return [each for each in found or [schema] if each.get("type") != "null"]


def is_file(key: str, around: Schema) -> bool:
    """Whether a key only names the file that another one is read from."""
    return key.endswith("_file") and key.removesuffix("_file") in around["properties"]


def plain(schema: Schema) -> str:
    """What a key does, without what templates may say: that stands on the page once."""
    return str(schema.get("description", "")).partition(" Jinja2 template. ")[0]


def named(schema: Schema) -> bool:
    """Whether a key takes mappings under names of the user's."""
    return any(isinstance(each.get("additionalProperties"), Mapping) for each in alternatives(schema))


def needed_keys(schema: Schema) -> set[str]:
    """The keys that must be written; of a secret either it or its file."""
    either = [one["required"] for each in schema.get("allOf", ()) for one in each.get("oneOf", ())]
    return {*schema.get("required", ()), *(key for keys in either for key in keys if len(keys) == 1)}


def default(schema: Schema, *, needed: bool) -> str:
    """What holds where a key is left out."""
    value = schema.get("default")
    if needed:
        return "needed"
    if value in NOTHING or isinstance(value, Mapping):
        return ""
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, list):
        return f"`[{', '.join(map(str, value))}]`"
    return f"`{value:g}`" if isinstance(value, float) else f"`{value}`"


def two_columns(left: str, right: str, rows: Mapping[str, str]) -> str:
    """A table of names and what each is."""
    lines = (f"| `{name}` | {words.replace('|', chr(92) + '|')} |" for name, words in rows.items())
    return "\n".join((f"| {left} | {right} |", "|---|---|", *lines))

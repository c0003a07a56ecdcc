"""JSON Schemas of `watcher.yaml` and of rule files, which editors complete from."""

from __future__ import annotations

import ast
import inspect
import json
from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from itertools import pairwise
from textwrap import dedent
from typing import Any

from pydantic import BaseModel, SecretStr, TypeAdapter

from watcher.config.chat import ChatSettings
from watcher.config.models import ClusterSettings, HeartbeatSettings, LogSettings, WalletEntry
from watcher.config.parts import SECTIONS
from watcher.config.problems import models_in, parts_of, written_fields
from watcher.config.reports import ReportSettings
from watcher.config.settings import Kinds
from watcher.config.web import WebSettings
from watcher.domain.messages.template_variables import TEMPLATES
from watcher.domain.messages.templates import TEMPLATE_HELP
from watcher.domain.readings.asset_policies import AssetEntry
from watcher.domain.rules import TYPES
from watcher.domain.values.durations import format_duration
from watcher.domain.values.fields import PERCENTAGE
from watcher.notify.display import DisplaySettings
from watcher.notify.kind import ChannelKind

SECTION_HELP: Mapping[str, str] = {
    "version": "Version of this format: 1.",
    "include": "Files that hold wallets, channels and rule files as this one does, or patterns of them.",
    "store": "Where readings, alerts and deliveries are kept.",
    "cluster": "What this machine is among those that share the store; for stores that several may use.",
    "sources": "API accesses, each under a name of yours that wallets say.",
    "wallets": "What is watched: wallets, and files of wallets.",
    "hints": "Who says that an account has just moved, each under a name of yours.",
    "assets": "Which assets are trusted, hidden or held back; the first entry that fits decides.",
    "channels": "Ways to tell people, each under a name of yours that rules say.",
    "display": "In whose time, language and money messages are shown.",
    "reports": "Letters about a day, a week or a month, each under a name of yours.",
    "explorers": "Chain → web page of an account, with `{address}` in it: messages link there.",
    "people": "Who may answer in channels: name → the id that a service knows the person by.",
    "chat": "Where these people may answer, by buttons and commands.",
    "rules": "Rule files, or patterns of such files.",
    "web": "The page, the JSON and the metrics; `null` turns them off.",
    "log": "What is logged, and how.",
    "heartbeat": "A dead-man's switch elsewhere that is called while alerts would reach somebody.",
}
DURATION = {"type": "string", "pattern": r"^[0-9]+[smhd]$", "examples": ["30s", "5m", "2h", "7d"]}


_DURATIONS = TypeAdapter(timedelta)


def json_schema(kinds: Kinds | None = None) -> dict[str, Any]:
    """The file as people write it: durations as text, and every secret also as `…_file`."""
    kinds = kinds or Kinds()
    definitions: dict[str, Any] = {}
    properties = {
        "version": {"const": 1},
        "include": _files(["teams/*.yaml"]),
        "store": _choice("store", kinds.stores, kinds.store, definitions),
        "cluster": {"anyOf": [model_schema(ClusterSettings, definitions), {"type": "null"}]},
        "sources": {
            "type": "object",
            "additionalProperties": _choice("source", kinds.sources, None, definitions),
        },
        "wallets": _wallets(definitions),
        "hints": {
            "type": ["object", "null"],
            "additionalProperties": _choice("hint source", kinds.hints, None, definitions),
        },
        "assets": {"type": "array", "items": model_schema(AssetEntry, definitions)},
        "channels": {
            "type": "object",
            "additionalProperties": _choice("channel", kinds.channels, kinds.channel, definitions),
        },
        "display": {"anyOf": [model_schema(DisplaySettings, definitions), {"type": "null"}]},
        "reports": {
            "type": ["object", "null"],
            "additionalProperties": model_schema(ReportSettings, definitions),
        },
        "explorers": {
            "type": ["object", "null"],
            "additionalProperties": {"type": "string", "pattern": r"^https?://.*\{address\}"},
        },
        "rules": _files(["rules/*.yaml"]),
        "web": {"anyOf": [model_schema(WebSettings, definitions), {"type": "null"}]},
        "log": model_schema(LogSettings, definitions),
        "heartbeat": {"anyOf": [model_schema(HeartbeatSettings, definitions), {"type": "null"}]},
        "people": {"type": ["object", "null"], "additionalProperties": _person(kinds.channels)},
        "chat": {"anyOf": [model_schema(ChatSettings, definitions), {"type": "null"}]},
    }
    properties = {key: {"description": SECTION_HELP[key], **schema} for key, schema in properties.items()}
    schema = file_schema("watcher.yaml", properties, ["version", "sources"], definitions)
    return {**schema, "anyOf": [{"required": ["wallets"]}, {"required": ["include"]}]}


def part_schema(kinds: Kinds | None = None) -> dict[str, Any]:
    """A file that `include:` names: three sections of `watcher.yaml`, as they stand there."""
    whole = json_schema(kinds)
    properties = {key: whole["properties"][key] for key in SECTIONS}
    text = json.dumps(properties)
    needed: dict[str, Any] = {}
    while wanted := {name for name in whole["$defs"] if f'"#/$defs/{name}"' in text} - needed.keys():
        needed |= {name: whole["$defs"][name] for name in sorted(wanted)}
        text = json.dumps(needed)
    return file_schema("a file that watcher.yaml includes", properties, [], needed)


def _files(example: list[str]) -> dict[str, Any]:
    return {"type": "array", "items": {"type": "string"}, "examples": [example]}


def _wallets(definitions: dict[str, Any]) -> dict[str, Any]:
    """Wallets, and files of wallets."""
    file = {"type": "string", "description": "A file of wallets: CSV, YAML or JSON; or a pattern of files."}
    items = {"anyOf": [model_schema(WalletEntry, definitions), file]}
    return {"type": "array", "minItems": 1, "items": items}


def rules_schema() -> dict[str, Any]:
    """A rule file, every type in it. What templates may use stands beside their fields."""
    definitions: dict[str, Any] = {}
    choices = []
    for kind, model in TYPES.items():
        reference = model_schema(model, definitions)
        definition = definitions[model.__name__]
        definition["properties"]["type"] = {"description": _texts(model)["type"], "const": kind}
        definition["required"] = sorted({"id", "type", *definition.get("required", ())})
        for name in TEMPLATES:
            told = {"type": "string", "description": f"{_texts(model)[name]} {TEMPLATE_HELP}"}
            definition["properties"][name] = told
        choices.append(reference)
    rules = {"description": "The rules.", "type": ["array", "null"], "items": {"anyOf": choices}}
    return file_schema("watcher rules", {"rules": rules}, ["rules"], definitions)


def file_schema(
    title: str, properties: Mapping[str, Any], required: list[str], definitions: Mapping[str, Any]
) -> dict[str, Any]:
    """The schema of a whole file."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": title,
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": False,
        "$defs": definitions,
    }


def _choice(
    what: str, kinds: Mapping[str, type[BaseModel]], default: str | None, definitions: dict[str, Any]
) -> dict[str, Any]:
    choices = []
    for kind, model in kinds.items():
        reference = model_schema(model, definitions)
        definition = definitions[reference["$ref"].rpartition("/")[2]]
        said = f"Kind of {what}, which decides the other keys."
        definition.setdefault("properties", {})["kind"] = {"description": said, "const": kind}
        required = [key for key in definition.get("required", []) if key != "kind"]
        definition["required"] = required if kind == default else ["kind", *required]
        choices.append(reference)
    return {"anyOf": choices}


def _person(channels: Mapping[str, type[ChannelKind]]) -> dict[str, Any]:
    """A person: the ids of the services in which people can answer."""
    services = dict.fromkeys(kind.service for kind in channels.values() if kind.service)
    return {
        "type": "object",
        "properties": {
            service: {"description": f"The person's id on {service}.", "type": ["string", "integer"]}
            for service in services
        },
        "minProperties": 1,
        "additionalProperties": False,
    }


def model_schema(model: type[BaseModel], definitions: dict[str, Any]) -> dict[str, Any]:
    """A reference to the schema of a model; what it refers to goes into `definitions`."""
    schema = model.model_json_schema(ref_template="#/$defs/{model}")
    inner = schema.pop("$defs", {})
    for each in [model, *_below(model)]:
        target = schema if each is model else inner.get(each.__name__)
        if target is not None:
            _describe(target, each)
            _allow_files(target, each)
    for name, each in {**inner, model.__name__: schema}.items():
        definitions[name] = _as_written(each)
    return {"$ref": f"#/$defs/{model.__name__}"}


def _below(model: type[BaseModel]) -> list[type[BaseModel]]:
    found: list[type[BaseModel]] = []
    for info in model.model_fields.values():
        for inner in models_in(info.annotation):
            found += [inner, *_below(inner)]
    return found


def _describe(schema: dict[str, Any], model: type[BaseModel]) -> None:
    """Below each key what stands below its field, for editors to show."""
    texts = _texts(model)
    for name, info in model.model_fields.items():
        key = info.alias or name
        if name in texts and key in schema["properties"]:
            schema["properties"][key].setdefault("description", texts[name])


def _texts(model: type[BaseModel]) -> dict[str, str]:
    """What is written below the fields of a model. Its source is read only when a schema is asked for."""
    found: dict[str, str] = {}
    for each in reversed(model.__mro__):
        if not issubclass(each, BaseModel) or each is BaseModel:
            continue
        (written,) = ast.parse(dedent(inspect.getsource(each))).body
        for field, below in pairwise(written.body if isinstance(written, ast.ClassDef) else ()):
            match field, below:
                case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(text))):
                    found[name] = " ".join(text.split())
    return found


def _allow_files(schema: dict[str, Any], model: type[BaseModel]) -> None:
    """Beside each secret, the key that names a file with it."""
    for key, info in written_fields(model).items():
        if SecretStr not in parts_of(info.annotation):
            continue
        said = f"Path of a file that holds `{key}`, in its place."
        schema["properties"][f"{key}_file"] = {"type": "string", "description": said}
        if key in schema.get("required", []):
            schema["required"].remove(key)
            either = {"oneOf": [{"required": [key]}, {"required": [f"{key}_file"]}]}
            schema.setdefault("allOf", []).append(either)


def _as_written(schema: Any) -> Any:
    """Durations as people write them, single words for lists, and no format that nobody checks."""
    if isinstance(schema, list):
        return [_as_written(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    if schema.get("format") == "duration":
        rest = {key: value for key, value in schema.items() if key not in ("format", "type")}
        return _spelled({**DURATION, **rest})
    # Of a mapping the keys below it have defaults of their own.
    unsaid = schema.get("format") == "password" or isinstance(schema.get("default"), dict)
    drop = {"writeOnly", "format"} | ({"default"} if unsaid else set())
    named = schema.get("properties", {})  # what they are called is nobody's business here
    plain = {key: _as_written(value) for key, value in schema.items() if key not in (*drop, "properties")}
    if named:
        plain["properties"] = {name: _as_written(value) for name, value in named.items()}
    if plain.get("type") == "array" and plain.get("items") == {"type": "string"}:
        rest = {key: plain.pop(key) for key in ("title", "description", "default") if key in plain}
        return {**rest, "anyOf": [plain, {"type": "string"}]}
    return _spelled(plain)


def _spelled(schema: dict[str, Any]) -> dict[str, Any]:
    """The default of a duration or a percentage as people write it."""
    default = schema.get("default")
    if default is not None and schema.get("pattern") == DURATION["pattern"]:
        schema["default"] = format_duration(_DURATIONS.validate_python(default))
    elif default is not None and schema.get("pattern") == PERCENTAGE["pattern"]:
        schema["default"] = f"{Decimal(default):.0%}"
    return schema

"""What pydantic finds wrong with a piece of a file, in words for the person who wrote the file."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, SecretStr, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from watcher.config.document import Document, Loc, Node
from watcher.domain.values.decimals import count_in
from watcher.domain.values.errors import InputError
from watcher.domain.values.spelling import closest, nearest
from watcher.domain.values.text import clean

M = TypeVar("M", bound=BaseModel)

_WORDS = {
    "missing": "is missing",
    "string_type": "must be text",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "finite_number": "must be a finite number",
    "decimal_type": "must be a number",
    "decimal_parsing": "must be a number",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "dict_type": "must be a mapping of keys to values",
    "model_type": "must be a mapping of keys to values",
    "model_attributes_type": "must be a mapping of keys to values",
    "list_type": "must be a list",
    "tuple_type": "must be a list",
    "time_delta_type": "must be a duration",
    "time_delta_parsing": "must be a duration",
    "string_pattern_mismatch": "has characters that are not allowed here",
    "string_too_short": "must not be empty",
}
_IN_BRACKETS = "write [a, b]"
_REMEDIES = {
    "dict_type": "write {KEY: VALUE}",
    "list_type": _IN_BRACKETS,
    "tuple_type": _IN_BRACKETS,
    "time_delta_type": "write a whole number and s, m, h or d, as in 30s or 5m",
    "time_delta_parsing": "write a whole number and s, m, h or d, as in 30s or 5m",
    "string_pattern_mismatch": "use letters, digits and - _ . and begin with a letter or digit",
}


def written_fields(model: type[BaseModel]) -> dict[str, FieldInfo]:
    """The fields of a model under the keys that stand in a file."""
    return {info.alias or name: info for name, info in model.model_fields.items()}


def parts_of(annotation: Any) -> Iterator[type]:
    """Every class inside an annotation such as `dict[str, Units] | None`."""
    if isinstance(annotation, type):
        yield annotation
    for part in get_args(annotation):
        yield from parts_of(part)


def models_in(annotation: Any) -> list[type[BaseModel]]:
    return [part for part in parts_of(annotation) if issubclass(part, BaseModel)]


def checked(document: Document, loc: Loc, model: type[M]) -> M | None:
    """The piece of a document at `loc` as a model; None after reporting all that is wrong with it."""
    try:
        return model.model_validate(document.at(loc).plain())
    except ValidationError as error:
        for each in error.errors(include_url=False, include_input=False):
            _report(document, tuple(loc), each, model)
        return None


_A_WORD = re.compile(r"(?!0x)[\w./-]+(, ?[\w./-]+)*", re.ASCII)
"""Words that can stand in brackets as they are."""
_OPTION = re.compile(r"'([^']*)'")


def _report(
    document: Document, prefix: tuple[str | int, ...], error: ErrorDetails, model: type[BaseModel]
) -> None:
    inner = error["loc"]
    loc = (*prefix, *inner)
    node = document.at(loc)
    kind = error["type"]
    if kind == "extra_forbidden":
        key = str(inner[-1])
        if cut := _cut_number(document, loc):
            document.report(loc, f"a comma ends a value inside {{…}}, so '{key}' is a key", cut, key=True)
            return
        known = _known_at(model, inner[:-1])
        document.report(
            loc, f"unknown key '{key}'{_inside(document, loc[:-1])}", nearest(key, known), key=True
        )
    elif kind == "enum" and inner[-1] == "[key]":
        key, options = str(inner[-2]), _OPTION.findall(str(error.get("ctx", {}).get("expected", "")))
        what = f"unknown key '{key}'{_inside(document, loc[:-2])}"
        document.report(loc[:-1], what, nearest(key, options), key=True)
    elif kind == "missing":
        key = str(inner[-1])
        remedy = f"add '{key}: …'" if document.at(loc).column else f"fill in the column '{key}'"
        if SecretStr in _parts_at(model, inner):
            remedy += f", or '{key}_file: …' with the path of a file that holds it"
        document.report(loc, f"'{key}' is missing{_inside(document, loc[:-1])}", remedy)
    elif not node.faulty:
        found = _found(error, node, model)
        place = (*loc, *found.place)
        if not document.at(place).faulty:
            named = _named(document, loc, found)
            document.report(place, found.what, found.remedy, cause=found, named=named)


def _named(document: Document, loc: tuple[str | int, ...], error: InputError) -> str:
    """The keys that a mistake is about, to stand before its words; empty if these begin with the last."""
    keys = [part for part in error.place if isinstance(part, str)]
    if keys and re.match(rf"{re.escape(keys[-1])}\b", error.what):
        return ""
    name = spelled(document, (*loc, *keys))
    joint = " " if re.match(r"(is|are|must|has|needs|names) ", error.what) else ": "
    return f"{name}{joint}" if name else ""


def _cut_number(document: Document, loc: Loc) -> str:
    """The remedy if a key is what follows the comma of a number, as in {limit: 20,000}; else empty."""
    *around, key = loc
    node = document.at(around)
    keys = node.plain_keys()
    at = keys.index(str(key)) if key in keys else 0
    before = node.get(keys[at - 1]) if at else None
    if before is None or not re.fullmatch(r"[0-9]{1,3} [0-9]{3}(\.[0-9]+)?", f"{before.text} {key}"):
        return ""
    return f"write {keys[at - 1]}: {before.text}{key}"


def _found(error: ErrorDetails, node: Node, model: type[BaseModel]) -> InputError:
    """What a validator of ours, or pydantic itself, found wrong with a value."""
    found = error.get("ctx", {}).get("error")
    if isinstance(found, InputError):
        return found
    if error["type"] in {"value_error", "assertion_error"}:
        return InputError(str(found or error["msg"]))
    if error["type"] == "model_type" and node.value not in (None, False):
        keys = ", ".join(sorted(_known_at(model, error["loc"])))
        return InputError(_WORDS["model_type"], f"write {{KEY: VALUE}}; known here: {keys}")
    return InputError(*_words(error, node))


def _words(error: ErrorDetails, node: Node) -> tuple[str, str]:
    """What pydantic found wrong with a value, and the remedy. Shows it only as it stands in the file."""
    kind, context = error["type"], error.get("ctx", {})
    if kind in {"literal_error", "enum"}:
        options = _OPTION.findall(str(context.get("expected", "")))
        shown = ", ".join(options) or str(context.get("expected"))
        close = closest(node.text, options)
        what = f"'{node.text}' is not one of {shown}" if node.text else f"must be one of {shown}"
        return what, f"did you mean '{close}'?" if close else ""
    if node.value is None and kind != "missing":
        return "is empty", "write a value, or leave the key out"
    if kind == "ip_any_address":
        remedy = "write each address, as in [127.0.0.1]; names and networks are not taken"
        return f"'{node.text}' is no IP address", remedy
    if kind == "string_too_long":
        return f"is longer than {context['max_length']} characters", ""
    if kind == "string_type" and isinstance(node.value, int):
        return "must be text, and this is read as a number or as true/false", "put it in quotes"
    if kind == "int_type" and isinstance(node.value, str):
        with suppress(ValueError):
            return _WORDS[kind], f"write {count_in(node.text)}"
    if kind in _WORDS:
        off = node.value is False and "mapping" in _WORDS[kind]
        remedy = _REMEDIES.get(kind, "")
        if remedy == _IN_BRACKETS and _A_WORD.fullmatch(node.text):
            remedy = f"write [{node.text}]"
        return _WORDS[kind], "to do without it write null" if off else remedy
    words = re.sub(r"^(Input|Value|Tuple|List|String|Dictionary) should ", "must ", error["msg"])
    return words[:1].lower() + words[1:], ""


def spelled(document: Document, loc: Loc) -> str:
    """`wallets[2].every`: the keys that really stand in the file on the way to `loc`."""
    text, node = "", document.root
    for part in loc:
        if isinstance(node.value, list) and isinstance(part, int) and part < len(node.value):
            text, node = f"{text}[{part}]", node.value[part]
            text = text if node.file is None else ""  # its number among all says nothing about that file
        elif isinstance(part, str) and (below := node.get(part)) is not None:
            text, node = f"{text}.{clean(part)}" if text else clean(part), below
    return text


def _inside(document: Document, loc: Loc) -> str:
    name = spelled(document, loc)
    return f" in {name}" if name else ""


def _models_at(model: type[BaseModel], loc: Loc) -> list[type[BaseModel]]:
    """The models that may stand at `loc` of a model; parts of the way that are no field are skipped."""
    models = [model]
    for part in loc:
        fields = [written_fields(each).get(str(part)) for each in models]
        models = [inner for info in fields if info for inner in models_in(info.annotation)] or models
    return models


def _known_at(model: type[BaseModel], loc: Loc) -> set[str]:
    """The keys that may stand in the mapping at `loc` of a model."""
    return {key for each in _models_at(model, loc) for key in written_fields(each)}


def _parts_at(model: type[BaseModel], loc: Loc) -> list[type]:
    """The classes in the annotation of the field at `loc`."""
    fields = [written_fields(each).get(str(loc[-1])) for each in _models_at(model, loc[:-1])]
    return [part for info in fields if info for part in parts_of(info.annotation)]

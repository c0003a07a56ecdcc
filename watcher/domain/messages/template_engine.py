"""Template engine: a sandboxed Jinja2. Loaded only when a rule has a template.

What a template may use is listed; whatever could make much of little (formats, loops, doubling) is bounded
where it happens: in time, in memory and in width.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache, wraps
from typing import Any

from jinja2 import StrictUndefined, Template, TemplateError, nodes, pass_context
from jinja2.exceptions import SecurityError
from jinja2.filters import FILTERS as BUILT_IN
from jinja2.meta import find_undeclared_variables
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.visitor import NodeTransformer

from watcher.domain.messages import template_filters
from watcher.domain.messages.template_variables import LONGEST, SAMPLES, VARIABLES, TemplateFailedError
from watcher.domain.values.errors import InputError

_FAULTS = (
    TypeError,
    ValueError,
    ArithmeticError,
    LookupError,
    AttributeError,
    RecursionError,
    MemoryError,
    SyntaxError,
)
"""What an operator's template can run into."""

LONGEST_TEMPLATE = 5000
"""Characters of a template."""
WIDEST = 20_000
"""Characters, or items, of what is put together on the way."""
MOST_STEPS = 1000
"""Rounds of all loops together."""
MOST_BITS = 512
"""Of a whole number that is calculated with."""

_WIDE = re.compile(r"\d{4,}|\*|\{[^{}]*\{")
"""In a format: a width of four digits, and one that only a value tells."""

_NODES = frozenset(
    {
        *("Add", "And", "Assign", "Call", "Compare", "Concat", "CondExpr", "Const", "Dict", "Div", "Filter"),
        *("FloorDiv", "For", "Getattr", "Getitem", "If", "Keyword", "List", "Mod", "Mul", "Name", "Neg"),
        *("Not", "Operand", "Or", "Output", "Pair", "Pos", "Pow", "Slice", "Sub", "Template"),
        *("TemplateData", "Test", "Tuple", "With"),
    }
)
_METHODS = frozenset(
    {
        *("capitalize", "casefold", "count", "endswith", "find", "format", "get", "index", "isalnum"),
        *("isalpha", "isdigit", "islower", "isnumeric", "isspace", "isupper", "items", "join", "keys"),
        *("lower", "lstrip", "partition", "removeprefix", "removesuffix", "replace", "rfind", "rpartition"),
        *("rsplit", "rstrip", "split", "splitlines", "startswith", "strip", "swapcase", "title", "upper"),
        "values",
    }
)
_PLAIN_FILTERS = (
    *("abs", "capitalize", "count", "d", "default", "first", "float", "int", "last", "length", "list"),
    *("lower", "map", "max", "min", "reject", "reverse", "select", "sort", "string", "sum", "title", "trim"),
    *("truncate", "unique", "upper", "urlencode", "wordcount"),
)


class _Steps(Context):
    """What one rendering has used of its loops."""

    steps = 0


@pass_context
def _counted(context: _Steps, value: Iterable[Any]) -> list[Any]:
    """What a loop goes over."""
    found = list(value)
    context.steps += len(found)
    if context.steps > MOST_STEPS:
        raise SecurityError(f"loops may have {MOST_STEPS:,} rounds in all")
    return found


def _flat(value: Any) -> Any:
    """A list, tuple or mapping as written: of plain things, as lists of lists grow without end."""
    parts = value.values() if isinstance(value, dict) else value
    if any(isinstance(each, list | tuple | dict) for each in parts):
        raise SecurityError("a list in a list is not available")
    return value


def _bounded(length: int) -> None:
    if length > WIDEST:
        raise SecurityError(f"the text becomes longer than {WIDEST:,} characters")


def _join(value: Iterable[Any], between: str = "") -> str:
    texts = [str(each) for each in value]
    _bounded(sum(map(len, texts)) + len(between) * len(texts))
    return between.join(texts)


def _replace(text: Any, old: Any, new: Any, count: int = -1) -> str:
    text, old, new = str(text), str(old), str(new)
    _bounded(len(text) + text.count(old) * len(new))
    replaced: str = text.replace(old, new, -1 if count is None else count)
    return replaced


def _round(value: Any, precision: int = 0, method: str = "common") -> Any:
    if abs(precision) > 30:
        raise SecurityError("round is for at most 30 digits")
    return BUILT_IN["round"](value, precision, method)


def _narrow(form: str, values: Iterable[Any]) -> None:
    """Holds a format against what it is to show: no part may be padded to more than 999 characters."""
    if _WIDE.search(form):
        raise SecurityError("a format may pad to 999 characters, and says so itself")
    longest = max((len(str(each)) for each in values), default=0)
    _bounded(len(form) + (form.count("{") + form.count("%")) * longest)


def _format(value: Any, *args: Any, **named: Any) -> str:
    _narrow(str(value), (*args, *named.values()))
    return str(value) % (named or args)


_BOUNDED: Mapping[str, Callable[..., Any]] = {"join": lambda by, each: _join(each, by), "replace": _replace}
"""Methods of texts that are done here."""


class _Bounding(NodeTransformer):
    """Puts the bounds into a template as it was read; what is not listed is not available."""

    def generic_visit(self, node: nodes.Node, *args: Any, **kwargs: Any) -> nodes.Node:
        if type(node).__name__ not in _NODES or getattr(node, "recursive", False):
            raise SecurityError(f"{type(node).__name__.lower()} is not available")
        super().generic_visit(node, *args, **kwargs)
        if isinstance(node, nodes.Concat):
            return _filtered(nodes.List(node.nodes, lineno=node.lineno), "join")
        if isinstance(node, nodes.For):
            node.iter = _filtered(node.iter, "_counted")
        written = isinstance(node, nodes.List | nodes.Dict) or (
            isinstance(node, nodes.Tuple) and node.ctx == "load"
        )
        if written:
            return _filtered(node, "_flat")
        return node


def _filtered(node: nodes.Node, name: str) -> nodes.Filter:
    return nodes.Filter(node, name, [], [], None, None, lineno=node.lineno)


class _Sandbox(ImmutableSandboxedEnvironment):
    """A sandbox in which a short template cannot make a text that fills the memory."""

    intercepted_binops = frozenset({"+", "-", "*", "/", "//", "%", "**"})
    context_class = _Steps

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        tree = super()._parse(source, name, filename)
        bounded: nodes.Template = _Bounding().visit(tree)
        bounded.set_environment(self)
        return bounded

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        numbers = all(isinstance(each, int | float) for each in (left, right))
        if operator == "**" or (operator == "*" and not numbers):
            raise SecurityError(
                f"{operator} is for numbers only" if operator == "*" else "** is not available"
            )
        if any(isinstance(each, int) and each.bit_length() > MOST_BITS for each in (left, right)):
            raise SecurityError("a number is too large to calculate with")
        if operator == "+" and not numbers:
            _bounded(len(left) + len(right))
        if operator == "%" and isinstance(left, str):
            values = right.values() if isinstance(right, dict) else right
            _narrow(left, values if isinstance(right, dict | tuple) else (right,))
        return super().call_binop(context, operator, left, right)

    def wrap_str_format(self, value: Any) -> Callable[..., str] | None:
        wrapped = super().wrap_str_format(value)
        if wrapped is None:
            return None

        @wraps(value)
        def narrow(*args: Any, **kwargs: Any) -> str:
            _narrow(value.__self__, (*args, *kwargs.values()))
            return wrapped(*args, **kwargs)

        return narrow

    def call(self, context: Context, method: Any, /, *args: Any, **kwargs: Any) -> Any:
        inner = getattr(method, "__wrapped__", method)
        name, owner = getattr(inner, "__name__", ""), getattr(inner, "__self__", None)
        if name not in _METHODS or not isinstance(owner, str | dict | list):
            raise SecurityError(f"{name or 'this'}() is not available")
        if name in _BOUNDED and isinstance(owner, str):
            return _BOUNDED[name](owner, *args, **kwargs)
        return super().call(context, method, *args, **kwargs)


@pass_context
def _ago(context: Context, value: str) -> str:
    return template_filters.ago(value, context["at"])


FILTERS = {
    "amount": template_filters.amount,
    "money": template_filters.money,
    "percent": template_filters.percent,
    "ago": _ago,
}

_ENVIRONMENT = _Sandbox(undefined=StrictUndefined, autoescape=False)
_ENVIRONMENT.globals.clear()
_ENVIRONMENT.filters = {
    **{name: BUILT_IN[name] for name in _PLAIN_FILTERS},
    "format": _format,
    "join": _join,
    "replace": _replace,
    "round": _round,
    "_counted": _counted,
    "_flat": _flat,
    **FILTERS,
}


def _said(error: TemplateError) -> tuple[str, str]:
    """The mistake without the place in jinja's own source; the remedy: of an unknown filter those known."""
    what = (error.message or "it cannot be read").partition("\n")[0]
    if what.startswith("No filter named"):
        others = sorted(name for name in _ENVIRONMENT.filters if name not in FILTERS and name[0] != "_")
        return what.rstrip("."), f"there are {', '.join((*FILTERS, *others))}"
    return what, ""


def check_template(field: str, text: str) -> None:
    """Render the template of a field with each of `SAMPLES`; InputError says what is wrong with it."""
    place = (field,)
    if len(text) > LONGEST_TEMPLATE:
        raise InputError(f"is longer than {LONGEST_TEMPLATE:,} characters", f"{LONGEST:,} are shown", place)
    try:
        unknown = find_undeclared_variables(_ENVIRONMENT.parse(text)) - set(VARIABLES)
        if unknown:
            names = ", ".join(sorted(unknown))
            raise InputError(f"unknown variable {names}", f"there are {', '.join(VARIABLES)}", place)
    except TemplateError as error:
        what, remedy = _said(error)
        raise InputError(f"not a valid template: {what}", remedy, place) from None
    except (RecursionError, SyntaxError):
        raise InputError("not a valid template: nested too deep", place=place) from None
    for case, sample in SAMPLES.items():
        try:
            render(text, sample)
        except TemplateFailedError as error:
            raise InputError(f"cannot be rendered {case}: {error}", place=place) from None


def render(text: str, values: Mapping[str, str]) -> str:
    """The text with its variables filled in, cut to a bearable length."""
    try:
        found = ""
        for piece in _compiled(text).generate({**dict.fromkeys(VARIABLES, ""), **values}):
            found = (found + piece).lstrip()
            if len(found) > LONGEST:
                break
        return found[:LONGEST].rstrip()
    except (TemplateError, *_FAULTS) as error:
        raise TemplateFailedError(f"{type(error).__name__}: {error}") from error


@lru_cache(maxsize=1000)
def _compiled(text: str) -> Template:
    template: Template = _ENVIRONMENT.from_string(text)
    return template

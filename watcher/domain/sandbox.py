"""The engine behind `template`: a sandboxed Jinja2. Loaded only when a rule has a template."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from jinja2 import StrictUndefined, Template, TemplateError, pass_context
from jinja2.exceptions import SecurityError
from jinja2.meta import find_undeclared_variables
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment

from watcher.domain import filters
from watcher.domain.template import LONGEST, SAMPLES, VARIABLES, TemplateFailedError

_FAULTS = (
    TypeError,
    ValueError,
    ArithmeticError,
    LookupError,
    AttributeError,
    RecursionError,
    MemoryError,
)
"""What an operator's template can run into."""


class _Sandbox(ImmutableSandboxedEnvironment):
    """A sandbox in which a short template cannot make a text that fills the memory."""

    intercepted_binops = frozenset({"*", "**"})

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        if operator == "**" or not (isinstance(left, int | float) and isinstance(right, int | float)):
            raise SecurityError(
                f"{operator} is for numbers only" if operator == "*" else "** is not available"
            )
        return super().call_binop(context, operator, left, right)


@pass_context
def _ago(context: Context, value: str) -> str:
    return filters.ago(value, context["at"])


FILTERS = {"amount": filters.amount, "money": filters.money, "percent": filters.percent, "ago": _ago}

_ENVIRONMENT = _Sandbox(undefined=StrictUndefined, autoescape=False)
_ENVIRONMENT.globals.clear()
_ENVIRONMENT.filters.update(FILTERS)


def _said(error: TemplateError) -> str:
    """What is wrong, without the place in jinja's own source; an unknown filter with those that there are."""
    what = (error.message or "it cannot be read").partition("\n")[0]
    if what.startswith("No filter named"):
        return f"{what.rstrip('.')}; there are {', '.join(FILTERS)}"
    return what


def check_template(field: str, text: str) -> None:
    """Render the template with each of `SAMPLES`; ValueError says what is wrong with it."""
    try:
        unknown = find_undeclared_variables(_ENVIRONMENT.parse(text)) - set(VARIABLES)
        if unknown:
            names = ", ".join(sorted(unknown))
            raise ValueError(f"{field}: unknown variable {names}; there are {', '.join(VARIABLES)}")
    except TemplateError as error:
        raise ValueError(f"{field}: not a valid template: {_said(error)}") from None
    for case, sample in SAMPLES.items():
        try:
            render(text, sample)
        except TemplateFailedError as error:
            raise ValueError(f"{field}: cannot be rendered {case}: {error}") from None


def render(text: str, values: Mapping[str, str]) -> str:
    """The text with its variables filled in, cut to a bearable length."""
    try:
        return _compiled(text).render({**dict.fromkeys(VARIABLES, ""), **values}).strip()[:LONGEST]
    except (TemplateError, *_FAULTS) as error:
        raise TemplateFailedError(f"{type(error).__name__}: {error}") from error


@lru_cache(maxsize=1000)
def _compiled(text: str) -> Template:
    template: Template = _ENVIRONMENT.from_string(text)
    return template

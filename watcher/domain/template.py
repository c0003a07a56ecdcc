"""The operator's own words in messages: `summary`, `description` and `runbook` of a rule.

Sandboxed Jinja2 with a small set of variables (`VARIABLES`). A template that fails when it is
rendered never costs the message: the caller falls back to the plain one.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from jinja2 import StrictUndefined, Template, TemplateError
from jinja2.exceptions import SecurityError
from jinja2.meta import find_undeclared_variables
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment

from watcher.domain.errors import WatcherError

VARIABLES = (
    "wallet", "chain", "address", "source", "symbol", "asset", "amount", "before", "after", "change",
    "percent", "price", "value", "because", "rule", "severity", "state", "tags",
)  # fmt: skip
"""All are text, as they appear in the plain message; empty where they have no meaning."""

LONGEST = 2000

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


class TemplateFailedError(WatcherError):
    """A template that was sound at load could not be rendered."""


class _Sandbox(ImmutableSandboxedEnvironment):
    """A sandbox in which a short template cannot make a text that fills the memory."""

    intercepted_binops = frozenset({"*", "**"})

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        if operator == "**" or not (isinstance(left, int | float) and isinstance(right, int | float)):
            raise SecurityError(
                f"{operator} is for numbers only" if operator == "*" else "** is not available"
            )
        return super().call_binop(context, operator, left, right)


_ENVIRONMENT = _Sandbox(undefined=StrictUndefined, autoescape=False)
_ENVIRONMENT.globals.clear()


def check_template(field: str, text: str) -> None:
    """Raise ValueError with a sentence if the template cannot be rendered with `VARIABLES`."""
    try:
        unknown = find_undeclared_variables(_ENVIRONMENT.parse(text)) - set(VARIABLES)
        if unknown:
            names = ", ".join(sorted(unknown))
            raise ValueError(f"{field}: unknown variable {names}; there are {', '.join(VARIABLES)}")
        render(text, {})
    except (TemplateError, TemplateFailedError) as error:
        raise ValueError(f"{field}: not a valid template: {error}") from None


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

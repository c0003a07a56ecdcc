"""The operator's own words in messages: `summary`, `description` and `runbook` of a rule.

Sandboxed Jinja2 with a small set of variables (`VARIABLES`). A template that fails when it is
rendered never costs the message: the caller falls back to the plain one.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from jinja2 import StrictUndefined, Template, TemplateError
from jinja2.meta import find_undeclared_variables
from jinja2.sandbox import ImmutableSandboxedEnvironment

from watcher.domain.errors import WatcherError

VARIABLES = (
    "wallet", "chain", "address", "source", "symbol", "asset", "amount", "before", "after", "change",
    "percent", "price", "value", "because", "rule", "severity", "state", "tags",
)  # fmt: skip
"""All are text, as they appear in the plain message; empty where they have no meaning."""

LONGEST = 2000


class TemplateFailedError(WatcherError):
    """A template that was sound at load could not be rendered."""


_ENVIRONMENT = ImmutableSandboxedEnvironment(undefined=StrictUndefined, autoescape=False)
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
    except (TemplateError, TypeError, ValueError, ArithmeticError, LookupError, AttributeError) as error:
        raise TemplateFailedError(f"{type(error).__name__}: {error}") from error


@lru_cache(maxsize=1000)
def _compiled(text: str) -> Template:
    return _ENVIRONMENT.from_string(text)

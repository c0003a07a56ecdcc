"""The operator's own words in messages: `summary`, `description` and `runbook` of a rule.

Sandboxed Jinja2 with a small set of variables (`VARIABLES`) and filters (`FILTERS`). A template that
fails when it is rendered never costs the message: the caller falls back to the plain one.
"""

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
from watcher.domain.errors import WatcherError
from watcher.domain.filters import FILTERS

VARIABLES: Mapping[str, str] = {
    "wallet": "name of the wallet",
    "chain": "chain of the asset, or of the account",
    "address": "address of the wallet",
    "source": "configured API access",
    "symbol": "symbol of the asset",
    "asset": "contract, coin id or UniqueAssetId",
    "amount": "amount held now, every digit",
    "before": "amount before a change, every digit",
    "after": "amount after a change, every digit",
    "change": "what moved, with its sign, symbol and share",
    "percent": "what moved, in percent of what was there",
    "price": "price in dollars",
    "value": "what it is worth; for a change, before and after and why",
    "because": "why the rule was met, or no longer is",
    "rule": "id of the rule",
    "severity": "info, warning or critical",
    "state": "firing, resolved or event",
    "tags": "tags of the wallet",
    "since": "when the alert began; for a change, the reading before",
    "at": "when this was decided",
}
"""Name → what it is. All are text, as they appear in the plain message; empty where they have no meaning."""

TEMPLATES = ("summary", "description", "runbook")
"""The fields of a rule that are templates."""

TEMPLATE_HELP = (
    "Jinja2 template. Variables: "
    + "; ".join(f"{name} ({words})" for name, words in VARIABLES.items())
    + ". Filters: "
    + "; ".join(f"{name} ({words})" for name, words in FILTERS.items())
    + "."
)

SAMPLES: Mapping[str, Mapping[str, str]] = {
    "with everything known": {
        "wallet": "treasury", "chain": "ethereum", "address": "0x9f114da25b61b77606d47eab414b9360f8783979",
        "source": "coinstats", "symbol": "ETH", "asset": "ethereum", "amount": "0.4", "before": "1.5",
        "after": "0.4", "change": "\N{MINUS SIGN}1.1 ETH (\N{MINUS SIGN}73.33\N{NARROW NO-BREAK SPACE}%)",
        "percent": "\N{MINUS SIGN}73.33\N{NARROW NO-BREAK SPACE}%", "price": "$3,000.00",
        "value": "$1,200.00",
        "because": "0.4 ETH is below 0.5 ETH", "rule": "sample", "severity": "warning", "state": "firing",
        "tags": "hot, gas", "since": "2026-01-05 08:00:00 UTC", "at": "2026-01-05 08:25:00 UTC",
    },
    "with all that can be unknown left empty": {},
}  # fmt: skip
"""What templates are tried on when they are loaded."""

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


@pass_context
def _ago(context: Context, value: str) -> str:
    return filters.ago(value, context["at"])


_ENVIRONMENT = _Sandbox(undefined=StrictUndefined, autoescape=False)
_ENVIRONMENT.globals.clear()
_ENVIRONMENT.filters.update(amount=filters.amount, money=filters.money, percent=filters.percent, ago=_ago)


def check_template(field: str, text: str) -> None:
    """Render the template with each of `SAMPLES`; ValueError says what is wrong with it."""
    try:
        unknown = find_undeclared_variables(_ENVIRONMENT.parse(text)) - set(VARIABLES)
        if unknown:
            names = ", ".join(sorted(unknown))
            raise ValueError(f"{field}: unknown variable {names}; there are {', '.join(VARIABLES)}")
    except TemplateError as error:
        raise ValueError(f"{field}: not a valid template: {error}") from None
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

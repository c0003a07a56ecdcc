"""Templates: the operator's own words in messages, `summary`, `description` and `runbook` of a rule.

Sandboxed Jinja2 with a small set of variables (`VARIABLES`) and filters (`FILTERS`). A template that
fails when it is rendered never costs the message: the caller falls back to the plain one.

Jinja2 is loaded with the first template: most rules have none, and it takes as long as reading them.
"""

from __future__ import annotations

from collections.abc import Mapping

from watcher.domain.messages.template_filters import FILTERS
from watcher.domain.messages.template_variables import (
    VARIABLES,
)

TEMPLATE_HELP = (
    "Jinja2 template. Variables: "
    + "; ".join(f"{name} ({words})" for name, words in VARIABLES.items())
    + ". Filters: "
    + "; ".join(f"{name} ({words})" for name, words in FILTERS.items())
    + "."
)


def check_template(field: str, text: str) -> None:
    """Render the template with each of `SAMPLES`; InputError says what is wrong with it."""
    from watcher.domain.messages import template_engine

    template_engine.check_template(field, text)


def render(text: str, values: Mapping[str, str]) -> str:
    """The text with its variables filled in, cut to a bearable length."""
    from watcher.domain.messages import template_engine

    return template_engine.render(text, values)

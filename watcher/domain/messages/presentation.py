"""Presentation: in whose time and money a message is shown, and the ways on from it. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from watcher.domain.model import EMPTY


@dataclass(frozen=True, slots=True)
class Ways:
    """Ways on from a message: web addresses, empty where there is none.

    `explorers`: name of the explorer → its page of the account. All are made from the configuration: whoever
    shows them may make links of them.
    """

    page: str = ""
    acknowledge: str = ""
    explorers: Mapping[str, str] = field(default_factory=lambda: EMPTY)
    runbook: str = ""


NO_WAYS = Ways()


@dataclass(frozen=True, slots=True)
class Display:
    """Display of times and money. As it stands here: UTC, and US dollars alone."""

    localised: Callable[[str], str] = lambda text: text
    """A text with its times as people of this zone and language read them."""
    beside: Callable[[Decimal], str] = lambda _usd: ""
    """An amount of US dollars in the other currency, as in `CHF 31,605.40`; empty: there is none."""
    rate: Callable[[], str] = lambda: ""
    """Which rate that was, with its date; or why there is none. Empty where only dollars are shown."""


UTC_AND_DOLLARS = Display()

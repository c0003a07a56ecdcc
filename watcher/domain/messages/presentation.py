"""Presentation: in whose time and money a message is shown, and the ways on from it. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, tzinfo
from decimal import Decimal
from functools import partial

from watcher.domain.model import EMPTY
from watcher.domain.records import Record, field
from watcher.domain.values.currencies import DIGITS, DOLLAR
from watcher.domain.values.decimals import times
from watcher.domain.values.exchange_rates import ExchangeRates
from watcher.domain.values.formatting import ENGLISH, NumberStyle, counted, full, in_currency
from watcher.domain.values.local_time import PLAIN, TimeStyle, with_local_times


class Ways(Record, frozen=True):
    """Ways on from a message: web addresses, empty where there is none.

    `explorers`: name of the explorer → its page of the account. All are made from the configuration: whoever
    shows them may make links of them.
    """

    page: str = ""
    acknowledge: str = ""
    explorers: Mapping[str, str] = field(default_factory=lambda: EMPTY)
    runbook: str = ""


NO_WAYS = Ways()


class Display(Record, frozen=True):
    """Display of times and money. As it stands here: UTC, and US dollars alone.

    What is judged stays in dollars: another currency only stands beside it.
    """

    localised: Callable[[str], str] = lambda text: text
    """A text with its times as people of this zone and language read them."""
    beside: Callable[[Decimal], str] = lambda _usd: ""
    """An amount of US dollars in the other currency, as in `CHF 31,605.40`; empty: there is none."""
    rate: Callable[[], str] = lambda: ""
    """Which rate that was, with its date; or why there is none. Empty where only dollars are shown."""
    zone: tzinfo = UTC
    """The zone of the times, for what is drawn."""


UTC_AND_DOLLARS = Display()

FRESH = 3
"""Days after which rates are called old."""


def localised(zone: tzinfo, style: TimeStyle = PLAIN) -> Callable[[str], str]:
    """A text with its times in this zone."""
    return partial(with_local_times, zone=zone, style=style)


class Currency(Record, frozen=True):
    """Currency that dollars are shown in as well, at the rates that are known when a message is shown."""

    code: str
    rates: Callable[[], ExchangeRates | None]
    now: Callable[[], datetime]
    style: NumberStyle = ENGLISH

    def beside(self, usd: Decimal) -> str:
        """So many dollars at the rate, exactly, and cut like all that is shown; empty without a rate."""
        if (rate := self._rate()) is None:
            return ""
        return in_currency(times(usd, rate), self.code, DIGITS[self.code], self.style)

    def note(self) -> str:
        """`1 USD = CHF 0.8012 of 2026-11-29 (configured)`, or that there is no rate."""
        found, rate = self.rates(), self._rate()
        if found is None or rate is None:
            return f"no {self.code} rate"
        days = (self.now().date() - found.of).days
        old = f", {counted(days, 'day')} old" if days > FRESH else ""
        if days < -1:  # somewhere it is tomorrow already
            old = ", a day that is still to come"
        shown = self.style.written(full(rate))
        return f"1 {DOLLAR} = {self.code} {shown} of {found.of.isoformat()} ({found.by}{old})"

    def _rate(self) -> Decimal | None:
        found = self.rates()
        return None if found is None else found.per_dollar.get(self.code)

"""Exchange rates: how much of each currency one US dollar is, of which day, and who says so."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date
from decimal import Decimal, InvalidOperation

from watcher.domain.records import Record
from watcher.domain.values.currencies import DIGITS
from watcher.domain.values.formatting import plain

CONFIGURED = "configured"
"""Who says so where the configuration does."""

_LONGEST = 60
"""Characters of a rate; no market has more than 20 digits."""


class ExchangeRates(Record, frozen=True):
    """Rates of one day. `per_dollar`: code → so many for one US dollar, with every digit that was said."""

    per_dollar: Mapping[str, Decimal]
    of: date
    by: str = CONFIGURED

    def dump(self) -> str:
        """A fact for the store."""
        rates = {code: plain(rate) for code, rate in self.per_dollar.items()}
        return json.dumps({"of": self.of.isoformat(), "rates": rates})

    @classmethod
    def load(cls, text: str | None, by: str) -> ExchangeRates | None:
        """The inverse of `dump`; None for what cannot be read."""
        try:
            value = json.loads(text or "null")
            written = {str(code): Decimal(rate) for code, rate in value["rates"].items()}
            return cls(sound(written), date.fromisoformat(value["of"]), by)
        except (ValueError, TypeError, KeyError, AttributeError, InvalidOperation):
            return None


def sound(rates: Mapping[str, Decimal]) -> dict[str, Decimal]:
    """Those that can be rates: of a currency in use, above zero, and of a bounded number of digits."""
    return {code: rate for code, rate in rates.items() if code in DIGITS and is_rate(rate)}


def is_rate(rate: Decimal) -> bool:
    """Whether one dollar can be so much of another currency."""
    return rate.is_finite() and rate > 0 and abs(rate.adjusted()) < _LONGEST and len(str(rate)) < _LONGEST

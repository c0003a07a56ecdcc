"""Settings of display: in whose time, language and money messages are shown."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from datetime import date
from decimal import Decimal
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    model_validator,
)

from watcher.domain.values.currencies import DIGITS, DOLLAR
from watcher.domain.values.decimals import number_in
from watcher.domain.values.errors import InputError
from watcher.domain.values.exchange_rates import ExchangeRates, is_rate
from watcher.domain.values.fields import Zone
from watcher.domain.values.spelling import closest
from watcher.notify.locales import locale_fault

_LOCALE = re.compile(r"[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8}){0,3}")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def _currency(code: str) -> str:
    if code.upper() not in DIGITS:
        letters = sorted(code.upper())
        close = next((each for each in DIGITS if sorted(each) == letters), None) or closest(code, DIGITS)
        remedy = f"did you mean {close}?" if close else "write its code of ISO 4217, as in CHF"
        raise InputError(f"'{code[:20]}' is no currency", remedy)
    return code.upper()


def _foreign(code: str) -> str:
    code = _currency(code)
    if code == DOLLAR:
        raise InputError(f"{DOLLAR} is what the others are counted in", "leave it out")
    return code


def _locale_name(name: str) -> str:
    fault = None if _LOCALE.fullmatch(name) else InputError(f"'{name[:40]}' is no locale", "as in de-CH")
    if fault := fault or locale_fault(name):
        raise fault
    return name


def _rate(value: Any) -> Any:
    rate = Decimal(value) if type(value) is int else None
    with suppress(InputError):  # whose words name no remedy
        rate = number_in(value) if isinstance(value, str) else rate
    if rate is None or not is_rate(rate):
        raise InputError("must be so many for one US dollar", 'in quotes or not: "0.8012"')
    return rate


def _day(value: Any) -> Any:
    if isinstance(value, str) and _DAY.fullmatch(value):
        try:
            return date.fromisoformat(value)
        except ValueError:
            pass
    raise InputError("must be a day", "as in 2026-11-29")


def _rates_kind(value: Any) -> str:
    return "<source>" if isinstance(value, str) else "<rates>"


CurrencyCode = Annotated[str, AfterValidator(_currency), Field(examples=["CHF"])]
LocaleName = Annotated[str, AfterValidator(_locale_name), Field(examples=["de-CH"])]
ForeignCode = Annotated[str, AfterValidator(_foreign)]
Rate = Annotated[Decimal, BeforeValidator(_rate)]
Rates = Annotated[
    Annotated[str, Tag("<source>")] | Annotated[Mapping[ForeignCode, Rate], Tag("<rates>")],
    Discriminator(_rates_kind),
]


class ChannelDisplay(BaseModel):
    """In whose time, language and money a channel is told; what is left out is as `display:` at the top has
    it."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, defer_build=True)

    timezone: Zone | None = None
    """IANA name of the time zone, as in `Europe/Zurich`. UTC if there is none."""
    currency: CurrencyCode | None = None
    """Code (ISO 4217) of a currency that stands beside US dollars. `USD`: dollars alone."""
    locale: LocaleName | None = None
    """Language and country that times and numbers are written for, as in `de-CH` (extra `display`)."""


class DisplaySettings(ChannelDisplay):
    """In whose time, language and money messages are shown. What is judged stays in UTC and US dollars."""

    rates: Rates | None = None
    """So many of each currency for one US dollar, or the name of a source that tells its own once a day."""
    rates_of: Annotated[date, BeforeValidator(_day)] | None = None
    """Day that these rates are of."""

    @model_validator(mode="after")
    def _rates_have_a_day(self) -> DisplaySettings:
        written = isinstance(self.rates, Mapping)
        if written and self.rates_of is None:
            raise InputError("rates need the day that they are of", "add 'rates_of: 2026-11-29'", ("rates",))
        if not written and self.rates_of is not None:
            what = "rates_of is the day of rates that are written here"
            raise InputError(what, "leave it out, or write 'rates: {CHF: …}'", ("rates_of",))
        return self

    @property
    def source(self) -> str | None:
        """The source that tells the rates, if one does."""
        return self.rates if isinstance(self.rates, str) else None

    @property
    def written(self) -> ExchangeRates | None:
        """The rates that stand in the configuration, if any do."""
        if self.rates_of is None or not isinstance(self.rates, Mapping):
            return None
        return ExchangeRates(self.rates, self.rates_of)

    def on(self, channel: ChannelDisplay | None) -> ChannelDisplay:
        """How a channel is shown times and money."""
        own = channel.model_dump(exclude_none=True) if channel is not None else {}
        return self.model_copy(update=own)

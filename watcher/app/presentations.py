"""Presentations: how each channel of one configuration shows what it tells."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from watcher.app.ways import ways_of
from watcher.config.configuration import store_of
from watcher.config.settings import Settings
from watcher.domain.messages.presentation import Currency, Display, localised
from watcher.domain.values.currencies import DOLLAR
from watcher.domain.values.errors import StoreError
from watcher.domain.values.exchange_rates import ExchangeRates
from watcher.domain.values.formatting import ENGLISH
from watcher.domain.values.local_time import PLAIN
from watcher.notify.display import ChannelDisplay
from watcher.notify.locales import can_localise, number_style, time_style
from watcher.ports.channel import Attach, Presentation
from watcher.ports.clock import Clock
from watcher.service.clock import SystemClock
from watcher.service.daily_rates import rates_kept

Rates = Callable[[], ExchangeRates | None]


def presentations(
    settings: Settings,
    draw: Attach | None = None,
    *,
    told: Rates = lambda: None,
    clock: Clock | None = None,
) -> Callable[[str], Presentation]:
    """The presentation of a channel, by its name. `draw`: draws pictures for the channels that want some.
    `told`: the exchange rates that a source has told last."""
    written = settings.display.written
    rates: Rates = told if written is None else lambda: written
    now, ways = (clock or SystemClock()).now, ways_of(settings)

    def of(channel: str) -> Presentation:
        kind = settings.channels[channel]
        return Presentation(
            draw if kind.wants_pictures else None,
            _display(settings.display.on(kind.display), rates, now),
            ways,
            answered=settings.chat is not None and channel in settings.chat.channels,
        )

    return of


def kept_rates(settings: Settings) -> ExchangeRates | None:
    """The exchange rates that a daemon has kept in the store, for a verb that tells beside it."""
    name, store = settings.rates_source, store_of(settings)
    if name is None or not store.exists():
        return None
    try:
        with store.queries() as reader:
            return rates_kept(reader.facts(name), name)
    except StoreError:
        return None


def _display(wanted: ChannelDisplay, rates: Rates, now: Callable[[], datetime]) -> Display:
    """How times and money are shown; what is not asked for stays as it is."""
    locale = wanted.locale if can_localise() else None
    shown = Display()
    if wanted.timezone is not None or locale is not None:
        zone = ZoneInfo(wanted.timezone) if wanted.timezone is not None else UTC
        shown = Display(localised(zone, time_style(locale) if locale is not None else PLAIN))
    if wanted.currency in (None, DOLLAR):
        return shown
    numbers = number_style(locale) if locale is not None else ENGLISH
    currency = Currency(wanted.currency, rates, now, numbers)
    return Display(shown.localised, currency.beside, currency.note)

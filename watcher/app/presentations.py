"""Presentations: how each channel of one configuration shows what it tells."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from watcher.app.ways import ways_of
from watcher.config.settings import Settings
from watcher.domain.messages.presentation import Currency, Display, localised
from watcher.domain.values.currencies import DOLLAR
from watcher.domain.values.errors import StoreError
from watcher.domain.values.exchange_rates import ExchangeRates
from watcher.domain.values.formatting import ENGLISH
from watcher.domain.values.local_time import PLAIN
from watcher.notify.display import ChannelDisplay
from watcher.notify.locales import can_localise, number_style, time_style
from watcher.ports.channel import Attach, Draw, Presentation
from watcher.ports.clock import Clock
from watcher.ports.letters import Letters
from watcher.service.clock import SystemClock
from watcher.service.daily_rates import rates_kept

Rates = Callable[[], ExchangeRates | None]


def presentations(
    settings: Settings,
    draw: Draw | None = None,
    *,
    letters: Letters | None = None,
    told: Rates = lambda: None,
    clock: Clock | None = None,
) -> Callable[[str], Presentation]:
    """The presentation of a channel, by its name. `draw`: draws pictures for the channels that want some.
    `letters`: makes the files of reports. `told`: the exchange rates that a source has told last."""
    written = settings.display.written
    rates: Rates = told if written is None else lambda: written
    now, ways = (clock or SystemClock()).now, ways_of(settings)

    def of(channel: str) -> Presentation:
        kind = settings.channels[channel]
        display = _display(settings.display.on(kind.display), rates, now)
        drawing = [draw] if draw is not None and kind.wants_pictures else []
        makers = [*drawing, *([letters.files] if letters is not None else [])]
        answered = settings.chat is not None and channel in settings.chat.channels
        return Presentation(_together(makers, display) if makers else None, display, ways, answered=answered)

    return of


def kept_rates(settings: Settings) -> ExchangeRates | None:
    """The exchange rates that a daemon has kept in the store, for a verb that tells beside it."""
    name, store = settings.rates_source, settings.backend
    if name is None or not store.exists():
        return None
    try:
        with store.queries() as reader:
            return rates_kept(reader.facts(name), name)
    except StoreError:
        return None


def display_by_hand(settings: Settings, clock: Clock | None = None) -> Display:
    """How what is asked for at a terminal shows times and money: as `display:` at the top has it."""
    rates = settings.display.written or kept_rates(settings)
    return _display(settings.display, lambda: rates, (clock or SystemClock()).now)


def _together(makers: Sequence[Draw], display: Display) -> Attach:
    """All that any of them makes."""
    return lambda deliveries: [file for make in makers for file in make(deliveries, display)]


def _display(wanted: ChannelDisplay, rates: Rates, now: Callable[[], datetime]) -> Display:
    """How times and money are shown; what is not asked for stays as it is."""
    locale = wanted.locale if can_localise() else None
    shown, zone = Display(), ZoneInfo(wanted.timezone) if wanted.timezone is not None else UTC
    if wanted.timezone is not None or locale is not None:
        shown = Display(localised(zone, time_style(locale) if locale is not None else PLAIN), zone=zone)
    if wanted.currency in (None, DOLLAR):
        return shown
    numbers = number_style(locale) if locale is not None else ENGLISH
    currency = Currency(wanted.currency, rates, now, numbers)
    return Display(shown.localised, currency.beside, currency.note, zone)

"""In whose time, language and money messages are shown: what is inherited, and what mistakes are told."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from tests.config.given import ENV, SOUND, line_of, load, mistakes, write
from watcher.config.configuration import configure

RATES = 'rates: {CHF: "0.8012", EUR: 0.92}, rates_of: 2026-11-29'


def display(words: str, own: str = "") -> str:
    text = SOUND.replace('HOOK}"}', f'HOOK}}", display: {{{own}}}}}') if own else SOUND
    return f"{text}display: {{{words}}}\n"


def test_a_channel_is_shown_what_the_top_says_but_for_its_own_words(tmp_path: Path) -> None:
    words = f"timezone: Europe/Zurich, currency: CHF, locale: de-CH, {RATES}"
    settings = load(tmp_path, display(words, "currency: eur"))

    shown = settings.display.on(settings.channels["ops"].display)

    assert (shown.timezone, shown.currency, shown.locale) == ("Europe/Zurich", "EUR", "de-CH")
    assert settings.display.on(None).currency == "CHF"
    rates = settings.display.written
    assert rates is not None
    assert rates.per_dollar == {"CHF": Decimal("0.8012"), "EUR": Decimal("0.92")}
    assert (rates.of, rates.by) == (date(2026, 11, 29), "configured")
    assert settings.warnings[1:] == ()


def test_without_a_word_everything_is_in_utc_and_dollars(tmp_path: Path) -> None:
    for text in (SOUND, f"{SOUND}display: null\n", f"{SOUND}display: {{}}\n"):
        shown = load(tmp_path, text).display
        assert (shown.timezone, shown.currency, shown.locale, shown.written, shown.source) == (None,) * 5


@pytest.mark.parametrize(
    ("words", "said", "remedy"),
    [
        ("timezone: Europe/Zurick", "'Europe/Zurick' is no time zone", "did you mean 'Europe/Zurich'?"),
        ("currency: CFH", "'CFH' is no currency", "did you mean CHF?"),
        ("currency: franc", "'franc' is no currency", "write its code of ISO 4217, as in CHF"),
        ("locale: de-CX", "'de-CX' is no locale", "known here: de, de-AT, de-BE, de-CH, "),
        ("locale: ../../etc", "'../../etc' is no locale", "as in de-CH"),
        ("timezon: UTC", "unknown key 'timezon'", "did you mean 'timezone'?"),
        ("rates: coinstat", "there is no source 'coinstat'", "did you mean 'coinstats'?"),
        (
            "rates: teos",
            "source 'teos' tells no exchange rates",
            "write 'coinstats', or the rates themselves",
        ),
        ('rates: {CHF: "0.8"}', "rates need the day", "add 'rates_of: 2026-11-29'"),
        ("rates_of: 2026-11-29", "rates_of is the day of rates", "leave it out"),
        ("rates: {CHF: 0}, rates_of: 2026-11-29", "must be so many for one US dollar", '"0.8012"'),
        ("rates: {CHF: 1/2}, rates_of: 2026-11-29", "must be so many for one US dollar", '"0.8012"'),
        ("rates: {CHF: -1}, rates_of: 2026-11-29", "must be so many for one US dollar", '"0.8012"'),
        ("rates: {CHF: .nan}, rates_of: 2026-11-29", "", ""),
        ("rates: {USD: 1}, rates_of: 2026-11-29", "USD is what the others are counted in", "leave it out"),
        ("rates: {CFH: 1}, rates_of: 2026-11-29", "'CFH' is no currency", "did you mean CHF?"),
        ("rates: {CHF: 1}, rates_of: 20261129", "must be a day", "as in 2026-11-29"),
        ("rates: {CHF: 1}, rates_of: 2026-02-30", "must be a day", "as in 2026-11-29"),
        ("rates: 0.8", "", ""),
    ],
)
def test_each_mistake_is_told_at_its_place_with_the_word_that_was_meant(
    tmp_path: Path, words: str, said: str, remedy: str
) -> None:
    text = display(words)

    (problem,) = mistakes(tmp_path, text)

    assert problem.place.line == line_of(text, "display: {")
    assert said in problem.what
    assert remedy in problem.remedy


def test_mistakes_of_a_channel_are_told_there_and_all_at_once(tmp_path: Path) -> None:
    text = display("timezone: Mars/Olympus, rates: coin", "currency: CFH, rates: coinstats")

    told = {(each.place.line, each.what) for each in mistakes(tmp_path, text)}

    assert told == {
        (line_of(text, "ops:"), "channels.ops.display.currency: 'CFH' is no currency"),
        (line_of(text, "ops:"), "unknown key 'rates' in channels.ops.display"),
        (line_of(text, "display: {timezone"), "display.timezone: 'Mars/Olympus' is no time zone"),
        (line_of(text, "display: {timezone"), "there is no source 'coin'"),
    }


def test_a_currency_of_which_nothing_says_the_rate_is_warned_of_at_its_place(tmp_path: Path) -> None:
    settings = load(tmp_path, text := display(f"currency: SEK, {RATES}", "currency: NOK"))

    told = [each for each in settings.warnings if "rate of" in each.what]

    assert [each.what for each in told] == [
        "there is no rate of SEK: only US dollars will be shown",
        "there is no rate of NOK: only US dollars will be shown",
    ]
    assert [each.place.line for each in told] == [
        line_of(text, "display: {currency: SEK"),
        line_of(text, "ops:"),
    ]


@pytest.mark.parametrize(
    ("words", "own", "asked"),
    [
        ("currency: CHF, rates: coinstats", "", "coinstats"),
        ("rates: coinstats", "currency: EUR", "coinstats"),
        ("currency: USD, rates: coinstats", "", None),
        (f"currency: CHF, {RATES}", "", None),
    ],
)
def test_a_source_is_asked_for_rates_where_somebody_is_shown_some(
    tmp_path: Path, words: str, own: str, asked: str | None
) -> None:
    settings = load(tmp_path, display(words, own))

    assert settings.rates_source == asked
    told = [each.what for each in settings.warnings[1:]]
    none_shown = "display.rates: no currency is shown, so source 'coinstats' is not asked for rates"
    assert told == ([none_shown] if "USD" in words else [])


def test_a_language_without_the_library_is_warned_of_with_the_way_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("watcher.config.configuration.can_localise", lambda: False)
    monkeypatch.setattr("watcher.notify.locales.can_localise", lambda: False)
    path = write(tmp_path, display("timezone: Europe/Zurich, locale: xx-YY"))

    found = configure(path, ENV).warnings

    (told,) = [each for each in found if "extra `display`" in each]
    assert told.endswith(": pip install 'balance-watcher[display]'")

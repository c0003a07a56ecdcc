"""What each channel shows: its own time, language and money, the same message decided once."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo, available_timezones

import pytest
from babel.localedata import locale_identifiers

from tests.config.given import SOUND, load
from tests.domain.values.zones import changes
from tests.fakes import FakeClock
from tests.notify.given import PICTURE, delivery
from watcher.app.presentations import presentations
from watcher.domain.messages.delivery import Delivery
from watcher.domain.messages.presentation import Display
from watcher.domain.values.periods import Period
from watcher.notify.locales import can_localise, number_style, time_style
from watcher.notify.notice import notice
from watcher.ports.channel import Attachment
from watcher.ports.letters import Summary

NOW = datetime(2026, 11, 30, 3, tzinfo=UTC)
APOSTROPHE = "\N{RIGHT SINGLE QUOTATION MARK}"
AT = "2026-01-05 08:00:00 UTC"

CHANNELS = f"""{SOUND}  treasurer: {{url: "json://127.0.0.1:9/t", display: {{currency: EUR, locale: en-GB}}}}
  utc: {{url: "json://127.0.0.1:9/u", display: {{timezone: UTC, currency: USD, locale: sv}}}}
display:
  timezone: Europe/Zurich
  currency: CHF
  locale: de-CH
  rates: {{CHF: "0.8012", EUR: "0.92"}}
  rates_of: 2026-11-29
"""


def displays(folder: Path, text: str = CHANNELS) -> dict[str, Display]:
    settings = load(folder, text)
    shown = presentations(settings, clock=FakeClock(NOW))
    return {name: shown(name).display for name in settings.channels}


class Papers:
    """Makes one file of a report, and tells in whose money."""

    def summary(self, report: str, period: Period) -> Summary:
        return Summary(report, ())

    def files(self, deliveries: Sequence[Delivery], display: Display) -> Sequence[Attachment]:
        return [Attachment("report.csv", "text/csv", display.beside(Decimal(100)).encode())]


def test_pictures_are_for_who_wants_some_and_the_files_of_a_report_for_all_in_their_own_money(
    tmp_path: Path,
) -> None:
    pictured = CHANNELS.replace('json://127.0.0.1:9/t",', 'json://127.0.0.1:9/t", pictures: true,')
    settings = load(tmp_path, pictured)
    shown = presentations(settings, lambda *_: [PICTURE], letters=Papers(), clock=FakeClock(NOW))
    found = {}
    for name in ("treasurer", "utc"):
        attach = shown(name).attach
        assert attach is not None
        found[name] = [(each.name, each.content) for each in attach([delivery()])]
    table = ("report.csv", displays(tmp_path, pictured)["treasurer"].beside(Decimal(100)).encode())
    assert found == {"treasurer": [(PICTURE.name, PICTURE.content), table], "utc": [("report.csv", b"")]}
    assert presentations(settings, clock=FakeClock(NOW))("utc").attach is None


def test_a_picture_is_drawn_in_the_zone_of_its_channel(tmp_path: Path) -> None:
    settings = load(tmp_path, re.sub(r'(json://127.0.0.1:9/[tu]",)', r"\1 pictures: true,", CHANNELS))
    zones: list[object] = []

    def draw(_: Sequence[Delivery], display: Display) -> list[Attachment]:
        zones.append(display.zone)
        return []

    shown = presentations(settings, draw, clock=FakeClock(NOW))
    for name in ("treasurer", "utc"):
        attach = shown(name).attach
        assert attach is not None
        attach([delivery()])
    assert zones == [ZoneInfo("Europe/Zurich"), ZoneInfo("UTC")]


def test_each_channel_shows_one_moment_and_one_amount_in_its_own_form(tmp_path: Path) -> None:
    shown = displays(tmp_path)

    assert {name: each.localised(AT) for name, each in shown.items()} == {
        "ops": "05.01.2026, 09:00:00 MEZ",
        "treasurer": "5 Jan 2026, 09:00:00 CET",
        "utc": "5 jan. 2026 08:00:00 UTC",
    }
    worth = Decimal("39447.5786")
    assert {name: each.beside(worth) for name, each in shown.items()} == {
        "ops": f"CHF 31{APOSTROPHE}605.39",
        "treasurer": "EUR 36,291.77",
        "utc": "",
    }
    assert shown["ops"].rate() == "1 USD = CHF 0.8012 of 2026-11-29 (configured)"
    assert shown["utc"].rate() == ""


def test_without_a_word_nothing_is_changed(tmp_path: Path) -> None:
    (shown,) = displays(tmp_path, SOUND).values()

    assert (shown.localised(AT), shown.beside(Decimal(5)), shown.rate()) == (AT, "", "")


def test_without_a_rate_there_are_dollars_alone(tmp_path: Path) -> None:
    (shown,) = displays(tmp_path, f"{SOUND}display: {{currency: CHF}}\n").values()

    assert (shown.beside(Decimal(5)), shown.rate()) == ("", "no CHF rate")


def test_the_words_of_a_rule_have_local_times_as_well(tmp_path: Path) -> None:
    settings = load(tmp_path, CHANNELS)
    told = delivery(1, title=f"gas low since {AT}", facts=(("When", f"between {AT} and {AT}"),))

    (entry,) = notice([told], presentations(settings)("ops")).entries

    assert entry.title == "gas low since 05.01.2026, 09:00:00 MEZ"
    assert ("When", "between 05.01.2026, 09:00:00 and 09:00:00 MEZ") in entry.lines
    assert entry.message.title.endswith(AT)


def test_without_the_library_of_languages_zone_and_currency_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("watcher.app.presentations.can_localise", lambda: False)

    shown = displays(tmp_path)["ops"]

    assert shown.localised(AT) == "5 Jan 2026, 09:00:00 CET"
    assert shown.beside(Decimal("39447.5786")) == "CHF 31,605.39"


@pytest.mark.skipif(not can_localise(), reason="the extra `display` is not installed")
@pytest.mark.parametrize(
    "name", ["de-CH", "en-US", "en-AU", "fr-CA", "ja", "pt-BR", "ar-EG", "hi", "zh-Hant-TW"]
)
def test_no_language_makes_two_moments_of_a_changing_clock_the_same(name: str) -> None:
    style = time_style(name)
    for change in changes()[::7]:
        moments = [
            (change.at + (change.before - change.after) * n / 4).astimezone(change.zone) for n in range(-5, 6)
        ]
        assert len({style.moment(at) for at in moments}) == len(moments), str(change)


@pytest.mark.skipif(not can_localise(), reason="the extra `display` is not installed")
@pytest.mark.parametrize("name", ["de-CH", "en-GB", "en-US", "fr-FR", "ru", "zh-Hans-CN"])
def test_every_zone_has_a_short_name_in_every_language(name: str) -> None:
    style = time_style(name)
    for zone in available_timezones():
        said = style.zone(NOW.astimezone(ZoneInfo(zone)))
        assert said.isalpha() or re.fullmatch(r"UTC[+-][0-9]{2}:[0-9]{2}", said), (zone, said)


@pytest.mark.skipif(not can_localise(), reason="the extra `display` is not installed")
@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("de-CH", f"12{APOSTROPHE}345{APOSTROPHE}678.90"),
        ("de-DE", "12.345.678,90"),
        ("en_IN", "1,23,45,678.90"),
        ("fr-CH", "12\N{NARROW NO-BREAK SPACE}345\N{NARROW NO-BREAK SPACE}678,90"),
    ],
)
def test_numbers_are_grouped_as_the_language_groups_them(name: str, written: str) -> None:
    assert number_style(name).written("12,345,678.90") == written


@pytest.mark.skipif(not can_localise(), reason="the extra `display` is not installed")
def test_every_language_writes_a_moment_and_a_number() -> None:
    for name in locale_identifiers()[::40]:
        shown = time_style(name).moment(NOW.astimezone(ZoneInfo("Europe/Zurich")))
        assert not set(shown) & set("{}'"), (name, shown)
        assert shown.endswith(("CET", "MEZ")) or shown.rpartition(" ")[2].isalpha(), (name, shown)
        digits = number_style(name).written("12,345,678.90")
        assert "".join(each for each in digits if each.isdigit()) == "1234567890"

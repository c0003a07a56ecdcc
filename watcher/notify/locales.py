"""Locales: how a language writes times and numbers, as Babel knows it (extra `display`).

Only the form comes from Babel: which separators, which order, what the zone is called. Digits are put
together by `NumberStyle`, so that none is rounded on the way.
"""

from __future__ import annotations

import re
from datetime import datetime
from importlib.util import find_spec
from typing import TYPE_CHECKING

from watcher.domain.values.errors import InputError
from watcher.domain.values.formatting import NumberStyle
from watcher.domain.values.local_time import TimeStyle, zone_name
from watcher.domain.values.spelling import closest, nearest

if TYPE_CHECKING:
    from babel import Locale

EXTRA = "pip install 'balance-watcher[display]'"


def can_localise() -> bool:
    """Whether the library is there."""
    return find_spec("babel") is not None


def locale_fault(name: str) -> InputError | None:
    """What is wrong with the name of a locale; None if it is one, or nobody can tell."""
    if not can_localise():
        return None
    from babel.core import UnknownLocaleError
    from babel.localedata import locale_identifiers

    try:
        _locale(name)
    except (UnknownLocaleError, ValueError, TypeError):
        known = [each.replace("_", "-") for each in locale_identifiers()]
        language = re.split("[-_]", name)[0].lower()
        alike = sorted(each for each in known if each.split("-")[0] == language)
        close = closest(name, known)
        remedy = f"did you mean '{close}'?" if close else "as in de-CH"
        return InputError(f"'{name[:40]}' is no locale", nearest("", alike) if alike else remedy)
    return None


def time_style(name: str) -> TimeStyle:
    """How a locale writes times."""
    from babel.dates import format_date, format_time, get_timezone_name

    locale = _locale(name)

    def zone(at: datetime) -> str:
        said = get_timezone_name(at, "short", locale=locale)
        return said if said.isalpha() else zone_name(at)  # else an offset, or half a sentence

    return TimeStyle(
        lambda at: format_date(at, "medium", locale=locale),
        lambda at: format_time(at, "medium", tzinfo=at.tzinfo, locale=locale),
        zone,
        str(locale.datetime_formats["medium"])
        .replace("'", "")
        .replace("{1}", "{date}")
        .replace("{0}", "{time}"),
    )


def number_style(name: str) -> NumberStyle:
    """How a locale writes numbers."""
    from babel.numbers import get_decimal_symbol, get_group_symbol

    locale = _locale(name)
    return NumberStyle(
        get_group_symbol(locale), get_decimal_symbol(locale), locale.decimal_formats[None].grouping
    )


def _locale(name: str) -> Locale:
    from babel import Locale

    return Locale.parse(name.replace("-", "_"))

"""Times of a text as people of one zone read them: found wherever they stand, and never the same for two."""

from __future__ import annotations

import ast
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import watcher.domain
from tests.domain.values.zones import Change, changes
from watcher.domain.values.formatting import moment
from watcher.domain.values.local_time import PLAIN, with_local_times, zone_name

ZURICH = ZoneInfo("Europe/Zurich")


def test_each_time_of_a_text_is_a_local_one_with_its_zone() -> None:
    text = "firing since 2026-01-05 08:00:00 UTC (read 2026-07-05 23:59:59 UTC)."

    local = with_local_times(text, ZURICH)

    assert local == "firing since 5 Jan 2026, 09:00:00 CET (read 6 Jul 2026, 01:59:59 CEST)."


@pytest.mark.parametrize(
    ("zone", "local"),
    [
        ("Europe/Zurich", "between 25 Oct 2026, 02:30:00 CEST and 25 Oct 2026, 02:30:00 CET"),
        ("Australia/Sydney", "between 25 Oct 2026, 11:30:00 and 12:30:00 AEDT"),
        ("Asia/Kathmandu", "between 25 Oct 2026, 06:15:00 and 07:15:00 UTC+05:45"),
        ("America/St_Johns", "between 24 Oct 2026, 22:00:00 and 23:00:00 NDT"),
        ("UTC", "between 25 Oct 2026, 00:30:00 and 01:30:00 UTC"),
    ],
)
def test_the_hour_that_a_night_shows_twice_is_told_apart(zone: str, local: str) -> None:
    text = "between 2026-10-25 00:30:00 UTC and 2026-10-25 01:30:00 UTC"

    assert with_local_times(text, ZoneInfo(zone)) == local


def test_from_one_time_to_another_of_the_same_day_says_the_day_once() -> None:
    text = "from 2026-01-05 08:00:00 UTC to 2026-01-05 08:25:00 UTC, 25 min"

    assert with_local_times(text, ZURICH) == "from 5 Jan 2026, 09:00:00 to 09:25:00 CET, 25 min"


def test_two_times_around_midnight_have_both_their_days() -> None:
    text = "between 2026-01-05 22:59:59 UTC and 2026-01-05 23:00:00 UTC"

    local = with_local_times(text, ZURICH)

    assert local == "between 5 Jan 2026, 23:59:59 CET and 6 Jan 2026, 00:00:00 CET"


@pytest.mark.parametrize("change", changes(), ids=str)
def test_no_two_moments_around_a_change_of_clocks_look_the_same(change: Change) -> None:
    step = timedelta(minutes=15)
    moments = [(change.at + n * step).astimezone(change.zone) for n in range(-16, 17)]

    assert len({PLAIN.moment(at) for at in moments}) == len(moments)


@pytest.mark.parametrize(
    "text",
    [
        "no time at all",
        "",
        "never",
        "2026-13-45 08:00:00 UTC",
        "2026-01-05 24:00:00 UTC",
        "2026-01-05 08:61:00 UTC",
        "0000-01-05 08:00:00 UTC",
        "9999-12-31 23:59:59 UTC",
        "2026-01-05 08:00:00 CET",
        "2026-01-05T08:00:00Z",
        "x2026-01-05 08:00:00 UTC",
        "12026-01-05 08:00:00 UTC",
        "2026-01-05 08:00:00 UTCX",
        "\N{ARABIC-INDIC DIGIT TWO}026-01-05 08:00:00 UTC",
    ],
)
def test_what_only_looks_like_a_time_stays_as_it_is(text: str) -> None:
    assert with_local_times(text, ZURICH) == text


def test_a_name_that_is_a_time_is_shown_like_one_and_breaks_nothing() -> None:
    text = "+5 2026-01-05 08:00:00 UTC on ethereum, seen 2026-01-05 08:00:00 UTC"

    local = with_local_times(text, ZURICH)

    assert local == "+5 5 Jan 2026, 09:00:00 CET on ethereum, seen 5 Jan 2026, 09:00:00 CET"


@given(st.text(alphabet="0123456789-: UTCand\n9\u0660", max_size=90))
@example("2026-01-05 08:00:00 UTC and 2026-01-05 08:00:00 UTC and 2026-01-05 08:00:00 UTC")
def test_whatever_stands_in_a_text_it_is_shown_and_shown_again_it_stays(text: str) -> None:
    local = with_local_times(text, ZURICH)

    assert with_local_times(local, ZURICH) == local
    assert local == text or "UTC" in text


def test_no_text_of_the_domain_writes_a_time_but_through_moment() -> None:
    package = Path(watcher.domain.__file__).parent
    found = []
    for path in sorted(package.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            spec = node.format_spec if isinstance(node, ast.FormattedValue) else None
            formatted = spec is not None and any(each in ast.dump(spec) for each in ("%H", "%Y", "%T"))
            if formatted or (isinstance(node, ast.Attribute) and node.attr == "strftime"):
                found.append(path.name)

    assert sorted(found) == ["formatting.py", "local_time.py"]


@given(
    st.integers(-30_610_000_000, 253_400_000_000).map(lambda second: datetime.fromtimestamp(second, UTC)),
    st.sampled_from(["Europe/Zurich", "Pacific/Chatham", "America/Santiago", "Asia/Kathmandu", "Etc/GMT+12"]),
)
def test_what_moment_writes_is_found_and_tells_the_same_second(at: datetime, name: str) -> None:
    zone = ZoneInfo(name)
    local = with_local_times(f"a {moment(at)} b", zone)

    here = at.astimezone(zone)
    assert local == f"a {PLAIN.moment(here)} b"
    assert here.strftime("%H:%M:%S") in local
    assert local.endswith(f" {zone_name(here)} b")

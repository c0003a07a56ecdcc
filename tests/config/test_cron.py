"""Cron expressions: what is accepted is read as others read it, and the rest is refused with a remedy."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime

import pytest
from apscheduler.triggers.cron import CronTrigger

from watcher.domain.values.cron import check_cron, read_cron


@pytest.mark.parametrize(
    "text",
    [
        "*/10 9-17 * * mon-fri",
        "0 0 1 * *",
        "0,30 8 * jan-mar *",
        "5/10 * * * *",
        "0 0 29 2 *",
        "0 12 * * sat,sun",
        "59 23 31 12 *",
        "*/59 */23 * * *",
        "0 0 1-31/30 * *",
    ],
)
def test_what_is_accepted_ticks_as_another_reader_of_cron_lines_has_it(text: str) -> None:
    other, at = CronTrigger.from_crontab(check_cron(text), "UTC"), datetime(2026, 11, 29, tzinfo=UTC)
    for tick in itertools.islice(read_cron(text).ticks(UTC, at), 20):
        assert tick == other.get_next_fire_time(None, at)
        at = tick + datetime.resolution


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("* * * *", "5 fields"),
        ("@daily", "5 fields"),
        ("60 * * * *", "minute '60'"),
        ("* 24 * * *", "hour '24'"),
        ("* * 0 * *", "day '0'"),
        ("* * * 13 *", "month '13'"),
        ("* * * * 1-5", "not a name"),
        ("* * * * fri-mon", "backwards"),
        ("*/0 * * * *", "step"),
        ("*/60 * * * *", "step"),
        ("* * * * mon-fri/2", "step"),
        ("*-5 * * * *", "range"),
        ("0 0 31 feb,apr *", "never comes"),
        ("0 0 1 * mon", "cannot both"),
        ("a * * * *", "no cron minute"),
        (", * * * *", "no cron minute"),
    ],
)
def test_what_is_refused_is_told_with_a_remedy(text: str, said: str) -> None:
    with pytest.raises(ValueError, match="; ") as caught:
        check_cron(text)

    assert said in str(caught.value)

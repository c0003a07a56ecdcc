"""Alerts and events as one list: each filter narrows it, old addresses lead to it."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from tests.contract.given import NOW, alert, by, delivery, keep, message
from tests.web.given import CONFIG, Page, serving
from watcher.commands.alerts import acknowledge, add_silence
from watcher.domain.alerts.lifecycle import AlertState
from watcher.domain.messages.message import Kind, Severity
from watcher.domain.records import replace


@pytest.fixture
async def page(tmp_path: Path) -> AsyncIterator[Page]:
    async with serving(tmp_path) as page:
        left = replace(
            message("ev1", Kind.EVENT, NOW - timedelta(hours=2)), rule="out", wallet="späre <b>&1",
            title="58,890 USDC left", facts=(("Because", "more than 10 %"),),
        )  # fmt: skip
        fired = replace(alert("al1"), since=NOW - timedelta(hours=1))
        crit = replace(fired, id="al2", subject="t", severity=Severity.CRITICAL, rule="burn", wallet="")
        over = replace(fired, id="al3", subject="u", state=AlertState.RESOLVED, resolved_at=NOW)
        await keep(
            page.store, alerts=(fired, crit, over), deliveries=(replace(delivery("d1"), message=left),)
        )
        acknowledge(page.store, by(NOW), ["al2"], "")
        await page.later()
        yield page


async def listed(page: Page, query: str) -> set[str]:
    status, text, _ = await page.get(f"/alerts{query}")
    assert status == 200, text
    return set(re.findall(r'<tr id="alert-(\w+)"', text))


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", {"al1", "al2", "al3", "ev1"}),
        ("?state=firing", {"al1", "al2"}),
        ("?state=event", {"ev1"}),
        ("?state=resolved", {"al3"}),
        ("?state=silenced", set()),
        ("?severity=critical", {"al2", "ev1"}),
        ("?acknowledged=yes", {"al2"}),
        ("?acknowledged=no&state=firing", {"al1"}),
        ("?rule=out", {"ev1"}),
        ("?wallet=sp%C3%A4re+%3Cb%3E%261", {"ev1"}),
        ("?q=usdc+LEFT", {"ev1"}),
        ("?q=%25", {"ev1"}),
        ("?since=30m", {"al1", "al2", "al3"}),
        ("?until=2026-03-10T10:30", {"ev1"}),
        ("?until=2026-03-10", set()),
        ("?range=30d&page=1", {"al1", "al2", "al3", "ev1"}),
    ],
)
async def test_alerts_and_events_are_narrowed_by(page: Page, query: str, found: set[str]) -> None:
    assert await listed(page, query) == found


async def test_a_silence_that_nobody_has_decided_on_yet_counts_in_the_filter_too(page: Page) -> None:
    add_silence(page.store, by(page.clock.now()), timedelta(hours=1), "", rules=("burn",))
    await page.later()
    assert await listed(page, "?state=silenced") == {"al2"}
    assert await listed(page, "?state=firing") == {"al1"}


async def test_the_worst_comes_first_where_that_is_asked_for(page: Page) -> None:
    _, text, _ = await page.get("/alerts?sort=worst")
    assert re.findall(r'<tr id="alert-(\w+)"', text) == ["ev1", "al1", "al2", "al3"]
    assert "the worst first" in text


@pytest.mark.parametrize(
    ("query", "why"),
    [
        ("?since=yesterday", "since: must be a time, as in 24h (ago), 2026-11-30"),
        ("?until=2026-13-01", "until: must be a time"),
        ("?state=gone", "state must be one of firing, pending"),
        ("?acknowledged=perhaps", "acknowledged must be one of no, yes"),
        ("?range=2d", "range must be one of"),
    ],
)
async def test_what_is_no_time_or_state_is_refused_with_an_example(page: Page, query: str, why: str) -> None:
    status, text, _ = await page.get(f"/alerts{query}")
    assert status == 400
    assert why in text


async def test_csv_of_alerts_and_events_has_the_keys_of_the_command_line(page: Page) -> None:
    _, body, _ = await page.get("/alerts.csv?severity=critical")
    rows = list(csv.DictReader(io.StringIO(body)))
    assert {row["id"] for row in rows} == {"al2", "ev1"}
    assert list(rows[0]) == list((await page.json("/api/v1/alerts"))[0])


@pytest.mark.parametrize("time", ["0001-01-01", "9999-12-31T23:59", "1969-12-31"])
async def test_a_time_that_is_none_in_some_zone_is_refused(tmp_path: Path, time: str) -> None:
    zone = "America/New_York" if time > "2" else "Asia/Tokyo"
    async with serving(tmp_path, config=f"{CONFIG}display: {{timezone: {zone}}}\n") as page:
        status, text, _ = await page.get(f"/alerts?since={time}")
        assert status == 400, text
        assert "since: must be a time" in text

"""The time line of alerts, and one alert's life with every message."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from tests.contract.given import NOW, alert, delivery, keep
from tests.web.given import NASTY, Page, serving
from watcher.charts.lanes import alerts_by_rule, lane_chart
from watcher.domain.alerts.lifecycle import AlertState
from watcher.domain.messages.message import Severity
from watcher.domain.records import replace

DAY = timedelta(days=1)


@pytest.fixture
async def page(tmp_path: Path) -> AsyncIterator[Page]:
    async with serving(tmp_path) as page:
        over = replace(
            alert("over"), rule="silent", severity=Severity.CRITICAL, state=AlertState.RESOLVED,
            fired_at=NOW - 3 * DAY, since=NOW - 3 * DAY, resolved_at=NOW - 2 * DAY, label=NASTY,
            because=NASTY,
        )  # fmt: skip
        await keep(page.store, alerts=(alert(), over), deliveries=(delivery("d1"), delivery("d2", "mail")))
        yield page


async def test_what_fired_is_a_bar_from_firing_to_resolved_in_the_lane_of_its_rule(page: Page) -> None:
    _, text, _ = await page.get("/alerts")
    wide = text[text.index("wide-chart") : text.index("narrow-chart")]
    found = re.findall(r'class="bar (\w+)" x="([0-9.]+)" y="(\d+)" width="([0-9.]+)"', wide)
    assert [(kind, y) for kind, _, y, _ in found] == [("warning", "4"), ("critical", "26")]
    a_day = (1040 - 170 - 20) / 7
    assert abs(float(found[1][3]) - a_day) < 0.2
    assert "and still fires" in wide
    assert "<script>alert" not in text
    assert "\u202e" not in text


async def test_what_fired_before_the_range_is_not_drawn(page: Page) -> None:
    _, text, _ = await page.get("/alerts?range=1d")
    assert 'class="bar warning"' in text
    assert 'class="bar critical"' not in text
    assert (await page.get("/alerts?range=3d"))[0] == 400


async def test_an_alerts_page_has_each_message_with_its_delivery_on_each_channel(page: Page) -> None:
    _, text, _ = await page.get("/alerts/a1")
    told = text[text.index("What was told") :]
    assert told.count("hot: ΔETH") == 2
    assert ">ops</td>" in told
    assert ">mail</td>" in told


def test_many_alerts_of_one_rule_stay_a_small_picture() -> None:
    many = [replace(alert(f"a{n}", subject=str(n)), fired_at=NOW - timedelta(minutes=n)) for n in range(1000)]
    lines = alerts_by_rule(many, NOW - DAY, NOW)
    assert list(lines) == ["gas-low"]
    assert len(lane_chart(lines, 1, NOW) or "") < 60_000
    assert lane_chart({}, 1, NOW) is None

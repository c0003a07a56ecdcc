"""Times on the pages: how long ago, and exactly, as people of one zone read it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.contract.given import NOW, alert, keep
from tests.web.given import CONFIG, fill, serving
from watcher.domain.records import replace
from watcher.web.times import apart

ZURICH = CONFIG + "display: {timezone: Europe/Zurich}\n"


@pytest.mark.parametrize(
    ("ago", "text"),
    [
        (timedelta(0), "0 s ago"),
        (timedelta(seconds=119), "119 s ago"),
        (timedelta(minutes=2), "2 min ago"),
        (timedelta(minutes=119, seconds=59), "119 min ago"),
        (timedelta(hours=47, minutes=59), "47 h ago"),
        (timedelta(days=400), "400 d ago"),
        (timedelta(minutes=-5), "in 5 min"),
    ],
)
def test_a_time_is_told_in_the_largest_unit_that_it_has_two_of(ago: timedelta, text: str) -> None:
    now = datetime(2026, 3, 10, 12, tzinfo=UTC)
    assert apart(now - ago, now) == text


async def test_every_time_is_of_the_zone_that_people_asked_for(tmp_path: Path) -> None:
    """Relative ones with the exact one as their title, those in texts that were written long ago, charts."""
    async with serving(tmp_path, config=ZURICH) as page:
        await fill(page.store)
        told = alert("a9", subject="s9")
        await keep(page.store, alerts=(replace(told, because=f"nothing since {NOW:%Y-%m-%d %H:%M:%S} UTC"),))
        since = (
            '<time class="ago" datetime="2026-03-10T12:00:00Z" title="10 Mar 2026, 13:00:00 CET">5 min ago'
        )
        for path in ("/", "/alerts", "/alerts/a9", "/wallets/hot", "/outbox", "/budget", "/rules"):
            text = (await page.get(path))[1]
            assert "As of 10 Mar 2026, 13:05:00 CET. Times are of Europe/Zurich." in text
            assert "12:00" not in text.replace("T12:00:00Z", ""), path
            assert " UTC" not in text.replace("Day (UTC)", ""), path
            if path in ("/", "/alerts", "/alerts/a9"):
                assert since in text, path
                assert "nothing since 10 Mar 2026, 13:00:00 CET" in text, path


async def test_without_a_zone_times_are_of_utc(tmp_path: Path) -> None:
    async with serving(tmp_path) as page:
        await fill(page.store)
        text = (await page.get("/alerts"))[1]
        assert "As of 2026-03-10 12:05:00 UTC. Times are of UTC." in text
        assert 'title="2026-03-10 12:00:00 UTC">5 min ago</time> <span class="exact">12:00:00</span>' in text

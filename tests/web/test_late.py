"""One idea of late: the page, `status`, `/readyz`, the metrics and systemd's line say the same."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from tests.contract.given import HOT, NOW, keep, known
from tests.web.given import Page, serving
from watcher.cli.status import _late
from watcher.reports.rows import AccountRow
from watcher.reports.status import behind

HALF_A_DAY = timedelta(hours=12)


async def said(page: Page) -> tuple[bool, bool, bool, bool]:
    """Whether `hot` is late: by the JSON, by the page, by what the page marks, by `/readyz`."""
    (row,) = [each for each in (await page.json("/api/v1/status"))["accounts"] if each["wallet"] == "hot"]
    (wallet,) = [each for each in (await page.get("/wallets"))[1].split("<tr") if "/wallets/hot" in each]
    overview, ready = (await page.get("/"))[1], (await page.get("/readyz"))[1]
    # The other wallet was never read, so that one account always needs a look.
    return (
        bool(row["late"]),
        "1 of 2 accounts is late" in overview,
        "(late)" in wallet,
        "coinstats: 1" in ready,
    )


@pytest.mark.parametrize(
    ("misses", "age", "late"),
    [
        (0, HALF_A_DAY * 3, False),
        (0, HALF_A_DAY * 3 + timedelta(minutes=2), True),
        (2, timedelta(minutes=1), False),
        (3, timedelta(minutes=1), True),
    ],
)
async def test_page_status_and_readiness_have_one_idea_of_late(
    tmp_path: Path, misses: int, age: timedelta, late: bool
) -> None:
    async with serving(tmp_path) as page:
        state = known(HOT, page.clock.now() - age)._replace(misses=misses, miss="no answer" * bool(misses))
        await keep(page.store, accounts=(state._replace(watched_since=NOW - timedelta(days=9)),))
        assert await said(page) == (late,) * 4


def test_who_was_never_read_needs_a_look() -> None:
    read: AccountRow = {
        "wallet": "hot", "source": "coinstats", "chain": "ethereum", "address": "0x1", "last_reading": NOW,
        "next_poll": None, "misses": 0, "miss": "", "late": None, "stale": False, "held": [],
        "quarantined": 0, "interval_seconds": None, "expected_delay_seconds": None,
    }  # fmt: skip
    assert not behind(read)
    assert behind({**read, "last_reading": None})
    partly: AccountRow = {**read, "late": False, "stale": True}
    wholly: AccountRow = {**read, "late": True}
    assert behind(partly)
    assert [_late(each) for each in (read, partly, wholly)] == ["", "a part of it is late", "late"]

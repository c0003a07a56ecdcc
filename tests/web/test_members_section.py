"""The page shows who shares the store, who leads what, and what is odd; where one alone has it, nothing."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import pytest

from tests.contract.given import NOW
from tests.web.given import cells, fill, serving
from watcher.domain.records import replace
from watcher.ports.members import MemberState
from watcher.store.sqlite.queries import SqliteQueries

ONE = MemberState("one", NOW, NOW + timedelta(minutes=5), True, ("plan", "tell ops"), "rules", "1.0.0", 0.0)
TWO = replace(ONE, name="two", leads=())


def rows(page: str) -> list[list[str]]:
    part = page.partition(">Members</h2>")[2].partition("</table>")[0]
    found = re.findall(r"<tr><th scope=\"row\">.*?</tr>", cells(part))
    return [[re.sub(r"<[^>]*>", "", each) for each in re.split(r"</t[hd]>", row)[:-1]] for row in found]


async def overview(folder: Path, monkeypatch: pytest.MonkeyPatch, *members: MemberState) -> tuple[str, str]:
    monkeypatch.setattr(SqliteQueries, "members", lambda _: list(members))
    async with serving(folder) as page:
        await fill(page.store)
        return (await page.get("/"))[1], (await page.get("/readyz"))[1]


async def test_each_member_has_a_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page, ready = await overview(tmp_path, monkeypatch, ONE, TWO)
    assert [(row[0], row[1], row[4], row[5]) for row in rows(page)] == [
        ("one", "plans; tells ops", "1.0.0", ""),
        ("two", "nothing", "1.0.0", ""),
    ]
    assert ready == "ready\n"


async def test_who_is_away_is_said_above_all_and_warns_though_alerts_go_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = replace(TWO, at_work=False, seen=NOW + timedelta(minutes=3))
    page, ready = await overview(tmp_path, monkeypatch, ONE, gone)
    assert [(row[0], row[3], row[5]) for row in rows(page)][1] == ("two", "", "away for 2 min")
    assert "Trouble: member two: away for 2 min" in page
    assert ready == "ready\nalso: member two: away for 2 min\n"


async def test_one_who_has_the_store_alone_sees_nothing_of_members(tmp_path: Path) -> None:
    async with serving(tmp_path) as page:
        assert ">Members</h2>" not in (await page.get("/"))[1]

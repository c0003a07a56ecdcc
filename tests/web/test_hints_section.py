"""The page and `/metrics` say how hint sources fare, and say nothing of hints where there are none."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from tests.contract.given import NOW
from tests.fakes import FakeClock
from tests.reports.hinted import SOURCES, keep_learnt, keep_state, polled, told
from tests.web.given import CONFIG, Page, cells, serving
from watcher.ports.hint_state import HintSourceState

DESK = """\
  - {name: desk, source: teos, address: "0xd9d18f6979473f8bdc6290ad772000c53bd5c907", assets: ["0xfc6e"]}
"""
WEB = 'web: {listen: "127.0.0.1:8787"}\n'


@pytest.fixture
async def page(tmp_path: Path) -> AsyncIterator[Page]:
    clock = FakeClock(NOW + timedelta(seconds=30))
    async with serving(tmp_path, clock=clock, config=CONFIG + SOURCES + WEB) as page:
        await keep_state(page.store, told())
        down = NOW - timedelta(hours=1)
        await keep_state(page.store, HintSourceState(down_since=down, why="<i>no</i>", at=NOW), "scripts")
        await keep_learnt(page.store)
        await polled(page.store, [True, False])
        yield page


async def test_the_page_shows_each_hint_source_with_what_came_of_it(page: Page) -> None:
    _, text, _ = await page.get("/")
    section = text[text.index("<h2>Hints</h2>") :]
    assert re.search(
        r'<th scope="row">mainnet</th><td class="words">heard for <time class="age"[^>]*>5 h<', cells(section)
    )
    assert "100,012" in section
    assert "98 %" in section
    assert "not known yet" in section


async def test_what_a_hint_source_said_is_escaped(page: Page) -> None:
    _, text, _ = await page.get("/")
    assert "&lt;i&gt;no&lt;/i&gt;" in text
    assert "<i>no" not in text


async def test_scripts_are_told_the_same(page: Page) -> None:
    found = (await page.json("/api/v1/status"))["hints"]
    assert list(found) == ["mainnet", "scripts"]
    assert found["mainnet"]["sources"]["coinstats"]["confirmed"] == 1
    assert found["scripts"]["state"] == "not heard"


async def test_what_was_learnt_of_a_hint_source_is_measured(page: Page) -> None:
    _, text, _ = await page.get("/metrics")
    labels = 'hint_source="mainnet",source="coinstats"'
    for name in ("watcher_hint_recall", "watcher_hint_precision"):
        (line,) = [each for each in text.splitlines() if each.startswith(f"{name}{{")]
        assert line.startswith(f"{name}{{{labels}}} 0.9")
    for quantile in ("0.5", "0.97"):
        lag = f'hint_source="mainnet",quantile="{quantile}",source="coinstats"'
        assert f"watcher_hint_lag_seconds{{{lag}}}" in text


async def test_whether_an_alert_would_reach_somebody_does_not_depend_on_hints(page: Page) -> None:
    _, told_of, _ = await page.get("/readyz")
    assert "hint" not in told_of


async def test_where_there_are_no_hints_nothing_is_said_of_them(tmp_path: Path) -> None:
    async with serving(tmp_path) as page:
        _, text, _ = await page.get("/")
        assert "Hints" not in text
        assert (await page.json("/api/v1/status"))["hints"] == {}
        assert "watcher_hint" not in json.dumps((await page.get("/metrics"))[1])


async def test_a_hint_source_about_no_wallet_is_shown_as_such(tmp_path: Path) -> None:
    hints = 'hints: {far: {kind: evm, url: "wss://node.example/k", chains: [polygon]}}\n'
    async with serving(tmp_path, config=CONFIG + hints) as page:
        _, text, _ = await page.get("/")
        assert '<th scope="row">far</th><td class="words late">unknown: nobody listens' in cells(text)
        assert "no account" in text
        assert (await page.json("/api/v1/status"))["hints"]["far"]["sources"] == {}
        assert "watcher_hint_recall{" not in (await page.get("/metrics"))[1]


async def test_a_hint_source_of_two_polled_sources_has_a_line_for_each(tmp_path: Path) -> None:
    text = CONFIG.replace("wallets:\n", f"  teos: {{kind: teos, api_key: k}}\nwallets:\n{DESK}")
    async with serving(tmp_path, config=text + SOURCES + WEB) as page:
        _, shown, _ = await page.get("/")
        section = shown[shown.index("<h2>Hints</h2>") :]
        assert section.count('<th scope="row">scripts</th>') == 2
        assert list((await page.json("/api/v1/status"))["hints"]["scripts"]["sources"]) == [
            "teos",
            "coinstats",
        ]

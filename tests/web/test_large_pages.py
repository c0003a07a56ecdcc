"""Pages over very much: none grows without end, and what is kept of them is bounded."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.contract.given import alert, keep
from tests.web.given import CONFIG, Page, fill, serving
from watcher.config.configuration import build_rules, configure
from watcher.domain.records import replace
from watcher.web import templating
from watcher.web.parameters import ROWS


@pytest.fixture
async def page(tmp_path: Path) -> AsyncIterator[Page]:
    (tmp_path / "rules.yaml").write_text('rules:\n  - {id: low, type: threshold, below: "1"}\n')
    other = tmp_path / "with-rules.yaml"
    other.write_text(CONFIG + "rules: [rules.yaml]\n")
    async with serving(tmp_path) as page:
        page.snapshots.rules = build_rules(configure(other, {}))
        await fill(page.store)
        yield page


async def test_what_many_look_at_takes_a_bounded_part_of_the_memory(
    page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(templating, "KEPT_BYTES", 30_000)
    for number in range(30):
        assert (await page.get(f"/wallets?q={number}"))[0] == 200
    kept = (await page.snapshots.current()).pages.values()
    assert 0 < sum(len(each.result()) for each in kept) <= 30_000


@pytest.mark.parametrize("path", ["/rules/low", "/wallets/hot"])
async def test_of_many_alerts_the_first_are_shown_and_the_way_to_all(page: Page, path: str) -> None:
    many = [replace(alert(f"b{number}", subject=f"s{number}"), rule="low") for number in range(ROWS + 7)]
    await keep(page.store, alerts=tuple(many))
    await page.later()
    _, text, _ = await page.get(path)
    assert 0 < text.count('<tr id="alert-') <= ROWS
    assert re.search(r"<a href=[^>]*/alerts\?(rule=low|wallet=hot)", text)

"""Names made to harm that are in the store already, however they got there: every output is clean."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.contract.given import ETH, HOT, NOW, alert, changed, delivery, keep, known, message
from tests.endtoend.bench import here
from tests.endtoend.test_hostile_names import harmless
from tests.store.given import opened
from tests.web.given import CONFIG, serving
from watcher.charts.attachments import Painter
from watcher.charts.plot import Plot
from watcher.config.configuration import build_rules, configure
from watcher.domain.messages.delivery import DeliveryState
from watcher.domain.records import replace
from watcher.domain.values.text import clean, named, visible

EVIL = "EVIL\x1b[31m\x9b2J\u202egnp\u2066\x00\x07\r\nsecond\u2028line\u200b\U000e0041"
RULES = "rules:\n  - {id: gas-low, type: threshold, match: {assets: [ethereum]}, below: '4'}\n"
VERBS = (
    ("balances",), ("history",), ("status",), ("outbox",), ("alerts", "--all"), ("alerts", "show", "a1"),
    ("assets",), ("polls",), ("explain", "gas-low", "hot"), ("explain", "a1"), ("backtest", "--since", "1h"),
    ("history", "--plot", "--wallet", "hot"), ("ack", "a1", "--by", "bob"),
)  # fmt: skip


@pytest.fixture
async def folder(tmp_path: Path) -> Path:
    config = CONFIG.replace("channels:", "rules: [rules.yaml]\nchannels:")
    (tmp_path / "watcher.yaml").write_text(config, encoding="utf-8")
    (tmp_path / "rules.yaml").write_text(RULES, encoding="utf-8")
    fires = replace(alert(), id="a1", label=f"hot: {EVIL}", because=f"5 {EVIL} is below 6 {EVIL}", held=EVIL)
    words = replace(message(), id="a1", title=f"hot: {EVIL}", facts=((EVIL, EVIL),))
    owed = replace(delivery("d1"), message=words)
    async with opened(tmp_path / "watcher.db") as store:
        await keep(
            store,
            accounts=(known(HOT, ethereum="5"),),
            changes=(changed(HOT, ETH, "4", "5"),),
            symbols={ETH: EVIL},
            alerts=(fires,),
            deliveries=(owed,),
        )
        await store.settle([replace(owed, state=DeliveryState.GIVEN_UP, last_error=f"HTTP 400: {EVIL}")])
    return tmp_path


async def test_a_hostile_store_acts_on_no_terminal(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(folder)
    for words in VERBS:
        await here(*words)
    told = capsys.readouterr()
    shown = told.out + told.err

    assert shown.count("EVIL") > 8
    assert "Traceback" not in shown
    harmless(shown)
    assert "\u200b" not in shown


async def test_a_hostile_store_acts_on_no_page_and_no_metric(folder: Path) -> None:
    async with serving(folder) as page:
        for path in (
            "/",
            "/metrics",
            "/wallets/hot",
            "/alerts/a1",
            "/alerts",
            "/outbox",
            "/readyz",
            "/rules",
        ):
            status, text, _ = await page.get(path)
            assert status in (200, 404, 503), path
            harmless(text)


async def test_a_hostile_store_acts_on_no_picture(folder: Path) -> None:
    configuration = configure(folder / "watcher.yaml", {})
    seen: list[str] = []

    def draw(picture: Plot) -> bytes:
        seen.append(f"{picture.title} {picture.text}")
        return b"png"

    painter = Painter(
        configuration.settings, build_rules(configuration), configuration.settings.backend, draw=draw
    )
    subject = f"{HOT.source}/{HOT.chain}/{HOT.address}/{ETH.chain}/{ETH.token}"
    words = replace(message(), id="a1", title=f"hot: {EVIL}", subject=subject, wallet="hot", at=NOW)
    await asyncio.to_thread(painter, [replace(delivery("d1"), message=words)])
    assert "EVIL" in " ".join(seen)
    for each in seen:
        harmless(each)


def test_what_is_cleaned_is_one_line_of_what_can_be_seen() -> None:
    assert visible(EVIL) == "EVIL[31m2Jgnp  second line"
    assert clean("  a\tb  ") == "a b"
    assert named(EVIL + "x" * 99) == ("EVIL[31m2Jgnp second line" + "x" * 99)[:64]
    assert (
        visible("1\N{NARROW NO-BREAK SPACE}% − Zürich 金 🦊") == "1\N{NARROW NO-BREAK SPACE}% − Zürich 金 🦊"
    )

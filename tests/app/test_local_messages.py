"""From the wire to the terminal: one drain, told to each channel in its own time, language and money."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import pytest

from tests.service.test_provider_count import MovedClock
from watcher.app.build import build
from watcher.config.configuration import configure
from watcher.domain.credits.allowance import Purpose
from watcher.domain.values.formatting import moment
from watcher.ports.queue import Batch
from watcher.sim import Simulation

HOT = "0x9f114da25b61b77606d47eab414b9360f8783979"
APOSTROPHE = "\N{RIGHT SINGLE QUOTATION MARK}"
MINUS = "\N{MINUS SIGN}"

CONFIG = """\
version: 1
sources:
  coins: {{kind: coinstats, api_key: "{key}", base_url: "{url}/coinstats", requests_per_second: 1000}}
wallets: [{{name: operations, source: coins, address: "{hot}", chains: [ethereum], every: 1h}}]
channels:
  zurich: {{kind: console}}
  york: {{kind: console, display: {{timezone: America/New_York, locale: en-GB, currency: JPY}}}}
  oslo: {{kind: console, display: {{currency: NOK}}}}
  plain: {{kind: console, display: {{timezone: UTC, locale: en-US, currency: USD}}}}
display: {{timezone: Europe/Zurich, locale: de-CH, currency: CHF, rates: coins}}
rules: [rules.yaml]
web: null
"""
RULES = """\
rules:
  - {id: low, type: threshold, match: {assets: [ETH]}, below: "5", summary: "low since {{ since }}"}
"""


async def drained(folder: Path, sim: Simulation) -> str:
    """What the drain was told with; the moment of it in UTC."""
    (folder / "watcher.yaml").write_text(CONFIG.format(key=sim.coinstats.key, url=sim.url, hot=HOT))
    (folder / "rules.yaml").write_text(RULES)
    configuration = configure(folder / "watcher.yaml", {})
    store = await configuration.settings.backend.open(exclusive=True)
    clock = MovedClock()
    app = await build(configuration, store, clock=clock)
    await app.prepare()
    (rates,) = [work for name, work in app.jobs if name == "rates coins"]
    await cast(Any, rates).__self__.once()
    for amount in ("12.5", "0.25", "0.25"):
        sim.world.set_amount(HOT, "ethereum", "ethereum", amount, symbol="ETH", price="3023.37")
        clock.move(timedelta(minutes=7))
        await app.pollers["coins"].poll(Batch(tuple(app.rules.wallets), Purpose.SCHEDULED))
    (alert,) = await store.live_alerts()
    app.deliverer.start()
    await app.deliverer.drain(within=10)
    await app.stop()
    await store.close()
    return moment(alert.since)


async def test_each_channel_tells_it_in_its_own_time_and_money_at_the_source_s_rate(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with Simulation() as sim:
        since = await drained(tmp_path, sim)
        spent, meter = sim.coinstats.credits_used, 3 * 40 + 1
    told = capsys.readouterr().out

    assert since == "2026-03-10 12:14:00 UTC"
    for title in (
        "low since 10.03.2026, 13:14:00 MEZ",
        "low since 10 Mar 2026, 08:14:00 EDT",
        "low since Mar 10, 2026, 12:14:00\N{NARROW NO-BREAK SPACE}PM UTC",
    ):
        assert told.count(title) >= 1
    assert f"{MINUS}$37,036.28 ({MINUS}CHF 29{APOSTROPHE}860.31)" in told
    assert f"{MINUS}$37,036.28 ({MINUS}JPY 5,475,814)" in told
    assert "1 USD = CHF 0.8062450125737061 of 2026-03-10 (coins)" in told
    assert "1 USD = JPY 147.85 of 2026-03-10 (coins)" in told
    assert told.count("no NOK rate") == 1
    assert told.count("USD") == 2
    assert since not in told
    assert spent == meter

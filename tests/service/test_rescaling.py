"""A spark factor that changes, through the simulated TEOS, the poller and the store."""

from __future__ import annotations

import logging
from datetime import timedelta
from pathlib import Path

import pytest

from tests.service.test_provider_count import MovedClock
from watcher.app.build import build
from watcher.config.configuration import configure
from watcher.domain.credits.allowance import Purpose
from watcher.ports.queue import Batch
from watcher.sim import Simulation

DESK, BOND = "0xd9d18f6979473f8bdc6290ad772000c53bd5c907", "0xfc6e610b23b09fae00e10001"

CONFIG = """\
version: 1
sources: {{ledger: {{kind: teos, api_key: "{key}", base_url: "{url}/teos"}}}}
wallets: [{{name: desk, source: ledger, address: "{desk}", assets: ["{bond}"], every: 1m}}]
channels: {{ops: {{kind: console}}}}
rules: [rules.yaml]
"""


async def test_a_new_spark_factor_is_told_and_noted_and_is_no_transfer(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "rules.yaml").write_text("rules:\n  - {id: moved, type: change}\n")
    clock = MovedClock()
    async with Simulation() as sim:
        text = CONFIG.format(key=sim.teos.key, url=sim.url, desk=DESK, bond=BOND)
        (tmp_path / "watcher.yaml").write_text(text)
        configuration = configure(tmp_path / "watcher.yaml", {})
        sim.world.define_asset(BOND, "1000", "Bond 2030")
        sim.world.set_sparks(DESK, BOND, 25000)
        titles: list[str] = []
        for factor, sparks in (("1000", 25000), ("100", 25000), ("100", 24000)):
            sim.world.define_asset(BOND, factor, "Bond 2030")
            sim.world.set_sparks(DESK, BOND, sparks)
            store = await configuration.settings.backend.open(exclusive=True)
            app = await build(configuration, store, clock=clock)
            await app.prepare()
            with caplog.at_level(logging.INFO):
                for _ in range(3):  # the second look-up agrees, the third poll counts in the new unit
                    await app.pollers["ledger"].poll(Batch(tuple(app.rules.wallets), Purpose.SCHEDULED))
                    clock.move(timedelta(seconds=61))
            titles = [each.message.title for each in await store.due("ops", clock.now(), 10)]
            await app.close()
            await store.close()
            clock.move(timedelta(days=1))
    assert titles == [
        "Bond 2030: one unit is 100 sparks now; nothing moved",
        "\N{MINUS SIGN}10 Bond 2030 (\N{MINUS SIGN}4\N{NARROW NO-BREAK SPACE}%) left desk",
    ]
    assert caplog.text.count("one unit of Bond 2030 is 100 sparks now, and was 1000") == 1

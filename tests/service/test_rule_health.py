"""What has no price, and what anybody sent, through the whole chain: API, source, store, rules, verbs."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.service import test_plausibility
from tests.service.test_plausibility import HOT, Bench
from watcher.app.build import build
from watcher.cli import _run
from watcher.config.configuration import build_rules
from watcher.reports.explain import Explainer
from watcher.sim import Simulation

OLD, SCAM = "0x" + "0" * 37 + "01d", "0x" + "5" * 40
HALF_HOUR = timedelta(minutes=30)
RULES = """\
rules:
  - {id: total, type: threshold, metric: value_usd, per: wallet, below: "5000", severity: critical}
"""


@pytest.fixture
async def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Bench]:
    monkeypatch.setattr(test_plausibility, "RULES", RULES)
    async with Simulation() as sim:
        found = Bench(tmp_path, sim)
        eth(found, "10")
        old(found, "0.5")
        await found.start()
        yield found
        await found.stop()


def eth(bench: Bench, amount: str) -> None:
    bench.sim.world.set_amount(HOT, "ethereum", "ETH", amount, price="2000", coin_id="ethereum")


def old(bench: Bench, price: str | None) -> None:
    bench.sim.world.set_amount(HOT, "ethereum", "OLD", "100", contract=OLD)
    bench.sim.world.set_price("ethereum", "OLD", price)


def verb(bench: Bench, capsys: pytest.CaptureFixture[str], *words: str) -> Any:
    capsys.readouterr()
    _run([*words, "--json", "-c", str(bench.folder / "watcher.yaml")])
    return json.loads(capsys.readouterr().out)


async def test_a_drain_is_told_though_a_small_token_lost_its_price(bench: Bench) -> None:
    await bench.poll()
    old(bench, None)
    await bench.poll()
    await bench.poll()
    eth(bench, "0.05")
    (told,) = await bench.poll()
    assert "at most $600.00 is below $5,000.00; OLD at its last price $0.50" in told
    rules = build_rules(bench.configuration)
    with bench.configuration.settings.backend.queries() as reader:
        explainer = Explainer(bench.configuration.settings, rules, reader, bench.clock.now())
        (subject,) = explainer.subjects(rules.by_id["total"])
        row = explainer.explain(rules.by_id["total"], subject)
    assert row["answer"] == "met"
    assert "OLD at its last price $0.50" in row["because"]


async def test_a_rule_that_went_blind_is_told_once_across_restarts_and_status_says_so(bench: Bench) -> None:
    await bench.poll()
    old(bench, None)
    await bench.poll()
    eth(bench, "2.4")  # $4,805 to $5,300
    assert await bench.poll() == []
    assert bench.status()["state"] == "ok"
    for _ in range(3):
        await bench.poll(HALF_HOUR)
        await bench.stop()
        bench.store = await bench.configuration.settings.backend.open(exclusive=True)
        bench.app = await build(bench.configuration, bench.store, clock=bench.clock)
        await bench.app.prepare()
    (told,) = await bench.poll()
    assert told.startswith("hot: rule total cannot be judged since 2026-")
    assert "take OLD out of the rule with match.assets" in told
    (alert,) = bench.status()["alerts"]
    assert (alert["rule"], alert["subject"], alert["severity"]) == ("watcher.blind.total", "hot", "warning")
    old(bench, "3")
    both = await bench.poll()
    assert len(both) == 2
    assert "rule total can be judged again" in both[1]
    assert bench.status()["alerts"] == []


async def test_what_a_stranger_sent_counts_once_it_is_released(
    bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    await bench.poll()
    bench.sim.world.set_amount(HOT, "ethereum", "SCAM", "1", contract=SCAM, price="10000000")
    await bench.poll()
    eth(bench, "1")
    (told,) = await bench.poll()
    assert "$2,050.00 is below $5,000.00" in told
    (row,) = verb(bench, capsys, "explain", "total", "hot")
    assert row["because"].endswith("left out: SCAM, $10,000,000.00 claimed, nobody asked for it")
    (row,) = verb(bench, capsys, "assets", "list")
    assert (row["symbol"], row["state"]) == ("SCAM", "newcomer")
    assert verb(bench, capsys, "assets", "release", "SCAM", "--wallet", "hot") == []
    *_, last = await bench.poll()
    assert "$10,002,050.00 is not below $5,000.00" in last

"""What `plan` says of calls and credits is what the provider counts, over real HTTP."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.service.test_provider_count import MovedClock
from watcher.analysis.plan import plan_source
from watcher.app.build import build
from watcher.config.cadences import cadences
from watcher.config.configuration import build_source, configure
from watcher.domain.credits.allowance import Purpose
from watcher.sim import Simulation

POLLS, HOUR = 24, timedelta(hours=1)


def ids(count: int, first: int = 1) -> str:
    return (
        "["
        + ", ".join(f'"0xfc6e610b23b09fae{number:05x}0001"' for number in range(first, first + count))
        + "]"
    )


SHAPES: dict[str, list[tuple[int, str]]] = {
    # how many wallets, and what each of them is watched for
    "one pair": [(1, f"assets: {ids(1)}")],
    "two requests of one asset": [(60, f"assets: {ids(1)}")],
    "three requests of two assets": [(60, f"assets: {ids(2)}")],
    "two sets of assets": [(7, f"assets: {ids(3)}"), (5, f"assets: {ids(2, 3)}")],
    "more assets than a request holds": [(2, f"assets: {ids(120)}"), (3, f"assets: {ids(1)}")],
    "chains": [(1, "chains: [ethereum]")],
    "two requests of chains": [(60, "chains: [ethereum, base-wallet]")],
    "sweeps beside chains": [(12, "chains: all"), (3, "chains: [ethereum]")],
}


def written(sim: Simulation, shape: str) -> str:
    kind = "teos" if "assets" in SHAPES[shape][0][1] else "coinstats"
    key = sim.teos.key if kind == "teos" else sim.coinstats.key
    more = ", credits: {limit: 100000000}" if kind == "coinstats" else ""
    lines = [
        "version: 1",
        f'sources: {{s: {{kind: {kind}, api_key: "{key}", base_url: "{sim.url}/{kind}"{more}}}}}',
    ]
    lines += ["channels: {ops: {kind: console}}", "wallets:"]
    number = 0
    for count, what in SHAPES[shape]:
        for _ in range(count):
            number += 1
            lines.append(f'  - {{name: w{number}, source: s, address: "0x{number:040x}", every: 1h, {what}}}')
    return "\n".join(lines)


@pytest.mark.parametrize("shape", SHAPES)
async def test_what_plan_says_is_what_is_spent(shape: str, tmp_path: Path) -> None:
    clock = MovedClock()
    async with Simulation() as sim:
        sim.coinstats.credits_limit, sim.teos.zero = 10**9, "omit"
        sim.teos.per_minute = sim.teos.per_day = None
        for number in range(1, 125):
            sim.world.define_asset(f"0xfc6e610b23b09fae{number:05x}0001", "1", f"B{number}")
        (tmp_path / "watcher.yaml").write_text(written(sim, shape))
        configuration = configure(tmp_path / "watcher.yaml", {})
        settings = configuration.settings
        plan = plan_source(settings, build_source(settings, "s"), clock.now())
        store = await settings.backend.open(exclusive=True)
        app = await build(configuration, store, clock=clock)
        await app.prepare()
        poller = app.pollers["s"]
        provider: Any = sim.teos if "assets" in SHAPES[shape][0][1] else sim.coinstats

        async def tick() -> int:
            before = provider.requests.total, sim.coinstats.credits_used
            for group in cadences(settings, "s", poller.source)[0].values():
                outcomes = await poller.once(group, Purpose.SCHEDULED)
                assert len(outcomes) == len(group)
            clock.move(HOUR)
            calls, paid = provider.requests.total - before[0], sim.coinstats.credits_used - before[1]
            return paid if plan.unit == "credits" else calls

        first = await tick()  # looks assets up, and asks once for each pair that an answer leaves out
        each = [await tick() for _ in range(2)]
        await app.close()
        await store.close()
    days = plan.budget.period / 86_400
    assert each == [each[0]] * 2
    assert first >= each[0]
    assert plan.per_period == pytest.approx(each[0] * POLLS * days)

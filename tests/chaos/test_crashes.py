"""kill -9 at every step and at any moment: a bounded share of what `make chaos` does."""

from __future__ import annotations

import asyncio
import os
import random
from pathlib import Path

from tests.chaos.faultpoints import STEPS
from tests.chaos.stand import Zygote
from tests.chaos.storm import MOMENTS, storm, thirst

STORMS = 5
KILLS = len(STEPS) + len(MOMENTS)


async def test_killed_at_every_step_and_at_any_moment_nothing_is_lost_repeated_or_overspent(
    tmp_path: Path, zygote: Zygote
) -> None:
    first = int(os.environ.get("CHAOS_SEED") or random.randrange(1, 10**6))
    seeds = range(first, first + STORMS)
    print(f"repeat with: CHAOS_SEED={first}")

    reports = await asyncio.gather(
        *(storm(tmp_path / str(seed), zygote, seed, KILLS, hinted=seed % 2 == 0) for seed in seeds),
        thirst(tmp_path / "thirst", zygote, first, 12),
    )

    for report in reports:
        assert not report.compared.broken, f"seed {report.seed}: {report.compared.broken}"
    struck = {fault for report in reports for fault, count in report.struck.items() if count}
    assert struck >= STEPS.keys()
    assert sum(report.compared.changes for report in reports) > 5 * STORMS  # the first sight of each asset

"""`make chaos`: every fault, many times; a table of what happened; not 0 if a guarantee broke.

    python -m tests.chaos.run [--seed N] [--storms N] [--kills N] [--at-once N] [--write FILE]

A storm is one installation whose daemon is killed `--kills` times, by its own seed; `--seed 17 --storms 1`
repeats the storm of seed 17.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from tests.chaos.faultpoints import STEPS
from tests.chaos.stand import ROOT, Zygote
from tests.chaos.storm import MOMENTS, Report, storm, thirst

TOGETHER = 6


async def storms(first: int, count: int, kills: int, at_once: int) -> list[Report]:
    """So many storms, a few at a time: there is one processor for each of them, or half of one."""
    places = asyncio.Semaphore(at_once)

    async def one(folder: Path, zygote: Zygote, seed: int) -> Report:
        async with places:
            report = await storm(folder, zygote, seed, kills)
        said = "; ".join(report.compared.broken) or "all guarantees held"
        print(f"storm {seed}: {report.kills} kills, {report.compared.changes} changes: {said}", flush=True)
        return report

    with tempfile.TemporaryDirectory(prefix="chaos-") as folder:
        async with Zygote() as zygote:
            return list(
                await asyncio.gather(
                    *(one(Path(folder) / str(seed), zygote, seed) for seed in range(first, first + count)),
                    thirst(Path(folder) / "thirst", zygote, first, kills),
                )
            )


def table(reports: list[Report]) -> str:
    """What was tried, how often, and what came of it."""
    tried: Counter[str] = sum((each.tried for each in reports), Counter())
    struck: Counter[str] = sum((each.struck for each in reports), Counter())
    order = [*STEPS, *MOMENTS, *sorted(tried.keys() - STEPS.keys() - set(MOMENTS))]
    rows = [f"| {fault} | {tried[fault]} | {struck[fault]} |" for fault in order if tried[fault]]
    return "\n".join(["| killed (SIGKILL) | tried | struck there |", "|---|--:|--:|", *rows])


def summary(reports: list[Report], seconds: float) -> str:
    compared = [each.compared for each in reports]
    broken = sum(len(each.broken) for each in compared)
    return (
        f"{sum(each.kills for each in reports)} kills in {len(reports)} installations, {seconds:.0f} s: "
        f"{sum(each.changes for each in compared)} changes, {sum(each.alerts for each in compared)} alerts "
        f"compared with what was true, {sum(each.deliveries for each in compared)} deliveries all arrived, "
        f"{sum(each.repeats for each in compared)} of them repeated after a crash between send and record; "
        f"guarantees broken: {broken}."
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--seed", type=int, default=random.randrange(1, 10**6))
    parser.add_argument("--storms", type=int, default=12)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--at-once", type=int, default=TOGETHER)
    parser.add_argument("--write", type=Path, help="write the table to this file")
    wanted = parser.parse_args()
    print(f"seed {wanted.seed}: repeat with --seed {wanted.seed}", flush=True)
    began = time.monotonic()
    reports = asyncio.run(storms(wanted.seed, wanted.storms, wanted.kills, wanted.at_once))
    text = f"{table(reports)}\n\n{summary(reports, time.monotonic() - began)}\n"
    print(text, flush=True)
    if wanted.write:
        wanted.write.write_text(text)
    broken = [words for each in reports for words in each.compared.broken]
    bad_days = [sys.executable, "-m", "pytest", "tests/chaos", "-v", "-p", "no:randomly",
                "--deselect", "tests/chaos/test_crashes.py"]  # fmt: skip
    everything = {**os.environ, "CHAOS": "1"}
    others = subprocess.run(bad_days, cwd=ROOT, env=everything, check=False).returncode
    return 1 if broken or others not in (0, 5) else 0


if __name__ == "__main__":
    sys.exit(main())

"""`make chaos`: every fault, many times; THE table of what was tried; not 0 if a guarantee broke.

    python -m tests.chaos.run [--seed N] [--storms N] [--clusters N] [--kills N] [--at-once N] [--write FILE]

A storm is one installation whose daemon is killed `--kills` times, by its own seed; `--seed 17 --storms 1`
repeats the storm of seed 17. A cluster is one of four members on a PostgreSQL of its own; in each second one
the server and the network have bad days too. `--only clusters` or `--only storms` leaves out all else.
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
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from tests.chaos.faultpoints import OF_HINTS, OF_MEMBERS, STEPS
from tests.chaos.member_storm import member_storm, member_thirst
from tests.chaos.members import server
from tests.chaos.stand import ROOT, Zygote
from tests.chaos.storm import MOMENTS, Report, storm, thirst
from tests.postgresql import Cluster

TOGETHER = 6
OFTEN = 8
"""Times after which a step that was tried and never reached is a fault of the storm."""


async def storms(first: int, count: int, kills: int, at_once: int) -> list[Report]:
    """So many storms, a few at a time: there is one processor for each of them, or half of one."""
    places = asyncio.Semaphore(at_once)

    async def one(folder: Path, zygote: Zygote, seed: int) -> Report:
        async with places:
            report = await storm(folder, zygote, seed, kills, hinted=seed % 2 == 0)
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


async def clusters(first: int, count: int, kills: int, at_once: int) -> list[Report]:
    """So many installations of four members, and one on a plan that is nearly spent."""
    places = asyncio.Semaphore(at_once)

    async def one(work: Callable[[Cluster], Coroutine[Any, Any, Report]]) -> Report:
        async with places:
            with server() as cluster:
                report = await work(cluster)
        said = "; ".join(report.compared.broken) or "all guarantees held"
        print(
            f"cluster {report.seed}: {report.kills} kills, {report.compared.changes} changes: {said}",
            flush=True,
        )
        return report

    with tempfile.TemporaryDirectory(prefix="chaos-") as folder:
        async with Zygote("--members") as zygote:
            works = [
                partial(
                    member_storm,
                    Path(folder) / str(seed),
                    zygote,
                    seed=seed,
                    kills=kills,
                    weather=seed % 2 == 0,
                )
                for seed in range(first, first + count)
            ]
            works.append(partial(member_thirst, Path(folder) / "thirst", zygote, seed=first, kills=kills))
            return list(await asyncio.gather(*map(one, works)))


def table(reports: list[Report]) -> str:
    """What was tried, how often, and what came of it."""
    tried: Counter[str] = sum((each.tried for each in reports), Counter())
    struck: Counter[str] = sum((each.struck for each in reports), Counter())
    known = [*STEPS, *OF_HINTS, *OF_MEMBERS, *MOMENTS]
    order = [*known, *sorted(tried.keys() - set(known))]
    rows = [f"| {fault} | {tried[fault]} | {struck[fault]} |" for fault in order if tried[fault]]
    return "\n".join(["| killed (SIGKILL) | tried | struck there |", "|---|--:|--:|", *rows])


def missed(reports: list[Report]) -> list[str]:
    """Steps that were tried often and never reached: where they are looked for nothing happens any more."""
    tried: Counter[str] = sum((each.tried for each in reports), Counter())
    struck: Counter[str] = sum((each.struck for each in reports), Counter())
    return [
        f"never reached: {fault}" for fault, count in tried.items() if count >= OFTEN and not struck[fault]
    ]


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


@dataclass(slots=True)
class Day:
    """One kind of bad day: the rule that had to hold, and how often it was tried."""

    room: str
    rule: str
    tried: int = 0
    broke: int = 0


ROOMS = {
    "tests/chaos/test_strangers.py": "strangers",
    "tests/chaos": "store, clock, heartbeat",
    "tests/store/postgres/test_one_allowance.py": "one allowance",
    "tests/service/test_source_health.py": "network",
    "tests/sources/test_faults.py": "answers",
    "tests/sources/test_hostile.py": "attacks",
    "tests/endtoend/test_bad_answers.py": "answers, the whole way",
    "tests/notify/test_bad_days.py": "channels",
    "tests/notify/test_mail.py": "e-mail",
    "tests/service/test_delivery_for_real.py": "bursts",
    "tests/fuzz": "parsers",
}
"""What is run beside the storms, and what is tried there."""


def bad_days() -> list[Day]:
    """Everything but the crashes, the long ones included; in the order of `ROOMS`."""
    with tempfile.TemporaryDirectory(prefix="chaos-") as folder:
        report = Path(folder) / "report.xml"
        command = [sys.executable, "-m", "pytest", *ROOMS, "-p", "no:randomly", f"--junitxml={report}",
                   "--deselect", "tests/chaos/test_crashes.py"]  # fmt: skip
        env = {**os.environ, "CHAOS": "1", "FUZZ": os.environ.get("FUZZ", "500")}
        code = subprocess.run(command, cwd=ROOT, env=env, check=False).returncode
        # Our own report, written a moment ago.
        cases = list(ElementTree.parse(report).iter("testcase")) if report.exists() else []  # noqa: S314
    days: dict[tuple[str, str], Day] = {}
    for case in cases:
        file = case.get("classname", "").replace(".", "/") + ".py"
        room = next(
            (words for path, words in ROOMS.items() if file.startswith(path.removesuffix(".py"))), file
        )
        rule = case.get("name", "").partition("[")[0].removeprefix("test_").replace("_", " ")
        day = days.setdefault((room, rule), Day(room, rule))
        day.tried += 1
        day.broke += any(child.tag in ("failure", "error", "skipped") for child in case)
    if code not in (0, 1) or (code == 1 and not any(day.broke for day in days.values())):
        return []
    return list(days.values())


def table_of(days: list[Day]) -> str:
    """What had to hold, how often it was tried, and whether it did."""
    tried = sum(day.tried for day in days)
    rows = [f"| {day.room} | {day.rule} | {day.tried} | {'BROKE' if day.broke else 'held'} |" for day in days]
    head = ["| bad day | what had to hold | tried | |", "|---|---|--:|---|"]
    broke = sum(day.broke for day in days)
    return "\n".join([*head, *rows, "", f"{tried} bad days; guarantees broken: {broke}."])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--seed", type=int, default=random.randrange(1, 10**6))
    parser.add_argument("--storms", type=int, default=12)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--at-once", type=int, default=TOGETHER)
    parser.add_argument("--clusters", type=int, default=10)
    parser.add_argument("--only", choices=("storms", "clusters"))
    parser.add_argument("--write", type=Path, help="write the table to this file")
    wanted = parser.parse_args()
    print(f"seed {wanted.seed}: repeat with --seed {wanted.seed}", flush=True)
    began = time.monotonic()
    reports = []
    if wanted.only != "clusters":
        reports += asyncio.run(storms(wanted.seed, wanted.storms, wanted.kills, wanted.at_once))
    if wanted.only != "storms":
        at_once = max(1, wanted.at_once // 3)
        reports += asyncio.run(clusters(wanted.seed, wanted.clusters, wanted.kills, at_once))
    crashes = f"{table(reports)}\n\n{summary(reports, time.monotonic() - began)}\n"
    print(crashes, flush=True)
    broken = [words for report in reports for words in report.compared.broken] + missed(reports)
    for words in dict.fromkeys(broken):
        print(f"BROKE: {words}", flush=True)
    if wanted.only:
        return 1 if broken else 0
    days = bad_days()
    text = f"{crashes}\n{table_of(days)}\n"
    print(table_of(days), flush=True)
    burst = subprocess.run([sys.executable, "-m", "benchmarks.telling"], cwd=ROOT, check=False).returncode
    if wanted.write:
        wanted.write.write_text(text)
    return 1 if broken or burst or not days or any(day.broke for day in days) else 0


if __name__ == "__main__":
    sys.exit(main())

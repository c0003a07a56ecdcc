"""What many members on one PostgreSQL cost and how soon they recover, beside bare SQL in the same run.

    python -m benchmarks.cluster [--parts reserve,requests] [--keep]

The server is one of its own that waits for the disk.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import statistics
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from benchmarks import bare, recovering, results, summing
from benchmarks.processes import cpu, process
from tests.chaos.members import server
from tests.postgresql import Cluster, running_postgresql

PROCESSES, SECONDS, PLAN = 16, 5.0, 40_000
ACCOUNTS, MANY, REQUESTS, ROUNDS = 2000, 10_000, 150, 2
SHARES = (0.01, 1.0)
RESERVED = "16 processes on one allowance"
RECOVERY = f"Members go on, s, of {recovering.ROUNDS} rounds each the median"
REQUEST = "A request of 50 accounts, 20 assets each"
SUM, SUMMED = "A sum of which another member reads a part", 500
Figures = dict[str, Any]


def side_by_side(mode: str, orders: Sequence[Figures]) -> list[Figures]:
    """Processes that begin their work at one moment; what each of them found."""
    with contextlib.ExitStack() as stack:
        running = [
            stack.enter_context(process("-m", "benchmarks.worker", mode, json.dumps(order), listen=True))
            for order in orders
        ]
        for _ in ("begin", "end"):
            for each in running:
                _until_ready(each)
            for each in running:
                _go_on(each)
        return [json.loads(_line(each)) for each in running]


def _until_ready(running: subprocess.Popen[str]) -> None:
    assert _line(running) == "ready\n", "a process did not begin, or not end"


def _go_on(running: subprocess.Popen[str]) -> None:
    assert running.stdin
    running.stdin.write("\n")
    running.stdin.flush()


def _line(running: subprocess.Popen[str]) -> str:
    assert running.stdout
    return running.stdout.readline()


def backends(cluster: Cluster, database: str) -> float:
    """CPU seconds so far of the connections that are there."""
    used = 0.0
    for pid in cluster.backends(database):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            used += cpu(pid)
    return used


def reserve(found: results.Results, cluster: Cluster) -> None:
    """Booked by many as fast as it goes, and bare SQL, in turn; then a plan that is spent."""
    ours, floor = [], []
    for turn in range(ROUNDS):
        url = cluster.create(f"reserve{turn}")
        store = {"kind": "postgresql", "url": url}
        bare.prepare(url)
        ours += [side_by_side("reserve", [{"store": store, "seconds": SECONDS, "limit": 10**12}] * PROCESSES)]
        floor += [side_by_side("gate", [{"url": url, "seconds": SECONDS}] * PROCESSES)]
    for what, figure, bar in (
        ("reservations a second", _rate, ">= 200"),
        ("median wait, ms", _middle("p50"), ""),
        ("99 of 100 wait at most, ms", _middle("p99"), ""),
        ("CPU of the client, us a reservation", _middle("cpu"), ""),
    ):
        found.add(
            RESERVED, what, statistics.median(map(figure, ours)), statistics.median(map(figure, floor)), bar
        )
    store = {"kind": "postgresql", "url": cluster.create("spent")}
    spent = side_by_side("reserve", [{"store": store, "seconds": 60.0, "limit": PLAN}] * PROCESSES)
    over = sum(each["granted"] for each in spent) * 40 - PLAN
    found.add(RESERVED, f"credits over a plan of {PLAN:,}", max(over, 0), None, "0")
    assert over > -40, f"{-over} credits of the plan were left"


def _rate(each: list[Figures]) -> float:
    return float(sum(one["granted"] for one in each) / SECONDS)


def _middle(name: str) -> Callable[[list[Figures]], float]:
    return lambda each: float(statistics.median(one[name] for one in each))


def requests(found: results.Results, cluster: Cluster) -> None:
    """One member that is alone and knows its accounts; the floor; and the same member on SQLite."""
    for share in SHARES:
        order = {
            "accounts": ACCOUNTS,
            "first": 0,
            "of": ACCOUNTS,
            "seed": 1,
            "share": share,
            "requests": REQUESTS,
        }
        seen: dict[str, list[Figures]] = {"postgresql": [], "floor": [], "sqlite": []}
        for turn in range(ROUNDS):
            for name, figures in _one_of_each(cluster, f"judge{share:g}-{turn}".replace(".", "-"), order):
                seen[name].append(figures)
        changed = f"{share * 100:.0f} % changed"
        least = {
            name: {key: min(each[key] for each in all_) for key in all_[0]} for name, all_ in seen.items()
        }
        ours, floor, file = least["postgresql"], least["floor"], least["sqlite"]
        found.add(REQUEST, f"{changed}: client CPU, us an account", ours["cpu"], floor["cpu"],
                  "<= 250" if share < 1 else "")  # fmt: skip
        found.add(REQUEST, f"{changed}: the same on SQLite", file["cpu"])
        found.add(REQUEST, f"{changed}: server CPU, us an account", ours["server"], floor["server"],
                  "<= 80" if share < 1 else "")  # fmt: skip
        found.add(
            REQUEST,
            f"{changed}: median, ms",
            ours["p50"],
            floor["p50"],
            "<= 25" if share < 1 else "",
            clock=True,
        )


def _one_of_each(cluster: Cluster, name: str, order: Figures) -> Iterator[tuple[str, Figures]]:
    url = cluster.create(name)
    bare.prepare(url, ACCOUNTS)
    with tempfile.TemporaryDirectory() as folder:
        stores = {
            "postgresql": {"kind": "postgresql", "url": url},
            "sqlite": {"kind": "sqlite", "path": str(Path(folder) / "watcher.db")},
        }
        for mode, each, kind in (
            ("judge", {"store": stores["postgresql"]}, "postgresql"),
            ("rows", {"url": url}, "floor"),
            ("judge", {"store": stores["sqlite"]}, "sqlite"),
        ):
            with process(
                "-m", "benchmarks.worker", mode, json.dumps({**order, **each}), listen=True
            ) as running:
                _until_ready(running)
                before = backends(cluster, name)
                _go_on(running)
                _until_ready(running)
                after = backends(cluster, name)
                _go_on(running)
                found = json.loads(_line(running))
                yield kind, {**found, "server": (after - before) / (found["count"] * 50) * 1e6}


def together(found: results.Results, cluster: Cluster) -> None:
    """Four members on one store, each of which reads any account."""
    store = {"kind": "postgresql", "url": cluster.create("together")}
    orders = [
        {"store": store, "accounts": MANY, "first": 0, "of": MANY, "seed": seed, "share": 0.01,
         "requests": REQUESTS}
        for seed in range(4)
    ]  # fmt: skip
    seen = side_by_side("judge", orders)
    rate = sum(each["count"] / each["seconds"] for each in seen)
    found.add("Four members at once", "requests a second", rate, None, ">= 25")
    found.add("Four members at once", "client CPU, us an account", statistics.median(e["cpu"] for e in seen))


def sums(found: results.Results, cluster: Cluster) -> None:
    """One member reads a part of a sum over all accounts, another one judges it."""
    for accounts, bar in (SUMMED, "<= 2"), (MANY, ""):
        judged = asyncio.run(summing.measure(cluster.create(f"sums{accounts}"), accounts))
        what = f"{accounts:,} accounts"
        found.add(SUM, f"{what}: judged after its change, s", statistics.median(judged.waits), clock=True)
        found.add(
            SUM, f"{what}: the longest of {len(judged.waits)}", max(judged.waits), None, bar, clock=True
        )
        cpu, floor = (statistics.median(each) * 1e3 for each in (judged.cpu, judged.floor))
        found.add(SUM, f"{what}: CPU of who judges, ms", cpu, floor)


def failover(found: results.Results, _: Cluster) -> None:
    """Members that are killed, stand still, are cut off, or lose their server, which is one of their own."""
    with server() as cluster:
        for what, bar, took, longest in recovering.measure(cluster):
            found.add(RECOVERY, what, took.watcher, took.floor, bar)
            found.add(RECOVERY, f"{what}: the longest", longest)


PARTS: dict[str, Callable[[results.Results, Cluster], None]] = {
    "reserve": reserve,
    "requests": requests,
    "together": together,
    "sums": sums,
    "failover": failover,
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.cluster", description=__doc__)
    parser.add_argument("--parts", default=",".join(PARTS))
    parser.add_argument("--keep", action="store_true", help="keep the figures for the documentation's table")
    chosen = parser.parse_args()
    found = results.Results()
    print(found.machine, flush=True)
    with running_postgresql(durable=True, settings={"shared_buffers": "256MB"}) as cluster:
        for part in chosen.parts.split(","):
            PARTS[part](found, cluster)
            if chosen.keep:
                found.write(results.KEPT / "cluster.json")


if __name__ == "__main__":
    main()

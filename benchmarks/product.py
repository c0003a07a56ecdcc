"""The product as it ships, measured from outside: the real daemon, its real configuration and rules."""

from __future__ import annotations

import contextlib
import json
import statistics
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.fake import CHAIN, address
from benchmarks.processes import Fake, cpu, process, resident
from benchmarks.sides import HERE, Side

RULES = """\
rules:
  - {id: low, type: threshold, metric: amount, below: "0.5", clear_above: "0.8"}
  - {id: worth-little, type: threshold, metric: value_usd, below: "1"}
  - {id: new, type: asset, event: appears, min_value_usd: "10"}
  - {id: silent, type: no_data, longer_than: 1h}
"""
MOVED = '  - {{id: moved{n}, type: change, match: {{wallets: ["{wallet}"]}}, by: "10%", notify: [ops{n}]}}\n'
"""Judged for every balance of every poll; in the steady cycle none of them fires."""

TOLD_AT_ONCE = 3
"""Notifications of one minute and channel that wait for nothing; what comes then is gathered for the next
one, which is a wait that is meant and no latency."""

Hold = tuple[float, float, float, str]
"""One callback on the loop: seconds by the wall clock, by CPU, when it was, and whose it is."""

NO_HOLD: Hold = (0.0, 0.0, 0.0, "nothing over 2 ms")


@dataclass(frozen=True)
class Installation:
    """A folder with a configuration of so many accounts."""

    folder: Path
    fake: Fake
    side: Side = HERE

    def configure(self, accounts: int, every: str, *, channels: int = 1) -> None:
        """With several channels each of them hears of the moves of one wallet, and of nothing else."""
        source = {
            "kind": "coinstats", "api_key": "benchmark-key", "base_url": self.fake.url,
            "credits": {"limit": 10**14}, "requests_per_second": 1000, "concurrency": 4,
        }  # fmt: skip
        wallet = {"source": "coinstats", "chains": [CHAIN], "every": every}
        names = [f"ops{n}" for n in range(channels)]
        config = {
            "version": 1,
            "store": {"kind": "sqlite", "path": "watcher.db"},
            "sources": {"coinstats": source},
            "wallets": [{"name": f"w{n}", "address": address(n), **wallet} for n in range(accounts)],
            "channels": {name: {"url": self.fake.hook} for name in names},
            "rules": ["rules.yaml"],
            "web": None,
            "log": {"level": "warning"},
        }
        (self.folder / "watcher.yaml").write_text(json.dumps(config, indent=1))
        moved = [MOVED.format(n=n, wallet=f"w{n}" if channels > 1 else "*") for n in range(channels)]
        (self.folder / "rules.yaml").write_text(RULES + "".join(moved))

    @contextlib.contextmanager
    def daemon(self, probe: Path | None = None) -> Iterator[subprocess.Popen[str]]:
        """The daemon at work; a failure shows what it logged."""
        words = ["watcher"] if probe is None else ["benchmarks.probe", str(probe)]
        log = self.folder / "log"
        try:
            with process(
                "-m", *words, "run", "-c", str(self.folder / "watcher.yaml"), env=self.side.env, log=log
            ) as running:
                self.fake.client = running
                yield running
        except TimeoutError as error:
            raise RuntimeError(f"{error}; the daemon's log:\n{log.read_text()[-2000:]}") from error
        finally:
            self.fake.client = None

    def start(self, *, empty: bool = False) -> tuple[float, float]:
        """Seconds from the start of the process to its first request, and of CPU; `empty`: with nothing
        stored, as an account that was read a moment ago waits for its time."""
        for file in self.folder.glob("watcher.db*") if empty else ():
            file.unlink()
        self.fake.control(reset=True)
        began = time.monotonic()
        with self.daemon() as running:
            first = float(self.fake.until(lambda told: told["first"])["first"])
            return first - began, cpu(running.pid)


def steady(place: Installation, accounts: int, cycles: int) -> Iterator[dict[str, Any]]:
    """CPU of one account and memory, first with 1 % of the balances changing in each cycle, then with all."""
    with place.daemon() as running:
        place.fake.control(changed=0.0, reset=True)
        place.fake.until(lambda told: told["answered"] >= 3 * accounts)
        for changed, number in ((0.01, cycles), (1.0, max(3, min(20, cycles // 4)))):
            place.fake.control(changed=changed, reset=True)
            place.fake.until(lambda told: told["answered"] >= accounts)
            yield measure(place, running.pid, accounts, number)


def measure(place: Installation, pid: int, accounts: int, cycles: int) -> dict[str, Any]:
    """What so many cycles cost; memory is sampled ten times over them."""
    place.fake.control(reset=True)
    used, began, sizes = cpu(pid), time.monotonic(), []
    for part in range(1, 11):
        goal = accounts * cycles * part // 10
        told = place.fake.until(lambda told, goal=goal: told["answered"] >= goal, within=36_000)  # type: ignore[misc]
        sizes.append(resident(pid))
    used, wall = cpu(pid) - used, time.monotonic() - began
    each = 1e6 / told["answered"]
    return {
        "cpu_us": used * each, "wall_us": wall * each, "sizes": sizes, "cycles": cycles,
        "a_request": told["answered"] / told["requests"], "told": len(told["hooks"]),
    }  # fmt: skip


def idle(place: Installation) -> tuple[float, float]:
    """MiB resident and per cent of a core, with one account and nothing to do."""
    place.fake.control(reset=True)
    with place.daemon() as running:
        place.fake.until(lambda told: told["answered"])
        time.sleep(3)
        used = cpu(running.pid)
        time.sleep(10)
        return resident(running.pid), (cpu(running.pid) - used) * 10


def telling(fake: Fake, wallets: int, each: int = TOLD_AT_ONCE) -> dict[str, float]:
    """Milliseconds from the answer with a change to the webhook, of a program that polls these wallets.

    Every wallet is told on a channel of its own.
    """
    fake.control(changed=0.0, reset=True)
    fake.until(lambda told: told["answered"] >= 3 * wallets)
    seen = len(fake.control()["hooks"])
    delays = []
    for number in range(wallets * each):
        fake.control(bump=address(number % wallets))
        seen += 1
        hooks = fake.until(lambda told, seen=seen: len(told["hooks"]) >= seen)["hooks"]  # type: ignore[misc]
        bumped, arrived = hooks[-1]
        delays.append((arrived - bumped) * 1000)
    return {"median": statistics.median(delays), "longest": max(delays)}


def blocked(place: Installation, accounts: int, seconds: float) -> tuple[Hold, Hold]:
    """The longest hold of the event loop: in all, and once the first two cycles are over."""
    report = place.folder / "blocked.json"
    began = time.monotonic()
    place.fake.control(changed=0.01, reset=True)
    with place.daemon(report):
        place.fake.until(lambda told: told["answered"] >= 2 * accounts)
        steady_from = time.monotonic() - began
        time.sleep(seconds)
        steady_to = time.monotonic() - began
    holds: list[Hold] = json.loads(report.read_text())
    during = [hold for hold in holds if steady_from < hold[2] < steady_to]
    return max(holds, default=NO_HOLD), max(during, default=NO_HOLD)

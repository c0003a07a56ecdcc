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

from benchmarks.fake import CHAIN, TEOS_ASSETS, address
from benchmarks.processes import Fake, cpu, process
from benchmarks.sides import HERE, Side

BASE: tuple[dict[str, Any], ...] = (
    {"id": "low", "type": "threshold", "metric": "amount", "below": "0.5", "clear_above": "0.8"},
    {"id": "worth-little", "type": "threshold", "metric": "value_usd", "below": "1"},
    {"id": "new", "type": "asset", "event": "appears", "min_value_usd": "10"},
    {"id": "silent", "type": "no_data", "longer_than": "1h"},
    {"id": "moved", "type": "change", "by": "10%"},
)
"""Judged for every balance of every poll; in the steady cycle none of them fires."""

LOOKING_BACK: tuple[dict[str, Any], ...] = (
    {"id": "window", "type": "change", "by": "90%", "within": "24h"},
    {"id": "drift", "type": "change", "by": "90%", "since": "notified"},
    {"id": "runway", "type": "runway", "shorter_than": "1h", "trailing": "72h"},
)

FURTHER: tuple[dict[str, Any], ...] = (
    {"type": "threshold", "below": "0.5", "clear_above": "0.8"},
    {"type": "change", "by": "90%"},
    {"type": "threshold", "metric": "value_usd", "below": "1", "per": "wallet"},
    {"type": "change", "by": "90%", "within": "24h"},
    {"type": "no_data", "longer_than": "2h"},
)

TOLD_AT_ONCE = 3
"""Notifications of one minute and channel that wait for nothing; what comes then is gathered for the next
one, which is a wait that is meant and no latency."""

Hold = tuple[float, float, float, str]
"""One callback on the loop: seconds by the wall clock, by CPU, when it was, and whose it is."""


@dataclass(frozen=True)
class Load:
    """What a daemon is given to do: so many accounts, and how often each of them is read."""

    accounts: int = 1500
    every: str = "2s"
    rules: int = len(BASE)
    source: str = "coinstats"
    looks_back: bool = False


def rules_of(number: int) -> list[dict[str, Any]]:
    """The base, over everything, and then rules of five kinds in turn: on a tenth of the wallets, on one
    wallet, on one asset. What is about wallets as a whole selects no asset."""
    found = [*BASE][:number]
    for at in range(number - len(BASE)):
        kind = FURTHER[at % len(FURTHER)]
        whole = "per" in kind or kind["type"] == "no_data"
        match = ({"tags": [f"t{at % 10}"]}, {"wallets": [f"w{at}"]}, {"assets": [f"BT{at}"]})
        chosen = match[at % (2 if whole else 3)]
        found.append({**kind, "id": f"further{at}", "match": chosen})
    return found


@dataclass(frozen=True)
class Variant:
    """A program that is measured beside others: its name in the table, what it has to do, and its source."""

    name: str
    load: Load = Load()
    side: Side = HERE
    floor: bool = False
    """The bare script in the daemon's place."""


@dataclass(frozen=True)
class Installation:
    """A folder with a configuration, the fake that it asks, and what is run there."""

    folder: Path
    fake: Fake
    variant: Variant = Variant("here")

    def configure(self, load: Load, *, channels: int = 1) -> None:
        """With several channels each of them hears of the moves of one wallet, and of nothing else."""
        source: dict[str, Any] = {"kind": load.source, "api_key": "benchmark-key", "base_url": self.fake.url}
        wallet: dict[str, Any] = {"source": load.source, "every": load.every}
        if load.source == "teos":
            source["limits"] = {"per_minute": 60_000, "per_day": 10**8}
            source["units"] = {each: {"spark_factor": "100", "price_usd": "1"} for each in TEOS_ASSETS}
            wallet["assets"] = list(TEOS_ASSETS)
        else:
            source |= {"credits": {"limit": 10**14}, "requests_per_second": 1000, "concurrency": 4}
            wallet["chains"] = [CHAIN]
        config = {
            "version": 1,
            "store": {"kind": "sqlite", "path": "watcher.db"},
            "sources": {load.source: source},
            "wallets": [
                {"name": f"w{n}", "address": address(n), "tags": [f"t{n % 10}"], **wallet}
                for n in range(load.accounts)
            ],
            "channels": {f"ops{n}": {"url": self.fake.hook} for n in range(channels)},
            "rules": ["rules.yaml"],
            "web": None,
            "log": {"level": "warning"},
        }
        rules = rules_of(load.rules) + [*LOOKING_BACK] * load.looks_back
        if channels > 1:
            rules[-1:] = [
                {**BASE[-1], "id": f"moved{n}", "match": {"wallets": [f"w{n}"]}, "notify": [f"ops{n}"]}
                for n in range(channels)
            ]
        (self.folder / "watcher.yaml").write_text(json.dumps(config, indent=1))
        (self.folder / "rules.yaml").write_text(json.dumps({"rules": rules}))

    @contextlib.contextmanager
    def daemon(self, probe: Path | None = None) -> Iterator[subprocess.Popen[str]]:
        """The daemon at work; a failure shows what it logged."""
        load, log = self.variant.load, self.folder / "log"
        words = ["watcher"] if probe is None else ["benchmarks.probe", str(probe)]
        words += ["run", "-c", str(self.folder / "watcher.yaml")]
        if self.variant.floor:
            words = ["benchmarks.floor", "poll", self.fake.url, str(load.accounts), load.every.strip("s")]
        try:
            with process("-m", *words, env=self.variant.side.env, log=log) as running:
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

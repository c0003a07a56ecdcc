"""A million accounts on a few members: `python -m benchmarks.million [--wallets 8000] [--members 2]`.

A CSV file names so many wallets, each on 125 chains, and each account is to be read once an hour. The members
are real processes on a PostgreSQL that waits for the disk; the API is one that costs next to nothing to ask.
On the first chain a wallet holds 20 assets, on every other one two. Measured: from the start of a member to
the first request (bar: 3 s; the tables are there), its memory at its highest (bar: 400 MiB), and how long it
takes until every account was read (bar: an hour). What was seen is told too if the time is up before.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks import results
from benchmarks.fake import CHAIN, address
from benchmarks.processes import ROOT, Fake, cpu, fake, process
from benchmarks.product import BASE
from tests.postgresql import running_postgresql

CHAINS = 125
HOUR = 3600.0
WHAT = "A million accounts"


def configure(folder: Path, far: Fake, url: str, wallets: int) -> Path:
    """The watch list and what goes with it; where the configuration is."""
    chains = " ".join((CHAIN, *(f"chain-{number}" for number in range(1, CHAINS))))
    rows = (f"w{n},coinstats,{address(n)},{chains},t{n % 10},1h\n" for n in range(wallets))
    (folder / "wallets.csv").write_text("name,source,address,chains,tags,every\n" + "".join(rows))
    config = {
        "version": 1,
        "store": {"kind": "postgresql", "url": url},
        "cluster": {"name": "${MEMBER}"},
        "sources": {
            "coinstats": {
                "kind": "coinstats", "api_key": "benchmark-key", "base_url": far.url, "concurrency": 4,
                "credits": {"limit": 10**14}, "requests_per_second": 1000,
            }
        },
        "wallets": ["wallets.csv"],
        "channels": {"ops": {"url": far.hook}},
        "rules": ["rules.yaml"],
        "web": None,
        "log": {"level": "warning"},
    }  # fmt: skip
    path = folder / "watcher.yaml"
    path.write_text(json.dumps(config))
    (folder / "rules.yaml").write_text(json.dumps({"rules": [*BASE]}))
    return path


def highest(pid: int) -> float:
    """MiB that a process was resident with at its highest."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


def measure(found: results.Results, wallets: int, members: int, within: float) -> None:
    """All accounts read once, by members that begin one after the other."""
    accounts = wallets * CHAINS
    with contextlib.ExitStack() as stack:
        cluster = stack.enter_context(running_postgresql(durable=True, settings={"shared_buffers": "256MB"}))
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="watcher-million-")))
        far = stack.enter_context(fake(wallets))
        far.control(changed=0.01)
        path = configure(folder, far, cluster.create("million"), wallets)
        migrate = [sys.executable, "-m", "watcher", "store", "migrate", "-c", str(path)]
        subprocess.run(migrate, cwd=ROOT, env={**os.environ, "MEMBER": "nobody"}, check=True)
        began, running = time.monotonic(), []
        for number in range(members):
            words = ["-m", "watcher", "run", "-c", str(path)]
            env = {"MEMBER": f"member-{number}"}
            running.append(stack.enter_context(process(*words, env=env, log=folder / f"log{number}")))
            if number == 0:
                far.client = running[0]
                try:
                    told = far.until(lambda told: told["first"])
                except TimeoutError as error:
                    raise RuntimeError(f"{error}: {(folder / 'log0').read_text()[-2000:]}") from error
                found.add(WHAT, "from the start to the first request, s", told["first"] - began, None, "<= 3")
        for told in progress(far, accounts, within):
            took = told["at"] - began
            print(f"{took:7.0f} s  {told['answered']:>9,} accounts  "
                  + "  ".join(f"{highest(each.pid):.0f} MiB" for each in running), flush=True)  # fmt: skip
        took = time.monotonic() - began
        read = far.control()["answered"]
        for number, each in enumerate(running):
            found.add(WHAT, f"member {number + 1}, MiB at its highest", highest(each.pid), None, "<= 400")
        used = sum(cpu(each.pid) for each in running)
        found.add(WHAT, "CPU of the members, us an account", used / read * 1e6)
        found.add(WHAT, "accounts a second", read / took, None, f">= {1e6 / HOUR:.0f}")
        print(f"{read:,} of {accounts:,} accounts were read in {took:.0f} s")
        print("".join((folder / f"log{number}").read_text()[-2000:] for number in range(members)))


def progress(far: Fake, accounts: int, within: float) -> Iterator[dict[str, float]]:
    """What was answered, now and then, until all was."""
    end, told = time.monotonic() + within, far.control()
    while told["answered"] < accounts and time.monotonic() < end:
        time.sleep(10.0)
        told = far.control()
        yield {**told, "at": time.monotonic()}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.million", description=__doc__)
    parser.add_argument("--wallets", type=int, default=8000)
    parser.add_argument("--members", type=int, default=2)
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--keep", action="store_true", help="keep the figures for the documentation's table")
    chosen = parser.parse_args()
    found = results.Results()
    print(found.machine, flush=True)
    measure(found, chosen.wallets, chosen.members, chosen.minutes * 60)
    if chosen.keep:
        found.write(results.KEPT / "million.json")


if __name__ == "__main__":
    main()

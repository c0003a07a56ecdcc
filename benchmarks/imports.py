"""What each verb loads: modules, memory and CPU, beside bare Python and pydantic in the same rounds.

`python -m benchmarks.imports [--against TREE] [--rounds 9]`: the median of each, of a small
configuration with a store. The time is the process' own, in user and system mode, its end included.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from benchmarks.sides import Side, rotated, sides
from watcher.config.configuration import configure

CONFIG = """\
version: 1
sources: {coinstats: {kind: coinstats, api_key: key}, teos: {kind: teos, api_key: key}}
wallets:
  - {name: hot, source: coinstats, address: "0x9f114da25b61b77606d47eab414b9360f8783979", chains: [ethereum]}
channels: {ops: {kind: console}}
rules: [rules.yaml]
"""
RULES = """\
rules:
  - {id: low, type: threshold, match: {assets: [ETH]}, below: "0.5"}
  - {id: moved, type: change, by: "10%"}
"""
VERB = "from watcher.cli import main; main(sys.argv[1:])"
TELL = """\
import atexit, pathlib, sys
def tell():
    peak = next(line for line in pathlib.Path("/proc/self/status").open() if "VmHWM" in line)
    print(len(sys.modules), peak.split()[1], file=sys.stderr)
atexit.register(tell)
"""
FLOORS = {"bare Python": "pass", "pydantic": "import pydantic; pydantic.BaseModel"}
VERBS = ("--help", "version", "status --help", "status", "alerts", "ack 1234", "balances", "check", "schema")
TABS = ("watcher st", "watcher status --", "watcher balances --wallet ", "watcher explain ", "watcher ack ")


class Cost(NamedTuple):
    """One process: how much it loaded, and what that took."""

    modules: float
    mebibytes: float
    milliseconds: float


def cost(folder: Path, code: str, words: Sequence[str], env: Mapping[str, str]) -> Cost:
    command = [sys.executable, "-c", f"{TELL}{code}", *words]
    with subprocess.Popen(
        command, cwd=folder, env={**os.environ, **env}, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    ) as running:
        assert running.stderr is not None
        said = running.stderr.read().split()
        _, _, used = os.wait4(running.pid, 0)
        running.returncode = 0
    return Cost(float(said[-2]), float(said[-1]) / 1024, (used.ru_utime + used.ru_stime) * 1000)


def completing(typed: str) -> dict[str, str]:
    return {"_WATCHER_COMPLETE": "complete_bash", "COMP_WORDS": typed, "COMP_CWORD": str(typed.count(" "))}


def measured(folder: Path, order: Sequence[Side]) -> dict[tuple[str, str], Cost]:
    """One round: what is measured and whose it is → its cost."""
    found = {(name, ""): cost(folder, code, (), {}) for name, code in FLOORS.items()}
    for words in VERBS:
        found |= {(words, side.name): cost(folder, VERB, words.split(), side.env) for side in order}
    for typed in TABS:
        for side in order:
            found[f"Tab after `{typed}`", side.name] = cost(
                folder, VERB, (), {**side.env, **completing(typed)}
            )
    return found


async def _write(folder: Path) -> None:
    (folder / "watcher.yaml").write_text(CONFIG)
    (folder / "rules.yaml").write_text(RULES)
    store = await configure(folder / "watcher.yaml", {}).settings.backend.open(exclusive=True)
    await store.close()


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--against", metavar="TREE")
    arguments.add_argument("--rounds", type=int, default=9)
    asked = arguments.parse_args()
    with sides(asked.against) as both, tempfile.TemporaryDirectory() as name:
        asyncio.run(_write(Path(name)))
        rounds = [measured(Path(name), rotated(both, turn)) for turn in range(asked.rounds)]
    print("| what | tree | modules | MiB | ms of CPU |\n|---|---|---:|---:|---:|")
    for what, whose in rounds[0]:
        figures = (
            statistics.median(each) for each in zip(*(one[what, whose] for one in rounds), strict=True)
        )
        print(f"| {what} | {whose} | {' | '.join(f'{each:.0f}' for each in figures)} |")


if __name__ == "__main__":
    main()

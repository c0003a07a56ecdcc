"""A long watch list: what it costs to read it from CSV, beside the same list in JSON and in YAML.

`python -m benchmarks.watchlist` reads 10,000 wallets in processes of their own, one form after the other and
again, and compares the best of each: CPU of `configure`, all checks in it, and memory at its highest.
"""

from __future__ import annotations

import argparse
import csv
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

from benchmarks.processes import ROOT

READ = """\
import json, resource, sys, time
from pathlib import Path
from watcher.config.configuration import configure
before = time.process_time()
found = configure(Path(sys.argv[1]), {}, channels=False)
used = time.process_time() - before
memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps([used, memory, len(found.settings.wallets)]))
"""
TOP: dict[str, Any] = {
    "version": 1,
    "sources": {"coinstats": {"kind": "coinstats", "api_key": "benchmark-key"}},
    "channels": {"ops": {"kind": "console"}},
}


def wallets(count: int) -> Iterator[dict[str, Any]]:
    chance = Random(1)
    for number in range(count):
        yield {
            "name": f"wallet-{number:05d}", "source": "coinstats", "chains": ["ethereum", "base-wallet"],
            "address": f"0x{chance.getrandbits(160):040x}", "tags": [f"team-{number % 20}", "all"],
            "label": f"Wallet {number}", "every": "auto", "at_least_every": "12h",
        }  # fmt: skip


def write(folder: Path, count: int) -> dict[str, Path]:
    """The same list in each form: the name of the form → its configuration."""
    listed = list(wallets(count))
    (folder / "inside.json").write_text(json.dumps({**TOP, "wallets": listed}, indent=1))
    (folder / "wallets.json").write_text(json.dumps(listed, indent=1))
    (folder / "wallets.yaml").write_text(f"# in YAML\nwallets: {json.dumps(listed, indent=1)}\n")
    with (folder / "wallets.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(listed[0]))
        writer.writeheader()
        writer.writerows(
            {key: " ".join(value) if isinstance(value, list) else value for key, value in each.items()}
            for each in listed
        )
    found = {"JSON, in the configuration": folder / "inside.json"}
    for name in ("wallets.csv", "wallets.json", "wallets.yaml"):
        found[name] = folder / f"with-{name}.json"
        found[name].write_text(json.dumps({**TOP, "wallets": [name]}))
    return found


def row(*columns: str) -> None:
    print("{:<46} {:>10} {:>10}   {}".format(*columns), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.watchlist", description=__doc__)
    parser.add_argument("--wallets", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=5)
    chosen = parser.parse_args()
    best: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        forms = write(Path(folder), chosen.wallets)
        for _ in range(chosen.rounds):
            for name, path in forms.items():
                done = subprocess.run(
                    [sys.executable, "-c", READ, str(path)], cwd=ROOT, stdout=subprocess.PIPE, check=True
                )
                *figures, read = json.loads(done.stdout)
                assert read == chosen.wallets
                best[name] = [min(pair) for pair in zip(figures, best.get(name, figures), strict=True)]
    row(f"{chosen.wallets:,} wallets", "CPU", "memory", "of JSON's CPU")
    base = best["JSON, in the configuration"][0]
    for name, (used, memory) in best.items():
        bar = "<= 1.1 x: " if name.endswith(".csv") else ""
        row(name, f"{used:.2f} s", f"{memory:.0f} MiB", f"{bar}{used / base:.2f} x")


if __name__ == "__main__":
    main()

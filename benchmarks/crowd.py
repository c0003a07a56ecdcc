"""Readers of the page beside polls and deliveries: `python -m benchmarks.crowd [--accounts 10000]`.

The real daemon with many accounts, of which some are polled each second and told on channels of their own.
While 50 connections ask without pause (by wrk where it is installed, else by a process of ours) for pages,
metrics and JSON it is measured how late polls are, and how long after the answer the webhook is called.
Beside it stand the same without readers, and with as many readers of another server on this machine: they
take its time too, but nothing of the daemon's. The bar: at the longest not more than 50 ms later than that.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

from benchmarks import product
from benchmarks.processes import ROOT, Fake, fake

TOLD = 12
"""Wallets that are polled each second."""
READERS = 50
SECONDS = 10.0
EVERY = 1.0
PATHS = ("/", "/wallets", "/metrics", "/api/v1/status")


def main(accounts: int) -> None:
    who = "wrk" if shutil.which("wrk") else "readers of ours"
    print(f"{accounts:,} accounts, {READERS} connections of {who}")
    print(f"{'':20} {'poll late, longest':>22} {'told after, median':>22} {'longest':>12}", flush=True)
    with fake(accounts) as far, tempfile.TemporaryDirectory(prefix="watcher-crowd-") as folder:
        place = product.Installation(Path(folder), far)
        url = prepare(place, accounts)
        with place.daemon():
            far.until(lambda told: told["answered"] >= accounts + 5 * TOLD)
            show("no readers", measure(far))
            with fake(1) as other, crowd(other.url + "/"):
                floor = measure(far)
            show("readers elsewhere", floor)
            for path in PATHS:
                with crowd(url + path):
                    show(path, measure(far), floor)


Measured = tuple[float, dict[str, float]]


def show(name: str, found: Measured, floor: Measured | None = None) -> None:
    late, told = found
    bar = ""
    if floor is not None:
        more = max(late - floor[0], told["longest"] - floor[1]["longest"])
        bar = f"   {max(more, 0):.0f} ms more than elsewhere (bar: 50)"
    print(f"{name:20} {late:19.1f} ms {told['median']:19.1f} ms {told['longest']:9.1f} ms{bar}", flush=True)


def prepare(place: product.Installation, accounts: int) -> str:
    """Write the configuration; where its page will be."""
    place.configure(product.Load(accounts, f"{EVERY:.0f}s"), channels=TOLD)
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"127.0.0.1:{free.getsockname()[1]}"
    path = place.folder / "watcher.yaml"
    config = json.loads(path.read_text())
    config["web"] = {"listen": address}
    for wallet in config["wallets"][TOLD:]:
        wallet["every"] = "1h"
    path.write_text(json.dumps(config))
    return f"http://{address}"


def measure(far: Fake) -> Measured:
    """Milliseconds: by how much the latest poll was late; from an answer to its webhook."""
    far.control(reset=True)
    time.sleep(SECONDS)
    asked = far.control(asked=True)["asked"]
    gaps = [after - before for before, after in pairwise(asked)]
    assert len(gaps) > SECONDS / 2, "there were no polls"
    return (max(gaps) - EVERY) * 1000, product.telling(far, TOLD, each=1)


@contextlib.contextmanager
def crowd(url: str) -> Iterator[None]:
    """So many connections that ask without pause."""
    words = [sys.executable, "-m", "benchmarks.page", "--read", url]
    if wrk := shutil.which("wrk"):
        words = [wrk, "-c", str(READERS), "-t", "1", "-d", "600s", url]
    running = subprocess.Popen(words, cwd=ROOT, stdout=subprocess.DEVNULL)
    try:
        yield
    finally:
        running.kill()
        running.wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--accounts", type=int, default=10_000)
    main(parser.parse_args().accounts)

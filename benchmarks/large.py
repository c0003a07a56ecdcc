"""Large JSON beside the rest: `python -m benchmarks.large [--accounts 5000]`.

The real daemon with many accounts of 20 assets, of which some are polled each second and told on channels of
their own. While ten ask for all balances at once, again and again, another process asks for what must be
answered at once. The bar: 300 ms. `held` is the longest time for which one callback kept the daemon's loop
(bar: 50 ms), by the wall clock and by the CPU of its thread.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import aiohttp

from benchmarks import product
from benchmarks.crowd import TOLD, prepare
from benchmarks.processes import ROOT, fake, resident

ASKERS = 10
SECONDS = 15.0
PATHS = ("/healthz", "/readyz", "/news", "/static/style.css", "/", "/wallets", "/wallets/w7", "/alerts")
LARGE = "/api/v1/balances"


def main(accounts: int) -> None:
    with fake(accounts) as far, tempfile.TemporaryDirectory(prefix="watcher-large-") as folder:
        place = product.Installation(Path(folder), far)
        url, report = prepare(place, accounts), Path(folder) / "held.json"
        with place.daemon(report) as daemon:
            far.until(lambda told: told["answered"] >= accounts + 5 * TOLD)
            print(f"{accounts:,} accounts; milliseconds, longest and median of {SECONDS:.0f} s")
            _show("alone", url, daemon.pid)
            for coding in ("gzip", "identity"):
                with _askers(url, coding):
                    time.sleep(1.0)
                    _show(f"beside {ASKERS} of {LARGE} ({coding})", url, daemon.pid)
        holds = json.loads(report.read_text())
        print(
            "held:",
            "; ".join(f"{w * 1000:.0f} ms ({c * 1000:.0f} of CPU) {name}" for w, c, _, name in holds[:4]),
        )


def _show(name: str, url: str, pid: int) -> None:
    words = [sys.executable, "-m", "benchmarks.large", "--watch", url]
    said = subprocess.run(words, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True).stdout
    found: dict[str, list[float]] = json.loads(said)
    print(f"{name}; {resident(pid):.0f} MiB")
    for path, times in found.items():
        longest, median = max(times) * 1000, sorted(times)[len(times) // 2] * 1000
        missed = "  MISSED" if longest > 300 else ""
        print(f"  {path:20} {longest:7.0f} {median:7.0f}  of {len(times)}   (bar: 300){missed}", flush=True)


@contextlib.contextmanager
def _askers(url: str, coding: str) -> Iterator[None]:
    words = [sys.executable, "-m", "benchmarks.large", "--ask", url + LARGE, "--coding", coding]
    running = subprocess.Popen(words, cwd=ROOT)
    try:
        yield
    finally:
        running.terminate()
        running.wait()


async def _watch(url: str) -> None:
    """One of each path after another, until the time is over."""
    found: dict[str, list[float]] = {path: [] for path in PATHS}
    ends = time.monotonic() + SECONDS
    async with aiohttp.ClientSession() as session:
        while time.monotonic() < ends:
            for path in PATHS:
                began = time.perf_counter()
                async with session.get(url + path) as answer:
                    await answer.read()
                found[path].append(time.perf_counter() - began)
                await asyncio.sleep(0.05)
    print(json.dumps(found))


async def _ask(url: str, coding: str) -> None:
    took: list[float] = []

    async def ask(session: aiohttp.ClientSession) -> None:
        while True:
            began = time.perf_counter()
            async with session.get(url, headers={"Accept-Encoding": coding}) as answer:
                async for _ in answer.content.iter_chunked(1 << 20):
                    pass
            took.append(time.perf_counter() - began)

    async with aiohttp.ClientSession(auto_decompress=False) as session:
        loop, asking = asyncio.get_running_loop(), asyncio.gather(*(ask(session) for _ in range(ASKERS)))
        loop.add_signal_handler(15, asking.cancel)
        with contextlib.suppress(asyncio.CancelledError):
            await asking
    print(f"  {len(took)} answers of it, the longest after {max(took, default=0):.1f} s", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--accounts", type=int, default=5_000)
    parser.add_argument("--watch", metavar="URL", help="only ask for what is small there")
    parser.add_argument("--ask", metavar="URL", help="only ask for what is large there, without pause")
    parser.add_argument("--coding", default="gzip")
    chosen = parser.parse_args()
    if chosen.watch:
        asyncio.run(_watch(chosen.watch))
    elif chosen.ask:
        asyncio.run(_ask(chosen.ask, chosen.coding))
    else:
        main(chosen.accounts)

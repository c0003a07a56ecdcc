"""`python -m watcher.sim`: the simulated APIs as a process of their own, until SIGTERM."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import signal
import sys

from watcher.sim.server import Simulation


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m watcher.sim", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


async def _run(options: argparse.Namespace) -> None:
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    async with Simulation(options.seed, options.port) as sim:
        sys.stdout.write(json.dumps(urls(sim)) + "\n")
        sys.stdout.flush()
        await ended.wait()


def urls(sim: Simulation) -> dict[str, str]:
    """Where everything is. The keys are no secrets, they open only the simulation."""
    return {
        "url": sim.url,
        "coinstats": f"{sim.url}/coinstats",
        "teos": f"{sim.url}/teos",
        "admin": f"{sim.url}/admin",
        "stranger": sim.stranger.url,
        "coinstats_key": sim.coinstats.key,
        "teos_key": sim.teos.key,
    }


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_run(_options()))

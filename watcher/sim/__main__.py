"""`python -m watcher.sim`: the simulated APIs as a process of their own, until SIGTERM."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import signal
import sys

from watcher.sim import scenario
from watcher.sim.server import Simulation

STORY_CREDITS = 20_000_000
"""A month of the plan beside a story: on a small one the story is over long before the next reading."""


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m watcher.sim", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--sample", action="store_true", help="begin with the wallets of the story")
    parser.add_argument(
        "--story", type=float, metavar="SECONDS", help="the sample, and the story in this time"
    )
    return parser.parse_args()


async def _run(options: argparse.Namespace) -> None:
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    async with Simulation(options.seed, options.port) as sim:
        if options.sample or options.story:
            scenario.prepare(sim, options.seed)
        if options.story:
            sim.coinstats.credits_limit = STORY_CREDITS
        sys.stdout.write(json.dumps(urls(sim)) + "\n")
        if options.sample or options.story:
            sys.stdout.writelines(f"{line}\n" for line in _wallets())
        sys.stdout.flush()
        playing = asyncio.ensure_future(_play(sim, options))
        await ended.wait()
        playing.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await playing


async def _play(sim: Simulation, options: argparse.Namespace) -> None:
    if options.story:
        await scenario.play(sim, scenario.story(options.seed, options.story))


def _wallets() -> list[str]:
    """For who wants to watch them: name, source, address, and the chains or assets."""
    return [
        f"{each.name:<13} {each.source:<10} {each.address:<43} {' '.join(each.chains or each.assets)}"
        for each in scenario.sample_wallets()
    ]


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

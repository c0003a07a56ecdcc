"""Worlds by the dozen: `make sim`, and a bounded share of it in `make test`."""

from __future__ import annotations

import argparse
import os
import sys
import time

from tests.simulation.scenario import Scenario
from tests.simulation.world import Result, World

MEMBERS = (1, 3, 2, 1, 5, 3)
"""How many the worlds have, by turns."""


def main(words: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="make sim", description=__doc__)
    parser.add_argument("--seed", type=int, default=1, help="the first seed")
    parser.add_argument("--seeds", type=int, default=20, help="how many, one after the other")
    parser.add_argument("--members", type=int, default=0, help="processes over one store; 0: one to five")
    parser.add_argument("--days", type=float, default=2.0, help="simulated days of each world")
    parser.add_argument("--minutes", type=float, default=0, help="go on for so long, whatever --seeds says")
    parser.add_argument("--history", action="store_true", help="show the last lines of each world")
    parser.add_argument(
        "--postgresql", action="store_true", help="instead: members' statements on a real one, in any order"
    )
    asked = parser.parse_args(words)
    if asked.postgresql:
        return statements(asked.seed, asked.seeds, asked.minutes)
    began, seed, broken, days, steps = time.monotonic(), asked.seed, 0, 0.0, 0
    while seed < asked.seed + asked.seeds or time.monotonic() - began < asked.minutes * 60:
        members = asked.members or MEMBERS[seed % len(MEMBERS)]
        result = World(Scenario(seed, asked.days, members)).run()
        days, steps = days + result.days, steps + result.steps
        broken += bool(result.broken)
        say(result, asked.history, days)
        seed += 1
    pace = f"{days:,.0f} member-days, {days / time.process_time() * 60:,.0f} in a minute of one core"
    print(f"seeds {asked.seed} to {seed - 1}: {pace}, {steps:,} steps, broken: {broken}")
    return 1 if broken else 0


def statements(seed: int, seeds: int, minutes: float) -> int:
    """Members on a PostgreSQL of its own, whose statements come in an order of the seed's."""
    from tests.postgresql import running_postgresql, with_a_store
    from tests.simulation.transactions import Stage

    began, first, broken, steps = time.monotonic(), seed, 0, 0
    with running_postgresql() as cluster:
        template = with_a_store(cluster)
        while seed < first + seeds or time.monotonic() - began < minutes * 60:
            came = Stage(seed, cluster.create("stage", template)).run()
            cluster.drop("stage")
            retries = sum(came.retries.values())
            print(f"seed {seed}: {came.steps:,} steps, {retries} done anew, {came.digest}", flush=True)
            if came.broken:
                broken += 1
                print("\n".join(f"  {line}" for line in came.history))
                print("\n".join(f"  BROKEN: {words}" for words in came.broken), flush=True)
            seed, steps = seed + 1, steps + came.steps
    print(f"{seed - first} orders, {steps:,} steps, broken: {broken}")
    return 1 if broken else 0


def say(result: Result, history: bool, days: float) -> None:
    """`days`: of all members so far."""
    seed = result.scenario.seed
    print(
        f"{days:,.0f}: seed {seed}, members {result.scenario.members}: {result.lives} lives,"
        f" {result.changes} changes, {result.arrivals} messages ({result.repeats} again),"
        f" {result.steps:,} steps, {result.digest}",
        flush=True,
    )
    if result.broken or history:
        print("\n".join(f"  {line}" for line in result.history))
        print("\n".join(f"  BROKEN: {words}" for words in result.broken), flush=True)


if __name__ == "__main__":
    if os.environ.get("PYTHONHASHSEED") != "0":  # sets of words would lie otherwise in each process
        os.environ["PYTHONHASHSEED"] = "0"
        words = [sys.executable, "-m", "tests.simulation.run", *sys.argv[1:]]
        os.execv(sys.executable, words)  # noqa: S606
    raise SystemExit(main(sys.argv[1:]))

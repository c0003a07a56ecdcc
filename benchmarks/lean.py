"""Before and after: what a person on a small machine pays, of this tree and of another one.

`python -m benchmarks.lean --against TREE [--rounds 3]`: each figure of both and their ratio within a round.
Daemons are measured with both at work at once; verbs and starts in turn, again and again, and the best of
their times counts: what else the machine does only ever makes them longer.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence

from benchmarks import idle, polling, results, sides
from benchmarks.processes import ROOT, resident
from benchmarks.product import Installation, Load, Variant
from benchmarks.sides import Figures, Side, rotated, table

Part = Callable[[Sequence[Side]], dict[str, Figures]]
"""One round of something, in this order: the figures of each side by its name."""

VERBS = {
    "`--help`": ["--help"],
    "`version`": ["version"],
    "completing a verb": [],
    "`status`": ["status", "-c"],
    "`alerts`": ["alerts", "-c"],
    "`check`": ["check", "-c"],
}
COMPLETING = {"_WATCHER_COMPLETE": "complete_bash", "COMP_WORDS": "watcher st", "COMP_CWORD": "1"}
TIMES = 7
SMALL, LARGE = 100, 10_000


def verbs(order: Sequence[Side]) -> dict[str, Figures]:
    """A verb's whole process, with 100 accounts stored: milliseconds by CPU and by the clock."""
    found: dict[str, Figures] = {side.name: {} for side in order}
    with polling.places(_variants(order, Load(SMALL, "1h"))) as places:
        for place in places:
            _ran(place.variant.side, ["poll", "-c", str(place.folder / "watcher.yaml")])
        for name, words in VERBS.items():
            taken: dict[str, list[tuple[float, float]]] = {side.name: [] for side in order}
            for place in places * TIMES:
                whole = [*words, str(place.folder / "watcher.yaml")] if "-c" in words else words
                taken[place.variant.name].append(_ran(place.variant.side, whole))
            for side, times in taken.items():
                used, took = (min(each) * 1e3 for each in zip(*times, strict=True))
                found[side] |= {f"{name}, CPU ms": used, f"{name}, ms": took}
    return found


def _variants(order: Sequence[Side], load: Load) -> list[Variant]:
    return [Variant(each.name, load, each) for each in order]


def _ran(side: Side, words: Sequence[str]) -> tuple[float, float]:
    """Seconds of CPU and by the clock; no word at all: as the shell asks what could follow."""
    env = {**os.environ, **side.env, **({} if words else COMPLETING)}
    began = time.perf_counter()
    running = subprocess.Popen(
        [sys.executable, "-m", "watcher", *words], cwd=ROOT, env=env,
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
    )  # fmt: skip
    _, status, used = os.wait4(running.pid, 0)
    took = time.perf_counter() - began
    running.returncode = os.waitstatus_to_exitcode(status)
    assert running.stderr is not None
    with running.stderr as said:
        if running.returncode:
            raise RuntimeError(f"watcher {' '.join(words)} of {side.name}: {said.read().decode()[-500:]}")
    return used.ru_utime + used.ru_stime, took


def starts(order: Sequence[Side]) -> dict[str, Figures]:
    """To the first request, with nothing stored and with 10,000 accounts, and how large that daemon is."""
    found: dict[str, Figures] = {side.name: {} for side in order}
    with polling.places(_variants(order, Load(1, "1s"))) as places:
        _started(places, found, "nothing stored", empty=True)
    with polling.places(_variants(order, Load(SMALL, "5s"))) as places:
        for place in [*places, *places]:  # the second time with tables and readings
            place.fake.control(reset=True)
            with place.daemon() as running:
                place.fake.until(lambda told: told["answered"] >= 2 * SMALL)
                found[place.variant.name][f"memory, {SMALL} accounts stored, MiB"] = resident(running.pid)
    with polling.places(_variants(order, Load(LARGE, "1h"))) as places:
        for place in places:
            with place.daemon() as running:
                place.fake.until(lambda told: told["answered"] >= LARGE)
                time.sleep(3)
                found[place.variant.name][f"memory, idle, {LARGE:,} accounts, MiB"] = resident(running.pid)
            place.configure(Load(LARGE, "1s"))
        _started(places, found, f"{LARGE:,} stored")
    return found


def _started(
    places: Sequence[Installation], found: Mapping[str, Figures], what: str, *, empty: bool = False
) -> None:
    taken: dict[str, list[tuple[float, float]]] = {place.variant.name: [] for place in places}
    for place in [*places] * TIMES:
        taken[place.variant.name].append(place.start(empty=empty))
    for side, times in taken.items():
        took, used = (min(each) * 1e3 for each in zip(*times, strict=True))
        found[side] |= {f"start, {what}, CPU ms": used, f"start, {what}, ms": took}


def polls(order: Sequence[Side]) -> dict[str, Figures]:
    """Polling, and how long the loop is held, of 1,500 accounts."""
    return next(polling.rounds(order, Load(), 1))


PARTS: Mapping[str, Part] = {"polls": polls, "idle": idle.compared, "verbs": verbs, "starts": starts}


def rounds(both: Sequence[Side], parts: Sequence[str], number: int) -> Iterator[dict[str, Figures]]:
    for turn in range(number):
        order = rotated(both, turn)
        found: dict[str, Figures] = {side.name: {} for side in both}
        for part in parts:
            for name, figures in PARTS[part](order).items():
                found[name] |= figures
        yield found


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.lean", description=__doc__)
    parser.add_argument("--against", metavar="TREE", required=True, help="a checkout, or a revision")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--parts", default=",".join(PARTS), help="some of " + ", ".join(PARTS))
    parser.add_argument("--keep", action="store_true", help="keep the figures for the documentation's table")
    chosen = parser.parse_args()
    print(results.python(), flush=True)
    done: list[dict[str, Figures]] = []
    with sides.sides(chosen.against) as both:
        for found in rounds(both, chosen.parts.split(","), chosen.rounds):
            done.append(found)
            print(f"round {len(done)} of {chosen.rounds}: {results.load()}", flush=True)
            if chosen.keep:
                names = {sides.HERE.name: "now", chosen.against: "before"}
                named = [{names[name]: each[name] for name in names} for each in done]
                kept = {"machine": results.python(), "rounds": named}
                (results.KEPT / "lean.json").write_text(json.dumps(kept, indent=1) + "\n")
    print(*table(done), sep="\n")


if __name__ == "__main__":
    main()

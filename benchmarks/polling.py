"""What polling costs, of one tree or of several beside each other: `make bench ARGS="--against TREE"`.

Each tree's daemon has a fake and a folder of its own, and all of them run at once. CPU is what the kernel
counts for each thread (`/proc/PID/task/*/schedstat`), divided by what the fake answered meanwhile.
"""

from __future__ import annotations

import contextlib
import json
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.processes import fake, resident, switches, threads
from benchmarks.product import Hold, Installation
from benchmarks.sides import Figures, Side, rotated

SHARES = (0.01, 1.0)
"""Of the balances, how many change from answer to answer."""


@dataclass(frozen=True)
class Load:
    """How many accounts are polled how often, and for how long that is looked at."""

    accounts: int = 1500
    every: int = 2
    seconds: float = 14.0


@dataclass(frozen=True)
class Moment:
    """What a daemon and its fake had counted by now."""

    cpu: float
    loop: float
    switches: int
    answered: int
    requests: int


def rounds(sides: Sequence[Side], load: Load, number: int) -> Iterator[dict[str, Figures]]:
    """So many rounds; which one is started first goes round."""
    for turn in range(number):
        with places(rotated(sides, turn), load) as running:
            found = polled(running, load)
            for name, held in loops(running, load).items():
                found[name] |= held
        yield {each.name: found[each.name] for each in sides}


@contextlib.contextmanager
def places(order: Sequence[Side], load: Load) -> Iterator[list[Installation]]:
    """A folder, a configuration and a fake for each."""
    with contextlib.ExitStack() as stack:
        found = []
        for side in order:
            far = stack.enter_context(fake(load.accounts))
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="watcher-bench-"))
            found.append(Installation(Path(folder), far, side))
            found[-1].configure(load.accounts, f"{load.every}s")
        yield found


def settle(running: Sequence[Installation], load: Load, cycles: int, changed: float) -> None:
    """Let each of them poll so many cycles."""
    for place in running:
        place.fake.control(changed=changed, reset=True)
    for place in running:
        place.fake.until(lambda told: told["answered"] >= cycles * load.accounts)


def polled(running: Sequence[Installation], load: Load) -> dict[str, Figures]:
    """CPU, wake-ups and memory, first with 1 % of the balances changing in each answer, then with all."""
    found: dict[str, Figures] = {place.side.name: {} for place in running}
    with contextlib.ExitStack() as stack:
        pids = [stack.enter_context(place.daemon()).pid for place in running]
        settle(running, load, 3, 0.0)
        for share in SHARES:
            settle(running, load, 1, share)
            before = [moment(place, pid) for place, pid in zip(running, pids, strict=True)]
            time.sleep(load.seconds)
            after = [moment(place, pid) for place, pid in zip(running, pids, strict=True)]
            for place, earlier, later in zip(running, before, after, strict=True):
                found[place.side.name] |= costs(share, earlier, later)
        for place, pid in zip(running, pids, strict=True):
            found[place.side.name]["memory, loaded, MiB"] = resident(pid)
    return found


def moment(place: Installation, pid: int) -> Moment:
    used, told = threads(pid), place.fake.control()
    return Moment(sum(used.values()), used[pid], switches(pid), told["answered"], told["requests"])


def costs(share: float, before: Moment, after: Moment) -> Figures:
    answered, asked = after.answered - before.answered, after.requests - before.requests
    return {
        f"CPU an account, {share:.0%} changed, us": (after.cpu - before.cpu) / answered * 1e6,
        f"  of it the loop's thread, {share:.0%}, us": (after.loop - before.loop) / answered * 1e6,
        f"  wake-ups a request, {share:.0%}": (after.switches - before.switches) / asked,
    }


def loops(running: Sequence[Installation], load: Load) -> dict[str, Figures]:
    """The longest hold of each event loop: over all, from a start with stored accounts on, and steadily."""
    began = time.monotonic()
    with contextlib.ExitStack() as stack:
        for place in running:
            stack.enter_context(place.daemon(place.folder / "held.json"))
        settle(running, load, 3, 0.01)
        steady_from = time.monotonic() - began
        time.sleep(load.seconds / 2)
        steady_to = time.monotonic() - began
    found: dict[str, Figures] = {}
    for place in running:
        each: list[Hold] = json.loads((place.folder / "held.json").read_text())
        steady = [hold for hold in each if steady_from < hold[2] < steady_to]
        found[place.side.name] = {
            f"loop held, {when}, {what}": max((times[at] for times in seen), default=0.0) * 1e3
            for when, seen in (
                ("start included", [hold[:2] for hold in each]),
                ("steady", [hold[:2] for hold in steady]),
            )
            for at, what in enumerate(("ms", "CPU ms"))
        }
    return found

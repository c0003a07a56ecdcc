"""What polling costs: programs beside each other, each with a fake of its own, all of them at once.

Programs differ in their source tree, in their load, or in being the floor. CPU is what the kernel counts for
each thread (`/proc/PID/task/*/schedstat`), divided by what the fake answered meanwhile.
"""

from __future__ import annotations

import contextlib
import json
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.processes import fake, resident, switches, threads
from benchmarks.product import Hold, Installation, Load, Variant
from benchmarks.sides import Figures, Side, rotated

SHARES = (0.01, 1.0)
"""Of the balances, how many change from answer to answer."""

SECONDS = 14.0


@dataclass(frozen=True)
class Moment:
    """What a daemon and its fake had counted by now."""

    cpu: float
    loop: float
    switches: int
    answered: int
    requests: int


def rounds(sides: Sequence[Side], load: Load, number: int) -> Iterator[dict[str, Figures]]:
    """So many rounds of the same load; which tree is started first goes round."""
    for turn in range(number):
        with places([Variant(each.name, load, each) for each in rotated(sides, turn)]) as running:
            found = polled(running)
            for name, held in loops(running).items():
                found[name] |= held
        yield {each.name: found[each.name] for each in sides}


@contextlib.contextmanager
def places(variants: Sequence[Variant]) -> Iterator[list[Installation]]:
    """A folder, a configuration and a fake for each."""
    with contextlib.ExitStack() as stack:
        found = []
        for variant in variants:
            far = stack.enter_context(fake(variant.load.accounts))
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="watcher-bench-"))
            found.append(Installation(Path(folder), far, variant))
            found[-1].configure(variant.load)
        yield found


def settle(running: Sequence[Installation], cycles: int, changed: float) -> None:
    """Let each of them poll so many cycles."""
    for place in running:
        place.fake.control(changed=changed, reset=True)
    for place in running:
        goal = cycles * place.variant.load.accounts
        place.fake.until(lambda told, goal=goal: told["answered"] >= goal, within=600)  # type: ignore[misc]


def polled(
    running: Sequence[Installation], shares: Sequence[float] = SHARES, seconds: float = SECONDS
) -> dict[str, Figures]:
    """CPU, wake-ups and memory, with such shares of the balances changing in each answer."""
    found: dict[str, Figures] = {place.variant.name: {} for place in running}
    with contextlib.ExitStack() as stack:
        pids = [stack.enter_context(place.daemon()).pid for place in running]
        settle(running, 2, 0.0)
        for share in shares:
            settle(running, 1, share)
            before = [moment(place, pid) for place, pid in zip(running, pids, strict=True)]
            time.sleep(seconds)
            after = [moment(place, pid) for place, pid in zip(running, pids, strict=True)]
            for place, earlier, later in zip(running, before, after, strict=True):
                found[place.variant.name] |= costs(share, earlier, later)
        for place, pid in zip(running, pids, strict=True):
            found[place.variant.name]["memory, loaded, MiB"] = resident(pid)
    return found


def moment(place: Installation, pid: int) -> Moment:
    used, told = threads(pid), place.fake.control()
    return Moment(
        sum(used.values()), used[pid], sum(switches(pid).values()), told["answered"], told["requests"]
    )


def costs(share: float, before: Moment, after: Moment) -> Figures:
    answered, asked = after.answered - before.answered, after.requests - before.requests
    return {
        f"CPU an account, {share:.0%} changed, us": (after.cpu - before.cpu) / answered * 1e6,
        f"  of it the loop's thread, {share:.0%}, us": (after.loop - before.loop) / answered * 1e6,
        f"  wake-ups a request, {share:.0%}": (after.switches - before.switches) / asked,
    }


def loops(running: Sequence[Installation], seconds: float = SECONDS / 2) -> dict[str, Figures]:
    """The longest hold of each event loop: over all, from a start with stored accounts on, and steadily."""
    began = time.monotonic()
    with contextlib.ExitStack() as stack:
        for place in running:
            stack.enter_context(place.daemon(place.folder / "held.json"))
        settle(running, 3, 0.01)
        steady_from = time.monotonic() - began
        time.sleep(seconds)
        steady_to = time.monotonic() - began
    found: dict[str, Figures] = {}
    for place in running:
        each: list[Hold] = json.loads((place.folder / "held.json").read_text())
        steady = [hold for hold in each if steady_from < hold[2] < steady_to]
        found[place.variant.name] = longest("start included", each) | longest("steady", steady)
    return found


def longest(when: str, holds: Sequence[Hold]) -> Figures:
    """By the clock, and by the CPU of its thread, which is another hold perhaps."""
    return {
        f"loop held, {when}, ms": max((hold[0] for hold in holds), default=0.0) * 1e3,
        f"loop held, {when}, CPU ms": max((hold[1] for hold in holds), default=0.0) * 1e3,
    }


def cpu_of(found: Mapping[str, float], share: float) -> float:
    """Microseconds an account at such a share."""
    return found[f"CPU an account, {share:.0%} changed, us"]

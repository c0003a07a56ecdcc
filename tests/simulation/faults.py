"""Faults: which strike when, by a seed, and what each does to a world."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.simulation.far import TROUBLES
from tests.simulation.truth import MODES

if TYPE_CHECKING:
    from tests.simulation.world import World

DAY, HOUR, MINUTE = 86400.0, 3600.0, 60.0
AFTER = 5.0
"""Seconds that a member has to begin again before it is expected to work."""


CUT_OFF, FROM_STORE, MACHINE = "is cut off", "is cut off from the store", "dies with its machine"


SILENCES = (1, 7, 12, 60, 150, 600, 1500, 2500)
"""Seconds for which a member is silent: shorter and longer than others wait for it, in slow worlds too."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that goes wrong: when, for how long, what, to whom, and how much."""

    at: float
    lasts: float
    what: str
    whom: str = ""
    much: float = 0.0

    def __str__(self) -> str:
        much = f" {self.much:.4g}" if self.much else ""
        return f"{clock(self.at)} {self.what} {self.whom}{much}, {self.lasts:.0f} s"


def clock(seconds: float) -> str:
    """Seconds of the simulation, as people read them."""
    days, rest = divmod(seconds, DAY)
    return f"day {days:.0f} {rest // HOUR:02.0f}:{rest % HOUR // 60:02.0f}:{rest % 60:06.3f}"


def planned(chance: random.Random, days: float, names: Sequence[str]) -> list[Fault]:
    """All faults of a world, in their order. Kills more often than anything else."""
    found = [*_of_members(chance, days, names), *_of_others(chance, days)]
    if len(names) > 1:
        found += _of_many(chance, days, names)
    return sorted(found, key=lambda fault: fault.at)


def _of_members(chance: random.Random, days: float, names: Sequence[str]) -> Iterator[Fault]:
    end = days * DAY
    for _ in range(int(days * chance.uniform(4, 16) * len(names))):
        down, what = chance.choice((1, 5, 5, 60, 600, 3600)), chance.choice(("kill", "kill in the act"))
        steps = chance.randint(0, 20 if what == "kill in the act" else 150)
        yield Fault(chance.uniform(0, end), down, what, chance.choice(names), steps)
    for _ in range(int(days * chance.uniform(0, 3) * len(names))):
        yield Fault(chance.uniform(0, end), chance.choice((1, 30, 600)), "stop", chance.choice(names))
    for _ in range(int(days * chance.uniform(0, 4) * len(names))):
        lasts = chance.choice((1, 10, 60, 600))
        yield Fault(chance.uniform(0, end), lasts, "stands still", chance.choice(names))
    for _ in range(int(days * chance.uniform(0, 3))):
        by = chance.choice((-7200, -600, -35, 35, 600, 7200)) * chance.uniform(0.5, 1)
        lasts = chance.choice((300, 3600))
        yield Fault(chance.uniform(0, end), lasts, "clock steps", chance.choice(names), by)


def _of_many(chance: random.Random, days: float, names: Sequence[str]) -> Iterator[Fault]:
    """What befalls members of an installation with several."""
    end = days * DAY
    for _ in range(int(days * chance.uniform(1, 8) * len(names))):
        lasts, what = chance.choice(SILENCES), chance.choice((CUT_OFF, FROM_STORE, "stands still"))
        yield Fault(chance.uniform(0, end), lasts, what, chance.choice(names))
    for _ in range(int(days * chance.uniform(0, 4) * len(names))):
        down = chance.choice((1, 5, 20, 60, 600))
        yield Fault(chance.uniform(0, end), down, MACHINE, chance.choice(names), chance.randint(0, 20))


def _of_others(chance: random.Random, days: float) -> Iterator[Fault]:
    end = days * DAY
    for _ in range(int(days * chance.uniform(2, 8))):
        lasts = chance.choice((1, 20, 120, 900, 3600, 4 * HOUR))
        share = chance.choice((0.3, 0.7, 1.0))
        yield Fault(chance.uniform(0, end), lasts, chance.choice(MODES), "coins", share)
    for _ in range(int(days * chance.uniform(1, 6))):
        lasts, share = chance.choice((5, 60, 600, 3600)), chance.choice((0.4, 1.0))
        whom = chance.choice(("ops", "pager"))
        yield Fault(chance.uniform(0, end), lasts, chance.choice(TROUBLES), whom, share)
    for _ in range(int(days * chance.uniform(1, 5))):
        lasts = chance.choice((1, 10, 60, 600))
        yield Fault(chance.uniform(0, end), lasts, "disk is slow", "", chance.choice((0.2, 2.0, 10.0)))
        yield Fault(chance.uniform(0, end), lasts, "store fails", "", chance.choice((0.05, 0.3)))
        yield Fault(chance.uniform(0, end), lasts, "store is away", "")


async def befall(world: World, fault: Fault) -> None:
    """Let it happen, for as long as it lasts."""
    if fault.whom in world.members:
        await _member(world, fault)
        return
    begin, end = _beginning(world, fault)
    begin()
    await asyncio.sleep(fault.lasts)
    end()


def _beginning(world: World, fault: Fault) -> tuple[Callable[[], None], Callable[[], None]]:
    """What begins, and what ends it."""
    if fault.whom in world.providers:
        provider = world.providers[fault.whom]
        return lambda: provider.ail(fault.what, fault.much), provider.recover
    if fault.whom in world.fars:
        far = world.fars[fault.whom]
        return lambda: far.ail(fault.what, fault.much), far.recover
    ways = world.ways
    ail = {"disk is slow": ways.be_slow, "store fails": ways.fail, "store is away": ways.go_away}[fault.what]
    return lambda: ail(fault.much), ways.heal


async def _member(world: World, fault: Fault) -> None:
    member = world.members[fault.whom]
    if fault.what in ("kill", "kill in the act", MACHINE):
        member.with_its_machine = fault.what == MACHINE
        member.aim(int(fault.much), fault.lasts, in_the_act=fault.what != "kill")
        await asyncio.sleep(fault.lasts + AFTER)
    elif fault.what == "stop":
        member.stop(fault.lasts)
        await asyncio.sleep(fault.lasts + AFTER)
    elif fault.what == "stands still":
        world.loop.freeze(member.life, fault.lasts)
        await asyncio.sleep(fault.lasts)
    elif fault.what == "clock steps":
        member.clock.off = fault.much
        await asyncio.sleep(fault.lasts)
        member.clock.off = 0.0
    else:
        world.cut(fault.whom, fault.what)
        await asyncio.sleep(fault.lasts)
        world.join(fault.whom, fault.what)

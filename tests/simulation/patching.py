"""Something of the product replaced, for a while."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime, timedelta, tzinfo
from typing import TYPE_CHECKING, Any, Self

from tests.simulation.loop import MEMBER
from watcher.daemon import upkeep
from watcher.service import auto_schedule, handing, sums, timers
from watcher.service import engine as rule_engine
from watcher.store.postgres import jobs as engine
from watcher.store.postgres import members as elections

if TYPE_CHECKING:
    from tests.simulation.world import World


@contextmanager
def patched(owner: Any, name: str, instead: Any) -> Iterator[None]:
    before = getattr(owner, name)
    setattr(owner, name, instead)
    try:
        yield
    finally:
        setattr(owner, name, before)


SLOWED = {
    elections: ("FIRST_WAIT", "LONGEST_WAIT", "EVERY", "SILENT", "GHOST", "LEFT"),
    engine: ("LOOK", "BEAT", "STALLED"),
    handing: ("LOOK", "SWEEP_EVERY"),
    sums: ("LOOK",),
}
"""What members do to hear of each other."""

RARELY = {
    (upkeep, "LOOK_EVERY"): 600.0,
    (upkeep, "LOOK_OFTEN"): 180.0,
    (upkeep, "STATUS_EVERY"): 600.0,
    (upkeep, "TIDY_EVERY"): 3600.0,
    (timers, "NOTED_EVERY"): 600.0,
    (auto_schedule, "REFRESH_EVERY"): 600.0,
    (auto_schedule, "KEEP_EVERY"): 600.0,
    (handing, "FACTS_EVERY"): 600.0,
    (handing, "SWEEP_EVERY"): 120.0,
    (handing, "LOOK"): 60.0,
    (sums, "LOOK"): 60.0,
    (elections, "EVERY"): 100.0,
}
"""What a daemon does again and again, mostly to find nothing: the seconds that at least lie between."""


@contextmanager
def virtual_time(world: World) -> Iterator[None]:
    """APScheduler reads the time by itself; it is given that of the member that runs. And what a daemon does
    each few seconds, mostly to find nothing, it does rarely: worlds would take many times as long else. Where
    all that members do to hear of each other is slowed, so is the judging by time: else most that happens
    there would be a pass that finds nothing."""
    import apscheduler.schedulers.base as module

    class Stepped(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Self:
            member = world.members[MEMBER.get().rstrip("0123456789")]
            return member.clock.now()  # type: ignore[return-value]

    slowed = world.scenario.slowed
    passes = timers.EVERY * (8 if slowed == 1 else min(slowed, 20))
    with ExitStack() as changed:
        changed.enter_context(patched(module, "datetime", Stepped))
        changed.enter_context(patched(timers, "EVERY", passes))
        changed.enter_context(patched(rule_engine, "PASS", timedelta(seconds=passes)))
        for owner, names in SLOWED.items() if slowed > 1 else ():
            for name in names:
                changed.enter_context(patched(owner, name, getattr(owner, name) * slowed))
        for (owner, name), least in RARELY.items():
            changed.enter_context(patched(owner, name, max(getattr(owner, name), least)))
        yield

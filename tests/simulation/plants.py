"""Faults planted into the product, to see whether the simulation finds them."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from tests.simulation.access import StoreInReach
from watcher.domain.decision import Decision
from watcher.domain.messages.delivery import Delivery, DeliveryState, Sent
from watcher.domain.readings import reconcile
from watcher.domain.readings.diff import diff
from watcher.domain.readings.plausibility import Plausibility
from watcher.ports.store import Deciding, Settlement
from watcher.service.delivery import Deliverer
from watcher.service.delivery_policy import ChannelSession
from watcher.store.memory.state import State
from watcher.store.memory.store import MemoryStore

LONG = 3.0
"""Seconds that a call may wait in the middle of what should be one step."""

Plant = tuple[Any, str, Any]
"""Whose, what, and what stands there instead."""


@contextmanager
def patched(owner: Any, name: str, instead: Any) -> Iterator[None]:
    before = getattr(owner, name)
    setattr(owner, name, instead)
    try:
        yield
    finally:
        setattr(owner, name, before)


async def _settled_first(self: Deliverer, session: ChannelSession, batch: Sequence[Delivery]) -> bool:
    """What is recorded as sent before it is sent is lost with the process."""
    session.sending = tuple(batch)
    self._conclude(session, Sent())
    await self._settle(session)
    return isinstance(await self._notify(session, batch), Sent)


async def _written_over(
    self: MemoryStore, accounts: Sequence[Any], decide: Deciding, settlement: Settlement | None = None
) -> Decision:
    """Decided upon what was read a moment ago, and kept whatever others kept meanwhile."""
    decision = decide(self.state.cache.past(accounts), self._recall)
    await asyncio.sleep(random.uniform(0, LONG))
    self.state.keep(decision, settlement)
    return decision


def _all_is_plausible(state: Any, reading: Any, now: Any, jumps: Any = None, differences: Any = None) -> Any:
    """A provider's empty answer is believed at once."""
    found = diff(state, reading) if differences is None else differences
    return Plausibility(tuple(found), {})


_settle = State.settle


def _unknown_is_free(self: State, settlement: Settlement, *more: Any) -> None:
    """Of an answer that never came nothing is charged, or so one hopes."""
    charged = 0 if settlement.charged is None else settlement.charged
    _settle(self, replace(settlement, charged=charged), *more)


def _forgetful(self: State, deliveries: Sequence[Delivery]) -> None:
    """What is owed while something else is pending is forgotten."""
    pending = any(each.state is DeliveryState.PENDING for each in self.deliveries.values())
    for each in deliveries if not pending else ():
        self.deliveries.setdefault(each.id, each)


async def _in_steps(self: StoreInReach, what: str, work: Callable[[], Any]) -> Any:
    """The store's calls as they come, so that what waits in the middle of one is overtaken by another."""
    await asyncio.sleep(self._ways.delay())
    return await work()


STEPS: Plant = (StoreInReach, "_call", _in_steps)

PLANTS: dict[str, list[Plant]] = {
    "settled before it is sent": [(Deliverer, "_send", _settled_first)],
    "an alert is written over": [
        (MemoryStore, "conclude", _written_over),
        (StoreInReach, "_call", _in_steps),
    ],
    "what is odd is believed": [(reconcile, "check_plausibility", _all_is_plausible)],
    "an answer that is lost is free": [(State, "settle", _unknown_is_free)],
    "a delivery is forgotten": [(State, "owe", _forgetful)],
}

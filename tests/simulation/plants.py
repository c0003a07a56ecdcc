"""Faults planted into the product, to see whether the simulation finds them."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tests.simulation.access import StoreInReach
from tests.simulation.server import GateRow, Server
from watcher.domain.decision import Decision
from watcher.domain.messages.delivery import Delivery, DeliveryState, Sent
from watcher.domain.readings import reconcile
from watcher.domain.readings.diff import diff
from watcher.domain.readings.plausibility import Plausibility
from watcher.domain.records import replace
from watcher.ports.store import Deciding, Settlement
from watcher.queues.jobs import JobQueue
from watcher.service.delivery import Deliverer
from watcher.service.delivery_policy import ChannelSession
from watcher.store.memory.state import State
from watcher.store.memory.store import MemoryStore
from watcher.store.postgres import alerts, leases, ledger, look
from watcher.store.postgres import members as elections
from watcher.store.postgres.members import PostgresMembers

LONG, LONGER = 3.0, 300.0
"""Seconds that a call may wait in the middle of what should be one step, of one process and of many."""

Plant = tuple[Any, str, Any]
"""Whose, what, and what stands there instead."""


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
    decision = decide(self._past(accounts), self._recall)
    await asyncio.sleep(random.uniform(0, LONGER if self.state.apart else LONG))
    self.state.keep(decision, settlement)
    return decision


def _all_is_plausible(state: Any, reading: Any, now: Any, jumps: Any = None, differences: Any = None) -> Any:
    """A provider's empty answer is believed at once."""
    found = diff(state, reading) if differences is None else differences
    return Plausibility(tuple(found), {})


_settle, _turn = State.settle, Server._turn


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
    await asyncio.sleep(self.way.ways.delay())
    return await work()


def _nobody_asked(_self: JobQueue, _accounts: Sequence[Any]) -> Any:
    """Whoever is given a job of somebody who is gone does all of it anew."""

    async def none() -> Sequence[Any]:
        return ()

    return none()


def _the_same_turn(self: Server, row: GateRow, values: Mapping[str, Any]) -> Any:
    """Two that read the row before either has written it."""
    before = row.next_start
    found = _turn(self, row, values)
    if random.random() < 0.5:
        row.next_start = before
    return found


def _leads_on(self: PostgresMembers) -> None:
    """Whoever does not reach the others goes on with what it leads."""
    self._ballot = None


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

AMONG_MANY: dict[str, list[Plant]] = {
    "who has lost a role writes for it": [(Server, "check", lambda _self, _lease: None)],
    "who is cut off leads on": [(PostgresMembers, "_drop", _leads_on), (elections, "SILENT", 1e9)],
    "what was asked for is asked for again": [(JobQueue, "settled", _nobody_asked)],
    "two start at once": [(Server, "_turn", _the_same_turn)],
}
"""The same where members share a store."""

AT_THE_DATABASE: dict[str, list[Plant]] = {
    "accounts are not locked": [
        (look, name, getattr(look, name).split(" FOR NO KEY UPDATE")[0]) for name in ("_LOCK", "_LOCK_KNOWN")
    ],
    "gates are not locked": [(ledger, "_ENTER", ledger._ENTER.replace(" FOR NO KEY UPDATE", ""))],
    "alerts are written in any version": [
        (alerts, "_CHANGE", alerts._CHANGE.replace("AND version = %s", "AND %s > 0"))
    ],
    "leases are not locked": [(leases, "_CHECK", leases._CHECK.replace(" FOR SHARE", ""))],
}
"""The same in what is said to a real database."""

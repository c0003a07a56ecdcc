"""Store: where state, ledger and outbox are kept, and what is promised of each call."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from watcher.domain.alerts.lifecycle import Alert
from watcher.domain.credits.allowance import Allowance, CreditRefusal, Grant, Purpose
from watcher.domain.evaluation.decide import Decision, Question, Recalled, Snapshot
from watcher.domain.messages.delivery import Delivery
from watcher.domain.model import EMPTY, Account


@dataclass(frozen=True, slots=True)
class Settlement:
    """How a reserved request ended, for the ledger and the poll log."""

    grant: Grant
    ended: datetime
    charged: int | None
    readings: int = 0
    misses: int = 0
    failure: str = ""


Recall = Callable[[Sequence[Question]], Mapping[Question, Recalled]]
"""Answers what a decision needs from history."""


class Store(Protocol):
    """State on disk. Each method is one transaction."""

    async def reserve(
        self,
        source: str,
        accounts: int,
        cost: int,
        purpose: Purpose,
        now: datetime,
        allowance: Allowance,
    ) -> Grant | CreditRefusal:
        """Book the cost durably before the request is sent, or say why not."""
        ...

    async def spent(self, source: str, since: datetime) -> int:
        """Credits booked by this source since then, as the ledger has them."""
        ...

    async def under_way(self, source: str, since: datetime) -> bool:
        """Whether any process had a request of this source booked and not settled, then or later."""
        ...

    async def running(self, since: datetime, now: datetime) -> None:
        """Note that the daemon that began at `since` is still at work."""
        ...

    async def load(self, accounts: Sequence[Account]) -> Snapshot:
        """What is known of these accounts, with the live alerts on them."""
        ...

    async def conclude(
        self,
        accounts: Sequence[Account],
        decide: Callable[[Snapshot, Recall], Decision],
        settlement: Settlement | None = None,
    ) -> Decision:
        """Load what is known of the accounts, decide, and keep all that follows: one transaction.

        `decide` is pure and runs inside it, so nothing can change between the loading and the
        keeping, not even by another process. If it raises, nothing is kept.
        """
        ...

    async def fail(self, settlement: Settlement) -> None:
        """Settle a request that led to no conclusion."""
        ...

    async def live_alerts(self) -> list[Alert]:
        """Every pending and firing alert."""
        ...

    async def tidy(self, now: datetime) -> bool:
        """Drop a little of what is past its retention; whether there is more."""
        ...

    async def keep_facts(self, source: str, facts: Mapping[str, str], now: datetime) -> None: ...

    async def facts(self, source: str) -> Mapping[str, str]: ...

    async def due(self, channel: str, now: datetime, limit: int, *, critical: bool = False) -> list[Delivery]:
        """Pending deliveries of a channel whose time has come, oldest first; `critical`: only such."""
        ...

    async def next_due(self, channel: str) -> datetime | None:
        """When this channel's next pending delivery is due."""
        ...

    async def settle(
        self, deliveries: Sequence[Delivery], instead: Mapping[str, Delivery] = EMPTY
    ) -> list[Delivery]:
        """Write the new state of deliveries that were attempted.

        `instead`: by the ids of deliveries, what another channel is owed in place of those that are given
        up or wait, and of those that were sent and go on from one that it told so. Owed at most once;
        returned is what now is.
        """
        ...

    async def close(self) -> None: ...


def facts_of(channel: str) -> str:
    """Under which name the store keeps what a channel has learnt; no source has such a name."""
    return f"channel {channel}"

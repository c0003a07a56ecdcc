"""The three ports, as Protocols: where balances come from, where state is kept, who is told."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from watcher.domain.alerts.lifecycle import Alert
from watcher.domain.credits.allowance import Allowance, CreditRefusal, Grant, Purpose
from watcher.domain.credits.provider_count import Usage
from watcher.domain.evaluation.decide import Decision, Question, Recalled, Snapshot
from watcher.domain.messages.delivery import Delivery, SendResult
from watcher.domain.model import EMPTY, Account, Outcome


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request that a source can make, and what it costs.

    `accounts` are those whose outcome depends on it (none for a look-up of facts);
    `payload` is the source's own. `part`: what these accounts share that failed for all of them
    before; one question then stands for all. `calls`: HTTP requests that it takes as a rule, with those that
    follow from it.
    """

    accounts: tuple[Account, ...]
    cost: int
    payload: object
    lookup: bool = False
    part: str = ""
    calls: int = 1


@dataclass(frozen=True, slots=True)
class Reply:
    """What one request brought.

    `outcomes`: a reading or a miss for each account that is now settled; accounts that wait
    for `more` requests (another page, half of a batch) come with those. `charged`: credits
    that the provider took, None if nobody knows. `failure`: empty, or what went wrong in
    words without secrets. `facts`: to be kept by the store for the next start.
    `pause`: the provider wants no request for so long. `exhausted`: the provider says that the
    credits are gone. `usage`: what the provider counts, if that was asked. `part`: the cause of
    the failure in words, if it is known to concern each of these accounts by itself (an asset).
    """

    outcomes: tuple[Outcome, ...] = ()
    more: tuple[Request, ...] = ()
    charged: int | None = None
    failure: str = ""
    facts: Mapping[str, str] = field(default_factory=lambda: EMPTY)
    pause: timedelta | None = None
    exhausted: bool = False
    usage: Usage | None = None
    part: str = ""


class Source(Protocol):
    """One configured API access. Never raises for what the API does: that is an outcome."""

    @property
    def name(self) -> str: ...

    @property
    def allowance(self) -> Allowance: ...

    @property
    def spacing(self) -> float:
        """Seconds between the starts of two requests."""
        ...

    def remember(self, facts: Mapping[str, str]) -> None:
        """Take back the facts kept from an earlier run, before the first `plan`."""
        ...

    def cost(self, account: Account) -> int:
        """Credits that one poll of this account alone costs."""
        ...

    def plan(self, accounts: Sequence[Account], now: datetime) -> list[Request]:
        """Split the accounts into requests, look-ups that must come first included."""
        ...

    def usage(self) -> Request | None:
        """The request, free of charge, that asks the provider what it has counted; None if there is none."""
        ...

    async def send(self, request: Request) -> Reply:
        """Make exactly one HTTP request."""
        ...

    async def close(self) -> None: ...


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


UNGROUPED = 1_000_000
"""The `burst` of a channel for which nothing is gathered: a screen, say, and not people's telephones."""


Draw = Callable[[Sequence[Delivery]], Sequence[bytes]]
"""Pictures (PNG) of what deliveries are about, within a bounded time; none if there are none to be had."""


class Channel(Protocol):
    """One way to reach people."""

    @property
    def name(self) -> str: ...

    @property
    def burst(self) -> int:
        """So many notifications may go out one after another; more than that are merged into one.

        Below `UNGROUPED` a channel gets a handful of notifications a minute anyway, and the rest gathered.
        """
        ...

    def remember(self, facts: Mapping[str, str]) -> None:
        """Take back the facts kept from an earlier run, before the first `send`."""
        ...

    async def send(self, deliveries: Sequence[Delivery]) -> SendResult:
        """Tell one or several deliveries in one notification. Never raises for the service's faults.

        All of them have the same `heard` and `only`.
        """
        ...

    async def close(self) -> None: ...

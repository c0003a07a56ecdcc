"""Store: where state, ledger and outbox are kept, and what is promised of each call."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path
from typing import Protocol

from watcher.domain.alerts.lifecycle import Alert
from watcher.domain.audit import Actor
from watcher.domain.credits.allowance import Allowance, Booking, CreditRefusal, Grant
from watcher.domain.decision import Decision, Question, Recalled, Snapshot, SumKey
from watcher.domain.messages.delivery import Delivery
from watcher.domain.model import EMPTY, Account
from watcher.domain.records import Record, replace
from watcher.ports.clock import Clock
from watcher.ports.commands import Commands
from watcher.ports.copying import StoreContents, StoreFilling
from watcher.ports.figures import StoreFigures
from watcher.ports.hints import HintedPoll
from watcher.ports.members import Lease, Members
from watcher.ports.queries import Queries
from watcher.ports.shared_work import SharedWork


class Settlement(Record, frozen=True):
    """How a reserved request ended, for the ledger and the poll log."""

    grant: Grant
    ended: datetime
    charged: int | None
    readings: int = 0
    misses: int = 0
    failure: str = ""
    hinted: tuple[HintedPoll, ...] = ()
    """The polls of this request that hints caused; what a decision found changed need not be said in them."""

    def found(self, moved: Collection[Account]) -> tuple[HintedPoll, ...]:
        """`hinted`, with what the decision says of those that were read."""
        return tuple(
            replace(each, changed=each.account in moved) if each.changed is not None else each
            for each in self.hinted
        )


Recall = Callable[[Sequence[Question]], Mapping[Question, Recalled]]
"""Answers what a decision needs from history."""

Deciding = Callable[[Snapshot, Recall], Decision]
Concluding = tuple[Sequence[Account], Deciding, Settlement | None]
"""What `conclude` is given."""


class StoreAccess(Protocol):
    """Questions and changes by people, pages and charts: in any thread, beside a running daemon."""

    def queries(self) -> Queries:
        """Questions, for a `with` block. StoreError if there is no store yet."""
        ...

    def commands(self, actor: Actor) -> Commands:
        """Changes by somebody."""
        ...


class Store(StoreAccess, Protocol):
    """State, open for those who poll and tell. Each method is one transaction."""

    members: Members
    """Those who have it open for the same work."""

    @property
    def shared(self) -> SharedWork | None:
        """What these hand each other; None: one alone has it open."""
        ...

    @property
    def figures(self) -> StoreFigures | None:
        """What it does in this process; None if it does not say."""
        ...

    def led(self, lease: Lease) -> Store:
        """The same for who leads a role. Once the lease is another's it refuses to write: StoreError."""
        ...

    async def reserve(self, booking: Booking, allowance: Allowance) -> Grant | CreditRefusal:
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

    async def attempts(self, accounts: Sequence[Account]) -> Mapping[Account, datetime]:
        """When each of these was asked for last, of those that ever were."""
        ...

    async def unread_since(self, at: datetime) -> list[Account]:
        """The accounts that were asked for, and of which nothing was read at or after this time."""
        ...

    async def conclude(
        self, accounts: Sequence[Account], decide: Deciding, settlement: Settlement | None = None
    ) -> Decision:
        """Load what is known of the accounts, decide, and keep all that follows: one transaction.

        `decide` is pure and runs inside it, so nothing can change between the loading and the
        keeping, not even by another process. If it raises, nothing is kept. A store that keeps who is to be
        read `again` for all who plan returns none of those.
        """
        ...

    async def conclude_read(self, read: Callable[[], Concluding]) -> Decision:
        """`conclude` what `read` finds out: it is called where the store decides, just before. What it raises
        is raised here."""
        ...

    async def conclude_sums(
        self, read: Callable[[Mapping[SumKey, bool]], tuple[Sequence[Account], Deciding]], most: int
    ) -> Decision | None:
        """Conclude on some sums that decisions have left to be judged apart, at most so many.

        None if there are none, or others are at them. What was decided before they were taken is seen, and
        what is decided after leaves them to be judged again. `read` is told which they are, as
        `Decision.sums` had them; the accounts that it names, which nothing locks, are seen as they were at
        one moment.
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

    async def change_fact(
        self, source: str, name: str, change: Callable[[str | None], str], now: datetime
    ) -> str:
        """Keep what `change` makes of what is kept under a name: nobody else writes it in between. It must be
        pure, for it may be called again. Returned is what is kept now."""
        ...

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

    async def others_wrote(self) -> bool:
        """Whether anybody else has written since this was last asked: a poll by hand, the page, a command.

        Costs next to nothing as long as nobody has written at all, so it may be asked every few seconds.
        """
        ...

    async def close(self) -> None: ...


class StoreBackend(StoreAccess, Protocol):
    """The store of a configuration, which need not be open, nor be there yet. `str()` says where it is.

    StoreError from each method if the store was lost sight of: it is kept elsewhere.
    """

    def exists(self) -> bool:
        """Whether anything was kept yet."""
        ...

    def clock(self) -> Clock | None:
        """The store's own time, which is one for all who use it; None: the machine's is."""
        ...

    async def open(self, *, exclusive: bool) -> Store:
        """The store at work, made if there is none.

        `exclusive`: for the one daemon. StoreInUseError names the process that is it already.
        """
        ...

    def only_deliverer(self, channels: Collection[str]) -> AbstractContextManager[bool]:
        """Whether no daemon tells these channels; none can begin to until the end of the block.

        Two processes that send what one store owes would send it twice.
        """
        ...

    def backup(self, target: Path, progress: Callable[[float], None] = lambda _: None) -> None:
        """Copy the store to a new file, verified, while a daemon may be writing. StoreError if it fails.

        `progress` hears the share that is copied, in the thread that copies.
        """
        ...

    def contents(self) -> AbstractContextManager[StoreContents]:
        """All that is kept, of one moment, to be copied into another store. StoreInUseError if a daemon works
        on it."""
        ...

    def filling(self) -> AbstractContextManager[StoreFilling]:
        """The store, made and empty, in the one transaction that fills it: kept when the block ends well.
        StoreError if it is not empty."""
        ...

    def warning(self) -> str:
        """What is odd about where the store is, in words; empty if nothing is."""
        ...


def facts_of(channel: str) -> str:
    """Under which name the store keeps what a channel has learnt; no source has such a name."""
    return f"channel {channel}"


def hints_of(name: str) -> str:
    """Under which name the store keeps what a hint source, and whoever listens to it, has learnt."""
    return f"hints {name}"


REPORTS = "the reports"
"""Under which name the store keeps of each report when the last was due that was made."""

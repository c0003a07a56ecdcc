"""Queries: what a store answers people and scripts, and the records it answers with."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple, Protocol, Self

from watcher.domain.alerts.events import Acknowledgeable, Event
from watcher.domain.alerts.lifecycle import Alert
from watcher.domain.alerts.selection import AlertFilter
from watcher.domain.alerts.silences import Silence
from watcher.domain.audit import AuditEntry, AuditFilter
from watcher.domain.decision import Snapshot
from watcher.domain.history.reconstruction import DaemonRun, RecordedHistory
from watcher.domain.history.timeline import Gap, Point
from watcher.domain.messages.delivery import Delivery
from watcher.domain.model import Account, Asset, Change, Quote
from watcher.domain.records import Record, field
from watcher.domain.rules.lookback import Baseline, BaselineOf, ChangesIn
from watcher.ports.hints import HintedPoll, HintTally
from watcher.ports.members import MemberState, WorkState
from watcher.ports.period import PeriodQueries

MOST_MARKS = 200
"""Alerts and events that one chart is marked with, the newest."""


class LoggedPoll(Record, frozen=True):
    """One request of the poll log, which is the ledger too."""

    id: int
    source: str
    purpose: str
    accounts: int
    cost: int
    charged: int | None
    readings: int
    misses: int
    failure: str
    reserved_at: datetime
    ended_at: datetime | None


class DeliveryCounts(Record, frozen=True):
    """Deliveries by state, and when the oldest pending one was decided."""

    pending: int
    sent: int
    given_up: int
    oldest_pending: datetime | None


class ChannelState(Record, frozen=True):
    """A channel as its deliveries show it. `gave_up`: nobody heard the last one that ended.

    `partly_since`: since when some of its recipients have waited for what the others heard.
    """

    name: str
    pending: int
    oldest_pending: datetime | None
    gave_up: bool
    trouble: str
    sent: datetime | None
    partly_since: datetime | None = None


class PollMark(NamedTuple):
    """How the polls of one account went. `misses`: in a row, since the last reading."""

    account: Account
    last_reading: datetime | None
    misses: int


class Waiting(NamedTuple):
    """Since when the oldest pending delivery of a channel has waited, of those that are (not) critical, and
    of those that some of its recipients have (not) heard."""

    channel: str
    critical: bool
    partly: bool
    since: datetime


class Track(Record, frozen=True):
    """One holding. `spans`: between which two readings each change lies."""

    account: Account
    asset: Asset
    symbol: str
    amounts: tuple[Point, ...]
    spans: tuple[Gap, ...]


class Partial(Record, frozen=True):
    """A reading that did not settle all: chains and assets of which it said nothing."""

    at: datetime
    chains: frozenset[str]
    assets: frozenset[Asset]


class ReadingTimes(Record, frozen=True):
    """When an account was read. `known_from`: from here on this is all; None: of no time is it known.

    `first`: its first reading ever, as far as history says.
    """

    first: datetime | None
    known_from: datetime | None
    readings: tuple[datetime, ...] = ()
    partial: tuple[Partial, ...] = ()
    spells: tuple[Gap, ...] = ()
    """Times in which it could not be read, also of those from which no readings are known any more."""


class AlertMark(Record, frozen=True):
    """An alert that fired, or an event that was told. `alert`: its id; empty for an event."""

    at: datetime
    until: datetime | None
    severity: str
    rule: str
    text: str
    alert: str


class Holding(NamedTuple):
    """What an account holds, or held: its last amount may be zero. `priced`: a price of it is known."""

    account: Account
    asset: Asset
    symbol: str
    priced: bool


class ChartData(Record, frozen=True):
    """Everything about some accounts over a time."""

    tracks: tuple[Track, ...] = ()
    prices: dict[Asset, tuple[Point, ...]] = field(default_factory=dict)
    looked: dict[Account, ReadingTimes] = field(default_factory=dict)
    runs: tuple[DaemonRun, ...] = ()
    told: tuple[AlertMark, ...] = ()
    held: tuple[Holding, ...] = ()


class ChartQuery(Record, frozen=True):
    """`asset`: only this one; None: all that have a price and are no mere claims. `wallet`: whose
    alerts, and all it holds."""

    accounts: Sequence[Account]
    since: datetime
    until: datetime
    asset: Asset | None = None
    wallet: str = ""
    readings: bool = True
    """Whether it matters when the accounts were read."""


class Sparks(Record, frozen=True):
    """`before`: of each holding the amounts at the end of a stretch, told by the first change after it;
    those since are the present ones. `readings` are of the source as a whole."""

    before: dict[tuple[Account, Asset], list[Point]] = field(default_factory=dict)
    prices: dict[Asset, list[Point]] = field(default_factory=dict)
    readings: dict[str, list[datetime]] = field(default_factory=dict)


class Then(Record):
    """What a time differed from now in: `prices` then, by how much the holdings that were known then have
    grown since, and how much of the present ones was first seen since (`fresh` counts them)."""

    prices: dict[Asset, Decimal] = field(default_factory=dict)
    grown: dict[Asset, Decimal] = field(default_factory=dict)
    first_seen: dict[Asset, Decimal] = field(default_factory=dict)
    fresh: int = 0


class Queries(PeriodQueries, Protocol):
    """Questions to a store, each answered as of one moment, beside a running daemon and without changing
    anything. Used in a `with` block by one thread, which closes it.

    StoreError if the store cannot answer.
    """

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...

    def past(self) -> Snapshot:
        """Every account's state with its confirmed balances, all quotes and symbols, all live alerts."""
        ...

    def poll_marks(self) -> Iterator[PollMark]:
        """Of every account that was ever asked for, watched still or not; read as they are taken."""
        ...

    def other_names(self) -> tuple[Mapping[Asset, Asset], Mapping[Asset, tuple[str, ...]]]:
        """`Snapshot.same` and `Snapshot.former`."""
        ...

    def history(
        self,
        limit: int,
        accounts: Sequence[Account] | None = None,
        since: datetime | None = None,
        assets: Collection[Asset] | None = None,
        skip: int = 0,
    ) -> list[Change]:
        """Changes, newest first; baselines (`before` None) are left out. `skip`: of those, the first."""
        ...

    def oldest(self) -> datetime | None:
        """When history begins; None if there is none."""
        ...

    def known_since(self, accounts: Sequence[Account]) -> datetime | None:
        """When one of these accounts was first read, as far as history says; None if none was."""
        ...

    def recorded(self, since: datetime) -> RecordedHistory:
        """All that happened since then, for a backtest."""
        ...

    def tracks(self, wanted: ChartQuery) -> ChartData:
        """Amounts and prices over a time, and when accounts were read: what charts are made of."""
        ...

    def sparks(self, accounts: Sequence[Account], since: datetime, until: datetime, stretches: int) -> Sparks:
        """The same for small pictures of many accounts."""
        ...

    def then(self, at: datetime, held: Callable[[Account, Asset], Decimal | None]) -> Then:
        """What was held and what it cost at a time, against what is `held` now (None: not watched)."""
        ...

    def hours(self, source: str, since: datetime) -> list[tuple[datetime, int, int]]:
        """The ledger by the hour: credits and requests, oldest first."""
        ...

    def mark(self, asked: BaselineOf) -> Baseline | None:
        """The amount that a rule compares the next change of a holding with; None if it remembers none."""
        ...

    def changes(self, asked: ChangesIn) -> tuple[Change, ...]:
        """What the daemon is told when it asks the same, baselines included; without symbols."""
        ...

    def newest(self, account: Account, asset: Asset, most: int) -> tuple[Change, ...]:
        """The last so many changes of a holding, oldest first, without baselines and symbols."""
        ...

    def prices(self, asset: Asset, since: datetime, limit: int) -> list[Quote]:
        """The newest samples of an asset's price, oldest first."""
        ...

    def requests(self, limit: int) -> list[LoggedPoll]:
        """The poll log, newest first."""
        ...

    def hinted_polls(self, since: datetime, limit: int, account: Account | None = None) -> list[HintedPoll]:
        """Polls that hints caused since then, newest first; of one account if given."""
        ...

    def hint_tallies(self, since: datetime) -> list[HintTally]:
        """What they came to, by source and hint source, in the order of those names."""
        ...

    def deliveries(
        self,
        state: str | None,
        limit: int,
        skip: int = 0,
        *,
        channel: str | None = None,
        given_up_first: bool = False,
    ) -> list[Delivery]:
        """Deliveries, newest first; only those in `state`, or of a channel, if given."""
        ...

    def count_deliveries(self, state: str | None = None, channel: str | None = None) -> int:
        """How many `deliveries` there are; only those in `state`, or of a channel, if given."""
        ...

    def delivery(self, identity: str) -> Delivery | None: ...

    def counts(self) -> DeliveryCounts: ...

    def waiting(self) -> list[Waiting]:
        """For each channel since when the oldest pending delivery has waited; what is critical apart, and
        what some of its recipients have heard."""
        ...

    def named_deliveries(self, text: str) -> dict[str, str]:
        """Of the deliveries that can be retried or dropped those whose id begins so, with their titles."""
        ...

    def channels(self, names: Sequence[str]) -> list[ChannelState]:
        """How the deliveries of each of these channels fare."""
        ...

    def alerts(self, limit: int, skip: int = 0) -> list[Alert]:
        """Alerts of every state, newest first; those that ended untold are left out."""
        ...

    def happened(
        self, wanted: AlertFilter, limit: int, skip: int = 0, *, worst: bool = False
    ) -> list[Acknowledgeable]:
        """Alerts and events together, the newest first; `worst`: what needs somebody first, the gravest of
        that, the newest of those. Left out is what was over before it fired, and what is unspoken."""
        ...

    def count_happened(self, wanted: AlertFilter) -> int:
        """How many `happened` has."""
        ...

    def live_alerts(self) -> list[Alert]:
        """Pending and firing alerts, oldest first."""
        ...

    def alert(self, identity: str) -> Alert | None: ...

    def event(self, identity: str) -> Event | None: ...

    def events(self, limit: int, skip: int = 0) -> list[Event]:
        """Events that are kept, newest first."""
        ...

    def told_together(self, identity: str) -> list[str]:
        """Ids of the other alerts and events that were told in one message with an alert or event, in each
        channel in which that was told."""
        ...

    def acknowledged(self, since: datetime) -> list[Acknowledgeable]:
        """Live alerts, and events, that somebody acknowledged then or later, in the order of that."""
        ...

    def named_alerts(self, text: str) -> list[str]:
        """Ids of the alerts and events that an id, or its beginning, may mean; those of deliveries count
        too."""
        ...

    def last_alert(self, rule: str, subject: str) -> Alert | None: ...

    def silences(self) -> list[Silence]:
        """All that are kept, those that are over too."""
        ...

    def audit(self, wanted: AuditFilter, limit: int, skip: int = 0) -> list[AuditEntry]:
        """Entries of the audit log, newest first."""
        ...

    def count_audit(self, wanted: AuditFilter) -> int: ...

    def deliveries_of(self, alert: str) -> list[Delivery]:
        """What was or is owed to channels about one alert, oldest first."""
        ...

    def latest_event(self, rule: str, subject: str) -> list[Delivery]:
        """What was or is owed to channels about the last event that a rule told of a subject."""
        ...

    def size(self) -> int | None:
        """Bytes that the store takes, its write-ahead log included; None if nobody knows."""
        ...

    def spent(self, source: str, since: datetime) -> int:
        """Credits booked since then."""
        ...

    def fact(self, source: str, name: str) -> str | None:
        """One fact that a source, or the daemon about it, has kept."""
        ...

    def facts(self, source: str) -> dict[str, str]: ...

    def members(self) -> list[MemberState]:
        """Those who share the store, by name; none where it has one alone."""
        ...

    def work(self) -> WorkState | None:
        """What these have before them; None where one alone has the store."""
        ...

"""What the store knows, for people and scripts: read-only, beside running daemons."""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import datetime
from decimal import Decimal
from typing import Self

from psycopg.pq import TransactionStatus

from watcher.domain.alerts.events import Acknowledgeable, Event
from watcher.domain.alerts.lifecycle import Alert
from watcher.domain.alerts.selection import AlertFilter
from watcher.domain.alerts.silences import Silence
from watcher.domain.audit import AuditEntry, AuditFilter
from watcher.domain.decision import Snapshot
from watcher.domain.history.reconstruction import RecordedHistory
from watcher.domain.messages.delivery import Delivery
from watcher.domain.messages.moves import told_with
from watcher.domain.model import Account, Asset, Change, Quote
from watcher.domain.rules.lookback import Baseline, BaselineOf, ChangesIn
from watcher.ports.hints import HintedPoll, HintTally
from watcher.ports.members import MemberState, WorkState
from watcher.ports.period import MovedHolding, StatementData
from watcher.ports.queries import (
    ChannelState,
    ChartData,
    ChartQuery,
    DeliveryCounts,
    LoggedPoll,
    PollMark,
    Sparks,
    Then,
    Waiting,
)
from watcher.store.postgres import learnt
from watcher.store.postgres.errors import translated
from watcher.store.postgres.migrate import check_version, version_of
from watcher.store.postgres.pool import Connection, Pool
from watcher.store.postgres.questions import (
    alerts,
    audit,
    charts,
    deliveries,
    events,
    happenings,
    hinted,
    history,
    marks,
    members,
    past,
    polls,
    sparks,
    statements,
)
from watcher.store.postgres.questions.asking import assets, number


class PostgresQueries:
    """Questions to one schema. All answers of a `with` block are of one moment."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._using = ExitStack()
        self._conn: Connection | None = None

    def __enter__(self) -> Self:
        with ExitStack() as using:
            conn = using.enter_context(self._pool.connection())
            check_version(self._pool.place, version_of(conn))
            conn.execute(_BEGIN)
            self._conn, self._using = conn, using.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._conn = None
        self._using.close()

    def poll_marks(self) -> Iterator[PollMark]:
        with self._asked() as conn:
            yield from past.poll_marks(conn)

    def past(self) -> Snapshot:
        """Every account's state with its confirmed balances, all quotes and symbols, all live alerts."""
        with self._asked() as conn:
            return past.read(conn)

    def other_names(self) -> tuple[Mapping[Asset, Asset], Mapping[Asset, tuple[str, ...]]]:
        """`Snapshot.same` and `Snapshot.former`."""
        with self._asked() as conn:
            names = past.names(conn, assets(conn))
        return names.same, names.former

    def history(
        self,
        limit: int,
        accounts: Sequence[Account] | None = None,
        since: datetime | None = None,
        assets: Collection[Asset] | None = None,
        skip: int = 0,
    ) -> list[Change]:
        """Changes, newest first; baselines (`before` None) are left out."""
        with self._asked() as conn:
            return history.history(conn, limit, accounts, since, assets, skip)

    def oldest(self) -> datetime | None:
        """When history begins; None if there is none."""
        with self._asked() as conn:
            return history.oldest(conn)

    def known_since(self, accounts: Sequence[Account]) -> datetime | None:
        """When one of these accounts was first read."""
        with self._asked() as conn:
            return charts.known_since(conn, accounts)

    def recorded(self, since: datetime) -> RecordedHistory:
        """All that happened since then, for a backtest."""
        with self._asked() as conn:
            return history.recorded(conn, since)

    def tracks(self, wanted: ChartQuery) -> ChartData:
        """Amounts and prices over a time, and when accounts were read: what charts are made of."""
        with self._asked() as conn:
            return charts.read(conn, wanted)

    def statement(
        self, accounts: Collection[Account], since: datetime, until: datetime, *, holdings: bool = True
    ) -> StatementData:
        """What an account of a time is made of: amounts and prices at both ends, and all between."""
        with self._asked() as conn:
            return statements.read(conn, accounts, since, until, holdings=holdings)

    def moved(
        self,
        accounts: Collection[Account],
        since: datetime,
        until: datetime,
        stretches: int,
        asset: Asset | None = None,
    ) -> Generator[MovedHolding, None, None]:
        """Each holding that changed in a time, read as they are taken."""
        with self._asked() as conn:
            yield from statements.moved(conn, accounts, (since, until), stretches, asset)

    def price_steps(
        self, since: datetime, until: datetime, stretches: int, asset: Asset | None = None
    ) -> dict[Asset, list[Quote]]:
        """The last prices before a time, and in each stretch of it."""
        with self._asked() as conn:
            return statements.price_steps(conn, since, until, stretches, asset)

    def sparks(self, accounts: Sequence[Account], since: datetime, until: datetime, stretches: int) -> Sparks:
        """The same for small pictures of many accounts."""
        with self._asked() as conn:
            return sparks.read(conn, accounts, since, until, stretches)

    def then(self, at: datetime, held: Callable[[Account, Asset], Decimal | None]) -> Then:
        """What was held and what it cost at a time, against what is `held` now (None: not watched)."""
        with self._asked() as conn:
            return sparks.then(conn, at, held)

    def hours(self, source: str, since: datetime) -> list[tuple[datetime, int, int]]:
        """The ledger by the hour: credits and requests, oldest first."""
        with self._asked() as conn:
            return polls.hours(conn, source, since)

    def mark(self, asked: BaselineOf) -> Baseline | None:
        """The amount that a rule compares the next change of a holding with; None if it remembers none."""
        with self._asked() as conn:
            return marks.mark_of(conn, asked)

    def changes(self, asked: ChangesIn) -> tuple[Change, ...]:
        """What the daemon is told when it asks the same, baselines included; without symbols."""
        with self._asked() as conn:
            return marks.changes_in(conn, asked)

    def newest(self, account: Account, asset: Asset, most: int) -> tuple[Change, ...]:
        """The last so many changes of a holding, oldest first, without baselines and symbols."""
        with self._asked() as conn:
            return marks.newest(conn, account, asset, most)

    def prices(self, asset: Asset, since: datetime, limit: int) -> list[Quote]:
        """The newest samples of an asset's price, oldest first."""
        with self._asked() as conn:
            return charts.newest_prices(conn, asset, since, limit)

    def requests(self, limit: int) -> list[LoggedPoll]:
        """The poll log, newest first."""
        with self._asked() as conn:
            return polls.logged(conn, limit)

    def hinted_polls(self, since: datetime, limit: int, account: Account | None = None) -> list[HintedPoll]:
        """Polls that hints caused since then, newest first; of one account if given."""
        with self._asked() as conn:
            return hinted.polls(conn, since, limit, account)

    def hint_tallies(self, since: datetime) -> list[HintTally]:
        """What they came to, by source and hint source, in the order of those names."""
        with self._asked() as conn:
            return hinted.tallies(conn, since)

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
        with self._asked() as conn:
            return deliveries.listed(conn, state, limit, skip, channel=channel, given_up_first=given_up_first)

    def count_deliveries(self, state: str | None = None, channel: str | None = None) -> int:
        """How many `deliveries` there are; only those in `state`, or of a channel, if given."""
        with self._asked() as conn:
            return deliveries.count(conn, state, channel)

    def delivery(self, identity: str) -> Delivery | None:
        with self._asked() as conn:
            return deliveries.one(conn, identity)

    def counts(self) -> DeliveryCounts:
        with self._asked() as conn:
            return deliveries.counts(conn)

    def waiting(self) -> list[Waiting]:
        """For each channel since when the oldest pending delivery has waited; what is critical apart, and
        what some of its recipients have heard."""
        with self._asked() as conn:
            return deliveries.waiting(conn)

    def named_deliveries(self, text: str) -> dict[str, str]:
        """Of the deliveries that can be retried or dropped those whose id begins so, with their titles."""
        with self._asked() as conn:
            return deliveries.named(conn, text.strip().lower())

    def channels(self, names: Sequence[str]) -> list[ChannelState]:
        """How the deliveries of each of these channels fare."""
        with self._asked() as conn:
            return [deliveries.channel(conn, name) for name in names]

    def alerts(self, limit: int, skip: int = 0) -> list[Alert]:
        """Alerts of every state, newest first; those that ended untold are left out."""
        with self._asked() as conn:
            return alerts.newest(conn, limit, skip)

    def happened(
        self, wanted: AlertFilter, limit: int, skip: int = 0, *, worst: bool = False
    ) -> list[Acknowledgeable]:
        """Alerts and events together, the newest or the worst first."""
        with self._asked() as conn:
            return happenings.listed(conn, wanted, limit, skip, worst=worst)

    def count_happened(self, wanted: AlertFilter) -> int:
        """How many `happened` has."""
        with self._asked() as conn:
            return happenings.count(conn, wanted)

    def live_alerts(self) -> list[Alert]:
        """Pending and firing alerts, oldest first."""
        with self._asked() as conn:
            return alerts.live(conn)

    def alert(self, identity: str) -> Alert | None:
        with self._asked() as conn:
            return alerts.one(conn, identity)

    def event(self, identity: str) -> Event | None:
        with self._asked() as conn:
            return events.one(conn, identity)

    def events(self, limit: int, skip: int = 0) -> list[Event]:
        """Events that are kept, newest first."""
        with self._asked() as conn:
            return events.newest(conn, limit, skip)

    def told_together(self, identity: str) -> list[str]:
        with self._asked() as conn:
            return told_with(identity, deliveries.beside(conn, identity))

    def acknowledged(self, since: datetime) -> list[Acknowledgeable]:
        with self._asked() as conn:
            return alerts.acknowledged(conn, since)

    def named_alerts(self, text: str) -> list[str]:
        """Ids of the alerts and events that an id, or its beginning, may mean; those of deliveries count
        too."""
        with self._asked() as conn:
            return alerts.named(conn, text.strip().lower())

    def last_alert(self, rule: str, subject: str) -> Alert | None:
        with self._asked() as conn:
            return alerts.last(conn, rule, subject)

    def silences(self) -> list[Silence]:
        """All that are kept, those that are over too."""
        with self._asked() as conn:
            return alerts.silences(conn)

    def audit(self, wanted: AuditFilter, limit: int, skip: int = 0) -> list[AuditEntry]:
        """Entries of the audit log, newest first."""
        with self._asked() as conn:
            return audit.newest(conn, wanted, limit, skip)

    def count_audit(self, wanted: AuditFilter) -> int:
        with self._asked() as conn:
            return audit.count(conn, wanted)

    def deliveries_of(self, alert: str) -> list[Delivery]:
        """What was or is owed to channels about one alert, oldest first."""
        with self._asked() as conn:
            return deliveries.about(conn, alert)

    def latest_event(self, rule: str, subject: str) -> list[Delivery]:
        """What was or is owed to channels about the last event that a rule told of a subject."""
        with self._asked() as conn:
            return deliveries.latest_event(conn, rule, subject)

    def size(self) -> int | None:
        """Bytes of all tables and indexes of the schema."""
        with self._asked() as conn:
            return number(conn, _SIZE)

    def spent(self, source: str, since: datetime) -> int:
        """Credits booked since then."""
        with self._asked() as conn:
            return polls.spent(conn, source, since)

    def fact(self, source: str, name: str) -> str | None:
        """One fact that a source, or the daemon about it, has kept."""
        sql = "SELECT value FROM facts WHERE source = %s AND name = %s"
        with self._asked() as conn:
            return next((value for (value,) in conn.execute(sql, (source, name))), None)

    def facts(self, source: str) -> dict[str, str]:
        with self._asked() as conn:
            found = conn.execute("SELECT name, value FROM facts WHERE source = %s", (source,)).fetchall()
            return learnt.whole(conn, source, dict(found))

    def members(self) -> list[MemberState]:
        with self._asked() as conn:
            return members.all_of(conn)

    def work(self) -> WorkState:
        with self._asked() as conn:
            return members.work_of(conn)

    @contextmanager
    def _asked(self) -> Iterator[Connection]:
        """Errors of the database are ours out of here. After one that the server lives through, the next
        question begins another transaction."""
        assert self._conn is not None, "questions are asked in a `with` block"  # noqa: S101
        with translated(self._pool.place):
            if self._conn.info.transaction_status is TransactionStatus.INERROR:
                self._conn.rollback()
                self._conn.execute(_BEGIN)
            yield self._conn


_BEGIN = (
    "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;"
    " SET LOCAL statement_timeout = '5min'; SET LOCAL idle_in_transaction_session_timeout = '10min'"
)
"""Reports and backtests take their time, which who polls does not have."""

_SIZE = """
    SELECT coalesce(sum(pg_total_relation_size(oid)), 0)::bigint FROM pg_class
    WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'm')
"""

"""What the store knows, for people and scripts: read-only, beside a running daemon."""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from decimal import Decimal
from pathlib import Path

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
from watcher.ports.members import MemberState
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
from watcher.store.codec import from_ms, time, to_ms
from watcher.store.sqlite import (
    alerts,
    audit,
    chart_data,
    events,
    happenings,
    hinted,
    history,
    marks,
    outbox,
    spark_data,
    statement_data,
)
from watcher.store.sqlite.asset_names import read_names
from watcher.store.sqlite.connection import check_version, connect_existing
from watcher.store.sqlite.errors import translated
from watcher.store.sqlite.snapshot import SqliteSnapshotCache


class SqliteQueries:
    """Questions to a store on disk. Use as a context manager."""

    def __init__(self, path: Path) -> None:
        self._path = path
        with translated(path):
            self._conn = connect_existing(path, "ro")
            try:
                check_version(path, self._conn)
            except BaseException:
                self._conn.close()
                raise

    def __enter__(self) -> SqliteQueries:
        return self

    def __exit__(self, *_: object) -> None:
        self._conn.close()

    def poll_marks(self) -> Iterator[PollMark]:
        sql = "SELECT source, chain, address, last_reading, misses FROM accounts"
        yield from (PollMark(Account(*key), time(at), misses) for *key, at, misses in self._conn.execute(sql))

    def past(self) -> Snapshot:
        with self._snapshot():
            cache = SqliteSnapshotCache(self._conn)
        return Snapshot(
            cache.states,
            cache.alerts,
            cache.quotes,
            cache.names.symbols,
            cache.doubts,
            same=cache.names.same,
            former=cache.names.former,
            named_at=cache.names.named_at,
            silences=cache.silences,
            firing=cache.firing,
            owing=tuple(cache.owing.values()),
            flaps=cache.flaps,
        )

    def other_names(self) -> tuple[Mapping[Asset, Asset], Mapping[Asset, tuple[str, ...]]]:
        """`Snapshot.same` and `Snapshot.former`."""
        with self._snapshot():
            rows = self._conn.execute("SELECT id, chain, token FROM assets").fetchall()
            names = read_names(self._conn, {number: Asset(chain, token) for number, chain, token in rows})
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
        with self._snapshot():
            return history.history(self._conn, limit, accounts, since, assets, skip)

    def oldest(self) -> datetime | None:
        """When history begins; None if there is none."""
        with self._snapshot():
            return history.oldest(self._conn)

    def known_since(self, accounts: Sequence[Account]) -> datetime | None:
        """When one of these accounts was first read."""
        with self._snapshot():
            return chart_data.known_since(self._conn, accounts)

    def recorded(self, since: datetime) -> RecordedHistory:
        """All that happened since then, for a backtest."""
        with self._snapshot():
            return history.recorded(self._conn, since)

    def tracks(self, wanted: ChartQuery) -> ChartData:
        """Amounts and prices over a time, and when accounts were read: what charts are made of."""
        with self._snapshot():
            return chart_data.read(self._conn, wanted)

    def statement(
        self, accounts: Collection[Account], since: datetime, until: datetime, *, holdings: bool = True
    ) -> StatementData:
        """What an account of a time is made of: amounts and prices at both ends, and all between."""
        with self._snapshot():
            return statement_data.read(self._conn, accounts, since, until, holdings=holdings)

    def moved(
        self,
        accounts: Collection[Account],
        since: datetime,
        until: datetime,
        stretches: int,
        asset: Asset | None = None,
    ) -> Generator[MovedHolding, None, None]:
        """Each holding that changed in a time, read as they are taken."""
        with self._snapshot():
            yield from statement_data.moved(self._conn, accounts, (since, until), stretches, asset)

    def price_steps(
        self, since: datetime, until: datetime, stretches: int, asset: Asset | None = None
    ) -> dict[Asset, list[Quote]]:
        """The last prices before a time, and in each stretch of it."""
        with self._snapshot():
            return statement_data.price_steps(self._conn, since, until, stretches, asset)

    def sparks(self, accounts: Sequence[Account], since: datetime, until: datetime, stretches: int) -> Sparks:
        """The same for small pictures of many accounts."""
        with self._snapshot():
            return spark_data.read(self._conn, accounts, since, until, stretches)

    def then(self, at: datetime, held: Callable[[Account, Asset], Decimal | None]) -> Then:
        """What was held and what it cost at a time, against what is `held` now (None: not watched)."""
        with self._snapshot():
            return spark_data.then(self._conn, at, held)

    def hours(self, source: str, since: datetime) -> list[tuple[datetime, int, int]]:
        """The ledger by the hour: credits and requests, oldest first."""
        sql = "SELECT hour, credits, calls FROM spending WHERE source = ? AND hour >= ? ORDER BY hour"
        with self._snapshot():
            rows = self._conn.execute(sql, (source, to_ms(since) // 3_600_000)).fetchall()
        return [(from_ms(hour * 3_600_000), spent, calls) for hour, spent, calls in rows]

    def mark(self, asked: BaselineOf) -> Baseline | None:
        """The amount that a rule compares the next change of a holding with; None if it remembers none."""
        with self._snapshot():
            return marks.mark_of(self._conn, asked, *marks.holding(self._conn, asked.account, asked.asset))

    def changes(self, asked: ChangesIn) -> tuple[Change, ...]:
        """What the daemon is told when it asks the same, baselines included; without symbols."""
        with self._snapshot():
            return marks.changes_in(self._conn, asked, *marks.holding(self._conn, asked.account, asked.asset))

    def newest(self, account: Account, asset: Asset, most: int) -> tuple[Change, ...]:
        """The last so many changes of a holding, oldest first, without baselines and symbols."""
        with self._snapshot():
            return marks.newest(self._conn, account, asset, most)

    def prices(self, asset: Asset, since: datetime, limit: int) -> list[Quote]:
        """The newest samples of an asset's price, oldest first."""
        sql = (
            "SELECT p.price, p.at FROM prices p JOIN assets s ON s.id = p.asset"
            " WHERE s.chain = ? AND s.token = ? AND p.at >= ? ORDER BY p.at DESC LIMIT ?"
        )
        with self._snapshot():
            rows = self._conn.execute(sql, (*asset, to_ms(since), limit)).fetchall()
        return [Quote(Decimal(price), from_ms(at)) for price, at in reversed(rows)]

    def requests(self, limit: int) -> list[LoggedPoll]:
        """The poll log, newest first."""
        sql = (
            "SELECT id, source, purpose, accounts, cost, charged, readings, misses, failure,"
            " reserved_at, ended_at FROM requests ORDER BY id DESC LIMIT ?"
        )
        with self._snapshot():
            rows = self._conn.execute(sql, (limit,)).fetchall()
        return [LoggedPoll(*row[:9], reserved_at=from_ms(row[9]), ended_at=time(row[10])) for row in rows]  # type: ignore[misc]

    def hinted_polls(self, since: datetime, limit: int, account: Account | None = None) -> list[HintedPoll]:
        """Polls that hints caused since then, newest first; of one account if given."""
        with self._snapshot():
            return hinted.polls(self._conn, since, limit, account)

    def hint_tallies(self, since: datetime) -> list[HintTally]:
        """What they came to, by source and hint source, in the order of those names."""
        with self._snapshot():
            return hinted.tallies(self._conn, since)

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
        with self._snapshot():
            return outbox.listed(
                self._conn, state, limit, skip, channel=channel, given_up_first=given_up_first
            )

    def count_deliveries(self, state: str | None = None, channel: str | None = None) -> int:
        """How many `deliveries` there are; only those in `state`, or of a channel, if given."""
        with self._snapshot():
            return outbox.count(self._conn, state, channel)

    def delivery(self, identity: str) -> Delivery | None:
        with self._snapshot():
            return outbox.one(self._conn, identity)

    def counts(self) -> DeliveryCounts:
        with self._snapshot():
            rows = self._conn.execute("SELECT state, count(*), min(created) FROM deliveries GROUP BY state")
            found = {state: (count, oldest) for state, count, oldest in rows}
        pending = found.get("pending", (0, None))
        sent, given_up = found.get("sent", (0, None))[0], found.get("given_up", (0, None))[0]
        return DeliveryCounts(pending[0], sent, given_up, time(pending[1]))

    def waiting(self) -> list[Waiting]:
        """For each channel since when the oldest pending delivery has waited; what is critical apart, and
        what some of its recipients have heard."""
        with self._snapshot():
            return outbox.waiting(self._conn)

    def named_deliveries(self, text: str) -> dict[str, str]:
        """Of the deliveries that can be retried or dropped those whose id begins so, with their titles."""
        with self._snapshot():
            return outbox.named(self._conn, text.strip().lower())

    def channels(self, names: Sequence[str]) -> list[ChannelState]:
        """How the deliveries of each of these channels fare."""
        with self._snapshot():
            return [self._channel(name) for name in names]

    def _channel(self, name: str) -> ChannelState:
        pending, oldest, trouble = self._conn.execute(
            "SELECT count(*), min(created), max(last_error) FROM deliveries"
            " WHERE channel = ? AND state = 'pending'",
            (name,),
        ).fetchone()
        last = self._conn.execute(
            "SELECT state, last_error, sent, heard FROM deliveries WHERE channel = ? AND state <> 'pending'"
            " ORDER BY created DESC, id DESC LIMIT 1",
            (name,),
        ).fetchone()
        ended_badly = last is not None and last[0] == "given_up"
        gave_up = ended_badly and not last[3]
        why = last[1] if ended_badly else trouble or ""
        sent = None if last is None else time(last[2])
        return ChannelState(name, pending, time(oldest), gave_up=gave_up, trouble=why, sent=sent)

    def alerts(self, limit: int, skip: int = 0) -> list[Alert]:
        """Alerts of every state, newest first; those that ended untold are left out."""
        with self._snapshot():
            return alerts.newest(self._conn, limit, skip)

    def happened(
        self, wanted: AlertFilter, limit: int, skip: int = 0, *, worst: bool = False
    ) -> list[Acknowledgeable]:
        """Alerts and events together, the newest or the worst first."""
        with self._snapshot():
            return happenings.listed(self._conn, wanted, limit, skip, worst=worst)

    def count_happened(self, wanted: AlertFilter) -> int:
        """How many `happened` has."""
        with self._snapshot():
            return happenings.count(self._conn, wanted)

    def live_alerts(self) -> list[Alert]:
        """Pending and firing alerts, oldest first."""
        with self._snapshot():
            return alerts.live(self._conn)

    def alert(self, identity: str) -> Alert | None:
        with self._snapshot():
            return alerts.one(self._conn, identity)

    def event(self, identity: str) -> Event | None:
        with self._snapshot():
            return events.one(self._conn, identity)

    def events(self, limit: int, skip: int = 0) -> list[Event]:
        """Events that are kept, newest first."""
        with self._snapshot():
            return events.newest(self._conn, limit, skip)

    def told_together(self, identity: str) -> list[str]:
        with self._snapshot():
            return told_with(identity, outbox.beside(self._conn, identity))

    def acknowledged(self, since: datetime) -> list[Acknowledgeable]:
        with self._snapshot():
            return alerts.acknowledged(self._conn, since)

    def named_alerts(self, text: str) -> list[str]:
        """Ids of the alerts and events that an id, or its beginning, may mean; those of deliveries count
        too."""
        with self._snapshot():
            return alerts.named(self._conn, text.strip().lower())

    def last_alert(self, rule: str, subject: str) -> Alert | None:
        with self._snapshot():
            return alerts.last(self._conn, rule, subject)

    def silences(self) -> list[Silence]:
        """All that are kept, those that are over too."""
        with self._snapshot():
            return alerts.silences(self._conn)

    def audit(self, wanted: AuditFilter, limit: int, skip: int = 0) -> list[AuditEntry]:
        """Entries of the audit log, newest first."""
        with self._snapshot():
            return audit.newest(self._conn, wanted, limit, skip)

    def count_audit(self, wanted: AuditFilter) -> int:
        with self._snapshot():
            return audit.count(self._conn, wanted)

    def deliveries_of(self, alert: str) -> list[Delivery]:
        """What was or is owed to channels about one alert, oldest first."""
        with self._snapshot():
            return outbox.about(self._conn, alert)

    def latest_event(self, rule: str, subject: str) -> list[Delivery]:
        """What was or is owed to channels about the last event that a rule told of a subject."""
        with self._snapshot():
            return outbox.latest_event(self._conn, rule, subject)

    def size(self) -> int | None:
        log = self._path.with_name(self._path.name + "-wal")
        found = [path.stat().st_size for path in (self._path, log) if path.exists()]
        return sum(found) if found else None

    def spent(self, source: str, since: datetime) -> int:
        """Credits booked since then."""
        sql = "SELECT coalesce(sum(credits), 0) FROM spending WHERE source = ? AND hour >= ?"
        with self._snapshot():
            return int(self._conn.execute(sql, (source, to_ms(since) // 3_600_000)).fetchone()[0])

    def fact(self, source: str, name: str) -> str | None:
        with self._snapshot():
            sql = "SELECT value FROM facts WHERE source = ? AND name = ?"
            return next((value for (value,) in self._conn.execute(sql, (source, name))), None)

    def facts(self, source: str) -> dict[str, str]:
        with self._snapshot():
            return dict(self._conn.execute("SELECT name, value FROM facts WHERE source = ?", (source,)))

    def members(self) -> list[MemberState]:
        return []

    def work(self) -> None:
        """One alone has it."""

    @contextmanager
    def _snapshot(self) -> Iterator[None]:
        """All that is read in here is of one moment, whatever the daemon writes meanwhile."""
        with translated(self._path):
            self._conn.execute("BEGIN")
            try:
                yield
            finally:
                self._conn.rollback()

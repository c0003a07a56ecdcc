"""Questions by people to state in memory."""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from itertools import islice

from watcher.domain.alerts.events import Acknowledgeable, Event
from watcher.domain.alerts.lifecycle import Alert, AlertState
from watcher.domain.alerts.selection import AlertFilter, began, urgency
from watcher.domain.alerts.silences import Silence
from watcher.domain.audit import AuditEntry, AuditFilter
from watcher.domain.decision import Snapshot
from watcher.domain.history.reconstruction import RecordedHistory
from watcher.domain.messages.delivery import Delivery, DeliveryState
from watcher.domain.messages.message import Kind, Severity
from watcher.domain.messages.moves import told_with
from watcher.domain.model import Account, Asset, Change, Quote
from watcher.domain.records import replace
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
from watcher.store.ledger import whole_hour
from watcher.store.memory import chart_data, statement_data
from watcher.store.memory.state import State, nameless
from watcher.store.snapshot import OtherNames

MOST_NAMED = 20
"""Ids that one beginning of an id may mean, at most."""


class MemoryQueries:
    """Holds the state from entering to leaving its block: all that is read is of one moment."""

    def __init__(self, state: State) -> None:
        self._state, self._cache = state, state.cache

    def __enter__(self) -> MemoryQueries:
        self._state.lock.acquire()
        return self

    def __exit__(self, *_: object) -> None:
        self._state.lock.release()

    # ------------------------------------------------------------------ what is and was held

    def poll_marks(self) -> Iterator[PollMark]:
        for account, state in self._cache.states.items():
            yield PollMark(account, state.last_reading, state.misses)

    def past(self) -> Snapshot:
        found = self._cache.whole()
        return replace(
            found,
            accounts=dict(found.accounts),
            alerts=dict(found.alerts),
            quotes=dict(found.quotes),
            symbols=dict(found.symbols),
            doubts=dict(found.doubts),
            named_at=dict(found.named_at),
            firing={key: set(subjects) for key, subjects in found.firing.items()},
            flaps=dict(found.flaps),
        )

    def other_names(self) -> OtherNames:
        return self._cache.names.same, self._cache.names.former

    def history(
        self,
        limit: int,
        accounts: Sequence[Account] | None = None,
        since: datetime | None = None,
        assets: Collection[Asset] | None = None,
        skip: int = 0,
    ) -> list[Change]:
        wanted = None if accounts is None else set(accounts)
        changes = self._state.history if since is None else self._state.since(since)
        found = (
            each
            for each in reversed(changes)
            if each.before is not None
            and (wanted is None or each.account in wanted)
            and (assets is None or each.asset in assets)
        )
        return [self._named(each) for each in islice(found, skip, skip + limit)]

    def _named(self, change: Change) -> Change:
        return change._replace(symbol=self._cache.names.symbols.get(change.asset, ""), claimed=False)

    def oldest(self) -> datetime | None:
        return self._state.history[0].after_at if self._state.history else None

    def known_since(self, accounts: Sequence[Account]) -> datetime | None:
        return chart_data.known_since(self._state, accounts)

    def recorded(self, since: datetime) -> RecordedHistory:
        state, names = self._state, self._cache.names
        held: dict[Account, dict[Asset, Decimal]] = {}
        for (account, asset), changes in state.changes.items():
            earlier = [each for each in changes if each.after_at < since]
            if earlier:
                held.setdefault(account, {})[asset] = earlier[-1].after
        prices = {}
        for asset, quotes in state.prices.items():
            before = state.price_at(asset, since)
            prices[asset] = [each for each in quotes if before is None or each.at >= before.at]
        polls = [record for key, record in state.records.items() if state.polls[key].reserved_at >= since]
        polls.sort(key=lambda record: record.at)
        return RecordedHistory(
            changes=[self._named(each)._replace(drift=False) for each in state.since(since)],
            held=held,
            prices=prices,
            symbols=dict(names.symbols),
            polls=polls,
            runs=state.daemon_runs(),
            same=names.same,
            former=names.former,
            known_from=polls[0].at if polls else None,
        )

    def tracks(self, wanted: ChartQuery) -> ChartData:
        return chart_data.read(self._state, wanted)

    def statement(
        self, accounts: Collection[Account], since: datetime, until: datetime, *, holdings: bool = True
    ) -> StatementData:
        return statement_data.read(self._state, accounts, since, until, holdings=holdings)

    def moved(
        self,
        accounts: Collection[Account],
        since: datetime,
        until: datetime,
        stretches: int,
        asset: Asset | None = None,
    ) -> Generator[MovedHolding, None, None]:
        return statement_data.moved(self._state, accounts, since, until, stretches, asset)

    def price_steps(
        self, since: datetime, until: datetime, stretches: int, asset: Asset | None = None
    ) -> dict[Asset, list[Quote]]:
        return statement_data.price_steps(self._state, since, until, stretches, asset)

    def sparks(self, accounts: Sequence[Account], since: datetime, until: datetime, stretches: int) -> Sparks:
        return chart_data.sparks(self._state, accounts, since, until, stretches)

    def then(self, at: datetime, held: Callable[[Account, Asset], Decimal | None]) -> Then:
        return chart_data.then(self._state, at, held)

    def mark(self, asked: BaselineOf) -> Baseline | None:
        return self._state.marks.get(asked)

    def changes(self, asked: ChangesIn) -> tuple[Change, ...]:
        return tuple(map(nameless, self._state.changes_in(asked)))

    def newest(self, account: Account, asset: Asset, most: int) -> tuple[Change, ...]:
        changes = self._state.changes.get((account, asset), [])
        return tuple(nameless(each) for each in changes if each.before is not None)[-most:]

    def prices(self, asset: Asset, since: datetime, limit: int) -> list[Quote]:
        return [each for each in self._state.prices.get(asset, ()) if each.at >= since][-limit:]

    # ------------------------------------------------------------------ the ledger and the poll log

    def requests(self, limit: int) -> list[LoggedPoll]:
        return list(islice(reversed(self._state.polls.values()), limit))

    def hours(self, source: str, since: datetime) -> list[tuple[datetime, int, int]]:
        rows, begin = self._state.spending.get(source, {}).items(), whole_hour(since)
        return sorted((hour, row[0], row[1]) for hour, row in rows if hour >= begin)

    def spent(self, source: str, since: datetime) -> int:
        return sum(spent for _, spent, _ in self.hours(source, since))

    def fact(self, source: str, name: str) -> str | None:
        return self._state.facts.get(source, {}).get(name)

    def members(self) -> list[MemberState]:
        return []

    def work(self) -> None:
        """One alone has it."""

    def facts(self, source: str) -> dict[str, str]:
        return dict(self._state.facts.get(source, {}))

    def size(self) -> int | None:
        return None

    # ------------------------------------------------------------------ deliveries

    def hinted_polls(self, since: datetime, limit: int, account: Account | None = None) -> list[HintedPoll]:
        found = [
            each
            for each in reversed(self._state.hinted)
            if each.at >= since and (account is None or each.account == account)
        ]
        return sorted(found, key=lambda each: each.at, reverse=True)[:limit]

    def hint_tallies(self, since: datetime) -> list[HintTally]:
        groups: dict[tuple[str, str], list[HintedPoll]] = {}
        for each in self._state.hinted:
            if each.at >= since:
                groups.setdefault((each.account.source, each.word.by), []).append(each)
        return [tally(*names, groups[names]) for names in sorted(groups)]

    def deliveries(
        self,
        state: str | None,
        limit: int,
        skip: int = 0,
        *,
        channel: str | None = None,
        given_up_first: bool = False,
    ) -> list[Delivery]:
        found = [each for each in reversed(self._all()) if _is_wanted(each, state, channel)]
        if given_up_first:
            found.sort(key=lambda each: each.state is not DeliveryState.GIVEN_UP)
        return [self._state.told(each) for each in found[skip : skip + limit]]

    def count_deliveries(self, state: str | None = None, channel: str | None = None) -> int:
        return sum(_is_wanted(each, state, channel) for each in self._state.deliveries.values())

    def delivery(self, identity: str) -> Delivery | None:
        found = self._state.deliveries.get(identity)
        return self._state.told(found) if found is not None else None

    def _all(self) -> list[Delivery]:
        """Oldest first."""
        return sorted(self._state.deliveries.values(), key=lambda each: each.created)

    def _in(self, state: DeliveryState, channel: str | None = None) -> list[Delivery]:
        return [each for each in self._all() if each.state is state and channel in (None, each.channel)]

    def counts(self) -> DeliveryCounts:
        pending = self._in(DeliveryState.PENDING)
        oldest = pending[0].created if pending else None
        sent, given_up = self._in(DeliveryState.SENT), self._in(DeliveryState.GIVEN_UP)
        return DeliveryCounts(len(pending), len(sent), len(given_up), oldest)

    def waiting(self) -> list[Waiting]:
        found: dict[tuple[str, bool, bool], datetime] = {}
        for each in self._in(DeliveryState.PENDING):
            critical = each.message.severity is Severity.CRITICAL
            found.setdefault((each.channel, critical, bool(each.delivered_to)), each.created)
        return [Waiting(*key, since) for key, since in sorted(found.items())]

    def named_deliveries(self, text: str) -> dict[str, str]:
        open_ = (DeliveryState.PENDING, DeliveryState.GIVEN_UP, DeliveryState.WITHHELD)
        known = {key: each for key, each in self._state.deliveries.items() if each.state in open_}
        some = _beginning(known, text)[:MOST_NAMED]
        return {key: f"{known[key].channel}: {known[key].message.title}" for key in some}

    def channels(self, names: Sequence[str]) -> list[ChannelState]:
        return [self._channel(name) for name in names]

    def _channel(self, name: str) -> ChannelState:
        pending = self._in(DeliveryState.PENDING, name)
        ended = [
            each
            for each in self._state.deliveries.values()
            if each.channel == name and each.state is not DeliveryState.PENDING
        ]
        last = max(ended, key=lambda each: (each.created, each.id), default=None)
        badly = last is not None and last.state is DeliveryState.GIVEN_UP
        trouble = max((each.last_error for each in pending), default="")
        return ChannelState(
            name,
            len(pending),
            pending[0].created if pending else None,
            gave_up=badly and last is not None and not last.delivered_to,
            trouble=last.last_error if badly and last is not None else trouble,
            sent=last.sent if last is not None else None,
        )

    def deliveries_of(self, alert: str) -> list[Delivery]:
        return [self._state.told(each) for each in self._all() if each.message.id == alert]

    def latest_event(self, rule: str, subject: str) -> list[Delivery]:
        about = [
            each
            for each in self._state.deliveries.values()
            if each.message.kind is Kind.EVENT
            and (each.message.rule, each.message.subject) == (rule, subject)
        ]
        last = max((each.message for each in reversed(about)), key=lambda message: message.at, default=None)
        return [each for each in about if each.message == last]

    # ------------------------------------------------------------------ alerts

    def alerts(self, limit: int, skip: int = 0) -> list[Alert]:
        shown = [each for each in self._state.alerts.values() if not each.closed or each.fired_at]
        shown.sort(key=lambda each: each.id)
        shown.sort(key=lambda each: each.since, reverse=True)
        return shown[skip : skip + limit]

    def happened(
        self, wanted: AlertFilter, limit: int, skip: int = 0, *, worst: bool = False
    ) -> list[Acknowledgeable]:
        found = sorted(self._happened(wanted), key=lambda each: each.id)
        found.sort(key=began, reverse=True)
        if worst:
            found.sort(key=lambda each: (urgency(each), each.severity.rank))
        return found[skip : skip + limit]

    def count_happened(self, wanted: AlertFilter) -> int:
        return len(self._happened(wanted))

    def _happened(self, wanted: AlertFilter) -> list[Acknowledgeable]:
        found: list[Acknowledgeable] = [*self._state.events().values()]
        found += (
            each
            for each in self._state.alerts.values()
            if (not each.closed or each.fired_at) and not each.unspoken
        )
        return [each for each in found if wanted.takes(each)]

    def live_alerts(self) -> list[Alert]:
        live = (each for each in self._state.alerts.values() if each.state is not AlertState.RESOLVED)
        return sorted(live, key=lambda each: (each.since, each.id))

    def alert(self, identity: str) -> Alert | None:
        return self._state.alerts.get(identity)

    def event(self, identity: str) -> Event | None:
        return self._state.events().get(identity)

    def events(self, limit: int, skip: int = 0) -> list[Event]:
        found = sorted(self._state.events().values(), key=lambda each: each.id)
        found.sort(key=lambda each: each.message.at, reverse=True)
        return found[skip : skip + limit]

    def told_together(self, identity: str) -> list[str]:
        return told_with(identity, self._state.deliveries.values())

    def acknowledged(self, since: datetime) -> list[Acknowledgeable]:
        known: list[Acknowledgeable] = [*self.live_alerts(), *self._state.events().values()]
        found = [(each.acknowledged.at, each.id, each) for each in known if each.acknowledged is not None]
        return [each for at, _, each in sorted(found, key=lambda one: one[:2]) if at >= since]

    def named_alerts(self, text: str) -> list[str]:
        text = text.strip().lower()
        known = {*self._state.alerts, *self._state.events()}
        if text in known:
            return [text]
        deliveries = self._state.deliveries
        told = {deliveries[each].message.id for each in _beginning(deliveries, text)}
        return sorted({*_beginning(known, text), *told})[:MOST_NAMED]

    def last_alert(self, rule: str, subject: str) -> Alert | None:
        about = [
            each
            for each in self._state.alerts.values()
            if (each.rule, each.subject) == (rule, subject) and each.told_at is not None
        ]
        return max(sorted(about, key=lambda each: each.id), key=lambda each: each.since, default=None)

    def silences(self) -> list[Silence]:
        return list(self._cache.silences)

    def audit(self, wanted: AuditFilter, limit: int, skip: int = 0) -> list[AuditEntry]:
        found = [entry for entry in self._state.audit if wanted.takes(entry)]
        found.sort(key=lambda entry: (entry.actor.at, entry.id), reverse=True)
        return found[skip : skip + limit]

    def count_audit(self, wanted: AuditFilter) -> int:
        return sum(map(wanted.takes, self._state.audit))


def _beginning(ids: Iterable[str], text: str) -> list[str]:
    """Ids that begin so; none for no text."""
    text = text.strip().lower()
    return sorted(each for each in ids if text and each.startswith(text))


def tally(source: str, by: str, polls: Sequence[HintedPoll]) -> HintTally:
    """What some polls that one hint source caused came to."""
    barren = [each for each in polls if each.changed is False]
    confirmed = sum(each.changed is True for each in polls)
    paid, lost = (sum(each.credits for each in some) for some in (polls, barren))
    return HintTally(source, by, len(polls), confirmed, len(barren), paid, lost)


def _is_wanted(delivery: Delivery, state: str | None, channel: str | None) -> bool:
    return state in (None, str(delivery.state)) and channel in (None, delivery.channel)

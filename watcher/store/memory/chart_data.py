"""What charts are made of, from state in memory; nothing is thinned."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from watcher.domain.history.reconstruction import PollRecord
from watcher.domain.history.timeline import Gap, Point
from watcher.domain.messages.message import Kind
from watcher.domain.model import Account, Asset
from watcher.domain.values.decimals import ZERO, minus, plus
from watcher.ports.queries import (
    MOST_MARKS,
    AlertMark,
    ChartData,
    ChartQuery,
    Holding,
    Partial,
    ReadingTimes,
    Sparks,
    Then,
    Track,
)
from watcher.store.memory.state import State


def read(state: State, wanted: ChartQuery) -> ChartData:
    known = [account for account in wanted.accounts if account in state.cache.states]
    tracks = [
        _track(state, wanted, account, asset)
        for account in known
        for asset in state.cache.states[account].amounts
        if _shown(state, wanted, account, asset)
    ]
    return ChartData(
        tuple(tracks),
        {track.asset: _prices(state, wanted, track.asset) for track in tracks},
        {account: _reading_times(state, wanted, account) for account in known},
        tuple(state.daemon_runs()),
        tuple(_marks(state, wanted)) if wanted.wallet else (),
        tuple(
            Holding(account, asset, state.cache.names.symbols.get(asset, ""), asset in state.cache.quotes)
            for account in known
            for asset in state.cache.states[account].amounts
        )
        if wanted.wallet
        else (),
    )


def known_since(state: State, accounts: Sequence[Account]) -> datetime | None:
    holdings = (changes for (holder, _), changes in state.changes.items() if holder in accounts)
    return min((each.before_at or each.after_at for changes in holdings for each in changes), default=None)


def _shown(state: State, wanted: ChartQuery, account: Account, asset: Asset) -> bool:
    if wanted.asset is not None:
        return asset == wanted.asset
    known = state.cache.states[account]
    return asset in state.cache.quotes and asset not in known.quarantined and asset not in known.newcomers


def _track(state: State, wanted: ChartQuery, account: Account, asset: Asset) -> Track:
    changes = state.changes.get((account, asset), [])
    rows = [each for each in changes if wanted.since < each.after_at <= wanted.until]
    before = [each for each in changes if each.after_at <= wanted.since][-1:]
    points = [Point(each.after_at, each.after) for each in before + rows]
    if not before and rows and rows[0].before is not None:  # it held nothing of this asset until then
        points.insert(0, Point(wanted.since, rows[0].before))
    spans = tuple(Gap(each.before_at, each.after_at) for each in rows if each.before_at is not None)
    return Track(account, asset, state.cache.names.symbols.get(asset, ""), tuple(points), spans)


def _prices(state: State, wanted: ChartQuery, asset: Asset) -> tuple[Point, ...]:
    quotes = [each for each in state.prices.get(asset, ()) if each.at <= wanted.until]
    before = [each for each in quotes if each.at <= wanted.since][-1:]
    within = [each for each in quotes if each.at > wanted.since]
    return tuple(Point(each.at, each.price) for each in before + within)


def _reading_times(state: State, wanted: ChartQuery, account: Account) -> ReadingTimes:
    baselines = (
        each.after_at
        for (holder, _), changes in state.changes.items()
        for each in changes
        if holder == account and each.before is None
    )
    first = min(baselines, default=None)
    if not wanted.readings:
        return ReadingTimes(first, None)
    outages = state.outages(account, wanted.since, wanted.until)
    log = [(state.polls[key], record) for key, record in state.records.items()]
    mine = [(poll, record) for poll, record in log if poll.source == account.source]
    if not mine:
        return ReadingTimes(first, None, spells=outages)
    # As far back again: what was usual before shows how long a wait is too long.
    back = wanted.since - max(wanted.until - wanted.since, timedelta(days=1))
    read = [
        record for poll, record in mine if back < poll.reserved_at <= wanted.until and account in record.read
    ]
    partial = [each for record in read if (each := _partial(record, account)) is not None]
    whole = [record.at for record in read if _partial(record, account) is None]
    return ReadingTimes(first, mine[0][1].at, tuple(sorted(whole)), tuple(partial), outages)


def _partial(record: PollRecord, account: Account) -> Partial | None:
    """What a reading did not settle; None if it settled all."""
    chains = record.unread.get(account, frozenset())
    left = record.unsettled.get(account, frozenset()) | frozenset(record.held.get(account, ()))
    if not (chains or left or account in record.omitted):
        return None
    return Partial(record.at, chains, left)


def _marks(state: State, wanted: ChartQuery) -> list[AlertMark]:
    """What fired or happened on the wallet in this time, newest first."""
    found = [
        AlertMark(each.fired_at, each.resolved_at, str(each.severity), each.rule, each.because, each.id)
        for each in state.alerts.values()
        if each.wallet == wanted.wallet and each.fired_at and (not each.closed or each.told_at)
    ]
    events = {
        each.message: AlertMark(
            each.message.at, None, str(each.message.severity), each.message.rule, each.message.title, ""
        )
        for each in state.deliveries.values()
        if each.message.wallet == wanted.wallet and each.message.kind is Kind.EVENT
    }
    within = [each for each in (*found, *events.values()) if wanted.since < each.at <= wanted.until]
    return sorted(within, key=lambda mark: mark.at, reverse=True)[:MOST_MARKS]


def sparks(
    state: State, accounts: Sequence[Account], since: datetime, until: datetime, stretches: int
) -> Sparks:
    """The first change after the end of each stretch tells what was held then."""
    stretch = max((until - since) / stretches, timedelta(milliseconds=1))
    found = Sparks()
    assets = set()
    for account in accounts:
        known = state.cache.states.get(account)
        for asset in known.amounts if known is not None else ():
            assets.add(asset)
            first: dict[int, Point] = {}
            for each in state.changes.get((account, asset), ()):
                if each.after_at > since:
                    first.setdefault((each.after_at - since) // stretch, Point(each.after_at, each.before))
            if first:
                found.before[account, asset] = list(first.values())
    for asset in assets:
        before = state.price_at(asset, since)
        last = {
            (each.at - since) // stretch: Point(each.at, each.price)
            for each in state.prices.get(asset, ())
            if since < each.at <= until
        }
        points = [*([Point(since, before.price)] if before is not None else []), *last.values()]
        if points:
            found.prices[asset] = points
    for source in {account.source for account in accounts}:
        found.readings[source] = sorted(_read(state, source, since, until))
    return found


def _read(state: State, source: str, since: datetime, until: datetime) -> Iterable[datetime]:
    for poll in state.polls.values():
        if poll.source == source and since < poll.reserved_at <= until and poll.readings and poll.ended_at:
            yield poll.ended_at


def then(state: State, at: datetime, held: Callable[[Account, Asset], Decimal | None]) -> Then:
    """Against the present amounts of accounts that were watched at that time."""
    found = Then()
    for (account, asset), changes in state.changes.items():
        watched = state.cache.states[account].watched_since
        first = next((each for each in changes if each.after_at > at), None)
        amount = held(account, asset) if first is not None and (watched is None or watched <= at) else None
        if first is None or amount is None:
            continue
        if first.before is None:
            found.fresh += 1
            found.first_seen[asset] = plus(found.first_seen.get(asset, ZERO), amount)
        else:
            found.grown[asset] = plus(found.grown.get(asset, ZERO), minus(amount, first.before))
    for asset in state.cache.quotes:
        quote = state.price_at(asset, at)
        if quote is not None:
            found.prices[asset] = quote.price
    return found

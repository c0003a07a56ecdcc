"""What a statement is made of, from state in memory."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Generator
from datetime import datetime
from decimal import Decimal
from operator import itemgetter

from watcher.domain.history.timeline import Gap
from watcher.domain.messages.message import Message
from watcher.domain.model import Account, Asset, Quote
from watcher.ports.period import MovedHolding, PollTally, StatementData, Step
from watcher.store.memory.state import State


def read(
    state: State, accounts: Collection[Account], since: datetime, until: datetime, *, holdings: bool = True
) -> StatementData:
    wanted, names = set(accounts), state.cache.names.symbols
    held: dict[tuple[Account, Asset], Decimal] = {}
    for (account, asset), changes in state.changes.items() if holdings else ():
        earlier = [each for each in changes if each.after_at < since] if account in wanted else []
        if earlier:
            held[account, asset] = earlier[-1].after
    fired = [
        each
        for each in state.alerts.values()
        if each.fired_at is not None
        and each.fired_at < until
        and (each.resolved_at is None or each.resolved_at > since)
        and (not each.closed or each.told_at)
    ]
    return StatementData(
        held,
        tuple(
            each._replace(symbol=names.get(each.asset, ""), claimed=False)
            for each in (state.since(since) if holdings else ())
            if each.after_at < until and each.account in wanted
        ),
        _prices(state, since),
        _prices(state, until),
        tuple(sorted(fired, key=lambda each: (each.fired_at or since, each.id))),
        _events(state, since, until),
        _unread(state, wanted, since, until),
        tuple(state.daemon_runs()),
        _polls(state, since, until),
        min((each.reserved_at for each in state.polls.values()), default=None),
        _spent(state, since, until),
    )


def moved(
    state: State,
    accounts: Collection[Account],
    since: datetime,
    until: datetime,
    stretches: int,
    asset: Asset | None,
) -> Generator[MovedHolding, None, None]:
    wanted = set(accounts)
    for (account, held_of), changes in sorted(state.changes.items(), key=itemgetter(0)):
        if account not in wanted or asset not in (None, held_of):
            continue
        earlier = [each for each in changes if each.after_at < since]
        steps = tuple(
            Step(each.before, each.after, (each.after_at - since) * stretches // (until - since), each.drift)
            for each in changes
            if since <= each.after_at < until
        )
        if steps:
            yield MovedHolding(account, held_of, earlier[-1].after if earlier else None, steps)


def price_steps(
    state: State, since: datetime, until: datetime, stretches: int, asset: Asset | None
) -> dict[Asset, list[Quote]]:
    before, found = _prices(state, since), {}
    for priced, quotes in state.prices.items():
        if asset in (None, priced):
            within = [each for each in quotes if since <= each.at < until]
            last = {(each.at - since) * stretches // (until - since): each for each in within}
            if steps := [*([before[priced]] if priced in before else []), *last.values()]:
                found[priced] = steps
    return found


def _prices(state: State, at: datetime) -> dict[Asset, Quote]:
    """The last price of each asset before a time."""
    found = {}
    for asset, quotes in state.prices.items():
        index = bisect_left(quotes, at, key=lambda quote: quote.at)
        if index:
            found[asset] = quotes[index - 1]
    return found


def _events(state: State, since: datetime, until: datetime) -> tuple[Message, ...]:
    told = (each.message for each in state.events().values())
    found = [each for each in told if since <= each.at < until]
    return tuple(sorted(found, key=lambda each: each.at))


def _unread(
    state: State, wanted: Collection[Account], since: datetime, until: datetime
) -> dict[Account, tuple[Gap, ...]]:
    found = {
        account: tuple(sorted(gap for gap in gaps if gap.until > since and gap.since < until))
        for account, gaps in state.unread.items()
        if account in wanted
    }
    return {account: gaps for account, gaps in found.items() if gaps}


def _polls(state: State, since: datetime, until: datetime) -> dict[str, PollTally]:
    found: dict[str, PollTally] = {}
    for poll in state.polls.values():
        if since <= poll.reserved_at < until:
            known = found.get(poll.source, PollTally())
            found[poll.source] = PollTally(
                known.requests + 1,
                known.failed + bool(poll.failure),
                known.readings + poll.readings,
                known.misses + poll.misses,
            )
    return dict(sorted(found.items()))


def _spent(state: State, since: datetime, until: datetime) -> dict[str, tuple[int, int]]:
    found = {}
    for source, hours in sorted(state.spending.items()):
        rows = [row for hour, row in hours.items() if since <= hour < until]
        if rows:
            found[source] = sum(row[0] for row in rows), sum(row[1] for row in rows)
    return found

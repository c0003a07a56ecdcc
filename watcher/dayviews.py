"""How the value of everything has changed in a day."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from watcher.domain.conclusion import Past
from watcher.domain.exact import ZERO, minus, plus, times
from watcher.domain.model import Account, Asset
from watcher.store.reader import Reader

DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Day:
    """What has a price now and had one then, and was watched then: its value then, and the difference."""

    since: datetime
    before: Decimal
    delta: Decimal
    fresh: int
    """Holdings left out, for they were read for the first time since then."""


def day(reader: Reader, past: Past, watched: Collection[Account], now: datetime) -> Day | None:
    """The day until now; None if nothing was known a day ago."""
    then = reader.then(now - DAY)
    held_now: dict[Asset, Decimal] = {}
    for account in watched:
        state = past.accounts.get(account)
        for asset, amount in state.amounts.items() if state is not None else ():
            if asset in then.prices and asset in past.quotes:
                held_now[asset] = plus(held_now.get(asset, ZERO), amount)
    held_then, fresh = dict(held_now), 0
    for (account, asset), before in then.before.items():
        state = past.accounts.get(account)
        if state is None or account not in watched or asset not in held_now:
            continue
        amount = state.amounts.get(asset, ZERO)
        if before is None:
            fresh += 1
            held_now[asset] = minus(held_now[asset], amount)
        held_then[asset] = plus(minus(held_then[asset], amount), before or ZERO)
    if not any(held_then.values()):
        return None
    value = delta = ZERO
    for asset, amount in held_then.items():
        was = times(amount, then.prices[asset])
        value = plus(value, was)
        delta = plus(delta, minus(times(held_now[asset], past.quotes[asset].price), was))
    return Day(now - DAY, value, delta, fresh)

"""Periods: what a store answers of a time from one moment up to another, of which the last is not in it."""

from __future__ import annotations

from collections.abc import Collection, Generator
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple, Protocol

from watcher.domain.alerts.lifecycle import Alert
from watcher.domain.history.reconstruction import DaemonRun
from watcher.domain.history.timeline import Gap
from watcher.domain.messages.message import Message
from watcher.domain.model import Account, Asset, Change, Quote
from watcher.domain.records import Record, field


class PollTally(Record, frozen=True):
    """Requests of one source in a time: how many were made and how many failed, and what came of them."""

    requests: int = 0
    failed: int = 0
    readings: int = 0
    misses: int = 0


class StatementData(Record, frozen=True):
    """Everything kept about some accounts from one time up to another, of which neither end is in both."""

    held: dict[tuple[Account, Asset], Decimal] = field(default_factory=dict)
    """Amounts at the beginning; a holding of which nothing was known then is left out."""
    changes: tuple[Change, ...] = ()
    """Oldest first, baselines and interest included."""
    prices_before: dict[Asset, Quote] = field(default_factory=dict)
    """The last prices before the beginning, and before the end."""
    prices_after: dict[Asset, Quote] = field(default_factory=dict)
    alerts: tuple[Alert, ...] = ()
    """All that fired at some moment of it and were told or still are to be, on whatever they are."""
    events: tuple[Message, ...] = ()
    unread: dict[Account, tuple[Gap, ...]] = field(default_factory=dict)
    """Times that are over, in which polls of an account failed one after another."""
    runs: tuple[DaemonRun, ...] = ()
    polls: dict[str, PollTally] = field(default_factory=dict)
    """By source, as far as the poll log reaches back."""
    polls_from: datetime | None = None
    """From when on there is a poll log; None: there is none."""
    spent: dict[str, tuple[int, int]] = field(default_factory=dict)
    """Credits and requests of each source, by the ledger's hours that begin in this time."""


class Step(NamedTuple):
    """Change of one holding, without whose it is."""

    before: Decimal | None
    after: Decimal
    stretch: int
    """Of the equal stretches of the time that were asked for, the one that it lies in, from 0."""
    drift: bool = False


class MovedHolding(NamedTuple):
    """Holding that changed in a time. `held`: its amount at the beginning; None: nothing was known of it."""

    account: Account
    asset: Asset
    held: Decimal | None
    steps: tuple[Step, ...]
    """Oldest first, baselines and interest included."""


class PeriodQueries(Protocol):
    """Questions about a period."""

    def statement(
        self, accounts: Collection[Account], since: datetime, until: datetime, *, holdings: bool = True
    ) -> StatementData:
        """What an account of a time is made of: amounts and prices at both ends, and all between. Without
        `holdings` only what else happened: no amounts, and no changes."""
        ...

    def moved(
        self,
        accounts: Collection[Account],
        since: datetime,
        until: datetime,
        stretches: int,
        asset: Asset | None = None,
    ) -> Generator[MovedHolding, None, None]:
        """Each holding that changed; only those of one asset if it is given. Those of one account come
        together. They are read as they are taken: there may be very many."""
        ...

    def price_steps(
        self, since: datetime, until: datetime, stretches: int, asset: Asset | None = None
    ) -> dict[Asset, list[Quote]]:
        """The last price of each asset before the time, and of each of so many equal stretches of it, oldest
        first; only of one asset if it is given."""
        ...

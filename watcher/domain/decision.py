"""Snapshot and decision: what a decision is made from, and all that it concludes."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from watcher.domain.alerts.flapping import Flap
from watcher.domain.alerts.lifecycle import Alert
from watcher.domain.alerts.silences import Silence
from watcher.domain.messages.delivery import Delivery
from watcher.domain.model import EMPTY, Account, AccountState, Asset, Change, PriceSuspicion, Quote
from watcher.domain.records import Record, field
from watcher.domain.rules.lookback import Baseline, BaselineOf, ChangesIn


class Revision(NamedTuple):
    """Which states of accounts `Snapshot.everyone` shows: the same `of` and a `number` one higher mean that
    nothing but the states of one conclusion has changed."""

    of: object
    number: int


class SumKey(NamedTuple):
    """A rule over sums, and one of its subjects; without a rule, all sums of which that account is a part."""

    rule: str
    subject: str


class Snapshot(Record, frozen=True):
    """What the store knows before a decision.

    `accounts` has a state for each account asked for that was ever seen. `alerts` has the live
    ones (pending or firing), by rule id and subject key. `quotes` and `symbols` may know more
    assets than these accounts hold; they are read-only views of all that is known. So is
    `everyone`: the state of every account ever seen, asked for or not, for rules that sum over
    many; None where `accounts` is all there is. `revision` spares looking through it; None: look.
    `apart`: rules over several accounts are not judged here but by a decision of their own, whose
    `accounts` are all those that they sum; what is due to be judged is left in `Decision.sums`.
    """

    accounts: Mapping[Account, AccountState]
    alerts: Mapping[tuple[str, str], Alert] = field(default_factory=lambda: EMPTY)
    quotes: Mapping[Asset, Quote] = field(default_factory=lambda: EMPTY)
    symbols: Mapping[Asset, str] = field(default_factory=lambda: EMPTY)
    doubts: Mapping[Asset, PriceSuspicion] = field(default_factory=lambda: EMPTY)
    """Prices that wait to be confirmed; `quotes` has the last one that was believed."""
    everyone: Mapping[Account, AccountState] | None = None
    revision: Revision | None = None
    names: Revision | None = None
    """Of `symbols`: equal ones mean that none has changed; None: look."""
    silences: tuple[Silence, ...] = ()
    """Those that may still be in force."""
    firing: Mapping[tuple[str, str], Collection[str]] = field(default_factory=lambda: EMPTY)
    """Rule id and wallet → subjects of all alerts that fire, not only of those asked for."""
    flaps: Mapping[tuple[str, str], Flap] = field(default_factory=lambda: EMPTY)
    """Rule id and subject key → the latest transitions, of all that had one."""
    owing: tuple[Alert, ...] = ()
    """Resolved alerts of which those who heard of them are still to be told so."""
    same: Mapping[Asset, Asset] = field(default_factory=lambda: EMPTY)
    """Assets as answers write them now → the identity under which they were first seen."""
    former: Mapping[Asset, tuple[str, ...]] = field(default_factory=lambda: EMPTY)
    """Symbols, in lower case, that an asset had before, and by which rules may still name it."""
    named_at: Mapping[Asset, datetime] = field(default_factory=lambda: EMPTY)
    """Since when an asset has its symbol; not in here: for long, or it never had another one."""

    @property
    def attempts(self) -> dict[Account, datetime]:
        """When each of the accounts was asked for last."""
        known = self.accounts.items()
        return {each: state.last_attempt for each, state in known if state.last_attempt is not None}

    apart: bool = False


class PriceAt(NamedTuple):
    """The last price of an asset that was seen at or before `at`."""

    asset: Asset
    at: datetime


class AmountAt(NamedTuple):
    """The amount of an asset in an account as last confirmed at or before `at`."""

    account: Account
    asset: Asset
    at: datetime


class LastRead(NamedTuple):
    """The accounts of a source whose last poll was read: a few, those read last; asked where a decision does
    not see everyone."""

    source: str


FEW = 16
"""So many accounts answer `LastRead`."""

Question = PriceAt | AmountAt | ChangesIn | BaselineOf | LastRead
Recalled = Decimal | tuple[Change, ...] | Baseline | frozenset[Account] | None
"""The answer to a question: a price or an amount, the changes, the mark, accounts; None if there is none."""


class Recheck(Record, frozen=True):
    """Accounts worth reading again soon: to confirm what was held, or alone after omissions."""

    account: Account
    after: timedelta
    alone: bool = False


class Decision(Record, frozen=True):
    """Everything that follows from one poll. The store writes it in one transaction.

    `accounts` are new states; of their balances only those named in `changes` differ from what
    the store has (a change with `before` None is a baseline row). `quotes` are price samples worth
    keeping. `symbols` are new or changed names. `alerts` are new states of alerts, to be written
    over the old by id. `flaps` replace what was known of a subject's
    transitions. `doubts` are prices held, or None where there is no doubt any more. `marks`
    replace what a rule remembered of the same holding. `standing`, where it is given, has the
    fingerprints of the rules in force: what any other rule remembered is forgotten, and what a rule
    remembered before it was edited is no longer its own.
    """

    at: datetime
    accounts: tuple[AccountState, ...] = ()
    changes: tuple[Change, ...] = ()
    quotes: Mapping[Asset, Quote] = field(default_factory=lambda: EMPTY)
    symbols: Mapping[Asset, str] = field(default_factory=lambda: EMPTY)
    alerts: tuple[Alert, ...] = ()
    deliveries: tuple[Delivery, ...] = ()
    again: tuple[Recheck, ...] = ()
    marks: tuple[Baseline, ...] = ()
    standing: Mapping[str, str] | None = None
    doubts: Mapping[Asset, PriceSuspicion | None] = field(default_factory=lambda: EMPTY)
    rescaled: tuple[tuple[Account, Asset], ...] = ()
    """Holdings that are counted in another unit from now on: what rules remembered of them is forgotten."""
    flaps: Mapping[tuple[str, str], Flap] = field(default_factory=lambda: EMPTY)
    same: Mapping[Asset, Asset] = field(default_factory=lambda: EMPTY)
    """New names of assets, as in `Snapshot`; to be added to what is known."""
    former: Mapping[Asset, tuple[str, ...]] = field(default_factory=lambda: EMPTY)
    """All former symbols of these assets, as in `Snapshot`."""
    sums: Mapping[SumKey, bool] = field(default_factory=lambda: EMPTY)
    """To be judged apart, soon: what they sum may be another, or time has something to say of them. True: a
    reading was about it, one of those that rules count."""

    @property
    def news(self) -> bool:
        """Whether an alert changed, somebody is told something, or a sum has something to say."""
        return bool(self.alerts or self.deliveries or self.sums)

    @property
    def moved(self) -> frozenset[Account]:
        """Accounts of which an amount is another than before."""
        return frozenset(change.account for change in self.changes if change.before is not None)

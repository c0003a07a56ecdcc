"""Reconstruction: stored history as the readings that led to it, what each poll must have seen.

The store keeps changes, prices worth keeping, and which accounts each request read or missed. From
these follow the readings, but for what left no trace: prices that moved little, prices that an answer
left out, odd amounts that a second reading did not confirm.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from watcher.domain.decision import Decision
from watcher.domain.model import (
    EMPTY,
    SWEEPS,
    Account,
    AccountState,
    Asset,
    Change,
    Miss,
    MissReason,
    Outcome,
    Quote,
    Reading,
    Wallet,
)
from watcher.domain.readings.plausibility import CONFIRM_AFTER, check_plausibility
from watcher.domain.records import Record, field

UNCLEAR = "history does not say what this answer said of it"

HOUR = timedelta(hours=1)


class PollRecord(Record, frozen=True):
    """What one request led to: accounts read and missed, and what of the readings was not believed.

    `unsettled`: assets that a reading said nothing of, or nothing clear. `unread`: chains that an
    answer about many chains did not settle; `omitted`: those of them that it did not even mention.
    `held`: amounts that were too odd to act on. `doubted`: prices (None: no price where there was
    one) that are not acted on from here on; `cleared`: assets whose price is believed again.
    """

    at: datetime
    read: tuple[Account, ...]
    missed: Mapping[Account, str] = field(default_factory=lambda: EMPTY)
    unsettled: Mapping[Account, frozenset[Asset]] = field(default_factory=lambda: EMPTY)
    unread: Mapping[Account, frozenset[str]] = field(default_factory=lambda: EMPTY)
    omitted: Mapping[Account, frozenset[str]] = field(default_factory=lambda: EMPTY)
    held: Mapping[Account, Mapping[Asset, Decimal]] = field(default_factory=lambda: EMPTY)
    doubted: Mapping[Asset, Decimal | None] = field(default_factory=lambda: EMPTY)
    cleared: frozenset[Asset] = frozenset()


def recorded_poll(decision: Decision) -> PollRecord | None:
    """What a decision shows of the request that led to it; None if it is about no account."""
    if not decision.accounts:
        return None
    read: list[Account] = []
    missed: dict[Account, str] = {}
    unsettled: dict[Account, frozenset[Asset]] = {}
    unread: dict[Account, frozenset[str]] = {}
    omitted: dict[Account, frozenset[str]] = {}
    held: dict[Account, Mapping[Asset, Decimal]] = {}
    for state in decision.accounts:
        account = state.account
        if state.misses:
            missed[account] = state.miss
            continue
        read.append(account)
        if not state.stale and not state.held and all(seen == decision.at for seen in state.seen.values()):
            continue
        unread[account] = frozenset(chain for chain, seen in state.seen.items() if seen != decision.at)
        omitted[account] = frozenset(state.omitted)
        odd = {asset: each.amount for asset, each in state.held.items() if each.since == decision.at}
        held[account] = odd
        left = (asset for asset in state.amounts if state.as_of(asset) != decision.at and asset not in odd)
        unsettled[account] = frozenset(left)
    return PollRecord(
        decision.at,
        tuple(read),
        missed,
        {account: each for account, each in unsettled.items() if each},
        {account: each for account, each in unread.items() if each},
        {account: each for account, each in omitted.items() if each},
        {account: each for account, each in held.items() if each},
        {asset: doubt.price for asset, doubt in decision.doubts.items() if doubt},
        frozenset(asset for asset, doubt in decision.doubts.items() if doubt is None),
    )


class DaemonRun(Record, frozen=True):
    """A daemon began, and was last seen at work."""

    began: datetime
    seen: datetime


class RecordedHistory(Record, frozen=True):
    """History from some time on. `changes` are in the order of time, as are the `prices` of an asset.

    `held`: what each account held before the first of them.
    """

    changes: Sequence[Change]
    held: Mapping[Account, Mapping[Asset, Decimal]]
    prices: Mapping[Asset, Sequence[Quote]]
    symbols: Mapping[Asset, str]
    polls: Sequence[PollRecord] = ()
    runs: Sequence[DaemonRun] = ()
    same: Mapping[Asset, Asset] = field(default_factory=lambda: EMPTY)
    former: Mapping[Asset, tuple[str, ...]] = field(default_factory=lambda: EMPTY)
    """Other names of assets, as in `Past`: the symbols are those of now."""
    known_from: datetime | None = None
    """From here on it is known which accounts were read or missed when; None: of no time."""


class Reconstruction:
    """Goes through history once, poll by poll. Records must come in the order of time."""

    def __init__(self, recorded: RecordedHistory, wallets: Mapping[Account, Wallet]) -> None:
        """`wallets`: of whose sources is to be known whether they tell of all that is held."""
        self._recorded, self._wallets = recorded, wallets
        self._amounts = {account: dict(held) for account, held in recorded.held.items()}
        self._coming: dict[Account, list[Change]] = {}
        for change in reversed(recorded.changes):
            self._coming.setdefault(change.account, []).append(change)
        self._doubted: dict[Asset, Decimal | None] = {}
        self._times = {asset: [quote.at for quote in quotes] for asset, quotes in recorded.prices.items()}

    def outcomes(self, record: PollRecord) -> tuple[Outcome, ...]:
        """What the accounts of one request answered."""
        misses = tuple(_miss(account, why) for account, why in record.missed.items())
        self._doubted.update(record.doubted)
        for asset in record.cleared:
            self._doubted.pop(asset, None)
        return (*(self._reading(account, record) for account in record.read), *misses)

    def _reading(self, account: Account, record: PollRecord) -> Reading:
        at = record.at
        quoted = {**self._take(account, at), **self._doubted}
        seen = dict(self._amounts.get(account, EMPTY))
        unsettled = record.unsettled.get(account, frozenset())
        for asset in unsettled:
            seen.pop(asset, None)
        seen.update(record.held.get(account, EMPTY))
        mentioned = (
            {asset.chain for asset in (*seen, *unsettled)} if account.chain in SWEEPS else {account.chain}
        )
        omitted = record.omitted.get(account, frozenset())
        unclear = dict.fromkeys((asset for asset in unsettled if asset.chain not in omitted), UNCLEAR)
        prices = {}
        for asset, held in seen.items():
            # What is empty was mostly left out, and its price with it: the one of a change is the last known.
            price = None if not held else quoted[asset] if asset in quoted else self._price(asset, at)
            if price is not None:
                prices[asset] = price
        known = self._recorded.symbols
        symbols = {asset: known[asset] for asset in seen if known.get(asset)}
        read = mentioned - record.unread.get(account, frozenset())
        wallet = self._wallets.get(account)
        names_all = wallet is None or wallet.asked is None
        complete = frozenset(read) if names_all else frozenset()
        return Reading(account, seen, prices, symbols, complete, unclear, names_all=names_all)

    def _take(self, account: Account, at: datetime) -> dict[Asset, Decimal | None]:
        """Take over the changes up to this reading; the prices that came with those of this very one."""
        amounts, coming = self._amounts.setdefault(account, {}), self._coming.get(account, [])
        quoted: dict[Asset, Decimal | None] = {}
        while coming and coming[-1].after_at <= at:
            change = coming.pop()
            amounts[change.asset] = change.after
            if change.after_at == at:
                quoted[change.asset] = change.price_after
        return quoted

    def _price(self, asset: Asset, at: datetime) -> Decimal | None:
        times = self._times.get(asset)
        index = bisect_right(times, at) if times else 0
        return self._recorded.prices[asset][index - 1].price if index else None


def held_first(change: Change, at: datetime) -> bool:
    """Whether a reading at this time may have shown, too odd to be believed, what was confirmed later."""
    if change.before is None or change.before_at is None or not change.before_at < at < change.after_at:
        return False
    state = AccountState(
        change.account, {change.asset: change.before}, {change.asset.chain: change.before_at}
    )
    price = {change.asset: change.price_after} if change.price_after is not None else EMPTY
    reading = Reading(
        change.account, {change.asset: change.after}, price, EMPTY, frozenset({change.asset.chain})
    )
    return change.asset in check_plausibility(state, reading, at).held


def _miss(account: Account, why: str) -> Miss:
    reason, _, detail = why.partition(": ")
    known = next((each for each in MissReason if each.value == reason), MissReason.INTERNAL)
    return Miss(account, known, detail)


def assumed_polls(recorded: RecordedHistory, until: datetime) -> list[PollRecord]:
    """Polls at the times at which something was kept, for a time of which no more is known.

    Each change is a reading, and so is the one before it; an odd one was read twice. A price that
    was kept is a reading of every account that held the asset, once an hour at most.
    """
    due: dict[tuple[datetime, str], dict[Account, None]] = {}

    def read(at: datetime, account: Account) -> None:
        if at < until:
            due.setdefault((at, account.source), {})[account] = None

    for change in recorded.changes:
        read(change.after_at, change.account)
        if change.before_at is not None:
            read(change.before_at, change.account)
    for asset, accounts in _holders(recorded).items():
        for at in _hourly(recorded.prices.get(asset, ())):
            for account, first in accounts.items():
                if first is None or at >= first:
                    read(at, account)
    found = [PollRecord(at, tuple(accounts)) for (at, _), accounts in due.items()]
    return sorted([*found, *first_sights(recorded, until)], key=lambda each: each.at)


def _holders(recorded: RecordedHistory) -> dict[Asset, dict[Account, datetime | None]]:
    """Who ever held each asset, and since when; None: since before history begins."""
    began: dict[Account, datetime | None] = dict.fromkeys(recorded.held)
    holders: dict[Asset, dict[Account, datetime | None]] = {}
    for account, held in recorded.held.items():
        for asset in held:
            holders.setdefault(asset, {})[account] = None
    for change in recorded.changes:
        first = began.setdefault(change.account, change.after_at)
        holders.setdefault(change.asset, {}).setdefault(change.account, first)
    return holders


def _hourly(quotes: Sequence[Quote]) -> Iterator[datetime]:
    last: datetime | None = None
    for quote in quotes:
        if last is None or quote.at - last >= HOUR:
            last = quote.at
            yield quote.at


def first_sights(recorded: RecordedHistory, until: datetime) -> Iterator[PollRecord]:
    """The readings, shortly before, that had to be confirmed: of one account and moment one, which shows all
    that was odd. A second one would speak of the others as they were, and let them go."""
    together: dict[tuple[Account, datetime], list[Change]] = {}
    for change in recorded.changes:
        if change.after_at < until:
            together.setdefault((change.account, change.after_at), []).append(change)
    for (account, after_at), changes in together.items():
        at = after_at - min(CONFIRM_AFTER, *map(_half, changes))
        held = {change.asset: change.after for change in changes if held_first(change, at)}
        if held:
            yield PollRecord(at, (account,), held={account: held})


def _half(change: Change) -> timedelta:
    return (change.after_at - change.before_at) / 2 if change.before_at is not None else CONFIRM_AFTER

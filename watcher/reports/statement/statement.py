"""Statement: what a treasurer wants to know of a period, from one look at the store."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from watcher.config.settings import Settings
from watcher.domain.alerts.lifecycle import Alert
from watcher.domain.evaluation.builtin_notices import OF_SOURCES
from watcher.domain.messages.message import Message
from watcher.domain.model import Account, Asset
from watcher.domain.records import Record
from watcher.domain.rules.match import Match
from watcher.domain.values.decimals import ZERO
from watcher.ports.period import PollTally
from watcher.ports.queries import Queries
from watcher.reports.statement.flows import Flow, Flows, flows_of, summed_flows
from watcher.reports.statement.unread import UnreadTime, never_read, unread_times

UNTAGGED = "(no tag)"

ALL = Match()


class FlowGroup(NamedTuple):
    """A wallet or a tag: what its holdings are worth together. `unpriced`: holdings that count in no sum,
    for they have no price. `opening_known`: at least one of them was read before the period began."""

    name: str
    worth: Flow
    holdings: int
    unpriced: int
    opening_known: bool


class AssetFlow(NamedTuple):
    """One asset over all wallets. `worth` is None without a price."""

    asset: Asset
    symbol: str
    amounts: Flow
    worth: Flow | None
    price_before: Decimal | None
    price_after: Decimal | None
    wallets: int
    opening_known: bool


class AlertSpan(NamedTuple):
    """An alert that fired in the period. `lasted`: from when it fired to its end, or the period's."""

    alert: Alert
    fired: datetime
    ended: datetime | None
    """None: not within the period."""
    lasted: timedelta


class SourceUse(NamedTuple):
    """What one source cost, by the ledger, and how its requests fared, by the poll log."""

    source: str
    credits: int
    requests: int
    polls: PollTally


class Statement(Record, frozen=True):
    """Balances, flows, alerts and costs from `since` up to `until`, of which the last is not in it."""

    since: datetime
    until: datetime
    zone: str
    selected: str
    """Which wallets, in words."""
    accounts: tuple[tuple[str, Account], ...]
    """All that it is about, each with the name of its wallet."""
    holdings: tuple[Flows, ...]
    total: Flow
    """In dollars, of all that counts and has a price."""
    wallets: tuple[FlowGroup, ...]
    tags: tuple[FlowGroup, ...]
    """A wallet with several tags counts in each of them."""
    assets: tuple[AssetFlow, ...]
    alerts: tuple[AlertSpan, ...]
    events: tuple[Message, ...]
    unread: tuple[UnreadTime, ...]
    never_read: tuple[tuple[str, Account, str], ...]
    uses: tuple[SourceUse, ...]
    polls_from: datetime | None
    """From when on the poll log reaches; later than `since`: of the time before only outages are known."""

    @property
    def known(self) -> bool:
        """Whether anything was read up to the end; if not, no figure of it says anything."""
        return len(self.never_read) < len(self.accounts)

    @property
    def counted(self) -> tuple[Flows, ...]:
        """Holdings that count: what nobody asked for, and what is hidden, stands apart."""
        return tuple(each for each in self.holdings if not each.apart)

    @property
    def apart(self) -> tuple[Flows, ...]:
        return tuple(each for each in self.holdings if each.apart)

    @property
    def unpriced(self) -> tuple[Flows, ...]:
        """Holdings that count and have no price: in no sum of dollars."""
        return tuple(each for each in self.counted if not each.priced)


def statement(
    settings: Settings,
    reader: Queries,
    since: datetime,
    until: datetime,
    *,
    zone: str = "UTC",
    chosen: Match = ALL,
) -> Statement:
    """The statement of the wallets that are chosen and watched now."""
    wallets = {a: w for w in settings.wallets if chosen.wallet(w) for a in w.accounts}
    data, past = reader.statement(wallets.keys(), since, until), reader.past()
    names = {account: (wallet.name, wallet.tags) for account, wallet in wallets.items()}
    unread = unread_times(data, past, wallets, since, until)
    behind = {each.account: each.since for each in unread if each.account is not None and each.until == until}
    holdings = flows_of(data, past, names, behind, until)
    counts = [each for each in holdings if not each.apart]
    sources = dict.fromkeys(account.source for account in wallets)
    about = {wallet.name for wallet in wallets.values()} | ({""} if chosen == ALL else set())
    return Statement(
        since,
        until,
        zone,
        chosen.describe(),
        tuple((wallet.name, account) for account, wallet in wallets.items()),
        tuple(holdings),
        summed_flows(worth for each in counts if (worth := each.worth) is not None),
        tuple(_groups(counts, lambda each: (each.wallet,))),
        tuple(_groups(counts, lambda each: each.tags or (UNTAGGED,))),
        tuple(_by_asset(counts)),
        tuple(_spans(data.alerts, sources, about, until)),
        tuple(each for each in data.events if each.wallet in about),
        tuple(unread),
        tuple((names[account][0], account, why) for account, why in never_read(past, wallets, until)),
        tuple(
            SourceUse(name, *data.spent.get(name, (0, 0)), data.polls.get(name, PollTally()))
            for name in sources
        ),
        data.polls_from,
    )


def _groups(holdings: Sequence[Flows], names: Callable[[Flows], Iterable[str]]) -> list[FlowGroup]:
    """The most valuable first."""
    found: dict[str, list[Flows]] = {}
    for each in holdings:
        for name in names(each):
            found.setdefault(name, []).append(each)
    groups = []
    for name, mine in found.items():
        worth = [each.worth for each in mine]
        priced = [each for each in worth if each is not None]
        known = any(each.opening_known for each in mine)
        groups.append(FlowGroup(name, summed_flows(priced), len(mine), len(worth) - len(priced), known))
    return sorted(groups, key=lambda group: (*_rank(group.worth), group.name))


def _rank(worth: Flow | None) -> tuple[bool, Decimal, Decimal]:
    """What is worth most at the end comes first, what nobody can value last."""
    if worth is None:
        return True, ZERO, ZERO
    return False, worth.closing.copy_negate(), worth.opening.copy_negate()


def _by_asset(holdings: Sequence[Flows]) -> list[AssetFlow]:
    found: dict[Asset, list[Flows]] = {}
    for each in holdings:
        found.setdefault(each.asset, []).append(each)
    result = []
    for asset, mine in found.items():
        first = mine[0]
        worth = [each.worth for each in mine]
        known = [each for each in worth if each is not None]
        result.append(
            AssetFlow(
                asset,
                first.symbol,
                summed_flows(each.amounts for each in mine),
                summed_flows(known) if len(known) == len(worth) else None,
                first.price_before,
                first.price_after,
                len({each.wallet for each in mine}),
                any(each.opening_known for each in mine),
            )
        )

    return sorted(result, key=lambda each: (*_rank(each.worth), each.symbol, each.asset))


def _spans(
    alerts: Sequence[Alert], sources: Collection[str], about: Collection[str], until: datetime
) -> list[AlertSpan]:
    """`about`: the wallets that are told of; an empty name among them stands for what belongs to none."""
    found = []
    for alert in alerts:
        mine = alert.rule in OF_SOURCES and alert.subject in sources
        if alert.fired_at is None or not (mine or alert.wallet in about):
            continue
        ended = alert.resolved_at if alert.resolved_at is not None and alert.resolved_at < until else None
        found.append(AlertSpan(alert, alert.fired_at, ended, (ended or until) - alert.fired_at))
    return found

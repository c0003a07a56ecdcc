"""Cadences: what a configuration says of when accounts are polled, and what that costs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from watcher.config.models import Cron
from watcher.config.settings import Settings
from watcher.config.wallets import AccountsOf, WalletSettings, discovery_of
from watcher.domain.evaluation.chain_discovery import Sweep
from watcher.domain.model import SWEEPS, Account
from watcher.ports.source import Source
from watcher.service.poll_times import EPOCH, PollTimes
from watcher.service.schedule_items import DAY, AutoItem, FixedItems, SourceDemand


def taken(source: Source, fixed: Mapping[PollTimes, Sequence[Account]], now: datetime) -> float:
    """What fixed cadences cost a second: credits, or calls where there are no credits."""
    sells = source.allowance.credits is not None
    total = 0.0
    for cadence, accounts in fixed.items():
        each = sum(map(source.cost, accounts)) if sells else calls_of(source, accounts, now)
        total += each * cadence.per_second(now)
    return total


def calls_of(source: Source, accounts: Sequence[Account], now: datetime) -> int:
    """HTTP requests that one poll of these accounts takes. A look-up (once a day) is no part of each poll."""
    return sum(request.calls for request in source.plan(accounts, now) if not request.lookup)


def cadences(
    settings: Settings, name: str, source: Source
) -> tuple[dict[PollTimes, AccountsOf], list[AutoItem]]:
    """The accounts of one source: those at a fixed cadence by that cadence, and those on `auto`."""
    fixed: dict[PollTimes, list[WalletSettings]] = {}
    paced: list[AutoItem] = []
    groups: dict[object, list[WalletSettings]] = {}
    """The lists of `fixed`, by what wallets say."""
    sells = source.allowance.credits is not None
    for wallet in settings.wallets:
        if wallet.source != name:
            continue
        every = wallet.every
        if isinstance(every, str):
            for account in wallet.accounts:
                cost = source.cost(account) if sells else calls_of(source, [account], EPOCH)
                paced.append(AutoItem(account, cost, float(wallet.weight), wallet.at_least_every))
            continue
        group = groups.get(every)
        if group is None:
            group = groups[every] = fixed.setdefault(_cadence(every), [])
        group.append(wallet)
    return {times: AccountsOf(wallets) for times, wallets in fixed.items()}, paced


def _cadence(every: timedelta | Cron) -> PollTimes:
    if isinstance(every, timedelta):
        return PollTimes(every=every)
    return PollTimes(cron=every.cron, timezone=every.timezone)


def demand_of(
    settings: Settings,
    source: Source,
    fixed: Mapping[PollTimes, AccountsOf],
    auto: Sequence[AutoItem],
    wanted: Sequence[Sweep],
    now: datetime,
) -> SourceDemand:
    """What the accounts of one source ask for. Where credits are sold, intervals may be stretched."""
    sells = source.allowance.credits is not None
    alike = [each for times, accounts in fixed.items() for each in _alike(source, times, accounts)]
    rigid = {times: accounts for times, accounts in fixed.items() if times.every is None or not sells}
    rate = taken(source, rigid, now) + swept(wanted) + rates_pace(settings, source)
    return SourceDemand(auto, alike if sells else (), rate, fairness_of(settings, source.name))


def _alike(source: Source, times: PollTimes, accounts: AccountsOf) -> list[FixedItems]:
    """Accounts at one interval, those of one price together; none of a cron line."""
    if times.every is None:
        return []
    alike: dict[int, list[WalletSettings]] = {}
    apart: dict[int, list[Account]] = {}
    """Those of wallets whose accounts are not all of one price."""
    prices: dict[tuple[str, ...], frozenset[int]] = {}
    for wallet in accounts.wallets:
        if (price := prices.get(wallet.account_chains)) is None:
            price = prices[wallet.account_chains] = frozenset(map(source.cost, wallet.accounts))
        if len(price) == 1:
            alike.setdefault(min(price), []).append(wallet)
        else:
            for account in wallet.accounts:
                apart.setdefault(source.cost(account), []).append(account)
    groups = [*((cost, AccountsOf(wallets)) for cost, wallets in alike.items()), *apart.items()]
    return [FixedItems(some, cost, times.every) for cost, some in groups]


def sweeps(settings: Settings, name: str) -> list[Sweep]:
    """What `discover` asks of one source: each address once, against all its chains that are watched."""
    mine = [wallet for wallet in settings.wallets if wallet.source == name]
    if not any(wallet.discover for wallet in mine):
        return []
    whole = {account.address for each in mine for account in each.accounts if account.chain in SWEEPS}
    known = [(wallet, discovery_of(wallet, settings.sources)) for wallet in mine]
    chains: dict[Account, set[str]] = {}
    for _, each in known:
        if each is not None:
            chains.setdefault(each.account, set()).update(each.chains)
    found: dict[Account, Sweep] = {}
    for wallet, wanted in known:
        every = wallet.discover_every
        if wanted is None or every is None or wanted.account.address in whole:
            continue
        named = frozenset(chains[wanted.account])
        before = found.get(wanted.account)
        every = min(every, before.every) if before is not None else every
        found[wanted.account] = Sweep(
            wanted.account, wallet.accounts[0], wallet.name, named, every, wanted.cost
        )
    return list(found.values())


def rates_pace(settings: Settings, source: Source) -> float:
    """What the daily request for exchange rates costs a second, in credits."""
    request = source.rates() if settings.rates_source == source.name else None
    return request.cost / DAY if request is not None else 0.0


def swept(found: Sequence[Sweep]) -> float:
    """What sweeps cost a second, in credits."""
    return sum(sweep.cost / sweep.every.total_seconds() for sweep in found)


def fairness_of(settings: Settings, name: str) -> float:
    """The exponent of the change rate in what an account of this source is worth."""
    return settings.sources[name].fairness

"""Hint coverage: of which accounts of a polled source hints come, and how these are polled else.

Loaded only where there are hint sources.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from watcher.config.cadences import calls_of
from watcher.config.configuration import hinted_accounts
from watcher.config.settings import Settings
from watcher.config.wallets import WalletsByAccount
from watcher.domain.model import Account
from watcher.domain.scheduler import Item
from watcher.ports.source import Source
from watcher.service.hint_plans import HintPlans
from watcher.service.poll_times import EPOCH, PollTimes
from watcher.service.schedule_items import DAY, key_of


def hint_plans(
    settings: Settings, source: Source, times: Mapping[PollTimes, Sequence[Account]]
) -> HintPlans | None:
    """What is to be planned upon hints of one polled source; None if no hint source tells of it. `times`: the
    accounts that ticks ask for."""
    coverage: dict[Account, list[str]] = {}
    for name in settings.hints:
        for account in hinted_accounts(settings, name):
            if account.source == source.name:
                coverage.setdefault(account, []).append(name)
    if not coverage:
        return None
    wallets = WalletsByAccount(settings.wallets)
    sells = source.allowance.credits is not None
    ticked = {}
    for cadence, accounts in times.items():
        every = cadence.every.total_seconds() if cadence.every is not None else DAY
        for account in accounts:
            if account in coverage:
                cost = source.cost(account) if sells else calls_of(source, [account], EPOCH)
                weight = wallets[account].weight
                ticked[account] = Item(key_of(account), cost, weight, at_least_every=every, ticked=True)
    waste = float(settings.sources[source.name].hint_waste)
    return HintPlans(source.name, coverage, ticked, waste)

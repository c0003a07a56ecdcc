"""Chain discovery (`discover`): value on chains that a wallet's configuration does not name.

A sweep asks for all chains of an address, rarely, and is set against the chains that are watched. It
settles no balance and no rule sees it: what is found is told, and watched once somebody names it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal

from watcher.domain.alerts.lifecycle import Alert, Subject, Terms
from watcher.domain.decision import Decision, Snapshot
from watcher.domain.evaluation.builtin_notices import notice
from watcher.domain.evaluation.rule_index import BUILT_IN
from watcher.domain.messages.delivery import Delivery
from watcher.domain.messages.message import Severity
from watcher.domain.model import Account, Reading
from watcher.domain.readings.asset_policies import FLOOR
from watcher.domain.records import Record
from watcher.domain.values.decimals import ZERO, plus, times
from watcher.domain.values.formatting import money
from watcher.domain.values.verdict import Verdict, met, not_met

FOUND_RULE = "watcher.discovered"
"""Value lies on a chain that nobody watches."""

_TERMS = Terms(FOUND_RULE, BUILT_IN, Severity.INFO)


class Sweep(Record, frozen=True):
    """One address to be looked at on all chains, every so often.

    `account` is what is asked for; `home` the first of the accounts that are watched; `named` their
    chains, spelled as the readings of `account` spell them.
    """

    account: Account
    home: Account
    wallet: str
    named: frozenset[str]
    every: timedelta
    cost: int


class Found(Record, frozen=True):
    """What lies on one chain: priced assets only, since anybody can send a token without a price."""

    assets: int
    value: Decimal


def beyond(sweep: Sweep, reading: Reading) -> Mapping[str, Found]:
    """The chains that are not named and hold something worth watching."""
    found: dict[str, Found] = {}
    for asset, amount in reading.amounts.items():
        price = reading.prices.get(asset)
        if asset.chain in sweep.named or price is None or not amount:
            continue
        before = found.get(asset.chain, Found(0, ZERO))
        found[asset.chain] = Found(before.assets + 1, plus(before.value, times(amount, price)))
    return {chain: each for chain, each in sorted(found.items()) if each.value >= FLOOR}


def judge_sweep(
    past: Snapshot, sweep: Sweep, reading: Reading, channels: tuple[str, ...], now: datetime
) -> Decision:
    """Fire a notice for each chain beyond the named ones, once; resolve those that are settled.

    A chain that the answer leaves out is unknown: its notice stays as it is.
    """
    found = beyond(sweep, reading)
    prefix = f"{sweep.account.source}/{sweep.account.address}/"
    firing = {
        subject.removeprefix(prefix)
        for rule, subject in past.alerts
        if rule == FOUND_RULE and subject.startswith(prefix)
    }
    alerts: list[Alert] = []
    deliveries: list[Delivery] = []
    for chain in sorted(firing | found.keys()):
        verdict = _verdict(sweep, reading, chain, found.get(chain))
        if verdict is None:
            continue
        subject = Subject(prefix + chain, f"{sweep.wallet} on {chain}", sweep.wallet, sweep.home)
        facts = [("Wallet", sweep.wallet), ("Address", sweep.account.address), ("Chain", chain)]
        concluded = notice(past, _TERMS, subject, verdict, channels, now, facts)
        alerts += concluded.alerts
        deliveries += concluded.deliveries
    return Decision(at=now, alerts=tuple(alerts), deliveries=tuple(deliveries))


def _verdict(sweep: Sweep, reading: Reading, chain: str, found: Found | None) -> Verdict | None:
    if found is not None:
        assets = f"{found.assets:,} asset{'' if found.assets == 1 else 's'}"
        return met(
            f"{assets} worth {money(found.value)} on a chain that nobody watches; `chains` does not name it"
        )
    if chain in sweep.named:
        return not_met("the chain is watched now")
    if chain in reading.chains:
        return not_met(f"less than {money(FLOOR)} is left there")
    return None

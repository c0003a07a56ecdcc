"""Quarantine: tokens that nobody asked for are kept and listed, and no rule sees them until released.

Anybody can send anything to an address. A token that turns up without a price, or as dust, waits; one
that comes to be worth something leaves by itself, as does one whose contract a rule or the
configuration names. Coins that a chain itself knows never wait, nor do assets of a source that tells only of
what it was asked for: the operator has named them. What was let in once stays in: whatever its price does,
an alert on it can always resolve.

A price is a claim, too: a newcomer that is worth something is seen by rules, and what it is worth counts in
no value, sum or ratio until somebody asked for it (a rule or the configuration names it, `assets release`) or
it was held and priced for `BELIEVED_AFTER`. What the first reading of its chain brought, and was priced, was
there when the operator looked; unless it bears the name of a coin that its chain itself knows.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from watcher.domain.alerts.lifecycle import Alert
from watcher.domain.decision import Snapshot
from watcher.domain.evaluation.memo import Memo
from watcher.domain.model import (
    EMPTY,
    AccountState,
    Asset,
    Change,
    Quarantined,
    Reading,
    subject_key,
)
from watcher.domain.readings.reconcile import Reconciled
from watcher.domain.values.decimals import ZERO, times
from watcher.domain.values.formatting import exactly, money

SHORTEST_CONTRACT = 25
"""Contracts, mints and denominations of bridges are longer than this; names of native coins are shorter."""


BELIEVED_AFTER = timedelta(days=30)
"""A newcomer that was held and had a price for so long counts: few claims live so long."""


class Sifted(NamedTuple):
    """What one reading taught, and the changes that rules may see."""

    reconciled: Reconciled
    changes: Sequence[Change]


def sift(
    before: AccountState,
    reconciled: Reconciled,
    reading: Reading,
    changes: Sequence[Change],
    past: Snapshot,
    memo: Memo,
    now: datetime,
) -> Sifted:
    """Put newcomers that nobody asked for into quarantine, and let out what nobody needs to fear any more.

    Of a newcomer that is let out later rules see all that it holds by then, as what arrived. Where nothing
    moved and nothing is shut there is nothing to sift, and nobody need ask.
    """
    state = reconciled.state
    if _nothing_came(before, reconciled):
        return Sifted(reconciled, changes)
    shut = dict(state.quarantined)
    for difference in reconciled.accepted:
        asset, baseline = difference.asset, difference.before is None
        if asset not in before.amounts and difference.after:
            reason = _unwanted(state, asset, reading, past, memo, baseline=baseline)
            if reason:
                shut[asset] = Quarantined(now, reason, baseline)
    let_out = [
        asset
        for asset, entry in state.quarantined.items()
        if not entry.by
        and asset in reading.amounts
        and asset not in state.stale
        and not _unwanted(state, asset, reading, past, memo, baseline=entry.baseline)
    ]
    told = [change for change in changes if change.asset not in shut]
    for asset in let_out:
        entry = shut.pop(asset)
        mine = [change for change in changes if change.asset == asset]
        if not entry.baseline and state.amounts[asset]:
            mine = [_arrival(state, asset, reading, past, now)]
        told += mine
    new = _newcomers(before, reconciled, reading, past, memo, now, shut, let_out)
    told = [change._replace(claimed=True) if change.asset in new else change for change in told]
    if shut.keys() != state.quarantined.keys() or new != state.newcomers:
        reconciled = reconciled._replace(
            state=state._replace(quarantined=shut or EMPTY, newcomers=new or EMPTY)
        )
    return Sifted(reconciled, told)


def _nothing_came(before: AccountState, reconciled: Reconciled) -> bool:
    """Whether this account holds what it held, and nothing of it is or was a newcomer: mostly so."""
    known = all(each.asset in before.amounts for each in reconciled.accepted)
    return known and not (reconciled.state.quarantined or reconciled.state.newcomers)


def _newcomers(
    before: AccountState,
    reconciled: Reconciled,
    reading: Reading,
    past: Snapshot,
    memo: Memo,
    now: datetime,
    shut: Collection[Asset],
    let_out: Collection[Asset],
) -> dict[Asset, datetime]:
    """What came and nobody asked for. One that went and comes again begins anew."""
    state, found = reconciled.state, dict(reconciled.state.newcomers)
    for asset, since in state.newcomers.items():
        believed = now - since >= BELIEVED_AFTER and state.amounts.get(asset) and asset in reading.prices
        if asset in shut or believed or _asked_for(state, asset, reading, past, memo):
            del found[asset]
    came = [
        each.asset
        for each in reconciled.accepted
        if each.after and each.before is not None and not each.before
        if each.asset not in before.amounts or each.asset in state.newcomers
    ]
    came += [
        each.asset for each in reconciled.accepted
        if each.before is None and each.after and each.asset not in before.amounts
        if _poses(state, each.asset, reading, past)
    ]  # fmt: skip
    for asset in (*came, *let_out):
        if asset not in shut and not _asked_for(state, asset, reading, past, memo):
            found[asset] = now
    return found


def _asked_for(state: AccountState, asset: Asset, reading: Reading, past: Snapshot, memo: Memo) -> bool:
    """Whether an asset is one that nobody else can send, or one that rules or the configuration name. A
    symbol speaks for it as long as nothing else of that name is held there, and no coin is called so."""
    if not reading.names_all or _is_coin(asset):
        return True

    def name(of: Asset) -> str:
        return _name(of, reading, past)

    rules = memo.rules
    policy = rules.policy(rules.wallets[state.account], asset, name(asset), memo.also)
    if policy.allow or not policy.floor_usd or asset.token.lower() in rules.named:
        return True
    others = (each for each in state.amounts if each.chain == asset.chain and each != asset)
    if name(asset) not in rules.named or any(name(each) == name(asset) for each in others):
        return False
    return not _coins_name(name(asset), reading, past)


def _is_coin(asset: Asset) -> bool:
    """Whether a chain itself knows it: nobody else can make one."""
    return len(asset.token) < SHORTEST_CONTRACT


def _name(asset: Asset, reading: Reading, past: Snapshot) -> str:
    return (reading.symbols.get(asset) or past.symbols.get(asset, "")).lower()


def _coins_name(name: str, reading: Reading, past: Snapshot) -> bool:
    """Whether a coin of some chain is called so: a contract of that name is somebody's claim to be it."""
    return any(
        _is_coin(asset) and symbol.lower() == name
        for symbols in (reading.symbols, past.symbols)
        for asset, symbol in symbols.items()
    )


def _poses(state: AccountState, asset: Asset, reading: Reading, past: Snapshot) -> bool:
    """Whether a contract bears the name of the coin that its own chain knows, and that is held there."""
    if not reading.names_all or _is_coin(asset):
        return False
    coins = (each for each in state.amounts if each.chain == asset.chain and _is_coin(each))
    name = _name(asset, reading, past)
    return any(name and _name(each, reading, past) == name for each in coins)


def _arrival(state: AccountState, asset: Asset, reading: Reading, past: Snapshot, now: datetime) -> Change:
    symbol = reading.symbols.get(asset) or past.symbols.get(asset, "")
    price = reading.prices.get(asset)
    return Change(state.account, asset, symbol, ZERO, state.amounts[asset], None, now, None, price)


def _unwanted(
    state: AccountState, asset: Asset, reading: Reading, past: Snapshot, memo: Memo, *, baseline: bool
) -> str:
    """Why an asset belongs into quarantine; empty if it does not.

    A symbol that a rule names speaks for a token only on first sight, and only if it is no coin's: later
    anybody can send one of that name.
    """
    if not reading.names_all or _is_coin(asset):
        return ""
    symbol = reading.symbols.get(asset) or past.symbols.get(asset, "")
    rules = memo.rules
    policy = rules.policy(rules.wallets[state.account], asset, symbol, memo.also)
    if policy.allow or not policy.floor_usd or asset.token.lower() in rules.named:
        return ""
    if baseline and symbol.lower() in rules.named and not _coins_name(symbol.lower(), reading, past):
        return ""
    price: Decimal | None = reading.prices.get(asset)
    if price is None:
        return "it has no price"
    worth = times(state.amounts.get(asset, ZERO), price)
    if worth >= policy.floor_usd:
        return ""
    return f"worth {money(worth)}, less than {exactly(policy.floor_usd)}"


def hush(state: AccountState, past: Snapshot) -> list[tuple[Alert, str]]:
    """Alerts on what waits in quarantine, and why it does: they end, for no reading would resolve them."""
    if not state.quarantined or not past.alerts:
        return []
    subjects = {subject_key(state.account, asset): entry for asset, entry in state.quarantined.items()}
    ended = []
    for alert in past.alerts.values():
        entry = subjects.get(alert.subject)
        if entry is not None and alert.account == state.account:
            who = f"hidden by {entry.by}" if entry.by else "in quarantine"
            ended.append((alert, f"{who}: {entry.reason}"))
    return ended

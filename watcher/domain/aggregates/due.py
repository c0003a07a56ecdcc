"""Due sums: which sums a decision leaves to be judged apart, by what it learnt of their parts.

A sum that nothing is left of to say need not be judged: nothing of it moved, every part was known and is, no
price of it moved since this part was last read, and no alert of it lives. Each part speaks for itself, so the
states of the others need not be known.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import timedelta

from watcher.domain.aggregates.contributions import Selection, View
from watcher.domain.aggregates.index import AggregateIndex, alike
from watcher.domain.aggregates.total import Summed
from watcher.domain.alerts.lifecycle import Alert, about, blind
from watcher.domain.decision import SumKey
from watcher.domain.model import SWEEPS, Account, AccountState, Asset
from watcher.domain.readings.reconcile import Reconciled

OVERLAP = timedelta(minutes=2)
"""Decisions that are made at the same time do not see each other's prices: so much earlier is looked, too."""

AWHILE = timedelta(hours=1)
"""So long it is looked at again and again whether it is to be told that a part is not read."""


def key_of(alert: Alert) -> SumKey:
    """The sum that an alert, or the notice that it cannot be judged, may be about."""
    return SumKey(about(alert.rule), alert.subject)


def due(
    sums: AggregateIndex, view: View, read: Iterable[Reconciled], missed: Iterable[Account]
) -> dict[SumKey, bool]:
    """The sums of several accounts that have to be judged after this decision, as `Decision.sums`."""
    found: dict[SumKey, bool] = {}
    for reconciled in read:
        for each in sums.of(reconciled.state.account):
            several = [summed for summed in each.concerns if summed.several]
            stirred = bool(several) and stirs(each.selection, reconciled, view)
            wanted = several if stirred else [summed for summed in several if _lives(summed, view)]
            if wanted:
                heard = _heard(each.selection, reconciled, view)
                found.update((summed.key, True) for summed in wanted if heard)
                for summed in wanted if stirred else ():
                    found.setdefault(summed.key, False)
    for account in missed:
        for each in sums.only(sums.keys_of(account)).of(account):
            if each.unread(account, view, "") is not None:
                for summed in each.concerns:
                    found.setdefault(summed.key, False)
    return found


def grown_old(sums: AggregateIndex, view: View, account: Account) -> dict[SumKey, bool]:
    """The sums of several accounts that are not known since a while ago, when this one was last read."""
    found = {}
    for each in sums.only(sums.keys_of(account)).of(account):
        unread = each.unread(account, view, "")
        if unread is None or unread.since is None or view.now - unread.since > AWHILE:
            continue
        for summed in each.concerns:
            if (blind(summed.rule.id), summed.subject.key) not in view.past.alerts:
                found[summed.key] = True
    return found


def renamed(sums: AggregateIndex, view: View, symbols: Mapping[Asset, str]) -> set[SumKey]:
    """The sums of several accounts that select an asset under the name that it has now, or under the one that
    it had, and not under both."""
    found: set[SumKey] = set()
    was = view.past.symbols
    known = {asset: symbol for asset, symbol in symbols.items() if asset in was}
    for selection, chosen in sums.selections.items() if known else ():
        pairs = known.items()
        if any(selection.chooses(a, now) is not selection.chooses(a, was[a]) for a, now in pairs):
            found.update(summed.key for each in chosen for summed in each.concerns if summed.several)
    return found


def _heard(selection: Selection, reconciled: Reconciled, view: View) -> bool:
    """Whether a reading speaks of what its account adds."""
    state = reconciled.state
    chains: Collection[str] = (state.account.chain,)
    if state.account.chain in SWEEPS:
        chains = selection.part(state.account, state, view.symbols).chains
    return not chains or not reconciled.chains.isdisjoint(chains)


def _lives(summed: Summed, view: View) -> bool:
    """Whether there is an alert with which each reading goes on."""
    alerts, (rule, subject) = view.past.alerts, summed.key
    return (rule, subject) in alerts or (blind(rule), subject) in alerts


def stirs(selection: Selection, reconciled: Reconciled, view: View) -> bool:
    """Whether this reading may make the sums, of which its account is a part, others than they were."""
    after = reconciled.state
    account = after.account
    before = view.past.accounts.get(account)
    if before is None or not before.seen or _odd(before, selection) or _odd(after, selection):
        return True
    limit, symbols = selection.limits[account], view.symbols
    if min(before.seen.values()) + limit < view.now:
        part = selection.part(account, before, symbols)
        if part.trouble or part.read_at(before) + limit < view.now:
            return True
    same = before.amounts is after.amounts and alike(before, after)
    if not same and selection.part(account, before, symbols) != selection.part(account, after, symbols):
        return True
    assets = after.amounts if selection.side.valued else ()
    return any(_repriced(selection, before, after, asset, view) for asset in assets)


def _odd(state: AccountState, selection: Selection) -> bool:
    """Whether something of an account is not settled."""
    if state.stale or state.held or state.unsettled:
        return True
    asked = selection.wallets[state.account].asked
    return bool(asked) and any(asset not in state.amounts for asset in asked or ())


def _repriced(
    selection: Selection, before: AccountState, after: AccountState, asset: Asset, view: View
) -> bool:
    """Whether an asset may have had another price, or none, when this account was last read."""
    if not after.amounts[asset] or not selection.chooses(asset, view.symbols.get(asset, "")):
        return False
    if asset in view.doubted or asset in view.past.doubts:
        return True
    quote, read = view.quoted.get(asset) or view.past.quotes.get(asset), before.seen.get(asset.chain)
    if quote is None:
        return not selection.side.skip_unpriced
    return read is None or quote.at > read - OVERLAP

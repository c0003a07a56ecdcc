"""Aggregate index: which sums the rules ask for, and which of them an account belongs to.

What is kept between decisions is a cache and never knowledge: it is held against the past of each
decision, and only accounts whose state is another than the one taken in are looked at again.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from copy import copy

from watcher.domain.aggregates.contributions import Contribution, Selection, View, known
from watcher.domain.aggregates.total import Sum, Summed
from watcher.domain.alerts.lifecycle import Subject
from watcher.domain.decision import Revision, Snapshot, SumKey
from watcher.domain.model import EMPTY, SWEEPS, Account, AccountState, Asset, Wallet
from watcher.domain.rules import Side, SumRule

ALL = "all"
"""The key of the subject that sums everything selected."""

MOST_TAKEN = 20_000
"""So many accounts are kept at most where sums are judged apart; a sum of more is made each time."""


class AggregateIndex:
    """Every sum that the rules ask for. Only its caches change."""

    def __init__(
        self,
        rules: Sequence[SumRule],
        wallets: Mapping[Account, Wallet],
        also: Mapping[Asset, Collection[str]] = EMPTY,
    ) -> None:
        """`also`: other names of assets."""
        self._wallets, self._also = wallets, also
        self._selections: dict[Side, dict[str, Sum]] = {}
        self.by_key: dict[SumKey, Summed] = {}
        self._of: Mapping[Account, tuple[Sum, ...]] = {}
        self.selections: dict[Selection, list[Sum]] = {}
        for rule in rules:
            self._enter(rule)
        self._connect(each for sums in self._selections.values() for each in sums.values())
        self._taken: dict[Account, AccountState | None] = {}
        """The states that everything kept is made of."""
        self._unsure: set[Account] = set()
        """Accounts that may hold what has no amount yet; its name matters when it comes."""
        self._touched: list[Account] = []
        self._priced: set[Asset] = set()
        """What the last decision found of states and prices; whether it was committed is not known here."""
        self._revision: Revision | None = None
        self._focus: Collection[Account] | None = None
        """Whom a past has, if not everyone."""
        self._symbols: tuple[Revision | None, Mapping[Asset, str]] = None, EMPTY
        """The names under which everything kept was made, where sums are judged apart."""

    def __bool__(self) -> bool:
        return bool(self.by_key)

    def of(self, account: Account) -> tuple[Sum, ...]:
        return self._of.get(account, ())

    def keys_of(self, account: Account) -> set[SumKey]:
        """The sums of several accounts of which this one is a part."""
        return {summed.key for each in self.of(account) for summed in each.concerns if summed.several}

    def _connect(self, sums: Iterable[Sum]) -> None:
        of: dict[Account, list[Sum]] = {}
        for each in sums:
            self.selections.setdefault(each.selection, []).append(each)
            for account in each.accounts:
                of.setdefault(account, []).append(each)
        self._of = {account: tuple(found) for account, found in of.items()}

    def only(self, keys: Iterable[SumKey]) -> AggregateIndex:
        """These sums alone, of which nothing is kept yet: for a past that has only their accounts."""
        index = AggregateIndex((), self._wallets, self._also)
        selections: dict[Selection, Selection] = {}
        made: dict[Sum, Sum] = {}
        for key in dict.fromkeys(keys):
            known = self.by_key.get(key)
            for each in known.sums if known is not None else ():
                if each not in made:
                    if each.selection not in selections:
                        selections[each.selection] = each.selection.afresh()
                    made[each] = Sum(selections[each.selection], each.accounts)
            if known is not None:
                index.by_key[key] = known.over(tuple(made[each] for each in known.sums))
        index._connect(made.values())
        return index

    def focused(self, keys: Iterable[SumKey], past: Snapshot) -> AggregateIndex:
        """These sums alone, with what is kept of them: for a past that has their accounts and no other."""
        if len(self._taken) > MOST_TAKEN:
            self._forget()
        self._unname(past)
        index = copy(self)
        index.by_key = {key: self.by_key[key] for key in keys if key in self.by_key}
        sums = (each for summed in index.by_key.values() for each in summed.sums)
        index._focus = dict.fromkeys(account for each in sums for account in each.accounts)  # noqa: SLF001
        return index

    def _unname(self, past: Snapshot) -> None:
        """Look anew at who holds what was named otherwise when everything kept was made."""
        revision, before = self._symbols
        if revision is not None and revision == past.names:
            return
        renamed = {asset for asset, name in past.symbols.items() if before.get(asset) != name}
        for account, state in list(self._taken.items()):
            if state is None or account in self._unsure or not renamed.isdisjoint(state.amounts):
                del self._taken[account]
        self._symbols = past.names, dict(past.symbols)

    def look(self, view: View, named: Iterable[Asset] = ()) -> None:
        """Bring what is kept to what this view shows. `named`: assets that now have a name, or another."""
        states, taken = known(view.past), self._taken
        for account in self._doubtful(view.past.revision):
            if account not in taken or states.get(account) is not taken[account]:
                self._take(account, states.get(account), view)
        self._touched = [account for account in view.learnt if account in self._of]
        for account in self._touched:
            self._take(account, view.learnt[account], view)
        for asset in named:
            self._renamed(asset, view)
        priced = {*view.quoted, *view.doubted}
        if priced or self._priced:
            for selection in self.selections:
                selection.prices_changed(priced | self._priced)
        self._priced = priced

    def _doubtful(self, now: Revision | None) -> Iterable[Account]:
        """The accounts whose state may be another than the one taken in."""
        if self._focus is not None:
            self._unprice()
            return self._focus
        then, self._revision = self._revision, now
        if then is None or now is None:
            self._unprice()
            if then is not now:
                self._forget()
        elif then.of is not now.of:
            self._forget()
        elif now.number - then.number in (0, 1):
            # Of all that may have changed, only what the last decision found is not known here.
            return self._touched
        else:
            self._unprice()
        return self._of

    def _unprice(self) -> None:
        """Any price may have changed."""
        for selection in self.selections:
            selection.repriced += 1

    def _forget(self) -> None:
        self._taken.clear()
        self._unsure.clear()
        for selection, sums in self.selections.items():
            selection.parts.clear()
            for each in sums:
                each.clear()

    def _take(self, account: Account, state: AccountState | None, view: View) -> None:
        old = self._taken.get(account)
        self._taken[account] = state
        if old is None or state is None or not alike(old, state):
            self._put(account, state, None, view)
        elif old.amounts is not state.amounts:
            self._put(account, state, _moved(old, state), view)
        if old is not None and state is not None and _set_back(old, state):
            for each in self._of[account]:
                each.again(account, each.part(account, view), state)

    def _put(
        self, account: Account, state: AccountState | None, moved: list[Asset] | None, view: View
    ) -> None:
        """Make the parts of an account anew: all, or those in which something of `moved` is selected."""
        before: dict[Selection, Contribution | None] = {}
        symbols = view.symbols
        for each in self._of[account]:
            selection = each.selection
            if moved is not None and not any(selection.chooses(a, symbols.get(a, "")) for a in moved):
                continue
            if selection not in before:
                before[selection] = selection.parts.pop(account, None)
            if not each.kept:
                each.renew()
                continue
            part = selection.parts.get(account)
            if part is None:
                part = selection.parts[account] = selection.part(account, state, symbols)
            each.put(account, before[selection], part, state)
        if state is not None and (state.unsettled or self._wallets[account].asked):
            self._unsure.add(account)
        else:
            self._unsure.discard(account)

    def _renamed(self, asset: Asset, view: View) -> None:
        """A name decides what is selected: of what is held, and of what may be held."""
        known = asset in view.past.symbols
        for account in tuple(self._taken if known else self._unsure):
            state = self._taken[account]
            if state is not None and (account in self._unsure or asset in state.amounts):
                self._put(account, state, None, view)

    def _enter(self, rule: SumRule) -> None:
        sides = [self._sums_of(side) for side in rule.sides()]
        for key in sides[0] if len(sides) == 1 else (ALL,):
            sums = tuple(side[key] for side in sides)
            summed = Summed(rule, self._subject(rule, key, sums[0]), sums)
            self.by_key[summed.key] = summed

    def _sums_of(self, side: Side) -> dict[str, Sum]:
        found = self._selections.get(side)
        if found is not None:
            return found
        chosen = {account: wallet for account, wallet in self._wallets.items()
                  if _selected(side, account, wallet)}  # fmt: skip
        groups: dict[str, list[Account]] = {ALL: []} if side.per == "all" else {}
        for account, wallet in chosen.items():
            for key in _keys(side, account, wallet):
                groups.setdefault(key, []).append(account)
        selection = Selection(side, chosen, self._also)
        found = {key: Sum(selection, tuple(accounts)) for key, accounts in groups.items()}
        self._selections[side] = found
        return found

    def _subject(self, rule: SumRule, key: str, sum_: Sum) -> Subject:
        if key == ALL:
            return Subject(ALL, rule.subject_name(), "", None)
        account = sum_.accounts[0]
        wallet = self._wallets[account].name
        if sum_.selection.side.per == "account":
            return Subject(key, f"{wallet} on {account.chain}", wallet, account)
        if sum_.selection.side.per == "wallet":
            return Subject(key, wallet, wallet, None)
        return Subject(key, f"tag {key.partition(':')[2]}", "", None)


def _selected(side: Side, account: Account, wallet: Wallet) -> bool:
    match = side.match
    return match.wallet(wallet) and (account.chain in SWEEPS or match.chain(account.chain))


def _keys(side: Side, account: Account, wallet: Wallet) -> tuple[str, ...]:
    """The stable names of the subjects that an account is summed into."""
    if side.per == "account":
        return (f"{account.source}/{account.chain}/{account.address}",)
    if side.per == "wallet":
        return (f"wallet:{wallet.name}",)
    if side.per == "tag":
        return tuple(f"tag:{tag}" for tag in side.match.tags_of(wallet))
    return (ALL,)


def alike(old: AccountState, new: AccountState) -> bool:
    """Whether two states differ at most in amounts, and in when they were read."""
    return (
        old.stale == new.stale
        and old.held == new.held
        and old.unsettled == new.unsettled
        and old.quarantined == new.quarantined
        and old.newcomers == new.newcomers
        and old.seen.keys() == new.seen.keys()
    )


def _moved(old: AccountState, new: AccountState) -> list[Asset] | None:
    """The assets whose amounts differ; None if there is one that nothing is known of any more."""
    before = old.amounts
    if not before.keys() <= new.amounts.keys():
        return None
    return [
        asset
        for asset, amount in new.amounts.items()
        if (was := before.get(asset)) is not amount and was != amount
    ]


def _set_back(old: AccountState, new: AccountState) -> bool:
    """Whether the clock was set back between two states."""
    return old.last_attempt is None or new.last_attempt is None or new.last_attempt < old.last_attempt

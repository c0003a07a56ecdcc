"""Memo: what earlier decisions found out, kept so that the next one need not find it out again.

A decision with an empty memo and one with a warm memo are equal; only the time that they take differs, and
which of several reasons is named for which a sum over many accounts is not known.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from copy import copy
from datetime import datetime, timedelta
from functools import cached_property
from typing import NamedTuple

from watcher.domain.aggregates.index import AggregateIndex
from watcher.domain.alerts.lifecycle import Alert, AlertState
from watcher.domain.decision import Revision, Snapshot, SumKey
from watcher.domain.evaluation.fast_path import FastPath, LevelBand, band_of, calm_check, patience
from watcher.domain.evaluation.implied_zeros import NamedAssets, named_by
from watcher.domain.evaluation.rule_index import BUILT_IN, Names, Rules, other_names, selects
from watcher.domain.model import EMPTY, Account, AccountState, Asset, Quarantined
from watcher.domain.readings.diff import Difference
from watcher.domain.records import Record, field
from watcher.domain.rules import ChangeRule, ClockRule, EventRule, LevelRule, Rule, SumRule, TrailingRule
from watcher.domain.rules.base import Unmet, Untold

MOST_ACCOUNTS = 50_000
"""Accounts of which anything is kept: with more, all is found anew now and then."""

MOST_CHOICES = 200_000
"""Names come from outside; the cache must end somewhere."""


class Choice(NamedTuple):
    """The rules that select one asset under one symbol; beside each its quick way to say nothing."""

    symbol: str
    levels: tuple[tuple[LevelRule, Unmet], ...]
    events: tuple[tuple[EventRule, Untold], ...]
    calm: Unmet
    """`unmet` of all level rules at once."""
    band: LevelBand | None
    """The same as levels, if levels alone say it."""
    trails: tuple[ChangeRule, ...] = ()
    trailing: tuple[TrailingRule, ...] = ()


class Concerned(Record, frozen=True):
    """The rules that may have something to say about one account, and about accounts matched alike.

    Which of them select an asset is found once: then a reading costs one look-up an asset.
    """

    levels: tuple[LevelRule, ...] = ()
    events: tuple[EventRule, ...] = ()
    clocks: tuple[ClockRule, ...] = ()
    trails: tuple[ChangeRule, ...] = ()
    """Those that compare a change with more than the previous reading; they are not in `events`."""
    trailing: tuple[TrailingRule, ...] = ()
    patience: timedelta | None = None
    """How long after a reading none of the clock rules can be met."""
    named: tuple[NamedAssets, ...] = ()
    """The level rules that may name an asset exactly, so that its absence can be a zero."""
    priced: bool = False
    """Whether a rule is about a price, or what something is worth."""
    also: Names = field(default_factory=lambda: EMPTY)
    chosen: dict[Asset, Choice] = field(default_factory=dict)
    """A cache: what was chosen for an asset under the symbol it last had."""
    alike: dict[tuple[str, ...], Choice] = field(default_factory=dict)
    """A cache: by the ids of the rules that were chosen, a choice whose parts all others share."""

    def pick(self, asset: Asset, symbol: str) -> Choice:
        """The rules that select one asset under its symbol."""
        choice = self.chosen.get(asset)
        return choice if choice is not None and choice.symbol == symbol else self.choose(asset, symbol)

    def choose(self, asset: Asset, symbol: str) -> Choice:
        """Fill the cache for one asset."""
        if len(self.chosen) > MOST_CHOICES:
            self.chosen.clear()
            self.alike.clear()
        about = (asset, symbol, self.also)
        levels = [rule for rule in self.levels if selects(rule, *about)]
        events = [rule for rule in self.events if selects(rule, *about)]
        trails = tuple(rule for rule in self.trails if selects(rule, *about))
        trailing = tuple(rule for rule in self.trailing if selects(rule, *about))
        key = tuple(rule.id for rule in (*levels, *events, *trails, *trailing))
        same = self.alike.get(key)
        if same is None:
            checks = tuple((rule, rule.unmet()) for rule in levels)
            looks = tuple((rule, rule.untold()) for rule in events)
            same = Choice(symbol, checks, looks, calm_check(checks), band_of(checks), trails, trailing)
            self.alike[key] = same
        choice = self.chosen[asset] = same._replace(symbol=symbol)
        return choice


class Memo:
    """The caches of decisions: over one set of rules, and under the names that assets have at the time.

    It belongs to one thread. What was found under other rules or names is forgotten by `under`.
    """

    def __init__(self) -> None:
        self._begin(Rules((), {}, ()), {})

    def _begin(self, rules: Rules, also: Mapping[Asset, frozenset[str]]) -> None:
        self.rules, self.also = rules, also
        self._concerned: dict[Account, Concerned] = {}
        self._groups: dict[tuple[str, ...], Concerned] = {}
        """By the ids of their rules: accounts whose wallets match alike share one."""
        self._fast_paths: dict[Account, FastPath] = {}
        self.familiar: dict[tuple[str, str], tuple[Mapping[Asset, str], Revision]] = {}
        """The symbols that the readings of a source and chain last came with, if all were known."""
        self.quiet_until: dict[Account, tuple[datetime, Mapping[Asset, Quarantined]]] = {}
        """Until when nothing but a change can make a trailing rule speak of an account, and which of its
        assets no rule saw; by the history that this process has written."""
        self._of: object = None
        """What the states were of, as in `Revision`: another process may have written since."""
        self.__dict__.pop("sums", None)

    def by(self, rules: Rules) -> Memo:
        """This memo, for what rules alone decide."""
        if rules is not self.rules:
            self._begin(rules, self.also)
        return self

    def under(self, rules: Rules, past: Snapshot) -> Memo:
        """This memo, for a decision by these rules from this snapshot."""
        also = other_names(past.same, past.former)
        if rules is not self.rules or also != self.also:
            self._begin(rules, also)
        elif len(self._concerned) > MOST_ACCOUNTS:
            for cache in (self._concerned, self._fast_paths, self.quiet_until):
                cache.clear()
        of = past.revision.of if past.revision is not None else None
        if of is not self._of:
            self._of = of
            self.quiet_until.clear()
        return self

    def of(self, account: Account) -> Concerned:
        """The rules that may have something to say about an account."""
        known = self._concerned.get(account)
        if known is None:
            known = self._concerned[account] = self._group(self.rules.concerning(account))
        return known

    def fast_path(
        self, state: AccountState, past: Snapshot, moved: Sequence[Difference] = ()
    ) -> FastPath | None:
        """Where to look in this account, of which so much has moved since the snapshot; None if that does not
        say whether names have changed."""
        names = past.names
        if names is None:
            return None
        path = self._fast_paths.get(state.account)
        before = past.accounts.get(state.account)
        if path is None or not path.holds(state, names, before, moved):
            concerned, symbols = self.of(state.account), past.symbols
            found = (
                (asset, concerned.pick(asset, symbols.get(asset, "")))
                for asset in state.amounts
                if asset not in state.quarantined
            )
            chosen = [(asset, choice.calm, choice.band) for asset, choice in found if choice.levels]
            path = self._fast_paths[state.account] = FastPath(state, names, chosen)
        return path

    @cached_property
    def sums(self) -> AggregateIndex:
        """The rules over sums; made when first asked for, as the index takes time where there are many."""
        return AggregateIndex(self.rules.summing, self.rules.wallets, self.also)

    def only(self, sums: Iterable[SumKey], past: Snapshot) -> Memo:
        """The same, for a decision on these sums alone, from a past that has their accounts."""
        memo = copy(self)
        memo.__dict__["sums"] = self.sums.focused(sums, past)
        return memo

    def judged_as(self, rule_id: str, subject: str) -> str:
        """The fingerprint of what is judged of a subject: the rule's, and of a sum also what is summed."""
        print_ = self.rules.fingerprint(rule_id) or ""
        rule = self.rules.by_id.get(rule_id)
        if not (isinstance(rule, SumRule) and rule.sides()):
            return print_
        summed = self.sums.by_key.get(SumKey(rule_id, subject))
        return f"{print_}/{summed.members}" if summed is not None else print_

    def stands(self, alert: Alert) -> bool:
        """Whether an alert was judged last as it would be now: by this rule, and over the same accounts."""
        if alert.fingerprint == BUILT_IN:
            return True
        now = self.judged_as(alert.rule, alert.subject)
        # Older stores do not say of a sum which accounts were summed.
        return alert.fingerprint in (now, now.partition("/")[0])

    def goes_on(self, alert: Alert) -> bool:
        """Whether the rule of its id goes on with an alert: what fires outlives an edit of its rule."""
        return self.stands(alert) or (alert.state is AlertState.FIRING and alert.rule in self.rules.by_id)

    def _group(self, rules: list[Rule]) -> Concerned:
        key = tuple(rule.id for rule in rules)
        group = self._groups.get(key)
        if group is None:
            levels = tuple(rule for rule in rules if isinstance(rule, LevelRule))
            clocks = tuple(rule for rule in rules if isinstance(rule, ClockRule))
            group = self._groups[key] = Concerned(
                levels,
                tuple(rule for rule in rules if isinstance(rule, EventRule) and not _trails(rule)),
                clocks,
                tuple(rule for rule in rules if isinstance(rule, ChangeRule) and _trails(rule)),
                tuple(rule for rule in rules if isinstance(rule, TrailingRule)),
                patience(clocks),
                named_by(levels),
                any(rule.priced for rule in rules),
                self.also,
            )
        return group


def _trails(rule: EventRule) -> bool:
    return isinstance(rule, ChangeRule) and rule.looks_back

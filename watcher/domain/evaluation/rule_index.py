"""Which rules concern which account and asset: found by index, not by trying each."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from pydantic import BaseModel

from watcher.domain.aggregates.index import AggregateIndex
from watcher.domain.alerts.lifecycle import Alert, AlertState, about
from watcher.domain.evaluation.implied_zeros import NamedAssets, named_by
from watcher.domain.evaluation.level_bands import LevelBand, band_of, calm_check, patience
from watcher.domain.model import EMPTY, SWEEPS, Account, Asset, Quarantined, Wallet
from watcher.domain.readings.asset_policies import USUAL, Policies, Policy
from watcher.domain.readings.plausibility import Jumps, usual
from watcher.domain.rules import (
    BudgetRule,
    ChangeRule,
    ClockRule,
    EventRule,
    LevelRule,
    Match,
    Rule,
    StateRule,
    SumRule,
    TrailingRule,
    Unmet,
    Untold,
    folded,
)

if TYPE_CHECKING:
    from watcher.domain.decision import Revision
    from watcher.domain.evaluation.fast_path import FastPath

BUILT_IN = "built-in"
"""The fingerprint of alerts that need no rule."""


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


@dataclass(frozen=True, slots=True)
class Concerned:
    """The rules that may have something to say about one account, and about accounts matched alike."""

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
    also: Mapping[Asset, Collection[str]] = field(default_factory=lambda: EMPTY)
    """Other names of assets, as in `Rules`."""
    chosen: dict[Asset, Choice] = field(default_factory=dict)
    """A cache: what was chosen for an asset under the symbol it last had."""

    def pick(self, asset: Asset, symbol: str) -> Choice:
        """The rules that select one asset under its symbol."""
        choice = self.chosen.get(asset)
        return choice if choice is not None and choice.symbol == symbol else self.choose(asset, symbol)

    def choose(self, asset: Asset, symbol: str) -> Choice:
        """Fill the cache for one asset."""
        if len(self.chosen) > MOST_CHOICES:
            self.chosen.clear()
        about = (asset, symbol, self.also)
        levels = tuple((rule, rule.unmet()) for rule in self.levels if selects(rule, *about))
        events = tuple((rule, rule.untold()) for rule in self.events if selects(rule, *about))
        trails = tuple(rule for rule in self.trails if selects(rule, *about))
        trailing = tuple(rule for rule in self.trailing if selects(rule, *about))
        choice = Choice(symbol, levels, events, calm_check(levels), band_of(levels), trails, trailing)
        self.chosen[asset] = choice
        return choice


class Rules:
    """The rules in force over the watch list. Configured once; only its caches change.

    Accounts whose wallets match alike share one `Concerned`; which of its rules select an
    asset is answered from a cache in it, so a reading costs one look-up an asset.
    """

    def __init__(
        self,
        rules: Sequence[Rule],
        wallets: Mapping[Account, Wallet],
        channels: Sequence[str],
        policies: Policies = USUAL,
    ) -> None:
        self.policies = policies
        self.named = frozenset(
            folded(name) for rule in rules for match in matches_of(rule) for name in match.assets
        )
        """All that rules write of assets: contracts, symbols and patterns."""
        self.wallets = wallets
        self.channels = tuple(channels)
        self.by_id = {rule.id: rule for rule in rules}
        self.also: dict[Asset, frozenset[str]] = {}
        """Other names of assets, in lower case: what they were called, and how answers write them now."""
        self._tags: dict[str, tuple[str, ...]] = {each.name: each.tags for each in wallets.values()}
        self._rules = tuple(rules)
        self._summing = tuple(rule for rule in rules if isinstance(rule, SumRule) and rule.sides())
        self._single = tuple(rule for rule in rules if rule not in self._summing)
        self._fingerprints = {rule.id: rule.fingerprint() for rule in rules}
        self._concerned: dict[Account, Concerned] = {}
        self._groups: dict[tuple[str, ...], Concerned] = {}
        self.glances: dict[Account, FastPath] = {}
        """A cache: where to look in an account to see that no level is crossed."""
        self.familiar: dict[tuple[str, str], tuple[Mapping[Asset, str], Revision]] = {}
        """A cache: the symbols that the readings of a source and chain last came with, if all were known."""
        self.looked: dict[Account, tuple[datetime, Mapping[Asset, Quarantined]]] = {}
        """A cache: until when nothing but a change can make a trailing rule speak of an account, and which
        of its assets no rule saw."""

    @property
    def fingerprints(self) -> Mapping[str, str]:
        """Of each rule in force, by its id."""
        return self._fingerprints

    def fingerprint(self, rule_id: str) -> str | None:
        """None if there is no such rule (any more)."""
        return self._fingerprints.get(rule_id)

    def know(self, same: Mapping[Asset, Asset], former: Mapping[Asset, tuple[str, ...]]) -> None:
        """Take in the other names of assets: rules that say one of them carry on. Nothing is forgotten."""
        known, more = self.also, other_names(same, former)
        if all(names <= known.get(asset, frozenset()) for asset, names in more.items()):
            return
        known.update({asset: known.get(asset, frozenset()) | names for asset, names in more.items()})
        for group in self._groups.values():
            group.chosen.clear()
        self.glances.clear()
        self.looked.clear()
        self.__dict__.pop("sums", None)

    def strangers_to(self, asset: Asset, was: str, symbol: str, token: str) -> tuple[str, ...]:
        """The ids of the rules that select an asset under a name that it had, and not under those it has.

        What the configuration says of assets counts as one more.
        """
        here = Asset(asset.chain, token)

        def lost(match: Match) -> bool:
            old = match.asset(asset, was, self.also.get(asset, ()))
            return old and match.chain(asset.chain) and not match.asset(here, symbol)

        found = [rule.id for rule in self._rules if any(map(lost, matches_of(rule)))]
        if any(map(lost, self.policies.matches)):
            found.append("assets: in the configuration")
        return tuple(found)

    def jumps(self, account: Account, symbols: Mapping[Asset, str]) -> Jumps:
        """From which factor on a jump of an asset of this account is odd."""
        if not self.policies:
            return usual
        wallet = self.wallets[account]
        return lambda asset: self.policy(wallet, asset, symbols.get(asset, "")).jump

    def policy(self, wallet: Wallet, asset: Asset, symbol: str) -> Policy:
        """What the configuration says of one asset of one wallet."""
        return self.policies.of(wallet, asset, symbol, self.also.get(asset, ()))

    def picks(self, rule: Rule, asset: Asset, symbol: str) -> bool:
        """Whether a rule selects an asset, under any name that it has or had."""
        return selects(rule, asset, symbol, self.also)

    def judged_as(self, rule_id: str, subject: str) -> str:
        """The fingerprint of what is judged of a subject: the rule's, and of a sum also what is summed."""
        print_ = self._fingerprints.get(rule_id, "")
        rule = self.by_id.get(rule_id)
        if not (isinstance(rule, SumRule) and rule.sides()):
            return print_
        summed = self.sums.by_key.get((rule_id, subject))
        return f"{print_}/{summed.members}" if summed is not None else print_

    def stands(self, alert: Alert) -> bool:
        """Whether an alert was judged last as it would be now: by this rule, and over the same accounts."""
        if alert.fingerprint == BUILT_IN:
            return True
        now = self.judged_as(alert.rule, alert.subject)
        # Older stores do not say of a sum which accounts were summed.
        return alert.fingerprint in (now, now.partition("/")[0])

    def edited(self, alert: Alert) -> bool:
        """Whether the rule of an alert is another one than that by which it was judged last."""
        return alert.fingerprint.partition("/")[0] not in (BUILT_IN, self._fingerprints.get(alert.rule))

    def goes_on(self, alert: Alert) -> bool:
        """Whether the rule of its id goes on with an alert: what fires outlives an edit of its rule."""
        return self.stands(alert) or (alert.state is AlertState.FIRING and alert.rule in self.by_id)

    def selects(self, rule_id: str, account: Account) -> bool:
        """Whether a rule is about this account: its wallet may have lost its tag."""
        rule = self.by_id[rule_id]
        return rule.match.wallet(self.wallets[account]) and _chain(rule, account)

    def voice(self, rule_id: str) -> Rule | None:
        """The rule that says who hears of an alert, and what holds it back. The notice that a rule cannot be
        judged goes to whom that rule tells, in words of its own, and is not repeated."""
        rule = self.by_id.get(rule_id)
        if rule is None and (seen := self.by_id.get(about(rule_id))) is not None:
            return seen.for_notices(rule_id)
        return rule

    def of(self, account: Account) -> Concerned:
        known = self._concerned.get(account)
        if known is None:
            known = self._concerned[account] = self._group(account)
        return known

    def channels_of(self, rule: Rule | None) -> tuple[str, ...]:
        """Whom the rule tells; a rule that names nobody, like a built-in notice, tells every channel."""
        return rule.notify if rule is not None and rule.notify is not None else self.channels

    def tags_of(self, wallet: str) -> tuple[str, ...]:
        """The tags of a wallet; none for a name that is not watched."""
        return self._tags.get(wallet, ())

    def timed(self, rule_id: str) -> bool:
        """Whether time alone can bring something about for a firing alert of this rule."""
        rule = self.voice(rule_id)
        if rule is not None and rule.inhibited_by:
            return True
        return isinstance(rule, StateRule) and (rule.repeat is not None or rule.escalate is not None)

    @cached_property
    def sums(self) -> AggregateIndex:
        """The rules over sums; made when first asked for, as the index takes time where there are many."""
        return AggregateIndex(self._summing, self.wallets, self.also)

    @property
    def budgets(self) -> list[BudgetRule]:
        """The rules about the credits of a source."""
        return [rule for rule in self._rules if isinstance(rule, BudgetRule)]

    def _group(self, account: Account) -> Concerned:
        wallet = self.wallets[account]
        chosen = [rule for rule in self._single if rule.match.wallet(wallet) and _chain(rule, account)]
        key = tuple(rule.id for rule in chosen)
        group = self._groups.get(key)
        if group is None:
            levels = tuple(rule for rule in chosen if isinstance(rule, LevelRule))
            clocks = tuple(rule for rule in chosen if isinstance(rule, ClockRule))
            group = self._groups[key] = Concerned(
                levels,
                tuple(rule for rule in chosen if isinstance(rule, EventRule) and not _trails(rule)),
                clocks,
                tuple(rule for rule in chosen if isinstance(rule, ChangeRule) and _trails(rule)),
                tuple(rule for rule in chosen if isinstance(rule, TrailingRule)),
                patience(clocks),
                named_by(levels),
                any(rule.priced for rule in chosen),
                self.also,
            )
        return group


def _trails(rule: EventRule) -> bool:
    return isinstance(rule, ChangeRule) and rule.looks_back


def _chain(rule: Rule, account: Account) -> bool:
    """An account that sweeps many chains is decided asset by asset."""
    return account.chain in SWEEPS or rule.match.chain(account.chain)


def matches_of(rule: BaseModel) -> list[Match]:
    """The selections of a rule; nested ones instead of its own where it has none of its own written."""
    if isinstance(rule, BudgetRule):
        return []  # it is about a source, not about accounts
    inner = []
    for name in type(rule).model_fields:
        value = getattr(rule, name)
        if isinstance(value, BaseModel) and not isinstance(value, Match):
            inner += matches_of(value)
    own = getattr(rule, "match", None)
    if isinstance(own, Match) and ("match" in rule.model_fields_set or not inner):
        return [own, *inner]
    return inner


def selects(rule: Rule, asset: Asset, symbol: str, also: Mapping[Asset, Collection[str]]) -> bool:
    return rule.match.chain(asset.chain) and rule.match.asset(asset, symbol, also.get(asset, ()))


def other_names(
    same: Mapping[Asset, Asset], former: Mapping[Asset, tuple[str, ...]]
) -> dict[Asset, frozenset[str]]:
    """Asset → what it was called before, and how answers write it now."""
    found = {asset: frozenset(names) for asset, names in former.items()}
    for new, asset in same.items():
        found[asset] = found.get(asset, frozenset()) | {new.token.lower()}
    return found

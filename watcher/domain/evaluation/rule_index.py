"""Rule index: the rules in force over the watch list, and which of them concern an account or an asset."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta
from functools import cached_property

from pydantic import BaseModel

from watcher.domain.aggregates.contributions import DAY
from watcher.domain.alerts.lifecycle import Alert, about
from watcher.domain.model import EMPTY, SWEEPS, Account, Asset, Wallet
from watcher.domain.readings.asset_policies import USUAL, Policies, Policy
from watcher.domain.readings.plausibility import Jumps, usual
from watcher.domain.rules import BudgetRule, ClockRule, Match, Rule, StateRule, SumRule
from watcher.domain.rules.match import folded

BUILT_IN = "built-in"
"""The fingerprint of alerts that need no rule."""


Names = Mapping[Asset, Collection[str]]
"""Other names of assets, in lower case: what they were called, and how answers write them now."""


class Rules:
    """The rules in force over the watch list. Frozen: threads may share it."""

    def __init__(
        self,
        rules: Sequence[Rule],
        wallets: Mapping[Account, Wallet],
        channels: Sequence[str],
        policies: Policies = USUAL,
        hint_sources: Collection[str] = (),
    ) -> None:
        """`hint_sources`: the names of those that are listened to."""
        self.hint_sources = frozenset(hint_sources)
        self.policies = policies
        self.named = frozenset(
            folded(name) for rule in rules for match in matches_of(rule) for name in match.assets
        )
        """All that rules write of assets: contracts, symbols and patterns."""
        self.wallets = wallets
        self.channels = tuple(channels)
        self.by_id = {rule.id: rule for rule in rules}
        self._rules = tuple(rules)
        self.summing = tuple(rule for rule in rules if isinstance(rule, SumRule) and rule.sides())
        """The rules over sums."""
        self._single = tuple(rule for rule in rules if rule not in self.summing)
        self._voices: dict[str, Rule] = {}
        self._fingerprints = {rule.id: rule.fingerprint() for rule in rules}

    @property
    def fingerprints(self) -> Mapping[str, str]:
        """Of each rule in force, by its id."""
        return self._fingerprints

    def fingerprint(self, rule_id: str) -> str | None:
        """None if there is no such rule (any more)."""
        return self._fingerprints.get(rule_id)

    def strangers_to(
        self, asset: Asset, was: str, symbol: str, token: str, also: Names = EMPTY
    ) -> tuple[str, ...]:
        """The ids of the rules that select an asset under a name that it had, and not under those it has.

        What the configuration says of assets counts as one more.
        """
        here = Asset(asset.chain, token)

        def lost(match: Match) -> bool:
            old = match.asset(asset, was, also.get(asset, ()))
            return old and match.chain(asset.chain) and not match.asset(here, symbol)

        found = [rule.id for rule in self._rules if any(map(lost, matches_of(rule)))]
        if any(map(lost, self.policies.matches)):
            found.append("assets: in the configuration")
        return tuple(found)

    def jumps(self, account: Account, symbols: Mapping[Asset, str], also: Names = EMPTY) -> Jumps:
        """From which factor on a jump of an asset of this account is odd."""
        if not self.policies:
            return usual
        wallet = self.wallets[account]
        return lambda asset: self.policy(wallet, asset, symbols.get(asset, ""), also).jump

    def policy(self, wallet: Wallet, asset: Asset, symbol: str, also: Names = EMPTY) -> Policy:
        """What the configuration says of one asset of one wallet."""
        return self.policies.of(wallet, asset, symbol, also.get(asset, ()))

    def edited(self, alert: Alert) -> bool:
        """Whether the rule of an alert is another one than that by which it was judged last."""
        return alert.fingerprint.partition("/")[0] not in (BUILT_IN, self._fingerprints.get(alert.rule))

    def selects(self, rule_id: str, account: Account) -> bool:
        """Whether a rule is about this account: its wallet may have lost its tag."""
        rule = self.by_id[rule_id]
        return rule.match.wallet(self.wallets[account]) and _chain(rule, account)

    def voice(self, rule_id: str) -> Rule | None:
        """The rule that says who hears of an alert, and what holds it back. The notice that a rule cannot be
        judged goes to whom that rule tells, in words of its own, and is not repeated."""
        rule = self.by_id.get(rule_id)
        if rule is None and (seen := self.by_id.get(about(rule_id))) is not None:
            if rule_id not in self._voices:
                self._voices[rule_id] = seen.for_notices(rule_id)
            return self._voices[rule_id]
        return rule

    def concerning(self, account: Account) -> list[Rule]:
        """The rules that may have something to say about one account by itself; not those over sums."""
        wallet = self.wallets[account]
        return [rule for rule in self._single if rule.match.wallet(wallet) and _chain(rule, account)]

    def clocked(self, account: Account) -> bool:
        """Whether time alone can meet a rule about this account."""
        return any(isinstance(rule, ClockRule) for rule in self.concerning(account))

    def bears_silence(self) -> timedelta | None:
        """So long an account may go unread before time alone has something to say; None: for ever."""
        waits = [rule.patience() or timedelta(0) for rule in self._rules if isinstance(rule, ClockRule)]
        waits += [side.max_age or DAY for rule in self.summing for side in rule.sides()]
        return min(waits, default=None)

    def channels_of(self, rule: Rule | None) -> tuple[str, ...]:
        """Whom the rule tells; a rule that names nobody, like a built-in notice, tells every channel."""
        return rule.notify if rule is not None and rule.notify is not None else self.channels

    def tags_of(self, wallet: str) -> tuple[str, ...]:
        """The tags of a wallet; none for a name that is not watched."""
        return self._tags.get(wallet, ())

    @cached_property
    def _tags(self) -> dict[str, tuple[str, ...]]:
        return {each.name: each.tags for each in self.wallets.values()}

    def timed(self, rule_id: str) -> bool:
        """Whether time alone can bring something about for a firing alert of this rule."""
        rule = self.voice(rule_id)
        if rule is not None and rule.inhibited_by:
            return True
        return isinstance(rule, StateRule) and (rule.repeat is not None or rule.escalate is not None)

    @property
    def budgets(self) -> list[BudgetRule]:
        """The rules about the credits of a source."""
        return [rule for rule in self._rules if isinstance(rule, BudgetRule)]


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


def selects(rule: Rule, asset: Asset, symbol: str, also: Names) -> bool:
    """Whether a rule selects an asset, under any name that it has or had."""
    return rule.match.chain(asset.chain) and rule.match.asset(asset, symbol, also.get(asset, ()))


def other_names(
    same: Mapping[Asset, Asset], former: Mapping[Asset, tuple[str, ...]]
) -> dict[Asset, frozenset[str]]:
    """Asset → what it was called before, and how answers write it now."""
    found = {asset: frozenset(names) for asset, names in former.items()}
    for new, asset in same.items():
        found[asset] = found.get(asset, frozenset()) | {new.token.lower()}
    return found

"""Rule health: a rule that cannot be judged for longer than its patience is news, once for rule and subject,
and once more when it sees again.

The notice is an alert of a rule of its own (`watcher.blind.` and the rule's id), so that it lives, is kept,
routed and silenced like any other. Where facts say since when the rule is blind (an amount in doubt, the last
reading) nothing is kept before its patience is over; else the alert is pending from the first judgement that
failed. A price that is missing or odd for the first time is asked for again at once, and no trouble yet.

Some things are no blindness. A runway whose history is too short will speak by itself. What a source that is
out keeps from all of its accounts was told as that: the notice about the source says that no rule sees it.
Of an account that a `no_data` rule watches that rule tells.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from watcher.domain.aggregates.contributions import known
from watcher.domain.alerts.lifecycle import (
    Alert,
    AlertState,
    Subject,
    Terms,
    Transition,
    about,
    advance,
    blind,
)
from watcher.domain.decision import LastRead, Question, Recalled, Snapshot
from watcher.domain.evaluation.builtin_notices import EXHAUSTED_RULE, FAILING_RULE, PART_RULE, UNREPORTED_RULE
from watcher.domain.evaluation.composer import MessageComposer
from watcher.domain.evaluation.memo import Concerned, Memo
from watcher.domain.evaluation.rule_index import BUILT_IN, selects
from watcher.domain.messages.message import Place, Severity
from watcher.domain.model import EMPTY, Account, AccountState, Asset, MissReason, Reading, asset_of
from watcher.domain.readings.reconcile import Reconciled
from watcher.domain.readings.unknowns import READ_IT, SEE_WHAT_WAITS, Unknown, in_doubt_since, price_it
from watcher.domain.records import replace
from watcher.domain.rules import Rule, SumRule
from watcher.domain.values.formatting import moment
from watcher.domain.values.verdict import met, not_met

HOUR = timedelta(hours=1)

POLLS = 3
"""So many polls must have failed in a row, or the time of so many have passed."""

_NOT_OF_THE_SOURCE = (str(MissReason.OMITTED), str(MissReason.INTERNAL))
"""Misses that are never told as trouble of the whole source."""


class RuleHealth:
    """What one decision says of rules that cannot be judged. `alerts` are the steps that it makes."""

    def __init__(
        self,
        past: Snapshot,
        memo: Memo,
        now: datetime,
        running_since: datetime,
        composer: MessageComposer,
        recalled: Mapping[Question, Recalled] = EMPTY,
    ) -> None:
        self._past, self._memo, self._now, self._composer = past, memo, now, composer
        self._recalled = recalled
        self._rules = memo.rules
        self._running_since = running_since
        self._noted: set[tuple[str, str]] = set()
        self.alerts: list[Alert] = []

    def note(
        self, rule: Rule, subject: Subject, trouble: Unknown, accounts: Iterable[Account], where: Place
    ) -> None:
        """A judgement failed. `accounts`: those that the rule looks at for this subject."""
        key = blind(rule.id), subject.key
        self._noted.add(key)
        alert = self._past.alerts.get(key)
        if alert is not None and alert.state is AlertState.FIRING:
            return
        if trouble.unread is not None and self._bears(trouble.unread):
            return
        patience, since = self.patience(rule, accounts), trouble.since
        if alert is None and since is not None and self._now - since < patience:
            return
        begun = alert.since if alert is not None else since or self._now
        words = f"rule {rule.id} cannot be judged since {moment(begun)}: {trouble.why}; {trouble.remedy}"
        wait = timedelta(0) if alert is None and since is not None else patience
        terms = Terms(key[0], BUILT_IN, Severity.WARNING, wait)
        step = advance(alert, met(words), terms, subject, self._now)
        if step.alert is not None:
            self._take(rule, replace(step, alert=replace(step.alert, since=begun)), where)

    def sees(self, rule: Rule, key: str, where: Place) -> None:
        """A judgement succeeded."""
        alert = self._past.alerts.get((blind(rule.id), key))
        if alert is not None:
            self._over(rule, alert, where)

    def unread(self, concerned: Concerned, state: AccountState) -> None:
        """An account could not be read, once more."""
        if state.misses < POLLS:
            return
        account = state.account
        words = f"{self._rules.wallets[account].name} on {account.chain} "
        words += f"was last read {moment(state.last_reading)}" if state.seen else "was never read"
        since = state.last_reading or state.watched_since
        trouble = Unknown(f"{words} ({state.miss})", READ_IT, since, account)
        subject, where = self._composer.subject(account), self._composer.where(account)
        for rule in (*concerned.levels, *concerned.trailing, *concerned.events, *concerned.trails):
            if not state.seen or self._looks_at(rule, state):
                self.note(rule, subject, trouble, (account,), where)

    def doubted(self, concerned: Concerned, reconciled: Reconciled, reading: Reading) -> None:
        """What of an account was read and is not believed, or was too unclear to be."""
        state = reconciled.state
        if (FAILING_RULE, state.account.source) in self._past.alerts:
            return  # what no answer of a source states is told as that
        for asset in state.stale:
            unwanted = asset in state.quarantined or asset in state.newcomers
            if asset.chain not in reconciled.chains or unwanted:
                continue
            symbol = reading.symbols.get(asset) or self._past.symbols.get(asset, "")
            held, choice = state.held.get(asset), concerned.pick(asset, symbol)
            why = f"in doubt ({held.reason})" if held is not None else "not settled by any answer since then"
            trouble = Unknown(
                f"{symbol or asset.token} is {why}", SEE_WHAT_WAITS, in_doubt_since(state, asset)
            )
            for rule in (*(each for each, _ in choice.levels), *choice.trailing):
                self.asset(rule, state.account, asset, symbol, trouble)

    def asset(self, rule: Rule, account: Account, asset: Asset, symbol: str, trouble: Unknown) -> None:
        """A rule cannot be judged on one asset of an account."""
        subject = self._composer.subject(account, asset, symbol)
        self.note(rule, subject, trouble, (account,), self._composer.where(account, asset, symbol))

    def unpriced(self, rule: Rule, account: Account, asset: Asset, symbol: str, why: str) -> None:
        """A rule cannot be judged on an asset for want of a price."""
        began = asset in self._past.quotes and asset not in self._past.doubts
        remedy = price_it(asset, symbol, self._rules.wallets[account].units)
        trouble = Unknown(why, remedy, self._now if began else None)
        self.asset(rule, account, asset, symbol, trouble)

    def read(self, reconciled: Reconciled, alerts: Iterable[Alert]) -> None:
        """An account was read and judged: what was not noted again, and what this reading settled, is over.
        `alerts`: the live ones of this account."""
        state = reconciled.state
        for alert in alerts:
            rule = self._rules.by_id.get(about(alert.rule))
            if rule is None or alert.rule == rule.id or (alert.rule, alert.subject) in self._noted:
                continue
            asset = asset_of(alert.subject, state.account)
            if (isinstance(rule, SumRule) and rule.sides()) or (
                asset is not None and (asset.chain not in reconciled.chains or asset in state.stale)
            ):
                continue
            symbol = self._past.symbols.get(asset, "") if asset is not None else ""
            self._over(rule, alert, self._composer.where(state.account, asset, symbol))

    def _looks_at(self, rule: Rule, state: AccountState) -> bool:
        symbols, also = self._past.symbols, self._memo.also
        return any(selects(rule, asset, symbols.get(asset, ""), also) for asset in state.amounts)

    def patience(self, rule: Rule, accounts: Iterable[Account]) -> timedelta:
        """What the rule says; else three times what the cadence promises, and at least an hour."""
        if rule.blind_after is not None:
            return rule.blind_after
        promises = (self._rules.wallets[account].promise for account in accounts)
        return max([HOUR, *(POLLS * promise for promise in promises if promise is not None)])

    def _bears(self, account: Account) -> bool:
        """Whether it is too early to say that this account is not read, or that is told otherwise: by a
        `no_data` rule, as soon as the operator wants, or since its source is out or does not report it."""
        if self._now - self._running_since < HOUR or self._memo.of(account).clocks:
            return True
        alerts = self._past.alerts
        if any((rule, account.source) in alerts for rule in (FAILING_RULE, EXHAUSTED_RULE)):
            return True
        told = (UNREPORTED_RULE, PART_RULE)
        if any(rule in told and alert.account == account for (rule, _), alert in alerts.items()):
            return True
        states = known(self._past)
        state = states.get(account)
        if state is None or state.miss.startswith(_NOT_OF_THE_SOURCE):
            return False
        # As the notice about the source counts, and as backtests can tell: nothing of the source is read.
        last = self._recalled.get(LastRead(account.source))
        if isinstance(last, frozenset):
            return last.isdisjoint(self._rules.wallets)
        others = (states.get(each) for each in self._rules.wallets if each.source == account.source)
        return all(other is None or other.misses for other in others)

    def _over(self, rule: Rule, alert: Alert, where: Place) -> None:
        terms = Terms(alert.rule, BUILT_IN, alert.severity)
        subject = Subject(alert.subject, alert.label, alert.wallet, alert.account)
        step = advance(alert, not_met(f"rule {rule.id} can be judged again"), terms, subject, self._now)
        self._take(rule, step, where)

    def _take(self, rule: Rule, step: Transition, where: Place) -> None:
        if step.alert is None:
            return
        self.alerts.append(step.alert)
        self._composer.alert(self._rules.voice(step.alert.rule), step, where, [("Rule", rule.describe())])

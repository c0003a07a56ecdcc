"""Why a rule fired or did not: the decision path for one rule on one subject, from what the store knows.

The answers are the rules' own, over the same state that the next decision will start from.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from itertools import islice

from watcher.config.settings import Settings
from watcher.domain.aggregates.total import Summed
from watcher.domain.alerts.lifecycle import Alert, AlertState
from watcher.domain.alerts.silences import Topic
from watcher.domain.credits.allowance import CreditPlan
from watcher.domain.decision import Snapshot
from watcher.domain.evaluation.memo import Memo
from watcher.domain.evaluation.routing import Router
from watcher.domain.evaluation.rule_index import Rules, selects
from watcher.domain.messages.delivery import Delivery
from watcher.domain.model import EMPTY, Account, AccountState, Asset, asset_of, subject_key
from watcher.domain.records import Record
from watcher.domain.rules import BudgetRule, ClockRule, EventRule, Rule, StateRule, SumRule
from watcher.domain.rules.types.budget import Use
from watcher.domain.values.decimals import ZERO
from watcher.domain.values.formatting import moment, plain
from watcher.domain.values.verdict import Answer
from watcher.ports.queries import Queries
from watcher.reports.alerts import AlertViews
from watcher.reports.credits import use_of
from watcher.reports.rows import (
    AccountReadingRow,
    AlertRow,
    AssetReadingRow,
    ExplanationRow,
    HintWordRow,
    LastAlertRow,
    ReadingRow,
    ToldChannelRow,
)
from watcher.reports.rule_distance import (
    AccountSubject,
    AssetSubject,
    RuleDistance,
    RuleSubject,
    SourceSubject,
    SumSubject,
)


class RuleAnswer(Record, frozen=True):
    """The answer of a rule about one subject. `distance`: how far the subject is from the level, as a share
    of that; `near`: what that distance is of, or why there is none."""

    subject: str
    wallet: str
    answer: Answer
    because: str
    distance: Decimal | None
    near: str
    at: datetime | None
    alert: AlertRow | None


class Explainer:
    """Explains as of one moment. `settings` and `rules` are of one configuration."""

    def __init__(
        self,
        settings: Settings,
        rules: Rules,
        reader: Queries,
        now: datetime,
        past: Snapshot | None = None,
        plans: Mapping[str, CreditPlan] = EMPTY,
        memo: Memo | None = None,
    ) -> None:
        """`past`: all that is known, if the caller has it already; else it is read from the store.
        `plans`: what was bought of each source that sells credits, for rules about those. `memo`: what was
        found out for another one.
        """
        self._plans = plans
        self._settings, self._rules, self._reader, self._now = settings, rules, reader, now
        self._past: Snapshot = past or reader.past()
        self._memo = (memo or Memo()).under(rules, self._past)
        self._router = Router(self._past, rules, now)
        self._views = AlertViews(settings, self._past.silences, now)
        self._distance = RuleDistance(self._memo, reader, now, self._past)

    def subjects(self, rule: Rule) -> Sequence[RuleSubject]:
        """Every subject that the rule has now."""
        if isinstance(rule, SumRule) and rule.sides():
            found = self._memo.sums.by_key.items()
            return [_sum_subject(each) for (name, _), each in found if name == rule.id]
        if isinstance(rule, BudgetRule):
            source = rule.source
            if source not in self._plans:
                return []
            return [SourceSubject(source, f"source {source}", "", self._plans[source])]
        return list(self._held(rule))

    def first(self, rule: Rule, most: int, words: str = "") -> Sequence[RuleSubject]:
        """The first so many of the subjects, and one more if there are more; only those with `words` in what
        people call them, in any case."""
        lazily = not (isinstance(rule, BudgetRule) or (isinstance(rule, SumRule) and rule.sides()))
        found, wanted = self._held(rule) if lazily else self.subjects(rule), words.casefold()
        named = (each for each in found if not wanted or wanted in f"{each.wallet} {each.label}".casefold())
        return list(islice(named, most + 1))

    def watching(self, accounts: Sequence[Account]) -> Iterator[tuple[Rule, Iterator[RuleSubject]]]:
        """The rules that watch some accounts, with the subjects that these are, or are a part of. They are
        found from the accounts; what no rule sees is left out."""
        accounts = [account for account in accounts if account in self._rules.wallets]
        names = {self._rules.wallets[account].name for account in accounts}
        labels: dict[str, dict[str, str]] = {}
        for (name, key), alert in self._past.alerts.items():
            if alert.wallet in names and self._memo.goes_on(alert):
                labels.setdefault(name, {})[key] = alert.label
        found = {rule.id: rule for account in accounts for rule in self._rules.concerning(account)}
        for rule in found.values():
            if not isinstance(rule, BudgetRule):
                yield rule, self._seen(rule, accounts, labels.get(rule.id, {}))
        parts = (of for account in accounts for of in self._memo.sums.of(account))
        sums = {id(each): each for of in parts for each in of.concerns}
        for each in sums.values():
            yield each.rule, iter([_sum_subject(each)])

    def _seen(
        self, rule: Rule, accounts: Sequence[Account], labels: Mapping[str, str]
    ) -> Iterator[AccountSubject]:
        for account in accounts:
            if self._rules.selects(rule.id, account):
                for subject in self._subjects_of(rule, account, labels):
                    hidden = isinstance(subject, AssetSubject) and subject.asset in subject.state.quarantined
                    if not hidden:
                        yield subject

    def held_back(self, rule: Rule, wallet: str) -> str:
        """Why nobody is told now of what the rule says of a wallet; empty if nothing holds it back."""
        return self._router.hold(rule, Topic(rule.id, wallet, rule.severity, self._rules.tags_of(wallet)))

    def answer(self, rule: Rule, subject: RuleSubject) -> RuleAnswer:
        """One subject in short."""
        alert, firing = self._alert(rule, subject)
        verdict = self._distance.verdict(rule, subject, firing=firing)
        near = self._distance.near(rule, subject)
        return RuleAnswer(
            subject.label,
            subject.wallet,
            verdict.answer,
            verdict.because,
            near.distance,
            near.words,
            _read_at(subject),
            self._views.row(alert) if alert is not None else None,
        )

    def _alert(self, rule: Rule, subject: RuleSubject) -> tuple[Alert | None, bool]:
        alert = self._past.alerts.get((rule.id, subject.key))
        if alert is not None and not self._memo.goes_on(alert):
            alert = None
        return alert, alert is not None and alert.state is AlertState.FIRING

    def explain(self, rule: Rule, subject: RuleSubject) -> ExplanationRow:
        """One subject, whole."""
        alert, firing = self._alert(rule, subject)
        if isinstance(rule, BudgetRule) and isinstance(subject, SourceSubject):
            verdict = rule.judge(self._use(subject), firing=firing)
        else:
            verdict = self._distance.verdict(rule, subject, firing=firing)
        topic = Topic(rule.id, subject.wallet, rule.severity, self._rules.tags_of(subject.wallet))
        return {
            "rule": rule.id,
            "condition": rule.describe(),
            "subject": subject.label,
            "wallet": subject.wallet,
            "reading": self._reading(subject),
            "answer": verdict.answer,
            "because": verdict.because,
            "alert": self._views.row(alert) if alert is not None else None,
            "last": self._last(rule, subject) if alert is None else None,
            "clock": self._clock(rule, alert),
            "suppressed_by": self._router.hold_of(rule, alert) if alert else self._router.hold(rule, topic),
            "event": isinstance(rule, EventRule),
            "channels": self._heard(rule, alert, subject),
        }

    def _held(self, rule: Rule) -> Iterator[AccountSubject]:
        """Accounts, for rules about those; else each asset of each account that the rule selects, or has a
        live alert on: that outlives the name by which it was selected, and may be on one that is not held."""
        labels: dict[Account | None, dict[str, str]] = {}
        for (name, key), alert in self._past.alerts.items():
            if name == rule.id and self._memo.goes_on(alert):
                labels.setdefault(alert.account, {})[key] = alert.label
        for account in self._rules.wallets:
            if self._rules.selects(rule.id, account):
                yield from self._subjects_of(rule, account, labels.get(account, {}))

    def _subjects_of(
        self, rule: Rule, account: Account, labels: Mapping[str, str]
    ) -> Iterator[AccountSubject]:
        """The same of one account that the rule is about. `labels`: what its live alerts are called, by
        subject."""
        wallet = self._rules.wallets[account]
        state = self._past.accounts.get(account) or AccountState(account)
        if isinstance(rule, ClockRule):
            label = f"{wallet.name} on {account.chain}"
            yield AccountSubject(subject_key(account), label, wallet.name, account, state)
            return
        for asset in (*state.amounts, *_absent(labels, state)):
            symbol = self._past.symbols.get(asset, "")
            key = subject_key(account, asset) if labels else ""
            if key in labels or selects(rule, asset, symbol, self._memo.also):
                key = key or subject_key(account, asset)
                label = f"{wallet.name}: {symbol or asset.token} on {asset.chain}"
                before = labels.get(key, "")
                yield AssetSubject(key, label, wallet.name, account, state, asset, symbol, before)

    def _use(self, subject: SourceSubject) -> Use:
        return use_of(self._reader, subject.key, subject.plan, self._now)

    def _reading(self, subject: RuleSubject) -> ReadingRow:
        """What the next answer is made from, and how old it is."""
        if isinstance(subject, SourceSubject):
            facts = dict(self._use(subject).facts())
            return {"credits": facts["Credits"], "period": facts["Period"]}
        if isinstance(subject, SumSubject):
            return {"accounts": sum(len(each.accounts) for each in subject.total.sums)}
        if isinstance(subject, AssetSubject):
            return self._asset_reading(subject)
        return self._account_reading(subject)

    def _account_reading(self, subject: AccountSubject) -> AccountReadingRow:
        at, state = _read_at(subject), subject.state
        age = int((self._now - at).total_seconds()) if at else None
        word = self._word(state)
        return {"at": at, "age_seconds": age, "misses": state.misses, "miss": state.miss, "hint": word}

    def _word(self, state: AccountState) -> HintWordRow | None:
        """Upon which word the account was polled last; None if no hint was the cause."""
        last = state.last_attempt
        for poll in self._reader.hinted_polls(last, 1, state.account) if last is not None else ():
            return {"by": poll.word.by, "at": poll.word.at, "id": poll.word.id}
        return None

    def _asset_reading(self, subject: AssetSubject) -> AssetReadingRow:
        state, asset = subject.state, subject.asset
        quote, doubt = self._past.quotes.get(asset), self._past.doubts.get(asset)
        held = state.held.get(asset)
        return {
            **self._account_reading(subject),
            "amount": plain(state.amounts.get(asset, ZERO)),
            "price_usd": plain(quote.price) if quote is not None else None,
            "price_at": quote.at if quote is not None else None,
            "waits": [
                *([f"{plain(held.amount)}: {held.reason}"] if held is not None else []),
                *([doubt.reason] if doubt is not None and not doubt.settled else []),
            ],
        }

    def _clock(self, rule: Rule, alert: Alert | None) -> str:
        """What a live alert waits for."""
        if alert is None or not isinstance(rule, StateRule):
            return ""
        wait, reads = rule.terms()
        if alert.state is AlertState.PENDING:
            return (
                f"pending: fires with the first reading from {moment(alert.since + wait)} on that meets it, "
                f"with {alert.reads} of {reads} readings so far"
            )
        if alert.clear_since is not None:
            end = alert.clear_since + rule.keep_firing_for
            return f"calm since {moment(alert.clear_since)}: kept firing until {moment(end)}"
        repeat = rule.repeat_after(alert.repeats)
        if repeat is None or alert.told_at is None or alert.acknowledged:
            return ""
        return f"told again at {moment(alert.told_at + repeat)}"

    def _channels(self, rule: Rule) -> Sequence[str]:
        escalate = rule.escalate if isinstance(rule, StateRule) else None
        return tuple(dict.fromkeys((*self._rules.channels_of(rule), *(escalate.notify if escalate else ()))))

    def _last(self, rule: Rule, subject: RuleSubject) -> LastAlertRow | None:
        """The alert before, that is over: which, and until when."""
        over = self._reader.last_alert(rule.id, subject.key)
        if over is None:
            return None
        row = self._views.row(over)
        return {
            "id": row["id"],
            "state": row["state"],
            "since": row["since"],
            "because": row["because"],
            "resolved_at": over.resolved_at,
        }

    def _heard(self, rule: Rule, alert: Alert | None, subject: RuleSubject) -> list[ToldChannelRow]:
        """Each channel, with what it was told: of the alert, or of the last event."""
        if isinstance(rule, EventRule):
            told = self._reader.latest_event(rule.id, subject.key)
        else:
            told = self._reader.deliveries_of(alert.id) if alert is not None else []
        return [self._channel(rule, told, name) for name in self._channels(rule)]

    def _channel(self, rule: Rule, told: Sequence[Delivery], name: str) -> ToldChannelRow:
        """What this channel was told, and how it fares."""
        kind = self._settings.channels.get(name)
        quiet = kind.quiet_period if kind is not None else None
        muted = quiet.until(self._now) if quiet is not None else None
        (state,) = self._reader.channels([name])
        return {
            "channel": name,
            "usual": name in self._rules.channels_of(rule),
            "quiet_until": muted if rule.severity != "critical" else None,
            "pending": state.pending,
            "trouble": state.trouble,
            "told": [
                {"kind": each.message.kind, "state": each.state, "at": each.sent or each.created}
                for each in told
                if each.channel == name
            ],
        }


def _sum_subject(found: Summed) -> SumSubject:
    return SumSubject(found.subject.key, found.subject.label, found.subject.wallet, found)


def _read_at(subject: RuleSubject) -> datetime | None:
    """When what the answer is about was read."""
    if isinstance(subject, AssetSubject):
        return subject.state.as_of(subject.asset)
    return subject.state.last_reading if isinstance(subject, AccountSubject) else None


def _absent(keys: Iterable[str], state: AccountState) -> Iterator[Asset]:
    """Of subjects with an alert, the assets of this account that no answer ever named: each is a zero."""
    for key in keys:
        asset = asset_of(key, state.account)
        if asset is not None and asset not in state.amounts:
            yield asset

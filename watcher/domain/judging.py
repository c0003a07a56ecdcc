"""Judge: rules over what was learnt, into alerts and the deliveries that they owe."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from watcher.domain.alerting import Alert, AlertState, Step, Subject, Terms, advance, remind, short_id
from watcher.domain.conclusion import Past
from watcher.domain.delivery import Delivery
from watcher.domain.display import amount, moment, money, percent, plain, signed
from watcher.domain.display import price as show_price
from watcher.domain.exact import ZERO, minus, times
from watcher.domain.knowledge import UNREPORTED, Learned
from watcher.domain.message import (
    Kind,
    Message,
    Severity,
    Where,
    change_facts,
    change_title,
)
from watcher.domain.model import Account, AccountState, Asset, Change, Outcome, Reading
from watcher.domain.rules import EventRule, LevelRule, Rule, StateRule
from watcher.domain.selection import BUILT_IN, Concerned, Rules
from watcher.domain.template import TemplateFailedError, render
from watcher.domain.verdict import Answer, Verdict, met, not_met

UNREPORTED_RULE = "watcher.unreported"
"""The built-in notice about an account that the provider stopped reporting."""


class Judge:
    """Collects what one decision says. Lives for one call of `decide` or `lapse`."""

    def __init__(self, past: Past, rules: Rules, now: datetime, running_since: datetime) -> None:
        self._past, self._rules, self._now, self._running_since = past, rules, now, running_since
        self._alarmed = {alert.account for alert in past.alerts.values()}
        self.alerts: list[Alert] = []
        self.deliveries: list[Delivery] = []

    def account(self, learned: Learned, outcome: Outcome, changes: Sequence[Change]) -> None:
        """Everything that rules have to say about one account after one outcome."""
        concerned = self._rules.of(learned.state.account)
        if isinstance(outcome, Reading):
            for change in changes:
                self._events(concerned, change)
            if concerned.levels:
                self._levels(concerned, learned, outcome, changes)
        self._reported(learned)
        if concerned.clocks:
            self.clocks(learned.state)

    def clocks(self, state: AccountState) -> None:
        """Rules that time alone can meet."""
        for rule in self._rules.of(state.account).clocks:
            answer = rule.answer(state, self._now, self._running_since)
            if answer is Answer.UNKNOWN or (answer is Answer.NOT_MET and not self._past.alerts):
                continue
            subject = self._subject(state.account)
            alert = self._live(rule, subject.key)
            verdict = rule.judge(state, self._now, self._running_since)
            step = self._advance(rule, alert, subject, verdict)
            self._tell_alert(rule, step, self._where(state.account), [])

    def remind(self, rule: StateRule, alert: Alert) -> None:
        """Tell a firing alert again if its repeat is due; not one that was judged just now."""
        account = alert.account
        if account is None or account not in self._rules.wallets:
            return
        if any(judged.id == alert.id for judged in self.alerts):
            return
        step = remind(alert, rule.repeat, self._now)
        if step.alert is None:
            return
        self.alerts.append(step.alert)
        state = self._past.accounts.get(account) or AccountState(account)
        asset = next((each for each in state.amounts if subject_key(account, each) == alert.subject), None)
        facts = [("Last reading", moment(state.last_reading if asset is None else state.as_of(asset)))]
        values: dict[str, str] = {}
        where = self._where(account)
        if asset is not None:
            symbol, quote = self._past.symbols.get(asset, ""), self._past.quotes.get(asset)
            price = quote.price if quote is not None else None
            where, values = self._where(account, asset, symbol), _level_values(state.amounts[asset], price)
            facts.insert(0, ("Amount", f"{amount(state.amounts[asset])} {symbol}".rstrip()))
        self._tell_alert(rule, step, where, facts, values=values)

    def _events(self, concerned: Concerned, change: Change) -> None:
        if change.before is None:
            return
        choice = concerned.chosen.get(change.asset)
        if choice is None or choice.symbol != change.symbol:
            choice = concerned.choose(change.asset, change.symbol)
        for rule in choice.events:
            if rule.answer(change) is Answer.MET:
                self._tell_event(rule, change, rule.judge(change))

    def _levels(
        self, concerned: Concerned, learned: Learned, reading: Reading, changes: Sequence[Change]
    ) -> None:
        """Level rules, over the assets that this reading settled."""
        stale, chains = learned.state.stale, learned.chains
        symbols, prices, known = reading.symbols, reading.prices, self._past.symbols
        chosen, calm = concerned.chosen, learned.state.account not in self._alarmed
        for asset, held in learned.state.amounts.items():
            symbol = symbols.get(asset) or known.get(asset, "")
            choice = chosen.get(asset)
            if choice is None or choice.symbol != symbol:
                choice = concerned.choose(asset, symbol)
            if not choice.levels or asset.chain not in chains or (stale and asset in stale):
                continue
            price = prices.get(asset)
            for rule, unmet in choice.levels:
                if calm and unmet(held, price):
                    continue
                value = rule.value(held, price)
                if value is None:
                    continue
                moved = next((change for change in changes if change.asset == asset), None)
                self._level(rule, learned.state.account, asset, symbol, (held, price, value, moved))

    def _level(
        self,
        rule: LevelRule,
        account: Account,
        asset: Asset,
        symbol: str,
        seen: tuple[Decimal, Decimal | None, Decimal, Change | None],
    ) -> None:
        held, price, value, moved = seen
        alert = self._live(rule, subject_key(account, asset))
        firing = alert is not None and alert.state is AlertState.FIRING
        if alert is None and rule.answer(value, firing=False) is Answer.NOT_MET:
            return
        verdict = rule.judge(value, symbol, firing=firing)
        step = self._advance(rule, alert, self._subject(account, asset, symbol), verdict)
        if step.tell is None:
            return
        facts = [("Amount", f"{amount(held)} {symbol}".rstrip())]
        if moved is not None and moved.before is not None:
            facts = change_facts(moved)
        elif price is not None:
            facts.append(("Value", f"{money(times(held, price))} at {show_price(price)}"))
        where = self._where(account, asset, symbol)
        self._tell_alert(rule, step, where, facts, values=_level_values(held, price))

    def _reported(self, learned: Learned) -> None:
        """The built-in notice: a chain that held value is left out even when asked for alone."""
        account = learned.state.account
        for chain, count in learned.state.omitted.items():
            if count >= UNREPORTED:
                since = moment(learned.state.seen.get(chain))
                why = "emptied, or dropped by the provider"
                self._notice(account, chain, met(f"no longer reported ({why}); last read {since}"))
        if self._past.alerts:
            for chain in learned.chains:
                self._notice(account, chain, not_met("reported again"))

    def _notice(self, account: Account, chain: str, verdict: Verdict) -> None:
        key = subject_key(account, Asset(chain, ""))
        wallet = self._rules.wallets[account].name
        subject = Subject(key, f"{wallet} on {chain}", wallet, account)
        alert = self._past.alerts.get((UNREPORTED_RULE, key))
        terms = Terms(UNREPORTED_RULE, BUILT_IN, Severity.CRITICAL)
        step = advance(alert, verdict, terms, subject, self._now)
        if step.alert is not None:
            self.alerts.append(step.alert)
        self._tell_alert(None, step, self._where(account), [])

    def _live(self, rule: StateRule, key: str) -> Alert | None:
        """The live alert of this very rule; one from before the rule was edited does not count."""
        alert = self._past.alerts.get((rule.id, key))
        return alert if alert and alert.fingerprint == self._rules.fingerprint(rule.id) else None

    def _advance(self, rule: StateRule, alert: Alert | None, subject: Subject, verdict: Verdict) -> Step:
        fingerprint = self._rules.fingerprint(rule.id) or ""
        wait, reads = rule.terms()
        terms = Terms(rule.id, fingerprint, rule.severity, wait, reads, rule.repeat)
        step = advance(alert, verdict, terms, subject, self._now)
        if step.alert is not None:
            self.alerts.append(step.alert)
        return step

    def _tell_alert(
        self,
        rule: Rule | None,
        step: Step,
        where: Where,
        facts: list[tuple[str, str]],
        *,
        values: dict[str, str] | None = None,
    ) -> None:
        alert = step.alert
        if step.tell is None or alert is None:
            return
        title = f"{alert.label}: {alert.because}"
        lines = [*where.facts(), *facts, ("Because", alert.because), ("Since", moment(alert.since))]
        if step.tell is Kind.RESOLVED:
            lines.append(("Resolved", moment(self._now)))
        elif step.tell is Kind.FIRING:
            lines.append(("Read", moment(self._now)))
        state = {"because": alert.because, "state": str(alert.state), **(values or {})}
        subject = (alert.id, alert.rule, alert.subject)
        self._deliver(rule, step.tell, alert.severity, subject, where, title, lines, state)

    def _tell_event(self, rule: EventRule, change: Change, verdict: Verdict) -> None:
        where = self._where(change.account, change.asset, change.symbol)
        key = subject_key(change.account, change.asset)
        event = short_id(rule.id, key, change.after_at.isoformat(), change.before, change.after)
        lines = [*where.facts(), *change_facts(change), ("Because", verdict.because)]
        values = change_values(change, verdict)
        title = change_title(change, where)
        self._deliver(rule, Kind.EVENT, rule.severity, (event, rule.id, key), where, title, lines, values)

    def _deliver(
        self,
        rule: Rule | None,
        kind: Kind,
        severity: Severity,
        about: tuple[str, str, str],
        where: Where,
        title: str,
        lines: list[tuple[str, str]],
        values: dict[str, str],
    ) -> None:
        """Render the message once, and owe it to each channel. `about`: its id, rule and subject."""
        identity, rule_id, subject = about
        if rule is not None:
            title, lines = _in_own_words(rule, title, lines, {**where.values(), **values, "rule": rule_id})
        message = Message(
            identity, kind, severity, rule_id, subject, where.wallet, title, tuple(lines), self._now
        )
        for channel in self._rules.channels_of(rule):
            delivery = short_id(identity, kind, self._now.isoformat(), channel)
            self.deliveries.append(Delivery(delivery, channel, message, self._now, self._now))

    def _where(self, account: Account, asset: Asset | None = None, symbol: str = "") -> Where:
        wallet = self._rules.wallets[account]
        return Where(wallet.name, account, wallet.tags, asset, symbol)

    def _subject(self, account: Account, asset: Asset | None = None, symbol: str = "") -> Subject:
        where = self._where(account, asset, symbol)
        return Subject(subject_key(account, asset), where.label, where.wallet, account)


def subject_key(account: Account, asset: Asset | None = None) -> str:
    """The stable name of a subject: `source/chain/address`, and the asset's chain and token."""
    key = f"{account.source}/{account.chain}/{account.address}"
    return f"{key}/{asset.chain}/{asset.token}" if asset is not None else key


def change_values(change: Change, verdict: Verdict) -> dict[str, str]:
    """The variables of templates that a change knows."""
    facts = dict(change_facts(change))
    before = change.before or ZERO
    moved = minus(change.after, before)
    return {
        "amount": plain(change.after),
        "before": plain(before),
        "percent": signed(percent(moved, before), moved) if before else "",
        "after": plain(change.after),
        "change": facts["Moved"],
        "value": facts["Value"],
        "price": show_price(change.price_after) if change.price_after is not None else "",
        "because": verdict.because,
        "state": "event",
    }


def _level_values(held: Decimal, price: Decimal | None) -> dict[str, str]:
    """The variables of templates that an amount and its price give."""
    if price is None:
        return {"amount": plain(held)}
    return {"amount": plain(held), "price": show_price(price), "value": money(times(held, price))}


def _in_own_words(
    rule: Rule, title: str, lines: list[tuple[str, str]], values: dict[str, str]
) -> tuple[str, list[tuple[str, str]]]:
    """The operator's templates; one that fails costs its own words, never the message."""
    values["severity"] = str(rule.severity)
    for field, label in (("summary", ""), ("description", "Description"), ("runbook", "Runbook")):
        text = getattr(rule, field)
        if text is None:
            continue
        try:
            words = render(text, values)
        except TemplateFailedError as error:
            lines = [*lines, ("Template", f"{field} could not be rendered: {error}")]
            continue
        if label:
            lines = [*lines, (label, words)]
        elif words:
            title = words.splitlines()[0]
    return title, lines

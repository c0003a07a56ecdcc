"""Teller: what is to be told becomes messages, and a delivery for each channel."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from watcher.domain.alerting import Step, Subject, short_id
from watcher.domain.delivery import Delivery
from watcher.domain.display import moment, money, percent, plain, signed
from watcher.domain.display import price as show_price
from watcher.domain.exact import ZERO, minus, times
from watcher.domain.message import Kind, Message, Severity, Where, Whole, change_facts, change_title
from watcher.domain.model import Account, Asset, Change
from watcher.domain.rules import EventRule, Rule
from watcher.domain.selection import Rules
from watcher.domain.template import TemplateFailedError, render
from watcher.domain.verdict import Verdict


class Teller:
    """Collects the deliveries of one decision."""

    def __init__(self, rules: Rules, now: datetime) -> None:
        self._rules, self._now = rules, now
        self.deliveries: list[Delivery] = []

    def alert(
        self,
        rule: Rule | None,
        step: Step,
        where: Where | Whole,
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
        state = {"because": alert.because, "state": str(alert.state), "since": moment(alert.since)}
        state.update(values or {})
        subject = (alert.id, alert.rule, alert.subject)
        self._deliver(rule, step.tell, alert.severity, subject, where, title, lines, state)

    def event(self, rule: EventRule, change: Change, verdict: Verdict) -> None:
        where = self.where(change.account, change.asset, change.symbol)
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
        where: Where | Whole,
        title: str,
        lines: list[tuple[str, str]],
        values: dict[str, str],
    ) -> None:
        """Render the message once, and owe it to each channel. `about`: its id, rule and subject."""
        identity, rule_id, subject = about
        if rule is not None:
            title, lines = _in_own_words(
                rule, title, lines, {**where.values(), **values, "rule": rule_id, "at": moment(self._now)}
            )
        message = Message(
            identity, kind, severity, rule_id, subject, where.wallet, title, tuple(lines), self._now
        )
        for channel in self._rules.channels_of(rule):
            delivery = short_id(identity, kind, self._now.isoformat(), channel)
            self.deliveries.append(Delivery(delivery, channel, message, self._now, self._now))

    def where(self, account: Account, asset: Asset | None = None, symbol: str = "") -> Where:
        wallet = self._rules.wallets[account]
        return Where(wallet.name, account, wallet.tags, asset, symbol)

    def subject(self, account: Account, asset: Asset | None = None, symbol: str = "") -> Subject:
        where = self.where(account, asset, symbol)
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
        "since": moment(change.before_at),
    }


def level_values(held: Decimal, price: Decimal | None) -> dict[str, str]:
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

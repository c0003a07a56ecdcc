"""Message composer: what is to be told becomes messages, and a delivery for each channel."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from decimal import Decimal
from functools import partial

from watcher.domain.alerts.flapping import CALM, WITHIN
from watcher.domain.alerts.lifecycle import Alert, Subject, Transition, short_id
from watcher.domain.alerts.silences import Topic
from watcher.domain.decision import Snapshot
from watcher.domain.evaluation.routing import Router
from watcher.domain.evaluation.rule_index import Rules
from watcher.domain.messages.delivery import Delivery, DeliveryState
from watcher.domain.messages.message import (
    NOTHING,
    Kind,
    Message,
    OfAccount,
    OfSubject,
    Particulars,
    Place,
    Severity,
    change_facts,
    change_title,
    quantities,
)
from watcher.domain.messages.template_variables import TemplateFailedError
from watcher.domain.messages.templates import render
from watcher.domain.model import Account, AccountState, Asset, Change, subject_key
from watcher.domain.records import replace
from watcher.domain.rules import EventRule, Rule, StateRule
from watcher.domain.values.decimals import ZERO, minus, times
from watcher.domain.values.durations import format_duration
from watcher.domain.values.formatting import amount, counted, moment, money, percent, plain, signed
from watcher.domain.values.formatting import price as show_price
from watcher.domain.values.verdict import Verdict


class MessageComposer:
    """Collects what is to be told in one decision; `finish` routes it and makes the deliveries."""

    def __init__(self, rules: Rules, now: datetime, router: Router) -> None:
        self._rules, self._now, self._router = rules, now, router
        self._waiting: list[Callable[[dict[str, Alert]], None]] = []
        self.deliveries: list[Delivery] = []

    def alert(
        self,
        rule: Rule | None,
        step: Transition,
        where: Place,
        facts: list[tuple[str, str]],
        *,
        values: dict[str, str] | None = None,
        numbers: Particulars = NOTHING,
    ) -> None:
        """Tell what a step of an alert says, if it says anything. `numbers`: what it says in amounts."""
        if step.tell is not None and step.alert is not None:
            self._waiting.append(partial(self._alert, rule, step, where, facts, values or {}, numbers))

    def event(self, rule: EventRule, change: Change, verdict: Verdict) -> None:
        """Tell a change that a rule is about."""
        self._waiting.append(partial(self._event, rule, change, verdict))

    def finish(self, alerts: list[Alert]) -> list[Alert]:
        """Route all of it, now that all that fires is known; the alerts as they are to be kept."""
        self._router.note(alerts)
        settled: dict[str, Alert] = {}
        for tell in self._waiting:
            tell(settled)
        self._waiting = []
        return [settled.get(alert.id, alert) for alert in alerts]

    def _alert(
        self,
        rule: Rule | None,
        step: Transition,
        where: Place,
        facts: list[tuple[str, str]],
        values: dict[str, str],
        numbers: Particulars,
        settled: dict[str, Alert],
    ) -> None:
        routed = self._router.settle(rule, step)
        alert = settled[routed.alert.id] = routed.alert
        if routed.flapping:
            self._owe(self._flapping(alert, where, routed.flapping), routed.channels)
        if routed.tell is None:
            return
        title = _state_title(alert, where)
        lines = [*where.facts(), *facts, ("Because", alert.because), ("Since", moment(alert.since))]
        lines += self._course(rule, alert, routed.tell)
        state = {"because": alert.because, "state": str(alert.state), "since": moment(alert.since), **values}
        message = self._message(
            rule if routed.tell is not Kind.WITHDRAWN else None,  # its own words say what was
            routed.tell,
            alert.severity,
            (alert.id, alert.rule, alert.subject),
            where,
            title,
            lines,
            state,
            replace(numbers, since=alert.since, until=None, because=alert.because),
        )
        self._owe(message, routed.channels)

    def _flapping(self, alert: Alert, where: Place, count: int) -> Message:
        words = f"{counted(count, 'transition')} within {format_duration(WITHIN)}"
        lines = [
            *where.facts(),
            ("Flapping", words),
            ("Last", alert.because),
            ("Held back", f"what fires or resolves, until it was calm for {format_duration(CALM)}"),
        ]
        title = f"{alert.label} is flapping: {words}"
        numbers = Particulars(since=alert.since, because=alert.because)
        return Message(
            alert.id,
            Kind.NOTICE,
            alert.severity,
            alert.rule,
            alert.subject,
            where.wallet,
            title,
            tuple(lines),
            self._now,
            placed(where, numbers),
        )

    def _course(self, rule: Rule | None, alert: Alert, kind: Kind) -> list[tuple[str, str]]:
        """What has become of the alert so far."""
        lines = []
        if kind.final:
            lines.append((kind.capitalize(), moment(alert.resolved_at)))
        elif kind is Kind.FIRING and alert.fired_at == self._now:
            lines.append(("Read", moment(self._now)))
        elif kind is Kind.ESCALATION and isinstance(rule, StateRule) and rule.escalate is not None:
            lines.append(("Escalated", f"nobody acknowledged it for {format_duration(rule.escalate.after)}"))
        if alert.acknowledged is not None:
            lines.append(("Acknowledged", str(alert.acknowledged)))
        return lines

    def _event(self, rule: EventRule, change: Change, verdict: Verdict, _settled: dict[str, Alert]) -> None:
        where = self.where(change.account, change.asset, change.symbol)
        key = subject_key(change.account, change.asset)
        # Equal amounts, equal text: read back from disk an amount may be spelled otherwise than on the wire.
        moved = (plain(change.before or ZERO), plain(change.after))
        event = short_id(rule.id, key, change.after_at.isoformat(), *moved)
        if change.claimed and rule.priced:
            verdict = replace(verdict, because=f"{verdict.because}, as is claimed")
        lines = [*where.facts(), *change_facts(change), ("Because", verdict.because)]
        values = change_values(change, verdict)
        title = change_title(change, where)
        numbers = replace(quantities(change), because=verdict.because)
        message = self._message(
            rule, Kind.EVENT, rule.severity, (event, rule.id, key), where, title, lines, values, numbers
        )
        hold = self._router.hold(rule, Topic(rule.id, where.wallet, rule.severity, where.tags))
        self._owe(message, self._rules.channels_of(rule), hold)

    def _message(
        self,
        rule: Rule | None,
        kind: Kind,
        severity: Severity,
        about: tuple[str, str, str],
        where: Place,
        title: str,
        lines: list[tuple[str, str]],
        values: dict[str, str],
        numbers: Particulars,
    ) -> Message:
        """Render the message once for all channels. `about`: its id, rule and subject."""
        identity, rule_id, subject = about
        if rule is not None:
            title, lines = _in_own_words(
                rule, title, lines, {**where.values(), **values, "rule": rule_id, "at": moment(self._now)}
            )
        said, wallet = tuple(lines), where.wallet
        particulars = placed(where, numbers)
        return Message(
            identity, kind, severity, rule_id, subject, wallet, title, said, self._now, particulars
        )

    def _owe(self, message: Message, channels: Iterable[str], hold: str = "") -> None:
        """Owe a message to each channel. An event that is held back is past: it is kept, to be seen."""
        state = DeliveryState.WITHHELD if hold else DeliveryState.PENDING
        for channel in channels:
            identity = short_id(message.id, message.kind, self._now.isoformat(), channel)
            self.deliveries.append(
                Delivery(identity, channel, message, self._now, self._now, state, last_error=hold)
            )

    def where(self, account: Account, asset: Asset | None = None, symbol: str = "") -> OfAccount:
        wallet = self._rules.wallets[account]
        return OfAccount(wallet.name, account, wallet.tags, asset, symbol)

    def known_place(
        self, alert: Alert, past: Snapshot
    ) -> tuple[Place, list[tuple[str, str]], dict[str, str], Particulars]:
        """Where an alert is and what was read last of it, for a message that no reading brings about."""
        account = alert.account
        if account is None or account not in self._rules.wallets:
            return OfSubject(alert.wallet, alert.label), [], {}, NOTHING
        state = past.accounts.get(account) or AccountState(account)
        asset = next((each for each in state.amounts if subject_key(account, each) == alert.subject), None)
        facts = [("Last reading", moment(state.last_reading if asset is None else state.as_of(asset)))]
        if asset is None:
            return self.where(account), facts, {}, NOTHING
        symbol, quote = past.symbols.get(asset, ""), past.quotes.get(asset)
        held, price = state.amounts[asset], quote.price if quote is not None else None
        facts.insert(0, ("Amount", f"{amount(held)} {symbol}".rstrip()))
        counted_at = None if asset in state.newcomers else price  # else it is only claimed
        where, numbers = self.where(account, asset, symbol), level_numbers(held, counted_at, None)
        return where, facts, level_values(held, price), numbers

    def subject(self, account: Account, asset: Asset | None = None, symbol: str = "") -> Subject:
        where = self.where(account, asset, symbol)
        return Subject(subject_key(account, asset), where.label, where.wallet, account)


def placed(where: Place, numbers: Particulars) -> Particulars:
    """What is said in numbers, and of what."""
    place = where.particulars()
    return replace(
        numbers, source=place.source, chain=place.chain, address=place.address, asset=place.asset,
        symbol=place.symbol or numbers.symbol, tags=place.tags,
    )  # fmt: skip


def _state_title(alert: Alert, where: Place) -> str:
    """Whose, and why: the asset is named once, by the reason if that does."""
    if not isinstance(where, OfAccount) or where.asset is None or not where.symbol:
        return f"{alert.label}: {alert.because}"
    named = f" {where.symbol}" in alert.because
    return f"{where.wallet}{'' if named else f' {where.symbol}'}: {alert.because}"


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


def level_numbers(
    held: Decimal, price: Decimal | None, moved: Change | None, distance: Decimal | None = None
) -> Particulars:
    """What is held, in numbers; `distance`: how far beyond its level that is, as a share of the level."""
    gravity = distance.copy_abs() if distance is not None else None
    if moved is None or moved.before is None:
        return Particulars(after=held, price_after=price, gravity=gravity)
    return replace(quantities(moved), since=None, until=None, gravity=gravity)


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

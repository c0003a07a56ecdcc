"""Routing: which channels hear of a transition, now or later. What it decides is kept with the alert.

A transition is told now, held back (a silence, or an inhibiting alert) and owed until nothing holds it
any more, or told to nobody because it was over before anybody could be told. The end of
an alert (it resolved, or was withdrawn) is told to every channel that heard of it, whatever the rule says
by then.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from watcher.domain.alerts.flapping import Flap
from watcher.domain.alerts.lifecycle import STAY, Alert, AlertState, Transition, remind
from watcher.domain.alerts.silences import Topic, silence_of
from watcher.domain.decision import Snapshot
from watcher.domain.evaluation.rule_index import Rules
from watcher.domain.messages.message import Kind
from watcher.domain.records import Record, replace
from watcher.domain.rules import Rule, StateRule


class Routed(Record, frozen=True):
    """The alert as it is to be kept, and who is told what now."""

    alert: Alert
    tell: Kind | None = None
    channels: tuple[str, ...] = ()
    flapping: int = 0
    """So many transitions: it began to flap, and `channels` are told that instead."""


class Router:
    """Routes the transitions of one decision."""

    def __init__(self, past: Snapshot, rules: Rules, now: datetime) -> None:
        self._past, self._rules, self._now = past, rules, now
        self._moved: dict[tuple[str, str], list[Alert]] = {}
        self.flaps: dict[tuple[str, str], Flap] = {}
        """What is to be kept of transitions."""

    def note(self, alerts: Iterable[Alert]) -> None:
        """What this very decision moves: it inhibits, or no longer does."""
        for alert in alerts:
            self._moved.setdefault((alert.rule, alert.wallet), []).append(alert)

    def hold(self, rule: Rule | None, topic: Topic) -> str:
        """Why nobody is told of this topic now; empty if nothing holds it back."""
        silence = silence_of(self._past.silences, topic, self._now)
        if silence is not None:
            return str(silence)
        for other in rule.inhibited_by if rule is not None else ():
            if self._fires(other, topic.wallet):
                return f"inhibited by rule {other}"
        return ""

    def hold_of(self, rule: Rule | None, alert: Alert) -> str:
        flap = self._flap(alert)
        return self.hold(rule, self.topic(alert)) or (str(flap) if flap.flaps(self._now) else "")

    def _flap(self, alert: Alert) -> Flap:
        key = (alert.rule, alert.subject)
        return self.flaps.get(key) or self._past.flaps.get(key) or Flap()

    def topic(self, alert: Alert) -> Topic:
        return Topic(alert.rule, alert.wallet, alert.severity, self._rules.tags_of(alert.wallet))

    def settle(self, rule: Rule | None, step: Transition) -> Routed:
        """Who hears of a transition that the state machine made."""
        alert = step.alert
        assert alert is not None  # noqa: S101 - a step that tells has an alert
        happened = self._count(alert, step.tell)
        hold = self.hold_of(rule, alert)
        routed = self._settle(rule, alert, step.tell, hold)
        flap = self._flap(alert)
        if happened and flap.flaps(self._now) and not flap.said and hold == str(flap):
            self.flaps[alert.rule, alert.subject] = replace(flap, said=True)
            told = (*(alert.told or ()), *self._rules.channels_of(rule))
            channels = tuple(name for name in dict.fromkeys(told) if name in self._rules.channels)
            return replace(routed, channels=channels, flapping=len(flap.times))
        return routed

    def _count(self, alert: Alert, tell: Kind | None) -> bool:
        """Whether this is a transition that happens now, and not the late news of one; it is counted."""
        at = {Kind.FIRING: alert.fired_at, Kind.RESOLVED: alert.resolved_at}.get(tell or Kind.TEST)
        if at != self._now:
            return False
        self.flaps[alert.rule, alert.subject] = self._flap(alert).moved(self._now)
        return True

    def _settle(self, rule: Rule | None, alert: Alert, tell: Kind | None, hold: str) -> Routed:
        if tell is not None and tell.final:
            return self._over(rule, alert, tell, hold)
        if not hold:
            channels = self._channels(rule, alert, tell)
            told = tuple(dict.fromkeys((*(alert.told or ()), *channels)))
            return Routed(replace(alert, told=told, held="", owed=None), tell, channels)
        if tell is Kind.FIRING:
            return Routed(replace(alert, told_at=None, told_since=None, held=hold, owed=Kind.FIRING))
        return Routed(self._untold(alert, hold))

    def overdue(self, rule: Rule | None, alert: Alert) -> Transition:
        """What time alone brings about for a live alert: what was held back, escalation, a repeat."""
        if alert.state is not AlertState.FIRING:
            return STAY
        hold = self.hold_of(rule, alert)
        if hold:
            return Transition(replace(alert, held=hold)) if alert.held != hold else STAY
        free = replace(alert, held="")
        if alert.owed is Kind.FIRING:
            told = replace(free, owed=None, told_at=self._now, told_since=self._now)
            return Transition(told, Kind.FIRING)
        if isinstance(rule, StateRule):
            if self._escalates(rule, free):
                return Transition(replace(free, escalated_at=self._now), Kind.ESCALATION)
            step = remind(free, rule.repeat_after(alert.repeats), self._now)
            if step.alert is not None:
                return step
        return Transition(free) if alert.held else STAY

    def _over(self, rule: Rule | None, alert: Alert, tell: Kind, hold: str) -> Routed:
        if alert.owed is Kind.FIRING:
            return Routed(replace(alert, owed=None))  # nobody heard of it; `held` still says why
        if hold:
            return Routed(replace(alert, held=hold, owed=tell))
        told = alert.told if alert.told is not None else self._rules.channels_of(rule)
        channels = tuple(name for name in told if name in self._rules.channels)
        return Routed(replace(alert, held="", owed=None), tell, channels)

    def _channels(self, rule: Rule | None, alert: Alert, kind: Kind | None) -> tuple[str, ...]:
        usual = self._rules.channels_of(rule)
        escalate = rule.escalate if isinstance(rule, StateRule) else None
        if escalate is None or (kind is not Kind.ESCALATION and alert.escalated_at is None):
            return usual
        if kind is Kind.ESCALATION:
            return escalate.notify
        return tuple(dict.fromkeys((*usual, *escalate.notify)))

    def _untold(self, alert: Alert, hold: str) -> Alert:
        """An alert whose repeat or escalation is held back: as if it had not been due."""
        before = self._past.alerts.get((alert.rule, alert.subject))
        if before is None:
            return replace(alert, held=hold)
        return replace(
            alert, told_at=before.told_at, repeats=before.repeats, escalated_at=before.escalated_at, held=hold
        )

    def _escalates(self, rule: StateRule, alert: Alert) -> bool:
        since = alert.told_since or alert.fired_at
        if rule.escalate is None or since is None or alert.escalated_at or alert.acknowledged:
            return False
        return self._now - since >= rule.escalate.after

    def _fires(self, rule: str, wallet: str) -> bool:
        """Whether an alert of this rule fires on this wallet, this decision included."""
        if not wallet:
            return False
        firing = set(self._past.firing.get((rule, wallet), ()))
        for alert in self._moved.get((rule, wallet), ()):
            if alert.state is AlertState.FIRING:
                firing.add(alert.subject)
            else:
                firing.discard(alert.subject)
        return bool(firing)

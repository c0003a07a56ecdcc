"""Alerts, events and silences as rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from watcher.config.settings import Settings
from watcher.domain.alerts.events import Acknowledgeable, Event
from watcher.domain.alerts.lifecycle import Alert, AlertState
from watcher.domain.alerts.silences import Silence, Topic, silence_of
from watcher.domain.messages.delivery import Delivery
from watcher.reports.rows import AlertDetailRow, AlertRow, AlertStatus, DeliveryRow, SilenceRow

_STATUS: Mapping[AlertState, AlertStatus] = {
    AlertState.PENDING: "pending", AlertState.FIRING: "firing", AlertState.RESOLVED: "resolved",
}  # fmt: skip
_HELD_BACK: Mapping[str, AlertStatus] = {"silenced": "silenced", "inhibited": "inhibited"}
"""How the reason why nobody is told begins → what an alert that fires is called then."""


class AlertViews:
    """Alerts as rows, as of one moment."""

    def __init__(self, settings: Settings, silences: Sequence[Silence], now: datetime) -> None:
        self._tags: Mapping[str, tuple[str, ...]] = {each.name: each.tags for each in settings.wallets}
        self._silences, self._now = [each for each in silences if now < each.until], now

    def held(self, alert: Alert) -> str:
        """Why people are not told of it, or were not; a silence set a moment ago is known here already."""
        if alert.live and self._silences:
            tags = self._tags.get(alert.wallet, ())
            topic = Topic(alert.rule, alert.wallet, alert.severity, tags)
            silence = silence_of(self._silences, topic, self._now)
            if silence is not None:
                return str(silence)
        return alert.held

    def matched(self, silence: Silence, alerts: Iterable[Alert]) -> list[Alert]:
        """The live ones of these that a silence matches, whether it is in force or not."""
        return [
            each
            for each in alerts
            if each.live
            and not each.unspoken
            and silence.matches(Topic(each.rule, each.wallet, each.severity, self._tags.get(each.wallet, ())))
        ]

    def row(self, alert: Alert) -> AlertRow:
        held = self.held(alert)
        state: AlertStatus = "withdrawn" if alert.closed else _STATUS[alert.state]
        if alert.state is AlertState.FIRING and held:
            state = _HELD_BACK.get(held.split()[0], state)
        return {
            "id": alert.id,
            "rule": alert.rule,
            "subject": alert.label,
            "wallet": alert.wallet,
            "state": state,
            "severity": alert.severity,
            "since": alert.since,
            "because": alert.because,
            "acknowledged_by": alert.acknowledged.by if alert.acknowledged else None,
            "acknowledged_at": alert.acknowledged.at if alert.acknowledged else None,
            "held": held,
        }

    def event(self, event: Event) -> AlertRow:
        """An event in the same words."""
        ack = event.acknowledged
        return {
            "id": event.id,
            "rule": event.rule,
            "subject": event.label,
            "wallet": event.wallet,
            "state": "event",
            "severity": event.severity,
            "since": event.message.at,
            "because": event.because,
            "acknowledged_by": ack.by if ack else None,
            "acknowledged_at": ack.at if ack else None,
            "held": "",
        }

    def rows(self, alerts: Iterable[Acknowledgeable]) -> list[AlertRow]:
        return [
            self.event(each) if isinstance(each, Event) else self.row(each)
            for each in alerts
            if isinstance(each, Event) or not each.unspoken
        ]

    def whole(self, what: Acknowledgeable, deliveries: Sequence[Delivery]) -> AlertDetailRow:
        """An alert or an event with its course and what each channel was told of it."""
        ack, alert = what.acknowledged, what if isinstance(what, Alert) else None
        row = self.event(what) if isinstance(what, Event) else self.row(what)
        newest = max((each.message for each in deliveries), key=lambda message: message.at, default=None)
        return {
            **row,
            "fired_at": alert.fired_at if alert else None,
            "told_since": alert.told_since if alert else None,
            "told_at": alert.told_at if alert else None,
            "repeats": alert.repeats if alert else 0,
            "escalated_at": alert.escalated_at if alert else None,
            "resolved_at": alert.resolved_at if alert else None,
            "acknowledged_via": ack.via if ack else "",
            "comment": ack.comment if ack else "",
            "facts": list(newest.facts) if newest else [],
            "deliveries": [{**delivery_row(each), "kind": each.message.kind} for each in deliveries],
        }


def delivery_row(delivery: Delivery) -> DeliveryRow:
    return {
        "id": delivery.id,
        "alert": delivery.message.id,
        "channel": delivery.channel,
        "state": delivery.state,
        "attempts": delivery.attempts,
        "last_error": delivery.last_error,
        "created": delivery.created,
        "sent": delivery.sent,
        "title": delivery.message.title,
    }


def silence_row(silence: Silence, now: datetime) -> SilenceRow:
    return {
        "id": silence.id,
        "author": silence.author,
        "comment": silence.comment,
        "created": silence.created,
        "until": silence.until,
        "in_force": now < silence.until,
        "rules": list(silence.rules),
        "wallets": list(silence.wallets),
        "severities": list(silence.severities),
        "tags": list(silence.tags),
    }

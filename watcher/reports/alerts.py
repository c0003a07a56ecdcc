"""Alerts and silences as rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from watcher.config.settings import Settings
from watcher.domain.alerts.lifecycle import Alert, AlertState
from watcher.domain.alerts.silences import Silence, Topic, silence_of
from watcher.domain.messages.delivery import Delivery
from watcher.reports.rows import AlertDetailRow, AlertRow, AlertStatus, SilenceRow

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
            "held": held,
        }

    def rows(self, alerts: Iterable[Alert]) -> list[AlertRow]:
        return [self.row(alert) for alert in alerts if not alert.unspoken]

    def whole(self, alert: Alert, deliveries: Sequence[Delivery]) -> AlertDetailRow:
        """One alert with its course and what each channel was told of it."""
        ack = alert.acknowledged
        return {
            **self.row(alert),
            "fired_at": alert.fired_at,
            "told_since": alert.told_since,
            "told_at": alert.told_at,
            "repeats": alert.repeats,
            "escalated_at": alert.escalated_at,
            "resolved_at": alert.resolved_at,
            "acknowledged_at": ack.at if ack else None,
            "comment": ack.comment if ack else "",
            "deliveries": [
                {
                    "id": each.id,
                    "kind": each.message.kind,
                    "title": each.message.title,
                    "channel": each.channel,
                    "state": each.state,
                    "attempts": each.attempts,
                    "last_error": each.last_error,
                    "created": each.created,
                    "sent": each.sent,
                }
                for each in deliveries
            ],
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

"""Questions that both databases answer in the same words."""

from __future__ import annotations

from watcher.store.answering import answered_by
from watcher.store.sql import alerts as alert_rows
from watcher.store.sql import audit as audit_rows
from watcher.store.sql import deliveries as outbox
from watcher.store.sql import events as event_rows
from watcher.store.sql import happenings, ledger, names
from watcher.store.sql import history as shared_history


class SharedQuestions:
    """Who inherits says by `asked` which connection they go to."""

    other_names = answered_by(names.other_names)
    prices = answered_by(shared_history.newest_prices)
    requests = answered_by(ledger.logged)
    hours = answered_by(ledger.hours)
    spent = answered_by(ledger.spent)
    fact = answered_by(ledger.fact)
    deliveries = answered_by(outbox.listed)
    count_deliveries = answered_by(outbox.count)
    delivery = answered_by(outbox.one)
    counts = answered_by(outbox.counts)
    waiting = answered_by(outbox.waiting)
    named_deliveries = answered_by(outbox.named)
    channels = answered_by(outbox.channels)
    deliveries_of = answered_by(outbox.about)
    latest_event = answered_by(outbox.latest_event)
    told_together = answered_by(outbox.told_together)
    alerts = answered_by(alert_rows.newest)
    live_alerts = answered_by(alert_rows.live)
    alert = answered_by(alert_rows.one)
    named_alerts = answered_by(alert_rows.named)
    last_alert = answered_by(alert_rows.last)
    acknowledged = answered_by(alert_rows.acknowledged)
    silences = answered_by(alert_rows.silences)
    event = answered_by(event_rows.one)
    events = answered_by(event_rows.newest)
    happened = answered_by(happenings.listed)
    count_happened = answered_by(happenings.count)
    audit = answered_by(audit_rows.newest)
    count_audit = answered_by(audit_rows.count)

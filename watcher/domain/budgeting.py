"""What rules say about the credits of a source: judged by the ledger, on a clock."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from watcher.domain.alerting import Alert, AlertState, Subject, Terms, advance
from watcher.domain.conclusion import Conclusion, Past
from watcher.domain.display import moment
from watcher.domain.message import OfSource
from watcher.domain.rules import Use
from watcher.domain.selection import Rules
from watcher.domain.telling import Teller


def judge_budgets(past: Past, rules: Rules, uses: Mapping[str, Use], now: datetime) -> Conclusion:
    """Advance the alert of each budget rule whose source's ledger is known; the others stay as they are."""
    teller = Teller(rules, now)
    alerts: list[Alert] = []
    for rule in rules.budgets:
        use = uses.get(rule.source)
        if use is None:
            continue
        fingerprint = rules.fingerprint(rule.id) or ""
        subject = Subject(rule.source, f"source {rule.source}", "", None)
        alert = past.alerts.get((rule.id, rule.source))
        alert = alert if alert is not None and alert.fingerprint == fingerprint else None
        firing = alert is not None and alert.state is AlertState.FIRING
        terms = Terms(rule.id, fingerprint, rule.severity, *rule.terms(), rule.repeat)
        step = advance(alert, rule.judge(use, now, firing=firing), terms, subject, now)
        if step.alert is not None:
            alerts.append(step.alert)
        facts = [("Credits", f"{use.spent:,} of {use.plan.limit:,} used"), ("Period", _period(use, now))]
        teller.alert(rule, step, OfSource(rule.source), facts)
    return Conclusion(at=now, alerts=tuple(alerts), deliveries=tuple(teller.deliveries))


def _period(use: Use, now: datetime) -> str:
    start, end = use.plan.bounds(now)
    return f"{moment(start)} to {moment(end)}"

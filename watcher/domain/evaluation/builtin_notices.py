"""Built-in notices. They need no rule, tell every channel, and cannot be silenced."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from watcher.domain.alerts.lifecycle import Subject, Terms, advance, short_id
from watcher.domain.decision import Decision, Snapshot
from watcher.domain.evaluation.rule_index import BUILT_IN
from watcher.domain.messages.delivery import Delivery
from watcher.domain.messages.message import Kind, Message, Severity
from watcher.domain.records import replace
from watcher.domain.values.formatting import moment
from watcher.domain.values.verdict import Verdict

EXHAUSTED_RULE = "watcher.credits"
"""The credits of a source are gone before their period is over."""

FAILING_RULE = "watcher.source"
"""Nothing can be read from a source."""

PART_RULE = "watcher.account"
"""One account cannot be read (or all that share an asset), while others of its source can."""

UNREPORTED_RULE = "watcher.unreported"
"""The provider has stopped to report an account."""

HINTS_RULE = "watcher.hints"
"""A hint source is not heard, or tells nothing of what polls find. Its subject is the name of that source."""

PART_TERMS = Terms(PART_RULE, BUILT_IN, Severity.WARNING)

OF_SOURCES = frozenset({EXHAUSTED_RULE, FAILING_RULE})
"""Notices whose subject is a source."""


def source_notice(
    past: Snapshot,
    source: str,
    verdict: Verdict,
    channels: tuple[str, ...],
    now: datetime,
    *,
    rule: str = EXHAUSTED_RULE,
    severity: Severity = Severity.CRITICAL,
) -> Decision:
    """Fire or resolve the notice that a source has no credits, or fails: each is told once."""
    terms = Terms(rule, BUILT_IN, severity)
    subject = Subject(source, f"source {source}", "", None)
    return notice(past, terms, subject, verdict, channels, now, [("Source", source)])


def hint_notice(
    past: Snapshot,
    name: str,
    verdict: Verdict,
    channels: tuple[str, ...],
    now: datetime,
    severity: Severity,
) -> Decision:
    """Fire or resolve the notice that a hint source is not heard, or silent: each is told once."""
    subject = Subject(name, f"hints {name}", "", None)
    terms = Terms(HINTS_RULE, BUILT_IN, severity)
    return notice(past, terms, subject, verdict, channels, now, [("Hints", name)])


def notice(
    past: Snapshot,
    terms: Terms,
    subject: Subject,
    verdict: Verdict,
    channels: tuple[str, ...],
    now: datetime,
    about: Sequence[tuple[str, str]],
) -> Decision:
    """Fire or resolve one built-in notice; `about` are the facts that its message begins with."""
    step = advance(past.alerts.get((terms.rule, subject.key)), verdict, terms, subject, now)
    alert = step.alert
    if alert is None:
        return Decision(at=now)
    if step.tell is None:
        return Decision(at=now, alerts=(alert,))
    told = alert.told if step.tell.final and alert.told is not None else channels
    alert = replace(alert, told=tuple(dict.fromkeys((*(alert.told or ()), *told))))
    facts = [*about, ("Because", alert.because), ("Since", moment(alert.since))]
    if step.tell is Kind.RESOLVED:
        facts.append(("Resolved", moment(now)))
    title = f"{alert.label}: {alert.because}"
    message = Message(
        alert.id, step.tell, alert.severity, alert.rule, alert.subject, alert.wallet, title, tuple(facts), now
    )
    deliveries = tuple(
        Delivery(short_id(alert.id, step.tell, name, now.isoformat()), name, message, now, now)
        for name in told
        if name in channels
    )
    return Decision(at=now, alerts=(alert,), deliveries=deliveries)

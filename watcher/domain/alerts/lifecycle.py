"""Alert lifecycle: the only state machine of alerts."""

from __future__ import annotations

import enum
import hashlib
from datetime import datetime, timedelta
from typing import Self

from watcher.domain.audit import Actor
from watcher.domain.messages.message import Kind, Severity
from watcher.domain.model import Account
from watcher.domain.records import Record, replace
from watcher.domain.values.formatting import moment
from watcher.domain.values.verdict import Answer, Verdict

EDITED = "its rule was edited"
"""How the reason begins for which an edit ends an alert."""

BLIND = "watcher.blind."
"""How the id of the notice begins that a rule cannot be judged; the id of the rule follows."""


def blind(rule: str) -> str:
    """The id of the notice that a rule cannot be judged."""
    return BLIND + rule


def about(rule: str) -> str:
    """The rule that an alert is about: its own, or the one that cannot be judged."""
    return rule.removeprefix(BLIND)


class AlertState(enum.StrEnum):
    PENDING = "pending"
    FIRING = "firing"
    RESOLVED = "resolved"


class Ack(Record, frozen=True):
    """Somebody takes care of it: it is not repeated and not escalated."""

    by: str
    at: datetime
    comment: str = ""
    via: str = ""
    """How they said so: `command line`, `page`, `link in` or `chat in` and a channel."""

    @classmethod
    def of(cls, actor: Actor, comment: str = "") -> Self:
        return cls(actor.name, actor.at, comment, actor.via)

    def __str__(self) -> str:
        said = f": {self.comment}" if self.comment else ""
        return f"by {self.by} at {moment(self.at)}{said}"


class Alert(Record, frozen=True):
    """One rule on one subject, from the first reading that met it to the one that did not.

    `subject` is the stable key; `label` is what people read. `account` is the account that the
    subject belongs to, None for one that belongs to a source. `fingerprint` is that of the rule by
    which it was judged last. `closed` marks an alert that did not resolve: it was withdrawn (its rule
    was edited, its wallet is watched no more), or never got past pending.
    `told` are the channels that heard of it, None if that was never noted. `held` says why people
    are not told now; `owed` what they are to be told as soon as nothing holds it back.
    """

    id: str
    rule: str
    fingerprint: str
    subject: str
    label: str
    wallet: str
    account: Account | None
    severity: Severity
    state: AlertState
    since: datetime
    because: str
    reads: int = 1
    fired_at: datetime | None = None
    told_at: datetime | None = None
    resolved_at: datetime | None = None
    closed: bool = False
    told: tuple[str, ...] | None = None
    told_since: datetime | None = None
    """When people were first told."""
    repeats: int = 0
    clear_since: datetime | None = None
    """Since when a firing alert's condition no longer holds (`keep_firing_for`)."""
    acknowledged: Ack | None = None
    held: str = ""
    owed: Kind | None = None
    escalated_at: datetime | None = None

    @property
    def live(self) -> bool:
        return self.state is not AlertState.RESOLVED and not self.closed

    @property
    def unspoken(self) -> bool:
        """Whether it only remembers since when a rule cannot be judged: nobody needs to see that yet."""
        return self.state is AlertState.PENDING and self.rule.startswith(BLIND)

    @property
    def owing(self) -> bool:
        """Whether it is over, and people who heard of it have not been told so yet."""
        return self.state is AlertState.RESOLVED and self.owed is not None and self.owed.final


class Subject(Record, frozen=True):
    """What an alert is about: a key that never changes, and a label for people."""

    key: str
    label: str
    wallet: str
    account: Account | None


class Terms(Record, frozen=True):
    """What the state machine needs of a rule."""

    rule: str
    fingerprint: str
    severity: Severity
    wait: timedelta = timedelta(0)
    reads: int = 1
    repeat: timedelta | None = None
    keep: timedelta = timedelta(0)
    """How long the condition must not hold any more before it is over."""


class Transition(Record, frozen=True):
    """The alert's new state, if it changed, and what people are to be told, if anything."""

    alert: Alert | None = None
    tell: Kind | None = None


STAY = Transition()


def advance(
    alert: Alert | None, verdict: Verdict, terms: Terms, subject: Subject, now: datetime
) -> Transition:
    """One reading's verdict moves the alert by at most one step. UNKNOWN moves nothing.

    `alert` is the live alert of this rule on this subject, or None. One that fires outlives an edit of
    its rule as long as the edited rule is met; the first verdict of that rule that is not withdraws it.
    """
    if verdict.answer is Answer.UNKNOWN:
        return STAY
    if verdict.answer is Answer.NOT_MET:
        return _end(alert, verdict, terms, now)
    if alert is None:
        return _ripen(_begin(verdict, terms, subject, now), terms, now)
    if alert.state is AlertState.PENDING:
        since = min(alert.since, now)  # the clock may have been set back
        pending = replace(
            alert, since=since, reads=alert.reads + 1, because=verdict.because, severity=terms.severity
        )
        return _ripen(pending, terms, now)
    firing = replace(
        alert,
        because=verdict.because,
        clear_since=None,
        fingerprint=terms.fingerprint,
        severity=terms.severity,
    )
    if _repeat_due(alert, terms.repeat, now):
        return _repeated(firing, now)
    return Transition(firing) if firing != alert else STAY


def remind(alert: Alert, repeat: timedelta | None, now: datetime) -> Transition:
    """Time alone: a firing alert is told again when its repeat is due."""
    if alert.state is AlertState.FIRING and _repeat_due(alert, repeat, now):
        return _repeated(alert, now)
    return STAY


def _repeated(alert: Alert, now: datetime) -> Transition:
    return Transition(replace(alert, told_at=now, repeats=alert.repeats + 1), Kind.REPEAT)


def withdraw(alert: Alert, because: str, now: datetime) -> Transition:
    """End an alert otherwise than by its condition. Who heard that it began is told; of a pending one, or
    of one that was held back all the time, nobody heard."""
    over = replace(
        alert, state=AlertState.RESOLVED, closed=True, because=because, resolved_at=now, clear_since=None
    )
    if alert.state is AlertState.PENDING or alert.owed is Kind.FIRING:
        return Transition(replace(over, owed=None))
    return Transition(over, Kind.WITHDRAWN)


def short_id(*parts: object) -> str:
    """Sixteen hex digits that the same facts always give: a repeat after a crash is recognisable.

    Long enough that two among many millions never meet: the store keeps alerts and deliveries by it.
    """
    text = "\x1f".join(str(part) for part in parts)
    return hashlib.blake2b(text.encode("utf-8", "backslashreplace"), digest_size=8).hexdigest()


def _begin(verdict: Verdict, terms: Terms, subject: Subject, now: datetime) -> Alert:
    return Alert(
        id=short_id(terms.rule, terms.fingerprint, subject.key, now.isoformat()),
        rule=terms.rule,
        fingerprint=terms.fingerprint,
        subject=subject.key,
        label=subject.label,
        wallet=subject.wallet,
        account=subject.account,
        severity=terms.severity,
        state=AlertState.PENDING,
        since=now,
        because=verdict.because,
    )


def _ripen(alert: Alert, terms: Terms, now: datetime) -> Transition:
    if alert.reads >= terms.reads and now - alert.since >= terms.wait:
        firing = replace(alert, state=AlertState.FIRING, fired_at=now, told_at=now, told_since=now)
        return Transition(firing, Kind.FIRING)
    return Transition(alert)


def _end(alert: Alert | None, verdict: Verdict, terms: Terms, now: datetime) -> Transition:
    if alert is None:
        return STAY
    if alert.state is AlertState.PENDING:
        return withdraw(alert, verdict.because, now)
    if alert.fingerprint != terms.fingerprint:
        return withdraw(alert, f"{_edit(alert, terms)}: {verdict.because}", now)
    since = min(alert.clear_since or now, now)  # the clock may have been set back
    if now - since < terms.keep:
        return Transition(replace(alert, clear_since=since)) if since != alert.clear_since else STAY
    over = replace(
        alert, state=AlertState.RESOLVED, because=verdict.because, resolved_at=now, clear_since=None
    )
    return Transition(over, Kind.RESOLVED)


def _edit(alert: Alert, terms: Terms) -> str:
    """What was edited: the rule, or (after the stroke) which accounts it sums."""
    same = alert.fingerprint.partition("/")[0] == terms.fingerprint.partition("/")[0]
    return "the accounts that it sums were edited" if same else EDITED


def _repeat_due(alert: Alert, repeat: timedelta | None, now: datetime) -> bool:
    if repeat is None or alert.told_at is None or alert.acknowledged or alert.held or alert.owed:
        return False
    return now - alert.told_at >= repeat

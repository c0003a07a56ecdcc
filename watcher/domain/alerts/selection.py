"""Selection of alerts and events: which are asked for, and which come first."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from enum import StrEnum

from watcher.domain.alerts.events import Acknowledgeable, Event
from watcher.domain.alerts.lifecycle import AlertState
from watcher.domain.messages.message import Severity
from watcher.domain.records import Record


class Stage(StrEnum):
    """Stage of an alert; an event has one of its own. What was withdrawn ended otherwise than by its
    condition."""

    FIRING = "firing"
    PENDING = "pending"
    EVENT = "event"
    RESOLVED = "resolved"
    WITHDRAWN = "withdrawn"


def stage(what: Acknowledgeable) -> Stage:
    if isinstance(what, Event):
        return Stage.EVENT
    return Stage.WITHDRAWN if what.closed else Stage(what.state)


def began(what: Acknowledgeable) -> datetime:
    """When the rule was first met; of an event, when it was told."""
    return what.message.at if isinstance(what, Event) else what.since


def ended(what: Acknowledgeable) -> datetime | None:
    """When it was over; None while it is not. An event is over at once."""
    if isinstance(what, Event):
        return what.message.at
    return (what.resolved_at or what.since) if what.state is AlertState.RESOLVED else None


def urgency(what: Acknowledgeable) -> int:
    """0: it needs somebody. 1: somebody takes care of it, or it is not certain yet. 2: it is over."""
    found = stage(what)
    if found in (Stage.RESOLVED, Stage.WITHDRAWN):
        return 2
    return int(found is Stage.PENDING or what.acknowledged is not None)


class AlertFilter(Record, frozen=True):
    """Which alerts and events are asked for; what is left empty, all of them.

    `since` and `until`: what began before the end of this time, and was not over before it began.
    `text`: a part of an id, a rule, a wallet, what it is about, or why; A to Z in either case.
    `among`: only these ids.
    """

    stages: Collection[Stage] = ()
    rule: str = ""
    wallet: str = ""
    severity: Severity | None = None
    acknowledged: bool | None = None
    since: datetime | None = None
    until: datetime | None = None
    text: str = ""
    among: Collection[str] | None = None

    def takes(self, what: Acknowledgeable) -> bool:
        over = ended(what)
        return (
            (not self.stages or stage(what) in self.stages)
            and self.rule in ("", what.rule)
            and self.wallet in ("", what.wallet)
            and self.severity in (None, what.severity)
            and self.acknowledged in (None, what.acknowledged is not None)
            and (self.since is None or over is None or over >= self.since)
            and (self.until is None or began(what) < self.until)
            and (self.among is None or what.id in self.among)
            and any(_folded(self.text) in _folded(each) for each in _words(what))
        )


def _words(what: Acknowledgeable) -> tuple[str, ...]:
    return what.id, what.rule, what.wallet, what.label, what.because


_SMALL = {ord(letter): ord(letter.lower()) for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZ"}


def _folded(text: str) -> str:
    return text.translate(_SMALL)

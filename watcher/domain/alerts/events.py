"""Event: a change that a rule looked for. It is told once and nothing of it resolves; people acknowledge it
as they do an alert."""

from __future__ import annotations

from watcher.domain.alerts.lifecycle import Ack, Alert
from watcher.domain.messages.message import Message, Severity
from watcher.domain.records import Record


class Event(Record, frozen=True):
    """Event as it was told, and who takes care of it."""

    message: Message
    acknowledged: Ack | None = None

    @property
    def id(self) -> str:
        return self.message.id

    @property
    def rule(self) -> str:
        return self.message.rule

    @property
    def wallet(self) -> str:
        return self.message.wallet

    @property
    def subject(self) -> str:
        return self.message.subject

    @property
    def severity(self) -> Severity:
        return self.message.severity

    @property
    def label(self) -> str:
        """What people read."""
        return self.message.title

    @property
    def because(self) -> str:
        """Why the rule was met, as far as the message says."""
        facts = dict(self.message.facts)
        return self.message.particulars.because or facts.get("Because", "")


Acknowledgeable = Alert | Event
"""What somebody can say that they take care of."""

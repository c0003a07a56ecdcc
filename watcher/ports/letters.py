"""Letters: who writes the account of a period, and what goes with the message about it."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple, Protocol

from watcher.domain.messages.delivery import Delivery
from watcher.domain.messages.message import Message
from watcher.domain.messages.presentation import Display
from watcher.domain.values.periods import Period
from watcher.ports.channel import Attachment

REPORT_RULE = "watcher.report"
"""What stands in the place of a rule in a message that is a report."""

_SUBJECT = "report:"


class Summary(NamedTuple):
    """The words of the message about a report; `worth`: what all is worth at the end, in US dollars."""

    title: str
    facts: tuple[tuple[str, str], ...]
    worth: Decimal | None = None


class Letters(Protocol):
    """Writes reports from what the store has. Not to be called in the thread of the event loop."""

    def summary(self, report: str, period: Period) -> Summary:
        """A few lines. StoreError if the store cannot answer."""
        ...

    def files(self, deliveries: Sequence[Delivery], display: Display) -> Sequence[Attachment]:
        """Page, table and picture of the reports among these; never raises."""
        ...


def subject_of(report: str) -> str:
    """The subject of the messages of one report."""
    return _SUBJECT + report


def report_of(message: Message) -> str:
    """The report that a message is one of; empty if it is of none."""
    return message.subject.removeprefix(_SUBJECT) if message.subject.startswith(_SUBJECT) else ""

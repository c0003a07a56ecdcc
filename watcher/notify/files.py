"""Files of a notification: which are worth another attempt, and how long people wait for them."""

from __future__ import annotations

from collections.abc import Sequence

from watcher.domain.messages.delivery import Delivery
from watcher.domain.messages.message import Kind
from watcher.ports.channel import MAKING, Attachment, Presentation

DRAWING = 2.5
"""Seconds that the pictures of alerts may take at most, beside what the service may take."""

MOST_WITH_FILES = 30
"""Attempts, some hours, after which a report goes without its files."""


def making(deliveries: Sequence[Delivery], shown: Presentation) -> float:
    """Seconds that the files of these may take to be made."""
    if shown.attach is None:
        return 0
    return MAKING if any(each.message.kind is Kind.REPORT for each in deliveries) else DRAWING


def files_for(deliveries: Sequence[Delivery], shown: Presentation) -> Sequence[Attachment]:
    """What was not taken with a picture goes without one the next time: it may have been its fault. A report
    is little without its files, and is patient. Waits until they are made."""
    if any(each.attempts for each in deliveries):
        patient = (each for each in deliveries if each.attempts < MOST_WITH_FILES)
        deliveries = [each for each in patient if each.message.kind is Kind.REPORT]
    return shown.attach(deliveries) if shown.attach is not None and deliveries else ()


def left_out(files: Sequence[Attachment]) -> str:
    """What is said of files that were not taken."""
    return f"{'pictures' if all(each.is_picture for each in files) else 'files'} are left out"

"""A message to people, before any channel's markup."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import datetime


class Severity(enum.StrEnum):
    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"


class Kind(enum.StrEnum):
    """Why people are told."""

    FIRING = "firing"
    RESOLVED = "resolved"
    REPEAT = "repeat"
    EVENT = "event"
    NOTICE = "notice"
    TEST = "test"


@dataclass(frozen=True, slots=True)
class Message:
    """One transition in words. Plain text everywhere: names from an API are not trusted.

    `title` is one line. `facts` are label and value, in order. `id` is the alert's id, the
    same from firing to resolved.
    """

    id: str
    kind: Kind
    severity: Severity
    rule: str
    subject: str
    wallet: str
    title: str
    facts: tuple[tuple[str, str], ...]
    at: datetime

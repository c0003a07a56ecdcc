"""The only alert state machine."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import datetime

from watcher.domain.message import Severity
from watcher.domain.model import Account


class AlertState(enum.StrEnum):
    PENDING = "pending"
    FIRING = "firing"
    RESOLVED = "resolved"


@dataclass(frozen=True, slots=True)
class Alert:
    """One rule on one subject, from the first reading that met it to the one that did not.

    `subject` is the stable key; `label` is what people read. `account` is the account that the
    subject belongs to, None for one that belongs to a source. `closed` marks an alert that
    ended without people being told (its rule was edited, or it never got past pending).
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

    @property
    def live(self) -> bool:
        return self.state is not AlertState.RESOLVED and not self.closed

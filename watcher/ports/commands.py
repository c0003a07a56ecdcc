"""Commands: what people change in a store, beside a running daemon; each change stands in the audit log."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

from watcher.domain.alerts.events import Acknowledgeable
from watcher.domain.alerts.silences import Silence
from watcher.domain.audit import AuditAction
from watcher.domain.model import Account, Asset


class Acknowledged(NamedTuple):
    """Outcome of acknowledging by one id. `what`: the alert or event as it then is; None if nothing has that
    id. `done`: whether this did it, for who acknowledges first stands."""

    what: Acknowledgeable | None
    done: bool


class Commands(Protocol):
    """Changes by one actor, at one moment: each is one transaction with its entry in the audit log, and the
    daemon sees it with its next decision. What changed nothing leaves no entry.

    StoreError if there is no store, or it cannot be written.
    """

    def acknowledge(self, ids: Sequence[str], comment: str = "") -> Mapping[str, Acknowledged]:
        """Acknowledge alerts that fire, and events.

        An alert that does not fire, and what somebody has acknowledged before, stays as it is.
        """
        ...

    def add_silence(self, silence: Silence) -> None:
        """Keep a silence; the same one twice is one."""
        ...

    def expire_silences(self, ids: Sequence[str]) -> list[str]:
        """End silences that are in force; the ids that were found."""
        ...

    def retry(self, ids: Sequence[str]) -> list[str]:
        """Make deliveries that were given up, were withheld or wait due now, with a day before them.

        The ids that were found."""
        ...

    def drop(self, ids: Sequence[str]) -> list[str]:
        """Take out deliveries that wait or were given up; the ids that were found."""
        ...

    def hide(self, holdings: Sequence[tuple[Account, Asset]], reason: str) -> None:
        """Put assets of accounts into quarantine, where no rule sees them."""
        ...

    def release(self, holdings: Sequence[tuple[Account, Asset]]) -> None:
        """Take assets of accounts out of quarantine."""
        ...

    def note(self, action: AuditAction, targets: Sequence[str], detail: str = "") -> None:
        """Note in the audit log what was done outside the store."""
        ...

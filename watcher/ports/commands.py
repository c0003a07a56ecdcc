"""Commands: what people change in a store, beside a running daemon."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple, Protocol

from watcher.domain.alerts.events import Acknowledgeable
from watcher.domain.alerts.lifecycle import Ack
from watcher.domain.alerts.silences import Silence
from watcher.domain.model import Account, Asset, Quarantined


class Acknowledged(NamedTuple):
    """Outcome of acknowledging by one id. `what`: the alert or event as it then is; None if nothing has that
    id. `done`: whether this did it, for who acknowledges first stands."""

    what: Acknowledgeable | None
    done: bool


class Commands(Protocol):
    """Changes by people, each one transaction; the daemon sees it with its next decision.

    StoreError if there is no store, or it cannot be written.
    """

    def acknowledge(self, ids: Sequence[str], ack: Ack) -> Mapping[str, Acknowledged]:
        """Acknowledge alerts that fire, and events.

        An alert that does not fire, and what somebody has acknowledged before, stays as it is.
        """
        ...

    def add_silence(self, silence: Silence) -> None:
        """Keep a silence; the same one twice is one."""
        ...

    def expire_silences(self, ids: Sequence[str], now: datetime) -> list[str]:
        """End silences that are in force; the ids that were found."""
        ...

    def retry(self, ids: Sequence[str], now: datetime) -> list[str]:
        """Make deliveries that were given up, were withheld or wait due now, with a day before them.

        The ids that were found."""
        ...

    def drop(self, ids: Sequence[str], now: datetime) -> list[str]:
        """Take out deliveries that wait or were given up; the ids that were found."""
        ...

    def hide(self, holdings: Sequence[tuple[Account, Asset]], hidden: Quarantined) -> None:
        """Put assets of accounts into quarantine, where no rule sees them."""
        ...

    def release(self, holdings: Sequence[tuple[Account, Asset]]) -> None:
        """Take assets of accounts out of quarantine."""
        ...

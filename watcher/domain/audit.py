"""Audit: who changed what, when and from where."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from watcher.domain.records import Record


class AuditAction(StrEnum):
    """What somebody did."""

    ACKNOWLEDGE = "acknowledge"
    SILENCE = "silence"
    END_SILENCE = "end silence"
    RETRY = "retry"
    DROP = "drop"
    HIDE = "hide"
    RELEASE = "release"
    POLL = "poll"
    TEST = "test"
    RELOAD = "reload"


class Actor(Record, frozen=True):
    """Actor: whoever changes something. `name`: who they say they are, or are known to be; empty if nobody
    knows. `via`: the way they came, as in `command line`, `page`, `link in ops` or `chat in ops`. `address`:
    from which machine, as far as it is known."""

    name: str
    via: str
    at: datetime
    address: str = ""


class AuditEntry(Record, frozen=True):
    """Entry of the audit log. `targets`: ids or names of what was changed; `detail`: in words, what it is and
    why. `id`: its number in the log, which only grows."""

    actor: Actor
    action: AuditAction
    targets: tuple[str, ...]
    detail: str = ""
    id: int = 0


class AuditFilter(Record, frozen=True):
    """Which entries are asked for; what is left out, all. `text`: a part of a name, a target or the
    detail, in any case."""

    since: datetime | None = None
    action: AuditAction | None = None
    name: str = ""
    text: str = ""

    def takes(self, entry: AuditEntry) -> bool:
        wanted, said = self.text.casefold(), (entry.actor.name, entry.detail, *entry.targets)
        return (
            (self.since is None or entry.actor.at >= self.since)
            and self.action in (None, entry.action)
            and self.name in ("", entry.actor.name)
            and any(wanted in each.casefold() for each in said)
        )

"""The audit log as rows."""

from __future__ import annotations

from datetime import datetime

from typing_extensions import TypedDict

from watcher.domain.audit import AuditEntry


class AuditRow(TypedDict):
    """An entry of the audit log: who did what, when and from where."""

    id: int
    at: datetime
    who: str
    via: str
    address: str
    action: str
    targets: list[str]
    detail: str


def audit_row(entry: AuditEntry) -> AuditRow:
    who = entry.actor
    return {
        "id": entry.id,
        "at": who.at,
        "who": who.name,
        "via": who.via,
        "address": who.address,
        "action": entry.action,
        "targets": list(entry.targets),
        "detail": entry.detail,
    }

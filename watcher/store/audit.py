"""What each command leaves in the audit log, in every store alike."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from watcher.domain.alerts.events import Acknowledgeable
from watcher.domain.alerts.silences import Silence
from watcher.domain.audit import Actor, AuditAction, AuditEntry
from watcher.domain.messages.delivery import Delivery
from watcher.domain.model import Account, Asset
from watcher.domain.values.formatting import moment

LISTED = 20
"""Things named in the detail of one entry, at most."""


def acknowledged(actor: Actor, done: Sequence[Acknowledgeable], comment: str) -> AuditEntry | None:
    """Entry of what was acknowledged; None if nothing was."""
    return _entry(actor, AuditAction.ACKNOWLEDGE, [each.id for each in done], _labels(done), comment)


def silenced(actor: Actor, silence: Silence) -> AuditEntry:
    """Entry of a silence that was made."""
    until = f"until {moment(silence.until)}"
    return AuditEntry(
        actor, AuditAction.SILENCE, (silence.id,), _words([f"{silence.matched}, {until}"], silence.comment)
    )


def ended(actor: Actor, silences: Sequence[Silence]) -> AuditEntry | None:
    """Entry of silences that were ended before their time."""
    ids, names = [each.id for each in silences], [f"{each.matched}, of {each.author}" for each in silences]
    return _entry(actor, AuditAction.END_SILENCE, ids, names)


def delivered(actor: Actor, action: AuditAction, deliveries: Sequence[Delivery]) -> AuditEntry | None:
    """Entry of deliveries that were retried or dropped."""
    names = [f"{each.message.title} to {each.channel}" for each in deliveries]
    return _entry(actor, action, [each.id for each in deliveries], names)


def hidden(
    actor: Actor, action: AuditAction, holdings: Sequence[tuple[Account, Asset]], reason: str = ""
) -> AuditEntry | None:
    """Entry of assets that were hidden or released."""
    targets = [f"{asset.chain}/{asset.token}" for _, asset in holdings]
    names = [f"{account.address} on {account.chain}" for account, _ in holdings]
    return _entry(actor, action, list(dict.fromkeys(targets)), list(dict.fromkeys(names)), reason)


def _labels(done: Iterable[Acknowledgeable]) -> list[str]:
    return [each.label for each in done]


def _entry(
    actor: Actor, action: AuditAction, targets: Sequence[str], names: Sequence[str], why: str = ""
) -> AuditEntry | None:
    return AuditEntry(actor, action, tuple(targets), _words(names, why)) if targets else None


def _words(names: Sequence[str], why: str) -> str:
    more = f" and {len(names) - LISTED} more" if len(names) > LISTED else ""
    said = "; ".join(names[:LISTED]) + more
    return f"{said}: {why}" if why else said

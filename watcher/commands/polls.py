"""Polls that people want made now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from watcher.domain.audit import Actor, AuditAction
from watcher.domain.model import Account
from watcher.domain.values.formatting import counted
from watcher.ports.store import StoreAccess


def note_poll(
    store: StoreAccess,
    actor: Actor,
    wallets: Sequence[str],
    accounts: Sequence[Account],
    refused: Mapping[str, str],
) -> None:
    """Note in the audit log that somebody wanted wallets read now. `refused`: by source, why it is not."""
    words = f"{counted(len(accounts), 'account')} to be read now"
    refusals = [f"{source} not: {why}" for source, why in refused.items()]
    store.commands(actor).note(AuditAction.POLL, wallets, "; ".join((words, *refusals)))

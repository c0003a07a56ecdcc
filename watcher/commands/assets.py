"""Assets as people handle them: hide them from the rules, release them to the rules."""

from __future__ import annotations

from collections.abc import Sequence

from watcher.commands.alerts import LONGEST_TEXT, is_keepable
from watcher.domain.audit import Actor
from watcher.domain.model import Account, Asset
from watcher.domain.values.errors import InputError
from watcher.ports.store import StoreAccess

Holding = tuple[Account, Asset]


def hide(store: StoreAccess, actor: Actor, holdings: Sequence[Holding], reason: str) -> None:
    """Keep these from every rule, for a reason, until somebody releases them. InputError for no reason."""
    if not reason.strip() or not is_keepable(reason):
        raise InputError(f"a reason is visible text of at most {LONGEST_TEXT} characters")
    store.commands(actor).hide(holdings, reason.strip())


def release(store: StoreAccess, actor: Actor, holdings: Sequence[Holding]) -> None:
    """Have rules see these again, with the next reading."""
    store.commands(actor).release(holdings)

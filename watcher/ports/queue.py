"""Queue: accounts that are due, in batches."""

from __future__ import annotations

from dataclasses import dataclass

from watcher.domain.credits.allowance import Purpose
from watcher.domain.model import Account


@dataclass(frozen=True, slots=True)
class Batch:
    """Accounts to ask for together, and why."""

    accounts: tuple[Account, ...]
    purpose: Purpose

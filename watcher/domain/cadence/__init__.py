"""How often each account is polled, under a budget."""

from watcher.domain.cadence.promises import Feasibility
from watcher.domain.cadence.scheduler import Budget, Cadence, Item

__all__ = ["Budget", "Cadence", "Feasibility", "Item"]

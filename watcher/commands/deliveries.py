"""Deliveries as people handle them: send again, take out."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from watcher.domain.audit import Actor
from watcher.domain.messages.delivery import Delivery
from watcher.domain.records import Record
from watcher.ports.store import StoreAccess


class ChangedDeliveries(Record, frozen=True):
    """Result of sending deliveries again, or of taking them out: those for which it was done, those that are
    not in a state for it, and the ids that nothing has."""

    done: tuple[Delivery, ...]
    idle: tuple[Delivery, ...]
    missing: tuple[str, ...]

    @property
    def left(self) -> tuple[str, ...]:
        """Ids of all for which it was not done."""
        return (*(each.id for each in self.idle), *self.missing)


def retry(store: StoreAccess, actor: Actor, ids: Sequence[str]) -> ChangedDeliveries:
    """Send again now what was given up, was withheld or waits, by ids; it has a day before it again."""
    return _changed(store, ids, store.commands(actor).retry)


def drop(store: StoreAccess, actor: Actor, ids: Sequence[str]) -> ChangedDeliveries:
    """Take out what waits or was given up, by ids: nobody will be told."""
    return _changed(store, ids, store.commands(actor).drop)


def _changed(
    store: StoreAccess, ids: Sequence[str], change: Callable[[Sequence[str]], Sequence[str]]
) -> ChangedDeliveries:
    asked = list(dict.fromkeys(ids))
    done = set(change(asked)) if asked else set()
    with store.queries() as reader:
        found = {each: reader.delivery(each) for each in asked}
    known = {each: delivery for each, delivery in found.items() if delivery is not None}
    return ChangedDeliveries(
        tuple(delivery for each, delivery in known.items() if each in done),
        tuple(delivery for each, delivery in known.items() if each not in done),
        tuple(each for each in asked if each not in known),
    )

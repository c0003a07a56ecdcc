"""What is still worth telling of messages that waited for their channel together."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from watcher.domain.delivery import Delivery
from watcher.domain.display import moment
from watcher.domain.message import Kind

STATES = frozenset({Kind.FIRING, Kind.REPEAT, Kind.RESOLVED})
"""Messages about how an alert stands: a later one says all that matters of those before it."""


def superseded(deliveries: Sequence[Delivery]) -> list[Delivery]:
    """The same news in fewer messages: of each alert that fired and resolved meanwhile, one.

    An alert that fired and still does is told once, as firing. All other messages stay as they are,
    in their order. What was left out is named, by its delivery, in the message that says it too.
    """
    groups: dict[str, list[Delivery]] = {}
    for each in deliveries:
        groups.setdefault(each.message.id, []).append(each)
    shown = [told for group in groups.values() for told in _of_one_alert(group)]
    place = {each.id: number for number, each in enumerate(deliveries)}
    return sorted(shown, key=lambda each: place[each.id])


def _of_one_alert(group: list[Delivery]) -> Iterable[Delivery]:
    """A stretch from firing to resolved becomes one message; of what still fires, the first stays."""
    stretch: list[Delivery] = []
    for each in group:
        if each.message.kind not in STATES or (stretch and each.message.kind is Kind.FIRING):
            yield from _one(stretch)
            stretch = []
        if each.message.kind not in STATES:
            yield each
            continue
        stretch.append(each)
        if each.message.kind is Kind.RESOLVED:
            yield from _one(stretch)
            stretch = []
    yield from _one(stretch)


def _one(stretch: list[Delivery]) -> Iterable[Delivery]:
    if len(stretch) < 2:
        yield from stretch
        return
    first, last = stretch[0], stretch[-1]
    kept = last if last.message.kind is Kind.RESOLVED or first.message.kind is Kind.REPEAT else first
    facts = list(kept.message.facts)
    title = kept.message.title
    if last.message.kind is Kind.RESOLVED and first.message.kind is Kind.FIRING:
        title = f"fired and resolved before it could be told: {title}"
        facts.append(("Fired", f"{moment(first.message.at)}: {first.message.title}"))
    elif kept is first:
        facts.append(("Still firing", f"{moment(last.message.at)}: {last.message.title}"))
    others = ", ".join(each.id for each in stretch if each is not kept)
    facts.append(("In place of", f"delivery {others}"))
    yield replace(kept, message=replace(kept.message, title=title, facts=tuple(facts)))

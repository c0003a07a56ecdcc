"""Messages that waited for their channel together: the same news in fewer of them."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.notify.given import delivery
from watcher.domain.delivery import Delivery
from watcher.domain.message import Kind
from watcher.domain.superseding import STATES, superseded

F, R, AGAIN, E, EVENT = Kind.FIRING, Kind.RESOLVED, Kind.REPEAT, Kind.ESCALATION, Kind.EVENT


def waiting(*kinds: Kind, alert: str = "a", first: int = 1) -> list[Delivery]:
    made = [delivery(number) for number, _ in enumerate(kinds, start=first)]
    return [
        replace(each, message=replace(each.message, id=alert, kind=kind, title=f"{kind} {each.id}"))
        for each, kind in zip(made, kinds, strict=True)
    ]


def kinds_of(deliveries: list[Delivery]) -> list[Kind]:
    return [each.message.kind for each in deliveries]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ([F, R], [R]),
        ([F, AGAIN, AGAIN, R], [R]),
        ([AGAIN, R], [R]),
        ([F, AGAIN, AGAIN], [F]),
        ([AGAIN, AGAIN], [AGAIN]),
        ([F], [F]),
        ([R], [R]),
        ([R, F], [R, F]),
        ([F, R, F], [R, F]),
        ([F, E, R], [F, E, R]),
        ([EVENT, EVENT], [EVENT, EVENT]),
    ],
)
def test_the_last_state_says_it_all(before: list[Kind], after: list[Kind]) -> None:
    assert kinds_of(superseded(waiting(*before))) == after


def test_what_fired_and_resolved_says_both_and_names_what_it_stands_for() -> None:
    fired, resolved = waiting(F, R)

    (told,) = superseded([fired, resolved])

    facts = dict(told.message.facts)
    assert told.id == resolved.id
    assert told.message.title == f"fired and resolved before it could be told: {resolved.message.title}"
    assert fired.message.title in facts["Fired"]
    assert fired.id in facts["In place of"]


def test_alerts_do_not_mix_and_keep_their_order() -> None:
    a, b = waiting(F, R, alert="a"), waiting(F, AGAIN, alert="b", first=3)

    told = superseded([a[0], b[0], a[1], b[1]])

    assert [each.id for each in told] == [b[0].id, a[1].id]


@given(st.lists(st.tuples(st.sampled_from(list(Kind)), st.sampled_from("ab")), max_size=8))
def test_every_delivery_is_told_or_named_and_no_resolution_is_lost(words: list[tuple[Kind, str]]) -> None:
    before = [waiting(kind, alert=alert, first=n)[0] for n, (kind, alert) in enumerate(words, start=1)]

    after = superseded(before)

    text = " ".join(f"{each.id} {each.message.facts}" for each in after)
    assert all(each.id in text for each in before)
    for alert in "ab":
        was, told = ([k for k in kinds_of(of(alert, each)) if k in STATES] for each in (before, after))
        assert was.count(R) == told.count(R)
        assert (was[-1:] == [R]) == (told[-1:] == [R])


def of(alert: str, deliveries: list[Delivery]) -> list[Delivery]:
    return [each for each in deliveries if each.message.id == alert]

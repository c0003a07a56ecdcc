"""What every store promises of who takes care of an alert or an event."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tests.contract.given import NOW, after, alert, delivery, keep, message
from watcher.commands.alerts import acknowledge, meant, named
from watcher.domain.alerts.events import Event
from watcher.domain.alerts.fallback import in_place_of
from watcher.domain.alerts.lifecycle import Ack, AlertState
from watcher.domain.audit import Actor
from watcher.domain.messages.delivery import Delivery, DeliveryState
from watcher.domain.messages.message import Kind, Particulars
from watcher.domain.records import replace
from watcher.domain.values.errors import InputError
from watcher.ports.store import Store

WITHHELD = DeliveryState.WITHHELD
ADA = Actor("Ada", "link in ops", after(minutes=1))
BOB = Actor("Bob", "page", after(minutes=2))
ON_IT, ME_TOO = "on it ✓", "me too"
ADAS, BOBS = Ack.of(ADA, ON_IT), Ack.of(BOB, ME_TOO)
MOVED = replace(message("e1f0", Kind.EVENT), title="hot: −5 ETH")
OWED = replace(delivery("77aa01"), message=MOVED)


async def test_an_event_is_acknowledged_as_an_alert_is_and_says_by_whom(store: Store) -> None:
    await keep(store, alerts=(alert("a1", account=None),), deliveries=(OWED,))

    found = acknowledge(store, ADA, ["a1", "e1f0"], ON_IT)

    assert [each.acknowledged for each in found.done] == [ADAS, ADAS]
    with store.queries() as reader:
        assert reader.event("e1f0") == Event(MOVED, ADAS)
        assert [reader.events(10), reader.events(10, 1)] == [[Event(MOVED, ADAS)], []]
        assert (reader.alert("a1") or alert()).acknowledged == ADAS
    assert (await store.load([])).alerts["gas-low", "s"].acknowledged == ADAS


async def test_who_acknowledges_first_stands_and_is_told_to_who_comes_later(store: Store) -> None:
    await keep(store, alerts=(alert("a1", account=None),), deliveries=(OWED,))
    acknowledge(store, ADA, ["a1", "e1f0"], ON_IT)

    found = acknowledge(store, BOB, ["a1", "e1f0"], ME_TOO)

    assert (found.done, [each.acknowledged for each in found.already]) == ((), [ADAS, ADAS])
    assert (await store.load([])).alerts["gas-low", "s"].acknowledged == ADAS


async def test_what_does_not_fire_and_what_nobody_knows_is_left_alone(store: Store) -> None:
    over = replace(alert("a2", state=AlertState.RESOLVED, subject="t"), resolved_at=NOW)
    notice = replace(delivery("d1"), message=message("n1", Kind.NOTICE))
    await keep(store, alerts=(over,), deliveries=(notice,))

    found = acknowledge(store, ADA, ["a2", "n1", "x"], ON_IT)

    assert (found.done, found.already, found.missing) == ((), (), ("n1", "x"))
    assert [each.acknowledged for each in found.idle] == [None]


async def test_an_event_is_one_and_as_it_was_told_first_whoever_was_told_in_whose_place(store: Store) -> None:
    gone = replace(OWED, state=DeliveryState.GIVEN_UP, attempts=3, last_error="HTTP 400")
    later = replace(delivery("d9"), message=replace(message("e0", Kind.EVENT), at=after(minutes=9)))
    await keep(store, deliveries=(OWED, later))
    await store.settle([gone], {OWED.id: in_place_of(gone, "pager", after(hours=1))})

    with store.queries() as reader:
        assert [each.message for each in reader.events(9)] == [later.message, MOVED]


async def test_an_id_may_be_that_of_an_alert_an_event_or_a_delivery_and_its_beginning(store: Store) -> None:
    await keep(store, alerts=(alert("a1", account=None),), deliveries=(OWED,))

    with store.queries() as reader:
        assert [meant(reader, text) for text in ("A", "e1", "77aa", "77AA01", "zz")] == [
            "a1", "e1f0", "e1f0", "e1f0", "zz",
        ]  # fmt: skip
        assert named(reader, "e1f0") == {"e1f0": "hot: −5 ETH"}


async def test_a_beginning_that_several_have_is_a_mistake_that_names_them(store: Store) -> None:
    await keep(store, alerts=(alert("e1a"),), deliveries=(OWED,))

    with store.queries() as reader, pytest.raises(InputError, match=r"e1a \(.*\); e1f0 \(hot: −5 ETH\)"):
        meant(reader, "e1")


async def test_a_delivery_is_found_by_its_id(store: Store) -> None:
    await keep(store, deliveries=(OWED,))

    with store.queries() as reader:
        assert [reader.delivery("77aa01"), reader.delivery("77aa")] == [OWED, None]


async def test_what_was_said_outlives_the_messages_and_is_forgotten_in_the_end(store: Store) -> None:
    sent = replace(OWED, state=DeliveryState.SENT, sent=NOW)
    await keep(store, deliveries=(OWED,))
    await store.settle([sent])
    acknowledge(store, ADA, ["e1f0"], ON_IT)
    for later in (after(days=100), after(days=500)):
        while await store.tidy(later):
            pass
    with store.queries() as reader:
        assert reader.event("e1f0") is None

    await keep(store, deliveries=(replace(OWED, id="again"),))

    with store.queries() as reader:
        assert reader.event("e1f0") == Event(MOVED, None)


def told(identity: str, kind: Kind, *, by: str, to: int, minutes: int = 0) -> Delivery:
    about = Particulars(before=Decimal(5), after=Decimal(to))
    return replace(
        delivery(f"d-{identity}"),
        message=replace(message(identity, kind), rule=by, at=after(minutes=minutes), particulars=about),
    )


async def test_what_one_message_told_is_taken_care_of_together(store: Store) -> None:
    one = told("e1", Kind.EVENT, by="moved", to=0)
    other, fired = told("e2", Kind.EVENT, by="emptied", to=0), told("a1", Kind.FIRING, by="gas-low", to=0)
    later, elsewhere = (
        told("e3", Kind.EVENT, by="moved", to=0, minutes=1),
        replace(MOVED, at=NOW, wallet="other"),
    )
    unlike = replace(delivery("d-e4"), message=elsewhere)
    await keep(store, alerts=(alert("a1", account=None),), deliveries=(one, other, fired, later, unlike))

    found = acknowledge(store, ADA, ["e1"], ON_IT)

    assert sorted(each.id for each in found.done) == ["a1", "e1", "e2"]
    again = acknowledge(store, BOB, ["a1"], ME_TOO)
    assert ([each.id for each in again.already], again.done, again.missing) == (["a1"], (), ())
    with store.queries() as reader:
        assert [each.acknowledged for each in reader.events(9) if each.id in ("e3", "e1f0")] == [None, None]


async def test_what_people_were_not_told_of_in_the_same_place_is_not_taken_care_of(store: Store) -> None:
    """An info goes to many, and the alert about the same move to those on call: nobody there has seen it."""
    info, alarm = told("e1", Kind.EVENT, by="moved", to=0), told("a1", Kind.FIRING, by="gas-low", to=0)
    info, also = (replace(info, channel="feed"), replace(info, id="d-also", channel="on-call"))
    alarm = replace(alarm, channel="on-call")
    hidden = replace(told("e2", Kind.EVENT, by="silenced", to=0), channel="on-call", state=WITHHELD)
    await keep(store, alerts=(alert("a1", account=None),), deliveries=(info, also, alarm, hidden))

    assert [each.id for each in acknowledge(store, ADA, ["e1"], ON_IT).done] == ["e1"]

    found = acknowledge(store, BOB, ["a1"], ME_TOO)
    assert ([each.id for each in found.done], found.missing) == (["a1"], ())


async def test_what_was_acknowledged_since_a_time_is_found_in_its_order(store: Store) -> None:
    over = replace(alert("a2", state=AlertState.RESOLVED, subject="t"), resolved_at=NOW, acknowledged=BOBS)
    await keep(store, alerts=(alert("a1", account=None), over), deliveries=(OWED,))
    acknowledge(store, BOB, ["a1"], ME_TOO)
    acknowledge(store, ADA, ["e1f0"], ON_IT)

    with store.queries() as reader:
        found = {since: reader.acknowledged(since) for since in (NOW, BOB.at, after(minutes=3))}

    assert [[each.id for each in some] for some in found.values()] == [["e1f0", "a1"], ["a1"], []]
    assert [each.acknowledged for each in found[NOW]] == [ADAS, BOBS]


async def test_a_daemon_sees_once_that_somebody_else_has_written_and_never_what_it_wrote_itself(
    store: Store,
) -> None:
    await keep(store, alerts=(alert("a1", account=None),), deliveries=(OWED,))
    await store.others_wrote()

    await store.keep_facts("coins", {"cadence": "{}"}, NOW)
    assert not await store.others_wrote()

    acknowledge(store, ADA, ["a1"], ON_IT)
    assert await store.others_wrote()
    assert not await store.others_wrote()

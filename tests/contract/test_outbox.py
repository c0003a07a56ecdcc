"""What every store promises about deliveries."""

from __future__ import annotations

from tests.contract.given import NOW, after, delivery, keep, message
from watcher.domain.alerts.fallback import in_place_of
from watcher.domain.messages.delivery import Delivery, DeliveryState
from watcher.domain.messages.message import Kind
from watcher.domain.records import replace
from watcher.ports.store import Store


async def test_a_delivery_comes_back_word_for_word(store: Store) -> None:
    owed = Delivery("d1", "ops", message(), NOW, after(seconds=1))
    await keep(store, deliveries=(owed,))

    assert await store.due("ops", after(seconds=1), 10) == [owed]


async def test_a_delivery_is_due_at_its_time_and_not_before(store: Store) -> None:
    await keep(store, deliveries=(delivery("d1", due=after(seconds=5)),))

    assert await store.due("ops", after(seconds=4.999), 10) == []
    assert len(await store.due("ops", after(seconds=5), 10)) == 1
    assert await store.next_due("ops") == after(seconds=5)


async def test_the_oldest_comes_first_and_no_more_than_asked_for(store: Store) -> None:
    order = [3, 1, 2]
    await keep(store, deliveries=tuple(delivery(f"d{each}", created=after(seconds=each)) for each in order))

    assert [each.id for each in await store.due("ops", after(hours=1), 2)] == ["d1", "d2"]


async def test_deliveries_of_one_moment_keep_their_order(store: Store) -> None:
    names = [f"d{each}" for each in (5, 3, 9, 1)]
    await keep(store, deliveries=tuple(delivery(name) for name in names))

    assert [each.id for each in await store.due("ops", NOW, 10)] == names


async def test_each_channel_sees_its_own(store: Store) -> None:
    shared = message()
    both = (Delivery("d1", "ops", shared, NOW, NOW), Delivery("d2", "mail", shared, NOW, NOW))
    await keep(store, deliveries=both)

    assert [each.id for each in await store.due("mail", NOW, 10)] == ["d2"]
    assert await store.next_due("nobody") is None


async def test_what_was_sent_or_given_up_is_not_due(store: Store) -> None:
    first, second, third = (delivery(each) for each in ("d1", "d2", "d3"))
    await keep(store, deliveries=(first, second, third))
    sent = replace(first, state=DeliveryState.SENT, attempts=1, sent=after(seconds=1))
    given_up = replace(second, state=DeliveryState.GIVEN_UP, attempts=99, last_error="refused")

    await store.settle([sent, given_up])

    assert await store.due("ops", after(days=9), 10) == [third]
    assert await store.next_due("ops") == NOW


async def test_a_failed_attempt_waits_for_its_next_time(store: Store) -> None:
    await keep(store, deliveries=(delivery("d1"),))
    failed = replace(delivery("d1"), attempts=1, last_error="timeout ✗", due=after(seconds=5))

    await store.settle([failed])

    assert await store.due("ops", NOW, 10) == []
    assert await store.due("ops", after(seconds=5), 10) == [failed]


async def test_a_delivery_decided_twice_is_owed_once(store: Store) -> None:
    await keep(store, deliveries=(delivery("d1"),))
    await store.settle([replace(delivery("d1"), state=DeliveryState.SENT, sent=NOW)])

    await keep(store, deliveries=(delivery("d1"),))

    assert await store.due("ops", after(days=1), 10) == []


async def test_messages_of_one_alert_stay_apart(store: Store) -> None:
    fired = Delivery("d1", "ops", message(), NOW, NOW)
    resolved = Delivery("d2", "ops", message(kind=Kind.RESOLVED, at=NOW), NOW, NOW)
    again = Delivery("d3", "ops", message(kind=Kind.REPEAT, at=after(hours=6)), NOW, NOW)
    await keep(store, deliveries=(fired, resolved, again))

    assert await store.due("ops", NOW, 10) == [fired, resolved, again]


async def test_two_words_of_one_alert_kind_and_moment_are_both_told(store: Store) -> None:
    one = message()
    other = replace(one, title="another subject", subject="elsewhere")
    await keep(
        store, deliveries=(Delivery("d1", "ops", one, NOW, NOW), Delivery("d2", "ops", other, NOW, NOW))
    )

    assert [each.message for each in await store.due("ops", NOW, 10)] == [one, other]


def given_up(owed: Delivery) -> Delivery:
    return replace(owed, state=DeliveryState.GIVEN_UP, attempts=3, last_error="HTTP 400")


async def test_what_is_given_up_is_owed_to_another_channel_in_the_same_step_and_once(store: Store) -> None:
    await keep(store, deliveries=(delivery("d1"),))
    gone = given_up(delivery("d1"))
    other = in_place_of(gone, "pager", NOW)

    assert await store.settle([gone], {"d1": other}) == [other]
    await store.settle([gone], {"d1": other})

    assert await store.due("pager", NOW, 10) == [other]


async def test_what_goes_on_from_something_given_up_follows_it(store: Store) -> None:
    fired = Delivery("d1", "ops", message(), NOW, NOW)
    over = Delivery("d2", "ops", replace(message(), kind=Kind.RESOLVED), after(hours=1), after(hours=1))
    await keep(store, deliveries=(fired, over))
    sent = replace(over, state=DeliveryState.SENT, sent=after(hours=1))
    other = in_place_of(sent, "pager", after(hours=1))

    assert await store.settle([sent], {"d2": other}) == []
    gone = given_up(fired)
    await store.settle([gone], {"d1": in_place_of(gone, "pager", NOW)})

    assert await store.settle([sent], {"d2": other}) == [other]


async def test_what_waits_is_owed_to_another_channel_too_and_stays_owed_to_its_own(store: Store) -> None:
    fired = Delivery("d1", "ops", message(), NOW, NOW)
    over = Delivery("d2", "ops", replace(message(), kind=Kind.RESOLVED), after(hours=1), after(hours=1))
    await keep(store, deliveries=(fired, over))
    other = in_place_of(fired, "pager", NOW, "the bot was blocked")

    assert await store.settle([], {"d1": other}) == [other]
    assert await store.settle([], {"d1": other}) == []

    assert [each.id for each in await store.due("ops", NOW, 10)] == ["d1"]
    assert await store.due("pager", NOW, 10) == [other]
    sent = [replace(each, state=DeliveryState.SENT, sent=after(hours=1)) for each in (fired, over)]
    end = in_place_of(sent[1], "pager", after(hours=1))
    assert await store.settle(sent, {"d2": end}) == [end]


async def test_who_of_several_recipients_has_heard_is_kept(store: Store) -> None:
    await keep(store, deliveries=(delivery("d1"),))
    recipients = frozenset({"bob@mail.test", "('message', '#ops')"})
    partly = replace(delivery("d1"), attempts=1, delivered_to=recipients)

    await store.settle([partly])

    (kept,) = await store.due("ops", NOW, 10)
    assert kept.delivered_to == partly.delivered_to


async def test_what_the_other_channel_is_owed_anyway_is_not_owed_twice(store: Store) -> None:
    shared = message()
    both = (Delivery("d1", "ops", shared, NOW, NOW), Delivery("d2", "pager", shared, NOW, NOW))
    await keep(store, deliveries=both)
    gone = given_up(both[0])

    assert await store.settle([gone], {"d1": in_place_of(gone, "pager", NOW)}) == []
    assert await store.due("pager", NOW, 10) == [both[1]]


async def test_what_follows_on_a_channel_knows_by_which_name_the_first_was_taken(store: Store) -> None:
    first, second = delivery("d1"), Delivery("d2", "ops", message(kind=Kind.REPEAT), NOW, NOW)
    elsewhere = Delivery("d3", "mail", message(), NOW, NOW)
    await keep(store, deliveries=(first, second, elsewhere))
    assert {each.thread for each in await store.due("ops", NOW, 10)} == {""}
    taken = [
        replace(second, state=DeliveryState.SENT, sent=after(seconds=2), receipt="<second@x>"),
        replace(first, state=DeliveryState.SENT, sent=after(seconds=1), receipt="<first@x>"),
    ]
    await store.settle(taken)
    over = message(kind=Kind.RESOLVED, at=after(seconds=3))
    others = (
        Delivery("d4", "ops", over, NOW, NOW),
        Delivery("d5", "mail", over, NOW, NOW),
        Delivery("d6", "ops", message("a2"), NOW, NOW),
    )
    await keep(store, deliveries=others)

    threads = {each.id: each.thread for name in ("ops", "mail") for each in await store.due(name, NOW, 10)}
    assert threads == {"d4": "<first@x>", "d5": "", "d6": "", "d3": ""}

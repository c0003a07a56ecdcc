"""What was decided is delivered: once where possible, in order, and by each channel for itself."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from tests.notify.given import START, HandClock, Outbox, Scripted, delivering, delivery
from watcher.domain.messages.delivery import DeliveryState, Fault, NotSent, Sent
from watcher.domain.messages.message import Kind
from watcher.domain.values.errors import StoreError
from watcher.ports.channel import Channel
from watcher.service.delivery import Deliverer

DOWN = NotSent("the service answered HTTP 500")
REFUSED = NotSent("the service answered HTTP 400", fault=Fault.UNCLEAR)


async def after(deliverer: Deliverer, clock: HandClock, seconds: float) -> None:
    clock.advance(seconds)
    assert await deliverer.drain(within=5)


async def test_each_delivery_of_a_quick_channel_is_told_on_its_own_and_in_order() -> None:
    outbox, clock, ops = Outbox(*(delivery(n) for n in (3, 1, 2))), HandClock(), Scripted()

    async with delivering(outbox, clock, ops) as deliverer:
        assert await deliverer.drain(within=5)

    assert ops.sent == [["dlv-0001"], ["dlv-0002"], ["dlv-0003"]]
    assert outbox.row(1).state is DeliveryState.SENT
    assert outbox.row(1).sent == clock.now()
    assert outbox.row(1).attempts == 1


async def test_a_burst_on_a_slow_channel_goes_out_as_one_notification() -> None:
    outbox, clock, mail = Outbox(*(delivery(n) for n in range(1, 151))), HandClock(), Scripted(burst=1)

    async with delivering(outbox, clock, mail) as deliverer:
        assert await deliverer.drain(within=5)

    assert [len(each) for each in mail.sent] == [150]
    assert {each.state for each in outbox.rows.values()} == {DeliveryState.SENT}


async def test_one_by_one_ends_when_it_takes_too_long() -> None:
    outbox, clock = Outbox(*(delivery(n) for n in range(1, 11))), HandClock()

    class Slow(Scripted):
        async def send(self, deliveries: Any) -> Any:
            clock.advance(0.6)
            return await super().send(deliveries)

    slow = Slow()
    async with delivering(outbox, clock, slow) as deliverer:
        assert await deliverer.drain(within=5)

    assert [len(each) for each in slow.sent] == [1, 1, 8]


async def test_a_new_delivery_is_sent_when_woken_without_any_wait() -> None:
    outbox, clock, ops = Outbox(), HandClock(), Scripted()

    async with delivering(outbox, clock, ops) as deliverer:
        assert await deliverer.drain(within=5)
        outbox.add(delivery(1))
        deliverer.wake()
        await asyncio.wait_for(ops.arrived.wait(), 5)


async def test_a_failed_delivery_is_tried_again_after_its_back_off_and_not_before() -> None:
    outbox, clock, ops = Outbox(delivery(1)), HandClock(), Scripted(answers=[DOWN])

    async with delivering(outbox, clock, ops) as deliverer:
        assert await deliverer.drain(within=5)
        assert outbox.row(1).last_error == "the service answered HTTP 500"
        assert deliverer.trouble == {"ops": "the service answered HTTP 500"}
        await after(deliverer, clock, 4.9)
        assert len(ops.sent) == 1
        await after(deliverer, clock, 0.2)

        assert ops.sent == [["dlv-0001"], ["dlv-0001"]]
        assert outbox.state(1) is DeliveryState.SENT
        assert deliverer.trouble == {}


async def test_the_back_off_wakes_the_loop_by_itself() -> None:
    outbox, clock, ops = Outbox(delivery(1)), HandClock(), Scripted(answers=[DOWN])

    async with delivering(outbox, clock, ops) as deliverer:
        assert await deliverer.drain(within=5)
        ops.arrived.clear()
        clock.advance(5.1)
        await asyncio.wait_for(ops.arrived.wait(), 5)


async def test_a_service_that_asks_for_a_wait_gets_it_even_when_something_new_is_due() -> None:
    outbox, clock = Outbox(delivery(1)), HandClock()
    ops = Scripted(answers=[NotSent("the service answered HTTP 429", retry_after=300)])

    async with delivering(outbox, clock, ops) as deliverer:
        assert await deliverer.drain(within=5)
        outbox.add(delivery(2))
        await after(deliverer, clock, 299)
        assert len(ops.sent) == 1
        await after(deliverer, clock, 2)

    assert ops.sent[1:] == [["dlv-0001"], ["dlv-0002"]]


async def test_something_new_waits_a_minute_at_most_for_a_channel_that_is_down() -> None:
    outbox, clock, ops = Outbox(delivery(1)), HandClock(), Scripted(otherwise=DOWN)

    async with delivering(outbox, clock, ops) as deliverer:
        for _ in range(12):
            await after(deliverer, clock, 1000)
        ops.otherwise = Sent()
        outbox.add(delivery(2))
        tried = len(ops.sent)
        await after(deliverer, clock, 61)

    assert ops.sent[tried:] == [["dlv-0001"], ["dlv-0002"]]


async def test_a_channel_that_is_back_gets_all_that_waited_oldest_first() -> None:
    outbox, clock, ops = Outbox(delivery(1)), HandClock(), Scripted(answers=[DOWN, DOWN, DOWN])

    async with delivering(outbox, clock, ops) as deliverer:
        assert await deliverer.drain(within=5)
        outbox.add(delivery(2, kind=Kind.RESOLVED, alert="alert-1"))
        for _ in range(6):
            await after(deliverer, clock, 61)

    assert ops.sent == [["dlv-0001"]] * 4 + [["dlv-0002"]]


async def test_a_later_message_of_an_alert_never_overtakes_an_earlier_one() -> None:
    first, later = delivery(1, alert="a"), delivery(2, alert="a", kind=Kind.RESOLVED)
    outbox, clock, ops = Outbox(first, later, delivery(3)), HandClock(), Scripted(answers=[REFUSED])

    async with delivering(outbox, clock, ops) as deliverer:
        assert await deliverer.drain(within=5)
        assert ops.sent == [["dlv-0001"], ["dlv-0003"]]
        await after(deliverer, clock, 6)

    assert ops.sent[2:] == [["dlv-0001"], ["dlv-0002"]]


async def test_a_refusal_for_good_is_given_up_at_the_third_attempt_and_stays_visible() -> None:
    outbox, clock = Outbox(delivery(1), delivery(2)), HandClock()
    ops = Scripted(answers=[REFUSED, Sent(), REFUSED, REFUSED])

    async with delivering(outbox, clock, ops) as deliverer:
        for _ in range(4):
            await after(deliverer, clock, 20)

    assert outbox.state(1) is DeliveryState.GIVEN_UP
    assert outbox.row(1).attempts == 3
    assert outbox.row(1).last_error == "the service answered HTTP 400"
    assert outbox.state(2) is DeliveryState.SENT


async def test_one_message_that_spoils_a_merged_notification_does_not_take_the_others_with_it() -> None:
    outbox, clock = Outbox(*(delivery(n) for n in range(1, 6))), HandClock()

    class Picky(Scripted):
        async def send(self, deliveries: Any) -> Any:
            await super().send(deliveries)
            return REFUSED if any(each.id == "dlv-0003" for each in deliveries) else Sent()

    mail = Picky(burst=1)
    async with delivering(outbox, clock, mail) as deliverer:
        for _ in range(5):
            await after(deliverer, clock, 60)

    assert [outbox.state(n).value for n in range(1, 6)] == ["sent", "sent", "given_up", "sent", "sent"]


async def test_a_channel_that_refuses_everything_is_not_hammered() -> None:
    outbox, clock = Outbox(*(delivery(n) for n in range(1, 101))), HandClock()
    ops = Scripted(otherwise=REFUSED)

    async with delivering(outbox, clock, ops) as deliverer:
        assert await deliverer.drain(within=5)

    assert len(ops.sent) == 3


async def test_what_fails_for_a_day_is_given_up() -> None:
    outbox, clock, ops = Outbox(delivery(1)), HandClock(), Scripted(otherwise=DOWN)

    async with delivering(outbox, clock, ops) as deliverer:
        for _ in range(95):
            await after(deliverer, clock, 900)
        assert outbox.state(1) is DeliveryState.PENDING
        for _ in range(3):
            await after(deliverer, clock, 1000)

    assert outbox.state(1) is DeliveryState.GIVEN_UP


async def test_after_days_of_standstill_a_delivery_still_gets_its_attempts() -> None:
    outbox, clock = Outbox(delivery(1)), HandClock(START + timedelta(days=3))
    ops = Scripted(answers=[DOWN, DOWN])

    async with delivering(outbox, clock, ops) as deliverer:
        for _ in range(3):
            await after(deliverer, clock, 30)

    assert outbox.state(1) is DeliveryState.SENT


@pytest.mark.parametrize("step", [timedelta(days=-365), timedelta(days=365)])
async def test_a_clock_that_steps_delays_no_delivery_for_long(step: timedelta) -> None:
    outbox, clock, ops = Outbox(delivery(1)), HandClock(), Scripted(answers=[DOWN])

    async with delivering(outbox, clock, ops) as deliverer:
        assert await deliverer.drain(within=5)
        clock.set(clock.now() + step)
        await after(deliverer, clock, 61)
        await after(deliverer, clock, 3600)

    assert outbox.state(1) is DeliveryState.SENT


async def test_an_unexpected_error_is_recorded_and_the_loop_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    outbox, clock = Outbox(delivery(1), delivery(2)), HandClock()
    ops = Scripted(answers=[ZeroDivisionError("https://hooks.example/SECRET")])

    async with delivering(outbox, clock, ops) as deliverer:
        for _ in range(3):
            await after(deliverer, clock, 30)

    assert [outbox.state(n) for n in (1, 2)] == [DeliveryState.SENT] * 2
    assert ops.sent[0] == ["dlv-0001"]
    assert "SECRET" not in caplog.text
    assert "ZeroDivisionError" in caplog.text


async def test_a_busy_store_is_waited_out_and_makes_no_repeat() -> None:
    outbox, clock, ops = Outbox(delivery(1)), HandClock(), Scripted()
    outbox.busy = 3

    async with delivering(outbox, clock, ops) as deliverer:
        for _ in range(4):
            await asyncio.wait_for(outbox.asked.get(), 5)
            await after(deliverer, clock, 30)

    assert ops.sent == [["dlv-0001"]]
    assert outbox.state(1) is DeliveryState.SENT


async def test_a_broken_store_makes_no_storm_of_repeats() -> None:
    clock, ops = HandClock(), Scripted()

    class Broken(Outbox):
        async def settle(self, deliveries: Any, instead: Any = None) -> Any:
            raise StoreError("the database is corrupt")

    outbox = Broken(delivery(1))
    async with delivering(outbox, clock, ops) as deliverer:
        for _ in range(5):
            await after(deliverer, clock, 60)

    assert ops.sent == [["dlv-0001"]]


async def test_a_hung_channel_delays_no_other() -> None:
    outbox, clock = Outbox(delivery(1, "ops"), delivery(2, "mail")), HandClock()
    ops, mail = Scripted("ops", gate=asyncio.Event()), Scripted("mail")

    async with delivering(outbox, clock, ops, mail):
        await asyncio.wait_for(mail.arrived.wait(), 5)
        await asyncio.wait_for(ops.arrived.wait(), 5)
        await asyncio.wait_for(outbox.asked.get(), 5)

    assert outbox.state(2) is DeliveryState.SENT
    assert outbox.state(1) is DeliveryState.PENDING


async def test_what_was_abandoned_at_the_end_is_sent_at_the_next_start_under_the_same_id() -> None:
    outbox, clock, hung = Outbox(delivery(1)), HandClock(), Scripted(gate=asyncio.Event())
    async with delivering(outbox, clock, hung):
        await asyncio.wait_for(hung.arrived.wait(), 5)
    assert outbox.state(1) is DeliveryState.PENDING

    again = Scripted()
    async with delivering(outbox, clock, again) as deliverer:
        assert await deliverer.drain(within=5)

    assert hung.sent == again.sent == [["dlv-0001"]]


async def test_a_send_under_way_at_the_end_is_finished_and_recorded() -> None:
    outbox, clock, ops = Outbox(delivery(1), delivery(2)), HandClock(), Scripted(gate=asyncio.Event())
    async with delivering(outbox, clock, ops) as deliverer:
        await asyncio.wait_for(ops.arrived.wait(), 5)
        ending = asyncio.create_task(deliverer.stop(within=5))
        await asyncio.sleep(0)
        assert ops.gate is not None
        ops.gate.set()
        await ending

    assert outbox.state(1) is DeliveryState.SENT
    assert outbox.state(2) is DeliveryState.PENDING


async def test_what_is_sent_is_not_sent_again_after_a_restart() -> None:
    outbox, clock, ops = Outbox(delivery(1)), HandClock(), Scripted()

    for _ in range(2):
        async with delivering(outbox, clock, ops) as deliverer:
            assert await deliverer.drain(within=5)

    assert ops.sent == [["dlv-0001"]]


_: Callable[..., Channel] = Scripted


async def test_what_fired_and_resolved_while_the_channel_was_down_is_one_message() -> None:
    fired, other = delivery(1, alert="a", kind=Kind.FIRING), delivery(3, alert="b")
    outbox, clock, ops = Outbox(fired, other), HandClock(), Scripted(answers=[DOWN])

    async with delivering(outbox, clock, ops) as deliverer:
        assert await deliverer.drain(within=5)
        outbox.add(delivery(2, alert="a", kind=Kind.RESOLVED))
        await after(deliverer, clock, 86_000)

    assert ops.sent[1:] == [["dlv-0001", "dlv-0002"], ["dlv-0003"]]
    assert {outbox.state(n) for n in (1, 2, 3)} == {DeliveryState.SENT}


async def test_one_that_fired_and_resolved_stays_pending_as_a_whole_when_it_is_not_taken() -> None:
    both = delivery(1, alert="a", kind=Kind.FIRING), delivery(2, alert="a", kind=Kind.RESOLVED)
    outbox, clock, ops = Outbox(*both), HandClock(), Scripted(answers=[DOWN])

    async with delivering(outbox, clock, ops) as deliverer:
        assert await deliverer.drain(within=5)
        assert {outbox.state(n) for n in (1, 2)} == {DeliveryState.PENDING}
        await after(deliverer, clock, 10)

    assert ops.sent == [["dlv-0001", "dlv-0002"]] * 2
    assert {outbox.state(n) for n in (1, 2)} == {DeliveryState.SENT}


async def test_what_a_channel_refuses_for_good_is_told_by_its_fallback_and_says_so() -> None:
    outbox, clock = Outbox(delivery(1, "ops")), HandClock()
    ops, pager = Scripted("ops", answers=[REFUSED] * 3), Scripted("pager")

    async with delivering(outbox, clock, ops, pager, fallbacks={"ops": "pager"}) as deliverer:
        assert await deliverer.drain(within=5)
        for _ in range(3):
            await after(deliverer, clock, 60)

    assert outbox.state(1) is DeliveryState.GIVEN_UP
    (told,) = [each for each in outbox.rows.values() if each.channel == "pager"]
    assert told.state is DeliveryState.SENT
    assert dict(told.message.facts)["In place of"] == "channel ops: the service answered HTTP 400"


async def test_a_fallback_hears_within_an_hour_of_a_channel_that_is_down_and_its_messages_are_kept() -> None:
    outbox, clock = Outbox(delivery(1, "ops")), HandClock()
    ops, pager = Scripted("ops", answers=[DOWN] * 99), Scripted("pager")

    async with delivering(outbox, clock, ops, pager, fallbacks={"ops": "pager"}) as deliverer:
        assert await deliverer.drain(within=5)
        for _ in range(5):
            await after(deliverer, clock, 5 * 60)
        assert pager.sent == []
        for _ in range(4):
            await after(deliverer, clock, 10 * 60)

    assert len(pager.sent) == 1
    assert outbox.state(1) is DeliveryState.PENDING


async def test_an_end_never_comes_before_its_beginning_even_if_the_clock_was_set_back_between() -> None:
    fired, other, over = (
        delivery(number, kind=kind, alert=alert)
        for number, kind, alert in [
            (9, Kind.FIRING, "a"), (7, Kind.EVENT, "b"), (5, Kind.RESOLVED, "a"),
        ]
    )  # fmt: skip
    outbox, clock, ops = Outbox(fired, other, over), HandClock(), Scripted(burst=1)

    async with delivering(outbox, clock, ops) as deliverer:
        assert await deliverer.drain(within=5)

    assert ops.sent == [["dlv-0009", "dlv-0007", "dlv-0005"]]

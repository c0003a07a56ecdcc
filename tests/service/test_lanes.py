"""Who begins to tell a channel goes on where another left off; who may not tell it any more sends nothing."""

from __future__ import annotations

from typing import Any, cast

import pytest

from tests.notify.given import HandClock, Outbox, Scripted, delivery
from watcher.domain.messages.delivery import DeliveryState, Fault, NotSent, Sent
from watcher.domain.values.errors import StoreBusyError, StoreError
from watcher.ports.channel_lane import LaneState
from watcher.ports.store import Store
from watcher.service.delivery import Deliverer
from watcher.service.delivery_policy import LOOK_AGAIN


class Shelf:
    """A lane that keeps what is left there."""

    def __init__(self) -> None:
        self.state, self.written, self.lost = LaneState(), 0, False

    async def last(self) -> LaneState:
        return self.state

    async def keep(self, state: LaneState) -> None:
        if self.lost:
            raise StoreError("tell ops is led by another member by now; nothing was written")
        self.state, self.written = state, self.written + 1


class Member:
    """One who tells `ops`, with a machine of its own: its ticks are not those of another."""

    def __init__(self, outbox: Outbox, shelf: Shelf, channel: Scripted, clock: HandClock) -> None:
        self.may = True
        self.deliverer = Deliverer(
            cast(Store, outbox), [channel], clock, jitter=lambda: 0.5, may_tell=lambda _: self.may
        )
        self._shelf = shelf

    async def begin(self) -> None:
        self.deliverer.begin("ops", cast(Any, self._shelf), await self._shelf.last())

    async def told(self) -> bool:
        return await self.deliverer.drain(within=5)

    async def end(self) -> None:
        await self.deliverer.stop(within=1)


def later(clock: HandClock, booted: float = 70_000.0) -> HandClock:
    """The same time of day on a machine that runs for longer."""
    other = HandClock(clock.now())
    other._elapsed = booted
    return other


async def test_who_tells_next_does_not_begin_a_minute_anew() -> None:
    outbox, shelf, ops, clock = Outbox(*map(delivery, range(3))), Shelf(), Scripted(burst=1000), HandClock()
    one = Member(outbox, shelf, ops, clock)
    await one.begin()
    assert await one.told()
    await one.end()
    assert len(ops.sent) == 3
    clock.advance(1)

    clock = later(clock)
    two = Member(outbox, shelf, ops, clock)
    await two.begin()
    outbox.add(*(delivery(number) for number in range(10, 14)))
    assert await two.told()
    assert len(ops.sent) == 3, "a fourth of this minute waits for what comes with it"
    clock.advance(5)
    assert await two.told()
    assert len(ops.sent) == 4
    await two.end()


async def test_a_pause_goes_on_where_another_tells() -> None:
    asked = NotSent("slow down", retry_after=600)
    outbox, shelf, clock = Outbox(delivery(1)), Shelf(), HandClock()
    ops = Scripted(burst=1000, answers=[asked])
    one = Member(outbox, shelf, ops, clock)
    await one.begin()
    assert await one.told()
    await one.end()
    clock.advance(100)

    clock = later(clock)
    two = Member(outbox, shelf, ops, clock)
    await two.begin()
    outbox.add(delivery(2))
    assert await two.told()
    clock.advance(490)
    assert await two.told()
    assert len(ops.sent) == 1
    clock.advance(11)
    assert await two.told()
    assert {outbox.state(1), outbox.state(2)} == {DeliveryState.SENT}
    await two.end()


async def test_failures_in_a_row_are_counted_on() -> None:
    outbox, shelf, clock = Outbox(delivery(1)), Shelf(), HandClock()
    ops = Scripted(burst=1000, otherwise=NotSent("broken"))
    for count in range(1, 4):
        member = Member(outbox, shelf, ops, clock)
        await member.begin()
        assert await member.told()
        await member.end()
        assert shelf.state.failures == count
        clock.advance(LOOK_AGAIN)
        clock = later(clock)


async def test_what_was_refused_together_is_told_one_by_one_by_whoever_tells_next() -> None:
    refused = NotSent("one of these is bad", fault=Fault.MESSAGE)
    outbox, shelf, clock = Outbox(*map(delivery, range(4))), Shelf(), HandClock()
    ops = Scripted(burst=1, answers=[refused])
    one = Member(outbox, shelf, ops, clock)
    await one.begin()
    await ops.arrived.wait()
    await one.end()
    assert len(shelf.state.apart) == 4

    clock.advance(LOOK_AGAIN)
    two = Member(outbox, shelf, ops, later(clock))
    await two.begin()
    assert await two.told()
    await two.end()
    assert [len(each) for each in ops.sent[1:]] == [1, 1, 1, 1]


async def test_nothing_is_written_while_nothing_happens() -> None:
    outbox, shelf, ops, clock = Outbox(delivery(1)), Shelf(), Scripted(burst=1000), HandClock()
    member = Member(outbox, shelf, ops, clock)
    await member.begin()
    assert await member.told()
    assert shelf.written == 1
    for _ in range(3):
        clock.advance(LOOK_AGAIN)
        assert await member.told()
    await member.end()
    assert shelf.written == 1


async def test_who_may_not_tell_any_more_sends_nothing_and_goes_on_when_it_may() -> None:
    outbox, ops, clock = Outbox(delivery(1)), Scripted(burst=1000), HandClock()
    member = Member(outbox, Shelf(), ops, clock)
    member.may = False
    with pytest.raises(StoreBusyError, match="somebody else may tell it"):
        await member.deliverer.once()
    assert ops.sent == []
    member.may = True
    await member.deliverer.once()
    assert outbox.state(1) is DeliveryState.SENT


async def test_of_several_under_way_no_more_go_out_once_the_channel_is_lost() -> None:
    outbox, ops, clock = Outbox(*map(delivery, range(3))), Scripted(burst=1000), HandClock()
    member = Member(outbox, Shelf(), ops, clock)

    class Loses(Scripted):
        async def send(self, deliveries: Any) -> Any:
            member.may = False
            return await super().send(deliveries)

    member.deliverer._sessions["ops"].channel = Loses(burst=1000, otherwise=Sent())
    with pytest.raises(StoreBusyError):
        await member.deliverer.once()
    states = [outbox.state(number) for number in range(3)]
    assert states == [DeliveryState.SENT, DeliveryState.PENDING, DeliveryState.PENDING]

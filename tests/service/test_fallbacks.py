"""Who is told when a channel cannot tell: the fallback, in time; and nobody twice."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.notify import given
from tests.notify.given import START, HandClock, Outbox, Scripted, delivery
from watcher.domain.decision import Decision
from watcher.domain.messages.ack_links import LinkSigner
from watcher.domain.messages.delivery import Delivery, DeliveryState, Fault, NotSent, SendResult, Sent
from watcher.domain.messages.message import Kind, Severity
from watcher.domain.model import EMPTY
from watcher.service.delivery import Deliverer
from watcher.store.sqlite.store import SqliteStore

BROKEN = NotSent("the service answered HTTP 400: chat not found", fault=Fault.CHANNEL)
DOWN = NotSent("the service answered HTTP 503")
BAD = NotSent("the service answered HTTP 400: message is too long", fault=Fault.MESSAGE)
UNCLEAR = NotSent("the service answered HTTP 400", fault=Fault.UNCLEAR)


@asynccontextmanager
async def delivering(
    store: Any, clock: HandClock, *channels: Any, fallbacks: Mapping[str, str] = EMPTY
) -> AsyncIterator[Deliverer]:
    """A deliverer that has told what can be told at once."""
    async with given.delivering(store, clock, *channels, fallbacks=fallbacks) as deliverer:
        assert await deliverer.drain(within=5)
        yield deliverer


async def passes(deliverer: Deliverer, clock: HandClock, seconds: float, step: float = 10) -> None:
    end = clock.monotonic() + seconds
    while clock.monotonic() < end:
        clock.advance(step)
        assert await deliverer.drain(within=5)


@pytest.mark.parametrize(
    ("answer", "severity", "silent", "told"),
    [
        (BROKEN, Severity.CRITICAL, 0, 1),
        (BROKEN, Severity.WARNING, 50, 80),
        (DOWN, Severity.CRITICAL, 280, 320),
        (DOWN, Severity.WARNING, 1780, 1820),
    ],
)
async def test_how_soon_a_fallback_hears_follows_from_what_is_wrong_and_how_grave_it_is(
    answer: NotSent, severity: Severity, silent: float, told: float
) -> None:
    clock, ops, pager = (
        HandClock(START + timedelta(seconds=1)),
        Scripted("ops", otherwise=answer),
        Scripted("pager"),
    )
    outbox = Outbox(delivery(1, severity=severity))

    async with delivering(outbox, clock, ops, pager, fallbacks={"ops": "pager"}) as deliverer:
        if silent:
            await passes(deliverer, clock, silent)
            assert pager.sent == []
            await passes(deliverer, clock, told - silent)
        assert len(pager.sent) == 1
        await passes(deliverer, clock, 3600, step=60)

    assert len(pager.sent) == 1, "the fallback is told once"
    assert outbox.state(1) is DeliveryState.PENDING


async def test_a_broken_channel_keeps_its_messages_and_tells_them_once_it_is_mended() -> None:
    clock, ops = HandClock(START + timedelta(seconds=1)), Scripted("ops", otherwise=BROKEN)
    outbox = Outbox(delivery(1))

    async with delivering(outbox, clock, ops) as deliverer:
        await passes(deliverer, clock, 20 * 3600, step=300)
        assert outbox.state(1) is DeliveryState.PENDING
        assert outbox.row(1).last_error == BROKEN.detail
        ops.otherwise = Sent()
        await passes(deliverer, clock, 1000, step=100)

    assert outbox.state(1) is DeliveryState.SENT


async def test_what_was_never_tried_on_a_broken_channel_is_told_elsewhere_too() -> None:
    clock, ops, pager = (
        HandClock(START + timedelta(seconds=1)),
        Scripted("ops", otherwise=BROKEN),
        Scripted("pager"),
    )
    fired = delivery(1, kind=Kind.FIRING, severity=Severity.CRITICAL)
    outbox = Outbox(fired)

    async with delivering(outbox, clock, ops, pager, fallbacks={"ops": "pager"}) as deliverer:
        outbox.add(delivery(2, severity=Severity.CRITICAL))
        deliverer.wake()
        assert await deliverer.drain(within=5)

    told = [each for each in outbox.rows.values() if each.channel == "pager"]
    assert [dict(each.message.facts)["In place of"] for each in told] == [f"channel ops: {BROKEN.detail}"] * 2


async def test_a_message_that_is_bad_by_the_services_words_is_given_up_at_once_and_never_repeated() -> None:
    clock, ops, pager = (
        HandClock(START + timedelta(seconds=1)),
        Scripted("ops", answers=[BAD]),
        Scripted("pager"),
    )
    outbox = Outbox(delivery(1), delivery(2))

    async with delivering(outbox, clock, ops, pager, fallbacks={"ops": "pager"}) as deliverer:
        await passes(deliverer, clock, 600)

    assert ops.sent == [["dlv-0001"], ["dlv-0002"]]
    assert outbox.state(1) is DeliveryState.GIVEN_UP
    assert outbox.row(1).last_error == BAD.detail
    assert len(pager.sent) == 1


class Picky(Scripted):
    """Refuses one message for no reason that it would name."""

    async def send(self, deliveries: Sequence[Delivery]) -> SendResult:
        await super().send(deliveries)
        return UNCLEAR if any(each.id == "dlv-0001" for each in deliveries) else Sent()


async def test_a_refusal_without_a_reason_is_the_messages_fault_if_a_test_message_passes() -> None:
    clock, ops = HandClock(START + timedelta(seconds=1)), Picky("ops")
    outbox = Outbox(delivery(1))

    async with delivering(outbox, clock, ops) as deliverer:
        await passes(deliverer, clock, 60)

    assert [each for (each,) in ops.sent][:3] == ["dlv-0001"] * 3
    assert len(ops.sent) == 4, "one test message"
    assert outbox.state(1) is DeliveryState.GIVEN_UP


async def test_a_refusal_without_a_reason_is_the_channels_if_a_test_message_is_refused_too() -> None:
    clock, ops, pager = (
        HandClock(START + timedelta(seconds=1)),
        Scripted("ops", otherwise=UNCLEAR),
        Scripted("pager"),
    )
    outbox = Outbox(delivery(1))

    async with delivering(outbox, clock, ops, pager, fallbacks={"ops": "pager"}) as deliverer:
        await passes(deliverer, clock, 3600, step=30)
        assert outbox.state(1) is DeliveryState.PENDING
        assert len(pager.sent) == 1
        assert "a test message: the service answered HTTP 400" in outbox.row(1).last_error
        ops.otherwise = Sent()
        await passes(deliverer, clock, 1800, step=100)

    assert outbox.state(1) is DeliveryState.SENT


@dataclass
class Two:
    """A channel with two recipients, of whom some are refused; what each was told, in order."""

    name: str = "ops"
    burst: int = 1
    refused: set[str] = field(default_factory=set)
    told: dict[str, list[str]] = field(default_factory=lambda: {"bob": [], "gone": []})
    tries: int = 0

    def remember(self, facts: Mapping[str, str]) -> None:
        """It learns nothing."""

    async def send(self, deliveries: Sequence[Delivery]) -> SendResult:
        self.tries += 1
        first = deliveries[0]
        took, left = set[str](), set[str]()
        for who in self.told:
            if who in first.delivered_to:
                continue
            if (first.only and who not in first.only) or who in self.refused:
                left.add(who)
                continue
            self.told[who] += [each.id for each in deliveries]
            took.add(who)
        if not left:
            return Sent()
        why = f"{', '.join(sorted(left))}: 550 user unknown"
        return NotSent(why, fault=Fault.CHANNEL, delivered_to=frozenset(took))

    async def close(self) -> None: ...


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    found = await SqliteStore.open(tmp_path / "watcher.db", exclusive=True)
    yield found
    await found.close()


async def owe(store: SqliteStore, *deliveries: Delivery) -> None:
    owed = Decision(at=START, deliveries=deliveries)
    await store.conclude([], lambda _past, _recall: owed)


async def test_of_several_recipients_each_is_told_once_however_long_one_is_refused(
    store: SqliteStore,
) -> None:
    clock, ops = HandClock(START + timedelta(seconds=1)), Two(refused={"gone"})
    await owe(store, delivery(1), delivery(2))

    async with delivering(store, clock, ops) as deliverer:
        await passes(deliverer, clock, 3600, step=60)
    async with delivering(store, clock, ops) as deliverer:  # after a restart too
        await passes(deliverer, clock, 3600, step=60)
        assert ops.told == {"bob": ["dlv-0001", "dlv-0002"], "gone": []}
        waiting = await store.due("ops", START + timedelta(days=9), 9)
        assert [each.last_error for each in waiting] == ["gone: 550 user unknown"] * 2
        assert ops.tries < 2 + 24, "what waits for one recipient is tried as one"
        ops.refused.clear()
        await passes(deliverer, clock, 1800, step=60)

    assert ops.told == {"bob": ["dlv-0001", "dlv-0002"], "gone": ["dlv-0001", "dlv-0002"]}
    assert await store.due("ops", START + timedelta(days=9), 9) == []


async def test_a_recipient_who_is_refused_holds_nothing_back_and_hears_all_of_an_alert_in_its_order(
    store: SqliteStore,
) -> None:
    clock, ops = HandClock(START + timedelta(seconds=1)), Two(refused={"gone"})
    await owe(store, delivery(1, alert="a", kind=Kind.FIRING))

    async with delivering(store, clock, ops) as deliverer:
        await passes(deliverer, clock, 600, step=30)
        over = delivery(2, alert="a", kind=Kind.RESOLVED)
        await owe(store, over)
        ops.refused.clear()  # it would take the end, but has not heard of the beginning yet
        deliverer.wake()
        assert await deliverer.drain(within=5)
        assert ops.told == {"bob": ["dlv-0001", "dlv-0002"], "gone": []}
        await passes(deliverer, clock, 1800, step=60)

    assert ops.told == {"bob": ["dlv-0001", "dlv-0002"], "gone": ["dlv-0001", "dlv-0002"]}


async def test_what_a_channel_learnt_is_kept_and_what_people_should_know_of_it_is_told_once() -> None:
    learnt = Sent({"chat -1": "the chat -1 has the id -2 now"}, {"chat -1": "-2"})
    clock, ops = HandClock(START + timedelta(seconds=1)), Scripted("ops", answers=[learnt, learnt])
    outbox = Outbox(delivery(1), delivery(2))

    for _ in range(2):
        async with delivering(outbox, clock, ops) as deliverer:
            await passes(deliverer, clock, 60)

    assert outbox.kept == {"channel ops": {"chat -1": "-2"}}
    notices = [each for each in outbox.rows.values() if each.message.kind is Kind.NOTICE]
    assert [each.message.title for each in notices] == ["channel ops: the chat -1 has the id -2 now"]
    assert notices[0].state is DeliveryState.SENT


async def test_no_remark_shows_the_word_of_a_link_that_a_service_repeats() -> None:
    word = LinkSigner("a-token-of-sixteen-characters").word("dlv-0001", START)
    repeated = Sent({"form": f"a message went without its facts: /a/dlv-0001?t={word} is no link"})
    clock, ops = HandClock(START + timedelta(seconds=1)), Scripted("ops", answers=[repeated])
    outbox = Outbox(delivery(1))

    async with delivering(outbox, clock, ops) as deliverer:
        await passes(deliverer, clock, 60)

    (told,) = [each.message for each in outbox.rows.values() if each.message.kind is Kind.NOTICE]
    assert "/a/dlv-0001?t=… is no link" in told.title
    assert word not in repr(told)


async def test_a_remark_whose_words_differ_each_time_is_told_once_and_brings_about_no_other(
    store: SqliteStore,
) -> None:
    class Formless(Scripted):
        """Every message goes without its facts, those about that as well, each for another place in it."""

        async def send(self, deliveries: Sequence[Delivery]) -> SendResult:
            await super().send(deliveries)
            return Sent({"form": f"a message went without its facts: byte {len(self.sent)}"})

    clock, ops = HandClock(START + timedelta(seconds=1)), Formless()
    await owe(store, delivery(1), delivery(2))

    for _ in range(2):  # after a restart too
        async with delivering(store, clock, ops) as deliverer:
            await passes(deliverer, clock, 60)
            await owe(store, delivery(3))
            await passes(deliverer, clock, 60)

    assert sum(map(len, ops.sent)) == 4

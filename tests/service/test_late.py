"""A message is true at the moment when it is sent, however long it waited."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from tests.contract.given import NOW, alert, keep
from tests.contract.given import delivery as owed
from tests.notify.given import START, HandClock, Outbox, Scripted, delivery
from tests.service.test_fallbacks import DOWN, delivering, passes
from tests.store.given import opened
from watcher.domain.alerts.lifecycle import AlertState
from watcher.domain.messages.delivery import Delivery, SendResult
from watcher.domain.messages.message import Kind, Message
from watcher.domain.records import replace


@dataclass
class Keeping(Scripted):
    """Keeps the messages too."""

    messages: list[Message] = field(default_factory=list)

    async def send(self, deliveries: Sequence[Delivery]) -> SendResult:
        self.messages += [each.message for each in deliveries]
        return await super().send(deliveries)


async def test_a_message_that_waited_says_when_it_was_decided() -> None:
    outbox, clock, ops = Outbox(delivery(1)), HandClock(), Keeping(answers=[DOWN] * 8)
    async with delivering(outbox, clock, ops) as deliverer:
        await passes(deliverer, clock, 3600)
    first, last = dict(ops.messages[0].facts), dict(ops.messages[-1].facts)
    assert "Decided" not in first
    assert last["Decided"].startswith(f"{START:%Y-%m-%d %H:%M:%S} UTC, ")
    assert last["Decided"].endswith(" min before this was sent")
    assert outbox.row(1).message == delivery(1).message, "what is kept stays as it was"


async def test_what_is_over_is_not_said_to_fire_still() -> None:
    outbox, clock, ops = Outbox(delivery(1, kind=Kind.REPEAT, alert="a")), HandClock(), Scripted()
    ops.answers = [DOWN]
    async with delivering(outbox, clock, ops) as deliverer:
        outbox.add(delivery(2, kind=Kind.WITHDRAWN, alert="a"))
        await passes(deliverer, clock, 300)
    assert ops.sent[-1] == ["dlv-0001", "dlv-0002"], "one notification, which says that it is over"
    assert ops.sent.count(["dlv-0001"]) == 1


async def test_a_fallback_hears_the_end_with_the_beginning() -> None:
    outbox, clock = Outbox(delivery(1, kind=Kind.FIRING, alert="a")), HandClock()
    ops, pager = Scripted("ops", answers=[DOWN] * 99), Keeping("pager")
    async with delivering(outbox, clock, ops, pager, fallbacks={"ops": "pager"}) as deliverer:
        await passes(deliverer, clock, 20 * 60)
        over = delivery(2, kind=Kind.RESOLVED, alert="a")
        outbox.add(replace(over, created=clock.now(), due=clock.now()))
        await passes(deliverer, clock, 20 * 60)
    assert [message.kind for message in pager.messages] == [Kind.FIRING, Kind.RESOLVED]
    assert len(pager.sent) == 1


async def test_a_beginning_whose_end_nobody_may_hear_yet_says_that_it_is_over(tmp_path: Path) -> None:
    at = NOW + timedelta(minutes=5)
    ended = replace(alert("a1"), state=AlertState.RESOLVED, resolved_at=at, owed=Kind.RESOLVED)
    async with opened(tmp_path / "watcher.db") as store:
        await keep(
            store, alerts=(replace(ended, because="2 ETH is not below 1 ETH"),), deliveries=(owed("d"),)
        )
        (due,) = await store.due("ops", at, 10)
    assert dict(due.told_at(at).facts)["Over"] == (
        f"since {at:%Y-%m-%d %H:%M:%S} UTC: 2 ETH is not below 1 ETH"
    )

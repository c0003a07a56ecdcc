"""A channel in its quiet hours: what is muted is kept, and told as one message when they end."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from datetime import datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.notify.given import START, HandClock, Outbox, Scripted, delivering, delivery, receiver
from watcher.domain.alerts.quiet_hours import QuietPeriod
from watcher.domain.messages.delivery import DeliveryState, NotSent
from watcher.domain.messages.message import Kind, Severity
from watcher.notify.apprise.settings import AppriseSettings
from watcher.service.delivery import Deliverer

# START is 12:00 UTC, 13:00 in Zurich, and the clock of the tests begins a minute later.
LUNCH = QuietPeriod(time(12), time(14), ZoneInfo("Europe/Zurich"))
END = START + timedelta(hours=1)


def at_lunch(outbox: Outbox, clock: HandClock, *channels: Any) -> AbstractAsyncContextManager[Deliverer]:
    return delivering(outbox, clock, *channels, quiet={"ops": LUNCH})


async def until(deliverer: Deliverer, clock: HandClock, end: datetime) -> None:
    while clock.now() < end:
        assert await deliverer.drain(within=5)
        clock.advance(min(60, (end - clock.now()).total_seconds()))
    assert await deliverer.drain(within=5)


async def test_nothing_is_told_in_quiet_hours_and_everything_as_one_when_they_end() -> None:
    outbox, clock, ops = Outbox(delivery(1), delivery(2)), HandClock(), Scripted(burst=1000)
    async with at_lunch(outbox, clock, ops) as deliverer:
        await until(deliverer, clock, END - timedelta(seconds=1))
        assert ops.sent == []
        clock.advance(1)
        assert await deliverer.drain(within=5)
        assert ops.sent == [["dlv-0001", "dlv-0002"]]
        outbox.add(delivery(3))
        outbox.rows["dlv-0003"] = outbox.rows["dlv-0003"].__class__(
            "dlv-0003", "ops", delivery(3).message, clock.now(), clock.now()
        )
        assert await deliverer.drain(within=5)
    assert {each.state for each in outbox.rows.values()} == {DeliveryState.SENT}


async def test_what_is_critical_passes_and_another_channel_is_not_muted() -> None:
    outbox, clock = Outbox(delivery(1)), HandClock()
    outbox.add(delivery(2, severity=Severity.CRITICAL), delivery(3, "desk"))
    ops, desk = Scripted(burst=1000), Scripted("desk", burst=1000)
    async with at_lunch(outbox, clock, ops, desk) as deliverer:
        assert await deliverer.drain(within=5)
        assert (ops.sent, desk.sent) == ([["dlv-0002"]], [["dlv-0003"]])


async def test_a_critical_message_that_fails_is_tried_again_within_the_quiet_hours() -> None:
    outbox, clock = Outbox(delivery(1), delivery(2, severity=Severity.CRITICAL)), HandClock()
    ops = Scripted(burst=1000, answers=[NotSent("the service answered HTTP 500")])
    async with at_lunch(outbox, clock, ops) as deliverer:
        await until(deliverer, clock, clock.now() + timedelta(minutes=2))
        assert ops.sent == [["dlv-0002"]] * 2


async def test_what_fired_and_resolved_while_muted_is_one_line(tmp_path: Path) -> None:
    outbox, clock = Outbox(), HandClock()
    outbox.add(
        delivery(1, kind=Kind.FIRING, alert="a"),
        delivery(2, kind=Kind.FIRING, alert="b"),
        delivery(3, kind=Kind.RESOLVED, alert="a"),
    )
    async with receiver() as here:
        channel = AppriseSettings.model_validate({"url": f"json://127.0.0.1:{here.port}/"}).build("ops")
        async with at_lunch(outbox, clock, channel) as deliverer:
            await until(deliverer, clock, END)
    (payload,) = here.payloads
    assert "• fired and resolved: " in payload["message"]
    assert payload["message"].count("•") == 2


async def test_what_was_muted_survives_a_restart() -> None:
    outbox, clock, ops = Outbox(delivery(1)), HandClock(), Scripted(burst=1000)
    async with at_lunch(outbox, clock, ops) as deliverer:
        assert await deliverer.drain(within=5)
    assert ops.sent == []
    clock.advance(7200)
    async with at_lunch(outbox, clock, ops) as deliverer:
        assert await deliverer.drain(within=5)
    assert ops.sent == [["dlv-0001"]]


def quiet_of(**words: Any) -> Any:
    return AppriseSettings.model_validate({"url": "json://127.0.0.1/", "quiet": words}).quiet


def test_quiet_hours_are_read_as_they_are_written() -> None:
    words = {"from": "22:00", "to": "07:00", "timezone": "Europe/Zurich", "days": ["fri", "sat"]}
    assert quiet_of(**words).build() == QuietPeriod(
        time(22), time(7), ZoneInfo("Europe/Zurich"), frozenset({4, 5})
    )


@pytest.mark.parametrize(
    "words",
    [
        {"from": "22", "to": "07:00", "timezone": "UTC"},
        {"from": "22:00", "to": "24:00", "timezone": "UTC"},
        {"from": 1320, "to": "07:00", "timezone": "UTC"},
        {"from": "22:00", "to": "22:00", "timezone": "UTC"},
        {"from": "22:00", "to": "07:00"},
        {"from": "22:00", "to": "07:00", "timezone": "Mars/Base"},
        {"from": "22:00", "to": "07:00", "timezone": "UTC", "days": ["friday"]},
        {"from": "22:00", "to": "07:00", "timezone": "UTC", "days": []},
    ],
)
def test_quiet_hours_that_make_no_sense_are_refused(words: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="validation error"):
        quiet_of(**words)

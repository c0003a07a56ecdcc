"""The deliverer with real channels and real services: bursts, a hung service, a quick end."""

from __future__ import annotations

import asyncio
import time
from typing import cast

from tests.notify.given import Outbox, delivery, receiver
from watcher.domain.messages.delivery import DeliveryState
from watcher.domain.messages.message import Kind
from watcher.notify.apprise.channel import AppriseChannel
from watcher.notify.apprise.settings import AppriseSettings
from watcher.ports.store import Store
from watcher.service.clock import SystemClock
from watcher.service.delivery import Deliverer


def channel(name: str, url: str) -> AppriseChannel:
    return AppriseSettings.model_validate({"url": url}).build(name)


async def test_a_burst_of_300_is_out_soon_as_one_message_on_a_quick_channel() -> None:
    outbox = Outbox(*(delivery(n) for n in range(300)))
    async with receiver() as here:
        told = channel("ops", f"json://127.0.0.1:{here.port}/hook")
        deliverer = Deliverer(cast(Store, outbox), [told], SystemClock())

        began = time.monotonic()
        deliverer.start()
        assert await deliverer.drain(within=60)
        took = time.monotonic() - began
        await deliverer.stop(within=1)

    assert took < 30  # 1.5 s on a machine of its own
    assert {each.state for each in outbox.rows.values()} == {DeliveryState.SENT}
    assert len(here.payloads) == 1
    assert here.payloads[0]["message"].startswith("300 alerts: 300 changes")
    assert "hot-wallet-moved on 1 wallet" in here.payloads[0]["message"]


async def test_a_burst_of_300_is_merged_on_a_channel_whose_plugin_sleeps() -> None:
    outbox = Outbox(*(delivery(n) for n in range(300)))
    async with receiver() as here:
        told = channel("ops", f"json://127.0.0.1:{here.port}/hook")
        told._apprise[0].request_rate_per_sec = 0.2
        deliverer = Deliverer(cast(Store, outbox), [told], SystemClock())
        deliverer.start()
        assert await deliverer.drain(within=10)
        await deliverer.stop(within=1)

    assert len(here.payloads) == 1
    assert here.payloads[0]["message"].startswith("300 alerts: 300 changes")


async def test_a_hung_service_delays_no_other_and_the_end_is_quick() -> None:
    outbox = Outbox(delivery(1, "stuck"), delivery(2, "ops"))
    async with receiver(gate=asyncio.Event()) as stuck, receiver() as well:
        channels = [
            channel("stuck", f"json://127.0.0.1:{stuck.port}/hook"),
            channel("ops", f"json://127.0.0.1:{well.port}/hook"),
        ]
        deliverer = Deliverer(cast(Store, outbox), channels, SystemClock())
        deliverer.start()
        await asyncio.wait_for(stuck.arrivals.get(), 5)
        await asyncio.wait_for(well.arrivals.get(), 5)
        await asyncio.wait_for(outbox.asked.get(), 5)

        began = time.monotonic()
        await deliverer.stop(within=0.1)

        assert time.monotonic() - began < 10, "the channel would wait for 30 s"
    assert outbox.state(1) is DeliveryState.PENDING
    assert outbox.state(2) is DeliveryState.SENT


async def test_a_restart_repeats_with_the_same_id() -> None:
    outbox = Outbox(delivery(1))
    async with receiver(gate=asyncio.Event()) as here:
        url = f"json://127.0.0.1:{here.port}/hook"
        first = Deliverer(cast(Store, outbox), [channel("ops", url)], SystemClock())
        first.start()
        await asyncio.wait_for(here.arrivals.get(), 5)
        await first.stop(within=0)
        assert here.gate is not None
        here.gate.set()

        second = Deliverer(cast(Store, outbox), [channel("ops", url)], SystemClock())
        second.start()
        assert await second.drain(within=5)
        await second.stop(within=1)

    assert len(here.payloads) == 2
    assert all("dlv-0001" in each["message"] for each in here.payloads)
    assert outbox.state(1) is DeliveryState.SENT


async def test_what_fired_and_resolved_before_it_could_be_told_says_both_in_one_message() -> None:
    fired, over = delivery(1, alert="a", kind=Kind.FIRING), delivery(2, alert="a", kind=Kind.RESOLVED)
    outbox = Outbox(fired, over)
    async with receiver() as here:
        told = channel("ops", f"json://127.0.0.1:{here.port}/hook")
        deliverer = Deliverer(cast(Store, outbox), [told], SystemClock())
        deliverer.start()
        assert await deliverer.drain(within=10)
        await deliverer.stop(within=1)

    (payload,) = here.payloads
    assert payload["title"] == f"fired and resolved: {over.message.title}"
    assert f"Fired: {fired.message.title}" in payload["message"]
    assert all(each.id in payload["message"] for each in (fired, over))

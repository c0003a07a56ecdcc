"""The channels: how each fares, and what a service says of a test message."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

from aiohttp import web

from tests.contract.given import NOW, delivery, keep
from tests.web.given import CONFIG, HOOK, Page, fill, serving
from tests.web.test_actions import TOKEN, post, sent, told, word
from watcher.domain.audit import AuditAction, AuditFilter
from watcher.domain.messages.delivery import DeliveryState
from watcher.domain.records import replace


class Service:
    """A service at the other end of a channel. It answers once it may."""

    def __init__(self) -> None:
        self.told: list[dict[str, str]] = []
        self.status, self.may, self.asked = 200, asyncio.Event(), asyncio.Event()
        self.may.set()

    async def answer(self, request: web.Request) -> web.Response:
        self.told.append(await request.json())
        self.asked.set()
        await self.may.wait()
        return web.Response(status=self.status, text="the room is closed")


@asynccontextmanager
async def visiting(folder: Path) -> AsyncIterator[tuple[Page, Service]]:
    service, app = Service(), web.Application()
    app.router.add_post("/hook", service.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    channels = f"""\
channels:
  ops: {{url: "{HOOK}", quiet: {{from: "11:00", to: "13:00", timezone: UTC}}}}
  room: {{kind: webhook, url: "http://127.0.0.1:{port}/hook", fallback: ops}}
"""
    config = CONFIG[: CONFIG.index("channels:")] + channels
    try:
        async with serving(folder, token=TOKEN, config=config) as page:
            await fill(page.store)
            await page.session.post(page.url + "/login", data={"token": TOKEN})
            yield page, service
    finally:
        await runner.cleanup()


async def test_each_channel_says_what_it_took_last_what_waits_and_its_trouble(tmp_path: Path) -> None:
    async with visiting(tmp_path) as (page, _):
        took = replace(delivery("d2"), channel="room", state=DeliveryState.SENT, sent=NOW)
        waits = replace(delivery("d3"), last_error="HTTP 500 <b>")
        await keep(page.store, deliveries=(took, waits))
        await page.store.settle([took, waits])
        await page.later()
        _, text, _ = await page.get("/channels")
        assert HOOK not in text
        assert "/hook" not in text
        flat = " ".join(re.sub(r"<[^>]+>", " ", text).split())
        for words in (
            "ops apprise never 2 messages",
            "HTTP 500 &lt;b&gt; 11:00 to 13:00 (UTC)",
            "; now, until in 54 min",
        ):
            assert words in flat, flat
        assert re.search(r"room webhook 5 min ago \S+ nothing ops Test", flat)


async def test_a_test_message_goes_out_and_what_the_service_says_is_on_the_page(tmp_path: Path) -> None:
    async with visiting(tmp_path) as (page, service):
        status, text = await sent(page, "/channels/test", "/channels", channel="room", severity="critical")
        assert (status, "room: test message sent as critical" in told(text)) == (303, True)
        service.status = 403
        _, text = await sent(page, "/channels/test", "/channels", channel="room", severity="")
        assert "room: test message not sent" in told(text)
        assert "403" in told(text)
        assert len(service.told) == 2
        with page.store.queries() as reader:
            entries = reader.audit(AuditFilter(action=AuditAction.TEST, name="Ada"), 5)
        assert [(each.actor.name, each.targets) for each in entries] == [("Ada", ("room",))] * 2
        assert "sent as critical" in entries[1].detail


async def test_a_channel_is_tested_once_at_a_time_and_a_few_times_a_minute(tmp_path: Path) -> None:
    async with visiting(tmp_path) as (page, service):
        service.may.clear()
        first = asyncio.create_task(sent(page, "/channels/test", "/channels", channel="room"))
        await service.asked.wait()
        _, text = await sent(page, "/channels/test", "/channels", channel="room")
        assert "is on its way" in told(text)
        service.may.set()
        await first
        for _ in range(2):
            await sent(page, "/channels/test", "/channels", channel="room")
        _, text = await sent(page, "/channels/test", "/channels", channel="room")
        assert "wait until it is over" in told(text)
        assert len(service.told) == 3
        await page.clock.advance(timedelta(minutes=1).total_seconds() + 1)
        _, text = await sent(page, "/channels/test", "/channels", channel="room")
        assert "room: test message sent" in told(text)


async def test_a_channel_that_is_not_there_is_a_404_and_a_wrong_severity_is_named(tmp_path: Path) -> None:
    async with visiting(tmp_path) as (page, service):
        token = await word(page, "/channels/test", "/channels")
        status, text = await post(page, "/channels/test", form_token=token, by="Ada", channel="nobody<b>")
        assert (status, "there is no channel" in text) == (404, True)
        status, text = await post(
            page, "/channels/test", form_token=token, by="Ada", channel="room", severity="loud"
        )
        assert (status, "severity must be one of" in text) == (400, True)
        assert (await post(page, "/channels/test", by="Ada", channel="room"))[0] == 403
        assert service.told == []

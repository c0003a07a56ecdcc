"""Every implementation of the channel port, with a way to see what arrived and to stop it from arriving."""

from __future__ import annotations

import io
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass

from rich.console import Console

from tests.fakes import FakeChannel
from tests.notify.bot_api import GROUP, telegram_server
from tests.notify.bot_api import TOKEN as BOT_TOKEN
from tests.notify.discord_api import OPS, guild
from tests.notify.given import receiver
from tests.notify.slack_api import shown, workspace
from watcher.domain.messages.delivery import NotSent
from watcher.notify.apprise.settings import AppriseSettings
from watcher.notify.console import ConsoleChannel
from watcher.notify.discord.settings import DiscordSettings
from watcher.notify.slack.settings import SlackSettings
from watcher.notify.telegram.settings import TelegramSettings
from watcher.notify.webhook.settings import WebhookChannelSettings
from watcher.ports.channel import Channel

TOKEN = "s3cr3t-token"
NAME = "ops"


@dataclass
class Case:
    """One implementation. `arrived`: the notifications, as text; `spoil`: from now on nothing is taken."""

    channel: Channel
    again: Callable[[], Channel]
    """The same channel as after a start."""
    arrived: Callable[[], list[str]]
    spoil: Callable[[], None]
    room: int | None = None
    """Characters that one notification may have; None: as many as there are."""


@asynccontextmanager
async def apprise() -> AsyncIterator[Case]:
    async with receiver() as here:
        url = f"json://127.0.0.1:{here.port}/hook/{TOKEN}"
        settings = AppriseSettings.model_validate({"url": url, "timeout": "20s"})

        def arrived() -> list[str]:
            return [f"{each['title']}\n{each['message']}" for each in here.payloads]

        def spoil() -> None:
            here.status, here.answer = 500, f"no room for {TOKEN}\nin here"

        yield Case(settings.build(NAME), lambda: settings.build(NAME), arrived, spoil, 32_768)


@asynccontextmanager
async def console() -> AsyncIterator[Case]:
    out = io.StringIO()
    printer = Console(file=out, width=500, highlight=False, emoji=False, markup=False)

    def arrived() -> list[str]:
        return [out.getvalue()] if out.getvalue() else []

    def again() -> Channel:
        return ConsoleChannel(NAME, printer)

    yield Case(again(), again, arrived, out.close)


@asynccontextmanager
async def recording() -> AsyncIterator[Case]:
    channel = FakeChannel(NAME)

    def arrived() -> list[str]:
        told = [f"{each.id} {each.message.title}" for each in channel.told]
        return ["\n".join(told)] if told else []

    def spoil() -> None:
        channel.answers.extend([NotSent("not taken")] * 9)

    yield Case(channel, lambda: FakeChannel(NAME), arrived, spoil)


@asynccontextmanager
async def slack() -> AsyncIterator[Case]:
    async with workspace(bot=f"xoxb-{TOKEN}") as here:
        written = {"token": here.bot, "channel": "#ops", "api_url": here.api_url, "timeout": "20s"}
        settings = SlackSettings.model_validate(written)

        def arrived() -> list[str]:
            return [shown(each) for each in here.messages.values()]

        def spoil() -> None:
            here.refusals["chat.postMessage"] = (500, f"no room for {TOKEN}\nin here", {})

        yield Case(settings.build(NAME), lambda: settings.build(NAME), arrived, spoil, 12_000)


@asynccontextmanager
async def telegram() -> AsyncIterator[Case]:
    async with telegram_server() as here:
        written = {"token": BOT_TOKEN, "chat": str(GROUP), "api_url": here.url, "timeout": "20s"}
        settings = TelegramSettings.model_validate(written)

        def spoil() -> None:
            here.answers["sendMessage"] = [(500, {"ok": False, "description": "no room\nin here"})] * 9

        yield Case(settings.build(NAME), lambda: settings.build(NAME), here.texts, spoil, 4096)


@asynccontextmanager
async def webhook() -> AsyncIterator[Case]:
    async with receiver() as here:
        url = f"http://127.0.0.1:{here.port}/hook/{TOKEN}"
        settings = WebhookChannelSettings.model_validate({"url": url, "secret": "0" * 32, "timeout": "20s"})

        def arrived() -> list[str]:
            return [json.dumps(each, ensure_ascii=False) for each in here.payloads]

        def spoil() -> None:
            here.status, here.answer = 500, f"no room for {TOKEN}\nin here"

        yield Case(settings.build(NAME), lambda: settings.build(NAME), arrived, spoil)


@asynccontextmanager
async def discord() -> AsyncIterator[Case]:
    async with guild(bot=TOKEN) as here:
        written = {"token": TOKEN, "channel": OPS, "api_url": here.url, "timeout": "20s"}
        settings = DiscordSettings.model_validate(written)

        def arrived() -> list[str]:
            return [
                f"{each['content']}\n{each['embeds'][0]['description']}" for each in here.messages.values()
            ]

        def spoil() -> None:
            here.refusals["POST"] = (500, {"message": f"no room for {TOKEN}\nin here"}, {})

        yield Case(settings.build(NAME), lambda: settings.build(NAME), arrived, spoil, 6_000)


CHANNELS: dict[str, Callable[[], AbstractAsyncContextManager[Case]]] = {
    "apprise": apprise,
    "console": console,
    "recording": recording,
    "discord": discord,
    "slack": slack,
    "telegram": telegram,
    "webhook": webhook,
}

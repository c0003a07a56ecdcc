"""A whole daemon with a Telegram bot at work: a simulated API, a real store, a Bot API on loopback."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from tests.app.test_build import CONFIG, HOT
from tests.notify.bot_api import GROUP, TOKEN, TelegramServer, telegram_server
from watcher.app.application import App
from watcher.app.build import build
from watcher.config.configuration import configure
from watcher.daemon.run import at_work
from watcher.domain.alerts.lifecycle import Alert
from watcher.domain.alerts.silences import Silence
from watcher.domain.messages.delivery import Delivery
from watcher.ports.clock import Clock
from watcher.sim import Simulation

ALICE, BOB, STRANGER = 11, 22, 666
CHANNEL = """\
channels:
  ops: {{kind: telegram, token: "{token}", chat: {chat}, api_url: "{url}", timeout: 5s}}
people: {{alice: {{telegram: "11"}}, bob: {{telegram: "22"}}}}
chat: {{channels: [ops]}}
rules: [rules.yaml]
"""
RULES = """\
rules:
  - {id: gas-low, type: threshold, match: {wallets: [hot], assets: [ETH]}, metric: amount, below: "0.5",
     severity: critical}
  - {id: moved, type: change, match: {wallets: [hot], assets: [ETH]}, direction: both, by: "0.1",
     severity: warning}
"""


class Chatting:
    """A daemon at work, and the chat in which people answer it."""

    def __init__(self, app: App, server: TelegramServer, sim: Simulation) -> None:
        self.app, self.server, self.sim = app, server, sim

    async def first(self) -> str:
        """The receipt of the first message."""
        await self.server.until(lambda: self.server.sent)
        return next(iter(self.server.sent))

    async def kept(self, done: Callable[[], object]) -> None:
        """Wait until the store shows something: what it is asked for may be under way."""
        async with asyncio.timeout(60):
            while not done():  # noqa: ASYNC110 (another task writes to the store)
                await asyncio.sleep(0.01)

    def alert(self) -> Alert:
        with self.app.store.queries() as reader:
            (found,) = reader.live_alerts()
            return found

    def deliveries(self) -> list[Delivery]:
        with self.app.store.queries() as reader:
            return reader.deliveries(None, 100)

    def silences(self) -> list[Silence]:
        with self.app.store.queries() as reader:
            return reader.silences()

    async def settle(self) -> str:
        """The receipt of the first message, once the store has it too."""
        receipt = await self.first()
        await self.kept(lambda: any(each.receipt for each in self.deliveries()))
        return receipt


def written(folder: Path, sim: Simulation, server: TelegramServer, channel: str = CHANNEL) -> Path:
    text = CONFIG.format(key=sim.coinstats.key, url=sim.url, hot=HOT, every="6h")
    words = channel.format(token=TOKEN, chat=GROUP, url=server.url)
    (folder / "rules.yaml").write_text(RULES)
    path = folder / "watcher.yaml"
    path.write_text(text.replace("channels: {ops: {kind: console}}\n", words))
    return path


@asynccontextmanager
async def chatting(
    folder: Path,
    sim: Simulation,
    server: TelegramServer,
    *,
    channel: str = CHANNEL,
    clock: Clock | None = None,
) -> AsyncIterator[Chatting]:
    """A daemon whose wallet is short of gas: it fires at once."""
    sim.world.set_amount(HOT, "ethereum", "ETH", "0.45", symbol="ETH", price="3000")
    configuration = configure(written(folder, sim, server, channel), {})
    store = await configuration.settings.backend.open(exclusive=True)
    try:
        app = await build(configuration, store, clock=clock)
        async with at_work(app):
            yield Chatting(app, server, sim)
    finally:
        await store.close()


@asynccontextmanager
async def watched(folder: Path, **words: object) -> AsyncIterator[Chatting]:
    async with Simulation() as sim, telegram_server(**words) as server, chatting(folder, sim, server) as it:
        yield it

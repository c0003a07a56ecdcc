"""Hint sources of a configuration are listened to; what they tell is polled. Without any, nothing is new."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from tests.app.test_build import CONFIG, HOT
from tests.hints.webhooks import KEY, generic, hints
from tests.service.test_provider_count import MovedClock
from watcher.app.application import App
from watcher.app.build import build
from watcher.config.configuration import configure
from watcher.domain.credits.allowance import Purpose
from watcher.domain.model import Account
from watcher.ports.hint_state import STATE, HintSourceState
from watcher.ports.hints import HintedPoll, Posted
from watcher.ports.store import hints_of
from watcher.service.polling import PollEvents
from watcher.sim import Simulation

HINTS = f"""\
hints:
  mine: {{kind: webhook, scheme: generic, signing_key: {KEY}}}
"""
WEB = "web: {listen: '127.0.0.1:0'}\n"
Seen = tuple[Account, bool | None, Purpose]


class Noting:
    """Events of a poller, passed on; what polls found is noted."""

    def __init__(self, events: PollEvents, seen: asyncio.Queue[Seen]) -> None:
        self._events, self._seen = events, seen

    def __getattr__(self, name: str) -> Any:
        return getattr(self._events, name)

    def seen(self, account: Account, at: datetime, changed: bool | None, purpose: Purpose) -> None:
        self._events.seen(account, at, changed, purpose)
        self._seen.put_nowait((account, changed, purpose))


class Watching:
    """An application at work over a simulated API, and what its polls found, one after the other."""

    def __init__(self, app: App) -> None:
        self.app = app
        self.seen: asyncio.Queue[Seen] = asyncio.Queue()
        poller: Any = app.pollers["coins"]
        poller._events = Noting(poller._events, self.seen)

    def post(self, nonce: str = "nonce-0123456789", *addresses: str) -> int:
        at = self.app.clock.now()
        body = hints(*(addresses or (HOT,)), chain="ethereum")
        return self.app.postings["mine"].receive(Posted(generic(body, at, nonce), body, at)).status

    async def next(self, purpose: Purpose) -> Seen:
        """The next poll that is made for this purpose."""
        async with asyncio.timeout(20):
            while (found := await self.seen.get())[2] is not purpose:
                pass
        return found

    def recorded(self) -> list[HintedPoll]:
        with self.app.store.queries() as queries:
            return queries.hinted_polls(self.app.engine.running_since, 10)


@asynccontextmanager
async def watching(folder: Path, sim: Simulation, more: str = HINTS) -> AsyncIterator[Watching]:
    text = CONFIG.format(key=sim.coinstats.key, url=sim.url, hot=HOT, every="6h")
    (folder / "watcher.yaml").write_text(text.replace("web: null\n", WEB) + more)
    configuration = configure(folder / "watcher.yaml", {})
    store = await configuration.settings.backend.open(exclusive=True)
    app = await build(configuration, store, clock=MovedClock())
    try:
        yield Watching(app)
    finally:
        await app.stop()
        await store.close()


async def test_a_posted_hint_causes_a_paid_poll_at_once_and_is_kept_with_it(tmp_path: Path) -> None:
    async with Simulation() as sim, watching(tmp_path, sim) as w:
        sim.world.set_amount(HOT, "ethereum", "ETH", "7", symbol="ETH", price="3000")
        await w.app.start()
        assert "hints mine" in [task.get_name() for task in w.app.duties.tasks]
        for _ in range(2):
            await w.next(Purpose.SCHEDULED)
        sim.world.set_amount(HOT, "ethereum", "ETH", "6", symbol="ETH", price="3000")

        assert w.post() == 200
        account, changed, _ = await w.next(Purpose.HINTED)

        assert (account.chain, changed) == ("ethereum", True)
        [poll] = w.recorded()
        assert (poll.word.by, poll.account, poll.changed, poll.credits) == ("mine", account, True, 40)
        assert w.app.metrics.hints["mine", "taken"] == 1
        assert w.app.metrics.hint_polls["mine", "confirmed"] == 1


async def test_what_was_counted_and_learnt_of_hints_survives_a_reload(tmp_path: Path) -> None:
    async with Simulation() as sim:
        async with watching(tmp_path, sim) as w:
            await w.app.start()
            assert w.post() == 200
            await w.next(Purpose.HINTED)
        async with watching(tmp_path, sim) as w:
            state = w.app.listeners["mine"].state
            assert state.today["taken"] == 1
            facts = await w.app.store.facts(hints_of("mine"))
            assert set(facts) > {STATE}, "the source's own are beside it"
            kept = HintSourceState.load(facts[STATE])
            assert kept is not None
            assert kept.up_since is not None


async def test_what_may_have_been_posted_while_nothing_ran_is_a_gap(tmp_path: Path) -> None:
    async with Simulation() as sim:
        async with watching(tmp_path, sim) as w:
            until = (w.app.clock.now() - timedelta(hours=1)).isoformat()
            await w.app.store.keep_facts(hints_of("mine"), {"until": until}, w.app.clock.now())
        async with watching(tmp_path, sim) as w:
            await w.app.start()
            assert w.post() == 200
            await w.next(Purpose.HINTED)
            assert w.app.metrics.hint_gaps["mine"] == 1


NOTHING_NEW = """
import asyncio, sys
from pathlib import Path
from watcher.daemon.run import at_work
from watcher.app.build import build
from watcher.config.configuration import configure

async def main():
    configuration = configure(Path(sys.argv[1]), {})
    store = await configuration.settings.backend.open(exclusive=True)
    app = await build(configuration, store)
    async with at_work(app):
        pass
    await store.close()

asyncio.run(main())
new = ("aio_pika", "aiormq", "watcher.hints.", "watcher.domain.hints", "watcher.app.hints")
print([each for each in sys.modules if each.startswith(new)])
"""


async def test_a_daemon_without_hints_loads_nothing_of_them(tmp_path: Path) -> None:
    async with Simulation() as sim:
        found = {}
        for more in ("", HINTS):
            text = CONFIG.format(key=sim.coinstats.key, url=sim.url, hot=HOT, every="auto")
            (tmp_path / "watcher.yaml").write_text(text.replace("web: null\n", WEB) + more)
            command = [sys.executable, "-c", NOTHING_NEW, str(tmp_path / "watcher.yaml")]
            ended = await asyncio.to_thread(
                subprocess.run, command, capture_output=True, text=True, check=True, timeout=60
            )
            found[bool(more)] = ended.stdout.splitlines()[-1]
        assert found[False] == "[]"
        assert "watcher.hints.webhook" in found[True]
        assert "aio_pika" not in found[True], "only who needs a broker's library loads it"

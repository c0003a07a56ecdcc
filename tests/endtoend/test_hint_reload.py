"""Hint sources that a reload adds, changes and removes: what was told before it and after it is polled."""

from __future__ import annotations

import signal
from asyncio.subprocess import Process

import aiohttp

from tests.endtoend.bench import EVM, Installation, stop
from tests.endtoend.hints import told
from tests.endtoend.test_webhook_hints import free_port
from tests.hints.webhooks import alchemy, spent

KEY, NEXT_KEY, ALCHEMY_KEY = (f"{name}-91ab44c07d1e5f-2b7d90c7" for name in ("first", "next", "alchemy"))
GENERIC = """\
hints:
  chain: {kind: webhook, scheme: generic, signing_key: KEY}
"""
ALCHEMY = """\
  quota: {kind: webhook, scheme: alchemy, signing_key: KEY, chains: {ETH_MAINNET: ethereum}}
"""


class Reloaded:
    """A daemon whose hint sources change. The hot wallet is polled every six hours."""

    def __init__(self, there: Installation) -> None:
        self.there, self.port = there, free_port()
        chains = "chains: [ethereum, base-wallet], every"
        there.edit("watcher.yaml", f"{chains}: 1s", f"{chains}: 6h")
        there.edit("watcher.yaml", "web: null", f'web: {{listen: "127.0.0.1:{self.port}"}}')
        self.plain = there.file("watcher.yaml").read_text()

    def url(self, name: str = "chain") -> str:
        return f"http://127.0.0.1:{self.port}/hints/{name}"

    async def logged(self, words: str, since: int) -> None:
        while words not in self.there.log()[since:]:
            await self.there.coinstats.until(self.there.coinstats.polls + 1)

    async def reload(self, daemon: Process, hints: str) -> None:
        """These hint sources from now on; ends when they are listened to."""
        said = len(self.there.log())
        self.there.file("watcher.yaml").write_text(self.plain + hints)
        daemon.send_signal(signal.SIGHUP)
        await self.logged("status page at", said)
        for line in hints.splitlines()[1:]:
            await self.logged(f"hints {line.split(':')[0].strip()}: connected", said)

    def move(self, amount: str) -> None:
        self.there.sim.world.set_amount(EVM, "ethereum", "ETH", amount)


async def test_what_is_told_before_and_after_a_reload_is_polled_and_a_removed_source_is_heard_no_more(
    there: Installation,
) -> None:
    r = Reloaded(there)
    async with there.daemon() as daemon:
        await r.logged("status page at", 0)
        await there.coinstats.recorded()

        await r.reload(daemon, GENERIC.replace("KEY", KEY))
        poster = there.sim.post_hints(r.url(), KEY)
        r.move("1.75")
        await told(there, "hot", "1.75")

        await r.reload(daemon, GENERIC.replace("KEY", NEXT_KEY) + ALCHEMY.replace("KEY", ALCHEMY_KEY))
        r.move("1.5")
        await poster.drain()
        assert poster.answers[401] == 1, "signed with the old key"
        poster = there.sim.post_hints(r.url(), NEXT_KEY)
        poster.say(EVM, "ethereum")
        await told(there, "hot", "1.5")

        async with aiohttp.ClientSession() as session:
            await session.post(r.url("quota"), data=spent(), headers=alchemy(spent(), ALCHEMY_KEY))
        await there.hook.told("critical", "hints quota: not heard since")
        await r.reload(daemon, "")
        await there.hook.told("hints quota are no longer listened to")
        r.move("1.375")
        await poster.drain()
        assert poster.answers[404] == 1
        await stop(there, daemon)
    assert not there.hook.about("1.375"), "it is for the schedule now"
    assert not any(key in there.log() for key in (KEY, NEXT_KEY, ALCHEMY_KEY))


async def test_a_hint_whose_change_is_not_shown_yet_waits_over_a_reload(there: Installation) -> None:
    r = Reloaded(there)
    hints = GENERIC.replace("KEY", KEY)
    there.file("watcher.yaml").write_text(r.plain + hints)
    async with there.daemon() as daemon:
        await r.logged("hints chain: connected", 0)
        await there.coinstats.recorded()
        poster = there.sim.post_hints(r.url(), KEY)
        there.sim.coinstats.lag = 1
        r.move("1.75")
        await poster.drain()
        await there.coinstats.recorded()
        await r.reload(daemon, hints)
        await told(there, "hot", "1.75")
        assert poster.answers == {200: 1}
        looks = there.query("SELECT changed FROM v_hinted WHERE chain = 'ethereum' ORDER BY at")
        assert looks[0] == (0,), "nothing was shown before the reload"
        await stop(there, daemon)

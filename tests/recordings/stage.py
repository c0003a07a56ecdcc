"""The simulated APIs, the far end of all channels, and a configuration that points at both."""

from __future__ import annotations

import asyncio
import email
import email.policy
import json
import shlex
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any, cast

from aiohttp import web
from aiosmtpd.smtp import SMTP, Envelope

from tests.recordings.comparing import shown
from tests.recordings.process import Runner, environment
from watcher.sim import Simulation

BEGIN = datetime(2031, 3, 4, 9, tzinfo=UTC)
HOT = "0x9f114da25b61b77606d47eab414b9360f8783979"
GAS = "0x8617e340b3d01fa5f11f306f4090fd50e238070d"
RESERVE = "0xde0b295669a9fd93d5f28d9ec85e40f4cb697bae"
DESK = "0xd9d18f6979473f8bdc6290ad772000c53bd5c907"
USDC = "0xa0b86991c6218b36c1d19d4a2e9eb0ce3606eb48"
USDT = "0xdac17f958d2ee523a2206206994597c13d831ec7"
SPAM = "0x5ba3000000000000000000000000000000005ba3"
BOND = "0xfc6e610b23b09fae00e10001"

CONFIG = f"""\
version: 1
sources:
  coinstats:
    kind: coinstats
    api_key: cs-key
    base_url: URL/coinstats
    credits: {{limit: 4000}}
    requests_per_second: 1000
  teos:
    kind: teos
    api_key: teos-key
    base_url: URL/teos
    units: {{"0x0fc6e610b23b09fae00e10001": {{price_usd: "100"}}}}
wallets:
  - {{name: hot, source: coinstats, address: "{HOT}", chains: [ethereum, base-wallet], tags: [treasury]}}
  - {{name: gas-1, source: coinstats, address: "{GAS}", chains: [base-wallet], tags: [gas], every: 6h}}
  - {{name: reserve, source: coinstats, address: "{RESERVE}", chains: [ethereum], at_least_every: 12h}}
  - {{name: desk, source: teos, address: "{DESK}", assets: ["0x0fc6e610b23b09fae00e10001"], tags: [issued],
     every: 1h}}
channels:
  ops: {{url: "json://127.0.0.1:HOOK/ops"}}
  markdown: {{url: "json://127.0.0.1:HOOK/markdown?format=markdown"}}
  html: {{url: "json://127.0.0.1:HOOK/html?format=html"}}
  mail: {{url: "mailto://127.0.0.1:SMTP?from=watcher@example.org&to=treasurer@example.org"}}
  screen: {{kind: console}}
rules: [rules.yaml]
web: {{listen: "127.0.0.1:WEB"}}
"""

RULES = """\
rules:
  - id: eth-low
    type: threshold
    match: {wallets: [hot], chains: [ethereum], assets: [ETH]}
    below: "0.5"
    clear_above: "0.8"
    severity: critical
    repeat: 2h
    escalate: {after: 1h, notify: [screen]}
    notify: [ops, mail]
    description: "Refill {{ wallet }} from cold storage."
    runbook: "https://runbooks.example.org/eth-low"
  - id: gas-low
    type: threshold
    match: {tags: [gas], assets: [ETH]}
    below: "0.05"
    for: 30m
    notify: [markdown]
    summary: "{{ wallet }} holds {{ amount | amount }} {{ symbol }} on {{ chain }}; refill it"
  - id: hot-full
    type: threshold
    match: {wallets: [hot]}
    metric: value_usd
    per: wallet
    above: "20000"
    severity: info
    notify: [screen]
  - id: all-eth
    type: threshold
    match: {assets: [ETH]}
    per: all
    below: "0.2"
    notify: [screen]
  - id: rich-or-dear
    type: threshold
    match: {wallets: [reserve], assets: [USDC]}
    any: [{metric: amount, above: "900000"}, {metric: price_usd, below: "0.98"}]
    notify: [screen]
  - {id: moved, type: change, match: {wallets: [hot]}, direction: both, by: "10%", notify: [html]}
  - {id: drained, type: change, match: {tags: [gas]}, direction: out, by: "50%", within: 24h,
     notify: [screen]}
  - {id: drift, type: change, match: {wallets: [reserve]}, by: "$5000", since: notified, notify: [screen]}
  - {id: new, type: asset, event: appears, match: {wallets: [hot]}, notify: [markdown]}
  - {id: gone, type: asset, event: disappears, severity: critical, notify: [mail]}
  - {id: silent, type: no_data, match: {tags: [issued]}, longer_than: 2h, severity: critical, notify: [mail]}
  - id: cover
    type: ratio
    of: {match: {wallets: [reserve], assets: ["0xa0b86991c6218b36c1d19d4a2e9eb0ce3606eb48"]}, name: reserves}
    to: {match: {tags: [issued]}, metric: amount, name: issued}
    below: "1.02"
    clear_above: "1.05"
    severity: critical
    notify: [mail]
  - {id: runway, type: runway, match: {tags: [gas], assets: [ETH]}, shorter_than: 5d, trailing: 72h,
     notify: [mail]}
  - {id: nearly-spent, type: budget, source: coinstats, used: 99%, notify: [markdown]}
  - {id: spent-soon, type: budget, source: coinstats, runs_out_within: 3d, notify: [screen]}
"""

OTHER_RULES = """\
rules:
  - {id: eth-low, type: threshold, match: {wallets: [hot], assets: [ETH]}, below: "0.3"}
  - {id: any-move, type: change}
"""


@dataclass
class Postbox:
    """The far end of all channels."""

    received: dict[str, list[str]] = field(default_factory=dict)

    async def handle(self, request: web.Request) -> web.Response:
        body: dict[str, Any] = await request.json()
        self._take(request.path.strip("/"), "\n".join(f"{name}: {value}" for name, value in body.items()))
        return web.Response(text="ok")

    async def handle_DATA(self, server: Any, session: Any, envelope: Envelope) -> str:  # noqa: N802
        mail = email.message_from_bytes(cast(bytes, envelope.content), policy=email.policy.default)
        assert isinstance(mail, EmailMessage)
        kept = [f"{name}: {mail[name]}" for name in ("From", "To", "Subject", "Date") if mail[name]]
        for part in mail.walk():
            if not part.is_multipart():
                kept += [f"--- {part.get_content_type()}", part.get_content()]
        self._take("mail", "\n".join(kept))
        return "250 taken"

    def _take(self, channel: str, text: str) -> None:
        self.received.setdefault(channel, []).append(text)


@dataclass
class Stage:
    """Everything that the story needs, and what was recorded of it."""

    folder: Path
    runner: Runner
    sim: Simulation
    postbox: Postbox
    web_port: int
    now: datetime = BEGIN
    recorded: dict[str, str] = field(default_factory=dict)

    async def verb(self, line: str) -> tuple[int, str, str]:
        """Run one to its end: exit code, standard output, standard error."""
        words, env = shlex.split(line), environment(self.folder)
        return await asyncio.to_thread(self.runner.run, *words, cwd=self.folder, now=self.now, env=env)

    async def rows(self, line: str) -> Any:
        """What it prints for scripts."""
        return json.loads((await self.verb(f"{line} --json"))[1])

    async def keep(self, name: str, *lines: str) -> None:
        """Run these and record what they show."""
        text = "".join([shown(line, await self.verb(line)) for line in lines])
        self.recorded[name] = self.recorded.get(name, "") + text

    async def later(self, **duration: float) -> None:
        """Time passes, and all is polled."""
        self.now += timedelta(**duration)
        self.recorded["polling.txt"] = self.recorded.get("polling.txt", "") + f"{self.now:%F %T}\n"
        await self.keep("polling.txt", "poll")


def furnish(sim: Simulation) -> None:
    """The balances as the story begins."""
    world = sim.world
    world.clock.advance(BEGIN.timestamp() - time.time())
    sim.coinstats.key, sim.teos.key = "cs-key", "teos-key"
    sim.coinstats.credits_limit = 4000
    world.set_amount(HOT, "ethereum", "ETH", "1.25", symbol="ETH", price="3000", coin_id="ethereum")
    world.set_amount(HOT, "base-wallet", "ETH", "2.123456789012345678", price="3000", coin_id="ethereum")
    world.set_amount(GAS, "base-wallet", "ETH", "0.2", symbol="ETH", coin_id="ethereum")
    world.set_amount(RESERVE, "ethereum", USDC, "26000", symbol="USDC", contract=USDC)
    world.define_asset(BOND, spark_factor="1000", name="Bond 2030", unit="BOND")
    world.set_sparks(DESK, BOND, 25_000_000)


@asynccontextmanager
async def staged(folder: Path) -> AsyncIterator[Stage]:
    async with AsyncExitStack() as stack:
        postbox = Postbox()
        app = web.Application()
        app.router.add_post("/{channel}", postbox.handle)
        site = web.AppRunner(app, shutdown_timeout=0.1, access_log=None)
        await site.setup()
        stack.push_async_callback(site.cleanup)
        await web.TCPSite(site, "127.0.0.1", 0).start()
        loop = asyncio.get_running_loop()
        smtp = await loop.create_server(lambda: SMTP(postbox, hostname="localhost"), "127.0.0.1", 0)
        stack.callback(smtp.close)
        spare = await loop.create_server(asyncio.Protocol, "127.0.0.1", 0)
        web_port = spare.sockets[0].getsockname()[1]
        spare.close()
        sim = await stack.enter_async_context(Simulation())
        furnish(sim)
        config = CONFIG.replace("URL", sim.url)
        for name, port in (
            ("HOOK", site.addresses[0][1]),
            ("SMTP", smtp.sockets[0].getsockname()[1]),
            ("WEB", web_port),
        ):
            config = config.replace(f"127.0.0.1:{name}", f"127.0.0.1:{port}")
        (folder / "watcher.yaml").write_text(config)
        (folder / "rules.yaml").write_text(RULES)
        (folder / "other.yaml").write_text(OTHER_RULES)
        runner = stack.enter_context(Runner())
        yield Stage(folder, runner, sim, postbox, web_port)

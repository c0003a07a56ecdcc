"""A fixed story at the simulated APIs, and what each verb, page and channel shows of it.

Each verb runs at a time of day of its own, at which the clock stands still: days pass in seconds.
"""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from aiohttp import ClientConnectionError, ClientSession

from tests.recordings.normal import metrics, normal, schema, visible_text
from tests.recordings.process import HERE, environment
from tests.recordings.stage import BOND, DESK, GAS, HOT, RESERVE, SPAM, USDC, USDT, Stage, staged


async def play(stage: Stage) -> None:
    """What happens."""
    world, faults = stage.sim.world, stage.sim.faults
    # One asset after another: of assets that came together no order is promised.
    await stage.keep("polling.txt", "poll --wallet reserve")
    await stage.later(minutes=1)
    world.set_amount(HOT, "ethereum", USDC, "5000", symbol="USDC", price="1", contract=USDC)
    await stage.later(minutes=20)
    world.set_amount(HOT, "ethereum", "ETH", "0.25")  # eth-low fires, and it moved
    world.set_amount(GAS, "base-wallet", "ETH", "0.15")
    await stage.later(minutes=40)
    world.set_amount(GAS, "base-wallet", "ETH", "0.04")  # gas-low waits, runway fires, half of it was drained
    world.set_amount(
        HOT, "ethereum", SPAM, "1000000", symbol="FREE", contract=SPAM, name="Visit free.example"
    )
    await stage.later(hours=1)
    await stage.keep(
        "midway.txt",
        "status",
        "alerts",
        "alerts --json",
        "assets",
        "explain eth-low hot",
        "explain gas-low gas-1",
    )
    alert = next(row["id"] for row in await stage.rows("alerts") if row["rule"] == "eth-low")
    await stage.keep(
        "acting.txt",
        f"ack {alert} --by bob --comment 'on it'",
        f"ack {alert[:8]} --by eve --json",
        "ack nothing",
        "silence add --wallet 'gas-*' --for 2h --comment refilling",
        "silence add --rule moved --for 1h --json",
        "silence list",
        "silence list --json",
        "assets release FREE --wallet hot",
        "assets hide USDC --wallet hot --reason 'not ours' --json",
        "assets hide NONE --wallet hot",
        "assets --all",
    )
    await stage.later(hours=1)  # gas-low fires, silenced
    world.set_price("ethereum", USDC, "0.9")  # reserves do not cover what was issued
    await stage.later(hours=1)
    await stage.later(minutes=1)
    world.set_amount(HOT, "ethereum", "ETH", "9")  # all over
    world.set_amount(GAS, "base-wallet", "ETH", "1")
    world.set_price("ethereum", USDC, "1.001")
    await stage.later(hours=1)
    await stage.later(minutes=1)
    world.set_amount(
        HOT,
        "base-wallet",
        USDT,
        "500",
        symbol="USDT",
        price="1",
        contract=USDT,
    )
    await stage.later(minutes=10)
    faults.add("503", "teos")  # silent, and the source cannot be read
    await stage.later(hours=1)
    await stage.later(hours=1, minutes=30)
    await stage.later(minutes=10)
    faults.clear()
    await stage.later(minutes=10)
    world.remove(HOT, "base-wallet", "ETH")  # gone, once a second reading agrees
    world.set_amount(RESERVE, "ethereum", USDC, "32000")  # more than the rule about drift allows
    await stage.later(hours=2)
    await stage.later(minutes=1)
    # In the end some fire, one after another: of alerts that began together no order is promised.
    world.set_amount(HOT, "ethereum", "ETH", "6")  # whether hot is still full nobody knows
    await stage.later(hours=20)
    world.set_amount(HOT, "ethereum", "ETH", "0.1")  # eth-low
    await stage.later(hours=1)
    world.set_amount(GAS, "base-wallet", "ETH", "0.2")  # runway
    await stage.later(hours=1)
    world.set_amount(GAS, "base-wallet", "ETH", "0.03")  # gas-low waits for half an hour
    world.set_amount(HOT, "ethereum", "ETH", "0.25")
    await stage.later(minutes=10)
    world.set_amount(HOT, "ethereum", "ETH", "0.05")  # all-eth
    await stage.later(minutes=10)
    world.set_sparks(DESK, BOND, 40_000_000)  # cover
    await stage.later(minutes=40)
    await stage.later(hours=2)


RULES = """\
eth-low hot
eth-low desk
gas-low gas-1
hot-full hot
all-eth
rich-or-dear reserve
moved hot
drained gas-1
drift reserve
new hot
gone hot
silent desk
cover
runway gas-1
nearly-spent coinstats
spent-soon
""".splitlines()

SHOWN = {
    "status": ["status"],
    "balances": ["balances", "balances --wallet hot"],
    "history": ["history", "history --wallet hot --asset ETH --since 4h"],
    "polls": ["polls --limit 12"],
    "alerts": ["alerts", "alerts --all", "alerts show ALERT"],
    "outbox": ["outbox --limit 200", "outbox --state pending"],
    "explain": [*(f"explain {rule}" for rule in RULES), "explain ALERT", "explain DELIVERY"],
    "plan": ["plan", "plan --credits 40k --add 3"],
    "assets": ["assets", "assets --all"],
    "backtest": ["backtest --since 30d", "backtest --rules other.yaml --timezone Asia/Tokyo"],
    "simulate": ["simulate --history"],
    "silences": ["silence list"],
    "check": ["check"],
}
"""What each verb says in the end: to people, and with --json to scripts."""

PLOTS = ["history --wallet hot --plot", "history --wallet hot --asset USDC --since 1d --plot"]

ACTS = """\
outbox --retry DELIVERY
outbox --drop DELIVERY --json
backup copy.db
backup copy.db
backup again.db --json
send-test
send-test ops --json
send-test screen
silence expire nothing
""".splitlines()

DAEMON = {
    "status": "/api/v1/status",
    "balances": "/api/v1/balances",
    "history": "/api/v1/history?limit=5",
    "alerts": "/api/v1/alerts",
    "outbox": "/api/v1/outbox?state=sent&limit=3",
    "wrong": "/api/v1/history?since=yesterday",
    "nowhere": "/api/v1/nowhere",
    "healthz": "/healthz",
    "readyz": "/readyz",
}
PAGES = {
    "overview": "/",
    "wallets": "/wallets",
    "wallet": "/wallets/hot?range=7d",
    "rules": "/rules",
    "rule": "/rules/eth-low",
    "alerts": "/alerts",
    "alert": "/alerts/ALERT",
    "outbox": "/outbox",
    "budget": "/budget",
    "nowhere": "/nowhere",
}


async def show(stage: Stage) -> None:
    """Run each verb that prints."""
    alert = (await stage.rows("alerts"))[0]["id"]
    delivery = (await stage.rows("outbox"))[0]["id"]

    def named(lines: list[str], option: str = "") -> list[str]:
        return [line.replace("ALERT", alert).replace("DELIVERY", delivery) + option for line in lines]

    for name, lines in SHOWN.items():
        await stage.keep(f"{name}.txt", *named(lines))
        await stage.keep(f"{name}.json.txt", *named(lines, " --json"))
    await stage.keep("plots.txt", *PLOTS)
    await stage.keep("acts.txt", *named(ACTS))


async def ask(stage: Stage) -> None:
    """What the daemon answers."""
    log = stage.folder / "daemon.log"
    words = [sys.executable, "-m", HERE, stage.now.isoformat(), "run"]
    with log.open("wb") as to:
        daemon = await asyncio.create_subprocess_exec(
            *words, cwd=stage.folder, env=environment(stage.folder), stdout=to, stderr=to
        )
    try:
        async with ClientSession(f"http://127.0.0.1:{stage.web_port}") as session:
            await _settled(session, daemon, stage.now)
            for name, path in DAEMON.items():
                status, text = await _got(session, path)
                stage.recorded[f"api-{name}.txt"] = f"GET {path}\n{status}\n{_indented(text)}\n"
            alert = json.loads((await _got(session, "/api/v1/alerts"))[1])[0]["id"]
            for name, page in PAGES.items():
                path = page.replace("ALERT", alert)
                status, text = await _got(session, path)
                stage.recorded[f"page-{name}.txt"] = f"GET {path}\n{status}\n{visible_text(text)}\n"
            stage.recorded["openapi.json"] = schema((await _got(session, "/api/v1/openapi.json"))[1])
            stage.recorded["metrics.txt"] = metrics((await _got(session, "/metrics"))[1])
        daemon.send_signal(signal.SIGTERM)
        code = await daemon.wait()
    finally:
        if daemon.returncode is None:
            daemon.kill()
            await daemon.wait()
    stage.recorded["daemon.txt"] = f"{log.read_text()}exit {code}\n"


async def _settled(session: ClientSession, daemon: asyncio.subprocess.Process, now: datetime) -> None:
    """Wait until it has told what time alone brings about: an escalation, and that credits run out."""
    async with asyncio.timeout(300):
        while daemon.returncode is None:
            with suppress(
                ClientConnectionError, KeyError
            ):  # a store that is busy has no deliveries to tell of
                counts = json.loads((await _got(session, "/api/v1/status"))[1])["deliveries"]
                sent = json.loads((await _got(session, "/api/v1/outbox?state=sent&limit=1000"))[1])
                told = [
                    row
                    for row in sent
                    if row["created"] == f"{now:%FT%T}.000Z" and row["channel"] == "screen"
                ]
                if len(told) == 2 and counts["sent"] == len(sent) and not counts["pending"]:
                    return
            await asyncio.sleep(0.1)


async def _got(session: ClientSession, path: str) -> tuple[int, str]:
    async with session.get(path) as response:
        return response.status, await response.text()


def _indented(text: str) -> str:
    try:
        return json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    except ValueError:
        return text.rstrip("\n")


async def _record(folder: Path) -> Mapping[str, str]:
    async with staged(folder) as there:
        await play(there)
        await show(there)
        await ask(there)
        for channel, texts in there.postbox.received.items():
            there.recorded[f"channel-{channel}.txt"] = "\n\n".join(texts) + "\n"
        return there.recorded


def record(folder: Path) -> Mapping[str, str]:
    """All of it."""
    found = asyncio.run(_record(folder))
    return {name: normal(text, {str(folder): "folder"}) for name, text in found.items()}

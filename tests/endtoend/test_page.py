"""The status page of a real daemon."""

from __future__ import annotations

import re
import signal
import socket

import aiohttp

from tests.endtoend.bench import COINSTATS_KEY, EVM, HOOK_TOKEN, TEOS_KEY, Installation, stop

NONE = "web: null"
WEB_TOKEN = "webtoken-5b1e77d0c3"
SECRETS = (COINSTATS_KEY, TEOS_KEY, HOOK_TOKEN, WEB_TOKEN, "json://")
PATHS = (
    *("/", "/wallets", "/wallets/hot", "/wallets/desk?range=1d", "/alerts"),
    *("/outbox", "/rules", "/rules/eth-low", "/budget", "/metrics", "/readyz"),
    *(f"/api/v1/{name}" for name in ("status", "balances", "history", "alerts?all=true", "outbox")),
    *("/api/v1/openapi.json", "/static/live.js", "/nothing"),
)


async def test_the_daemon_serves_what_it_knows_and_is_ready_once_it_has_read(there: Installation) -> None:
    there.edit("watcher.yaml", NONE, 'web: {listen: "127.0.0.1:0"}')
    async with there.daemon() as daemon, aiohttp.ClientSession() as session:
        await there.logged("status page at")
        await there.polled()
        (url,) = re.findall(r"status page at (\S+)", there.log())
        async with session.get(url + "/readyz") as answer:
            assert (answer.status, await answer.text()) == (200, "ready\n")
        async with session.get(url + "/api/v1/balances") as answer:
            rows = await answer.json()
        assert {row["wallet"] for row in rows} == {"hot", "solo", "desk"}
        for path in ("/", "/wallets", "/outbox", "/metrics"):
            async with session.get(url + path) as answer:
                text = await answer.text()
                assert answer.status == 200
                assert not any(secret in text for secret in (COINSTATS_KEY, TEOS_KEY, HOOK_TOKEN))
        await stop(there, daemon)


async def test_what_the_daemon_does_is_counted_and_a_refused_reload_is_seen(there: Installation) -> None:
    there.edit("watcher.yaml", NONE, 'web: {listen: "127.0.0.1:0"}')
    async with there.daemon() as daemon, aiohttp.ClientSession() as session:
        await there.first_readings()
        there.sim.world.set_amount(EVM, "ethereum", "ETH", "0.1")
        await there.hook.told("eth-low")
        there.sim.faults.add("500", "coinstats", times=1)
        await there.polled()
        await there.logged("status page at")
        (url,) = re.findall(r"status page at (\S+)", there.log())
        there.edit("watcher.yaml", "version: 1", "version: 2")
        daemon.send_signal(signal.SIGHUP)
        await there.logged("reload refused")
        async with session.get(url + "/metrics") as answer:
            text = await answer.text()
        counted = dict(re.findall(r"^(watcher_\S+?(?:{.*})?) (\S+)$", text, re.MULTILINE))
        for name in (
            'watcher_poll_total{outcome="read",source="coinstats"}',
            'watcher_poll_total{outcome="server error",source="coinstats"}',
            'watcher_poll_duration_seconds_count{source="teos"}',
            'watcher_credits_used_total{source="coinstats"}',
            'watcher_notifications_total{channel="ops"}',
        ):
            assert float(counted[name]) > 0, name
        assert float(counted["watcher_config_last_reload_successful"]) == 0
        await stop(there, daemon)


async def test_no_secret_is_on_any_page_while_everything_fails(there: Installation) -> None:
    there.edit("watcher.yaml", NONE, f'web: {{listen: "127.0.0.1:0", token: {WEB_TOKEN}}}')
    async with there.daemon(HOOK_URL=f"json://user:{HOOK_TOKEN}@127.0.0.1:9/{HOOK_TOKEN}") as daemon:
        await there.first_readings()
        there.sim.world.set_amount(EVM, "ethereum", "ETH", "0.1")
        await there.logged("not sent: channel=ops")
        there.sim.faults.add("401", "coinstats", times=1)
        there.sim.faults.add("redirect", "teos", times=1)
        await there.polled()
        (url,) = re.findall(r"status page at (\S+)", there.log())
        who = {"Authorization": f"Bearer {WEB_TOKEN}"}
        async with aiohttp.ClientSession(headers=who) as session:
            async with session.get(url + "/api/v1/alerts") as answer:
                (alert,) = [row["id"] for row in await answer.json() if row["rule"] == "eth-low"]
            for path in (*PATHS, f"/alerts/{alert}"):
                async with session.get(url + path) as answer:
                    text = await answer.text() + str(answer.headers)
                assert answer.status in (200, 404, 503), path
                assert not [secret for secret in SECRETS if secret in text], path
            async with session.get(url + "/outbox") as answer:
                assert "127.0.0.1" in await answer.text()  # where it could not be sent is said
            async with session.post(
                url + "/login", data={"token": WEB_TOKEN}, allow_redirects=False
            ) as answer:
                assert WEB_TOKEN not in await answer.text() + str(answer.headers)
        await stop(there, daemon)


async def test_an_address_that_is_taken_costs_the_page_and_nothing_else(there: Installation) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        there.edit("watcher.yaml", NONE, f'web: {{listen: "127.0.0.1:{taken.getsockname()[1]}"}}')
        async with there.daemon() as daemon:
            await there.polled()
            assert "no status page" in there.log()
            await stop(there, daemon)
